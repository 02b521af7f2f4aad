"""Our projections of a latent space to a plane against scikit-learn's, on the same vectors."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab import data
from vaelab.analysis import projections
from vaelab.cli.bench.report import Entry, Report, compare, in_turns

VECTORS = 1_000
DIMENSIONS = 64


def measure(repeats: int = 3, *, vectors: int = VECTORS) -> Report:
    """Seconds for PCA and for t-SNE of the digits, 8x8 pixels each, in turns."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    points = _digits(vectors)
    entries: list[Entry] = []
    notes = [f"{len(points):,} vectors of {points.shape[1]} numbers (the digits of scikit-learn, 8x8 pixels)."]
    pca: dict[str, Callable[[], float]] = {
        "scikit-learn": partial(_seconds, lambda: PCA(2).fit_transform(points)),
        "vaelab": partial(_seconds, lambda: projections.pca_plane(points)),
    }
    entries += compare("PCA", "s", in_turns(pca, repeats), "scikit-learn", more_is_better=False)
    tsne_plane = getattr(projections, "tsne_plane", None)
    if tsne_plane is None:
        notes.append("t-SNE is left out: vaelab.analysis.projections has no tsne_plane in this version.")
    else:
        tsne: dict[str, Callable[[], float]] = {
            "scikit-learn": partial(_seconds, lambda: TSNE(2, random_state=0).fit_transform(points)),
            "vaelab": partial(_seconds, lambda: tsne_plane(points)),
        }
        entries += compare("t-SNE", "s", in_turns(tsne, repeats), "scikit-learn", more_is_better=False)
    return Report("project", repeats, tuple(entries), tuple(notes))


def _digits(vectors: int) -> NDArray[np.float32]:
    """(N, 64) in [0, 1]: every fourth pixel of the digits, which were drawn at 8x8."""
    pixels = data.load("digits").train.pixels[:vectors, 0, ::4, ::4]
    return pixels.reshape(len(pixels), DIMENSIONS).astype(np.float32) / 255.0


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
