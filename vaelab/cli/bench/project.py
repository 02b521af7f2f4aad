"""Our projections of a latent space to a plane against scikit-learn's and openTSNE's, on the same vectors; and what comes before: encoding.

Ours is openTSNE too, with a start and a number of rounds of its own; what is shown is that the way there costs nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab import data
from vaelab.analysis import latents, projections
from vaelab.cli.bench.decode import entry
from vaelab.cli.bench.report import Entry, Report, compare, in_turns
from vaelab.runs import store

VECTORS = 1_000
DIMENSIONS = 64
CODES = 10_000
PCA_GOAL, FIRST_MAP_GOAL, ENCODE_GOAL = 0.2, 1.0, 2.0  # seconds for CODES


def measure(repeats: int = 3, *, vectors: int = VECTORS, codes: int = CODES) -> Report:
    """Seconds for PCA and t-SNE of the digits, 8x8 pixels each, and of many codes, in turns; for codes of each shipped model from its images.

    The ratio of what has a goal is against that, above 1 is better; of the rest against the first contestant.
    """
    from openTSNE import TSNE as OpenTsne
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    points = _digits(vectors)
    notes = [f"{len(points):,} vectors of {points.shape[1]} numbers are the digits of scikit-learn, 8x8 pixels."]
    pca: dict[str, Callable[[], float]] = {
        "scikit-learn": partial(_seconds, lambda: PCA(2).fit_transform(points)),
        "vaelab": partial(_seconds, lambda: projections.pca_plane(points)),
    }
    entries: list[Entry] = [*compare("PCA", "s", in_turns(pca, repeats), "scikit-learn", more_is_better=False)]
    tsne: dict[str, Callable[[], float]] = {
        "scikit-learn": partial(_seconds, lambda: TSNE(2, random_state=0).fit_transform(points)),
        "openTSNE": partial(_seconds, lambda: OpenTsne(n_jobs=1, random_state=0).fit(points)),
        "vaelab": partial(_seconds, lambda: projections.tsne_plane(points)),
    }
    entries += compare("t-SNE", "s", in_turns(tsne, repeats), "scikit-learn", more_is_better=False)
    entries += _encoding(repeats, codes, notes)
    many = _clouds(codes)
    for size in (DIMENSIONS, 384):
        drawn = np.random.default_rng(1).normal(size=(codes, size)).astype(np.float32)
        found = tuple(_seconds(partial(projections.pca, drawn, 3)) for _ in range(repeats))
        entries.append(entry(f"{codes:,} codes", f"PCA, {size} numbers", "s", found, PCA_GOAL, more_is_better=False))
    first: list[float] = []
    maps: dict[str, Callable[[], float]] = {
        "openTSNE": partial(_seconds, lambda: OpenTsne(n_jobs=1, random_state=0).fit(many)),
        "vaelab": partial(_tsne, many, first),
    }
    entries += compare(f"t-SNE of {codes:,}", "s", in_turns(maps, repeats), "openTSNE", more_is_better=False)
    entries.append(
        entry(f"t-SNE of {codes:,}", "vaelab, the first map", "s", tuple(first), FIRST_MAP_GOAL, more_is_better=False)
    )
    notes.append(f"{codes:,} codes of {DIMENSIONS} numbers are drawn from ten clouds; both t-SNE run in one thread.")
    return Report("project", repeats, tuple(entries), tuple(notes))


def _encoding(repeats: int, codes: int, notes: list[str]) -> list[Entry]:
    """Seconds from a shipped model's images, in memory already, to so many codes; of models whose images are installed."""
    found: list[Entry] = []
    for run in map(store.find, store.shipped()):
        if not latents.has_images(run):
            notes.append(f"{run.name} is left out: its images are not installed (vaelab datasets --download NAME).")
            continue
        wanted = latents.query(run, "train", codes)
        latents.gather(wanted)  # reads the images
        times = tuple(_seconds(partial(latents.gather, wanted)) for _ in range(repeats))
        found.append(entry(f"encoding {codes:,} images", run.name, "s", times, ENCODE_GOAL, more_is_better=False))
    return found


def _tsne(many: NDArray[np.float32], first: list[float]) -> float:
    """Seconds of a whole map; those to its first one are added to `first`."""
    began = time.perf_counter()
    shown: list[float] = []

    def report(_points: NDArray[Any], _done: int, _total: int) -> bool:
        shown.append(time.perf_counter() - began)
        return True

    projections.tsne_plane(many, report=report)
    taken = time.perf_counter() - began
    first.append(shown[0] if shown else taken)
    return taken


def _clouds(count: int) -> NDArray[np.float32]:
    """(count, DIMENSIONS): ten classes of codes, some near each other."""
    draw = np.random.default_rng(0)
    middles = draw.normal(scale=2.0, size=(10, DIMENSIONS))
    return (middles[draw.integers(0, 10, count)] + draw.normal(size=(count, DIMENSIONS))).astype(np.float32)


def _digits(vectors: int) -> NDArray[np.float32]:
    """(N, 64) in [0, 1]: every fourth pixel of the digits, which were drawn at 8x8."""
    pixels = data.load("digits").train.pixels[:vectors, 0, ::4, ::4]
    return pixels.reshape(len(pixels), DIMENSIONS).astype(np.float32) / 255.0


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
