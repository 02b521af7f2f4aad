"""Time travel: a run's snapshots as frames whose maps hold still where nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from vaelab import data
from vaelab.analysis.projections import align, pca_plane
from vaelab.config.errors import DataError, RunError
from vaelab.runs.store import Run

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Film:
    """steps: (F,) ascending; points: (F, P, 2), the probe images on a plane; recon: (F, 12, C, H, W); samples: (F, 24, C, H, W).

    originals: (12, C, H, W); probes: (P, C, H, W); labels: (P,) indices into names, or None; title: what they name.
    reach: half the extent of all frames' points about the code 0.
    """

    steps: tuple[int, ...]
    points: Floats
    recon: Pixels
    samples: Pixels
    originals: Pixels
    probes: Pixels
    labels: NDArray[np.int64] | None
    names: tuple[str, ...]
    title: str
    reach: float


def film(run: Run) -> Film:
    """The film of all snapshots of a run; raises RunError when it has none."""
    steps = run.snapshots()
    if not steps or not run.fixed_file.exists():
        raise RunError(
            f"{run.name} keeps no snapshots to travel through; a training of your own does (the page Train starts one)"
        )
    return _film(run, tuple(steps), run.fixed_file.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _film(run: Run, steps: tuple[int, ...], _stamp: int) -> Film:
    frames = {step: arrays for step in steps if (arrays := _read(run, step)) is not None}
    if not frames:
        raise RunError(f"the snapshots of {run.name} cannot be read; train it again")
    fixed = run.fixed()
    points = aligned([arrays["probe_mu"] for arrays in frames.values()])
    names, title, labels = _labels(run, fixed)
    return Film(
        steps=tuple(frames),
        points=points,
        recon=np.stack([arrays["recon"] for arrays in frames.values()]),
        samples=np.stack([arrays["samples"] for arrays in frames.values()]),
        originals=fixed["originals"],
        probes=fixed["probe_pixels"],
        labels=labels,
        names=names,
        title=title,
        reach=max(1.0, 1.04 * float(np.quantile(np.abs(points), 0.995))),
    )


def _read(run: Run, step: int) -> dict[str, NDArray[Any]] | None:
    """What a frame needs of a snapshot, without the decoder's weights; None if it was thinned out meanwhile."""
    try:
        with safe_open(run.snapshot_file(step), framework="np") as file:
            return {name: file.get_tensor(name) for name in ("probe_mu", "recon", "samples")}
    except (OSError, SafetensorError):
        return None


def _labels(run: Run, fixed: dict[str, NDArray[Any]]) -> tuple[tuple[str, ...], str, NDArray[np.int64] | None]:
    """(names, "class" or the factor, labels) of the probe images; a conditional model's own label goes first."""
    cfg = run.config()
    name = cfg.model.label or "class"
    labels = fixed.get("probe_y", fixed.get("probe_labels"))
    if labels is None or not len(labels) or labels.min() < 0:
        return (), name, None
    try:
        names = tuple(data.label_names(data.info(cfg.data.name), name))
    except DataError:
        return (), name, None
    return (names, name, labels) if labels.max() < len(names) else ((), name, None)


def aligned(codes: Sequence[NDArray[Any]]) -> Floats:
    """Codes of the same images at several moments on planes that turn as little as they can. [(P, Z)] -> (F, P, 2).

    Every moment has principal axes of its own, which may swap, flip or turn from one to the next; going back from the
    last, each is turned to lie closest to the one after it (orthogonal Procrustes). Two dimensions are shown as they are.
    """
    planes: list[NDArray[Any]] = []
    for mu in reversed(codes):
        plane = pca_plane(mu)
        planes.append(align(plane, planes[-1]) if planes and mu.shape[1] != 2 else plane)
    return np.stack(planes[::-1]).astype(np.float32)
