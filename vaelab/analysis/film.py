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
from vaelab.analysis.posterior import Gaussians
from vaelab.analysis.projections import Projection, plane_of, turn_to
from vaelab.config.errors import DataError, RunError
from vaelab.runs.store import Run

PRIOR = ("prior_mu", "prior_logvar", "prior_weights")
Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Film:
    """steps: (F,) ascending; points: (F, P, 2), the probe images on a plane; recon: (F, 12, C, H, W); samples: (F, 24, C, H, W).

    originals: (12, C, H, W); probes: (P, C, H, W); labels: (P,) indices into names, or None; title: what they name.
    reach: half the extent of all frames' points about the code 0; planes: how each frame places codes; priors: the
    components of each frame's prior where it is a mixture, None where the snapshot holds none.
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
    planes: tuple[Projection, ...]
    priors: tuple[Gaussians | None, ...]


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
    codes = [arrays["probe_mu"] for arrays in frames.values()]
    planes = aligned(codes)
    points = places(planes, codes)
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
        planes=tuple(planes),
        priors=tuple(_prior(arrays) for arrays in frames.values()),
    )


def _read(run: Run, step: int) -> dict[str, NDArray[Any]] | None:
    """What a frame needs of a snapshot, without the decoder's weights; None if it was thinned out meanwhile."""
    try:
        with safe_open(run.snapshot_file(step), framework="np") as file:
            held = [name for name in PRIOR if name in file.keys()]  # noqa: SIM118  (it is no dict)
            return {name: file.get_tensor(name) for name in ("probe_mu", "recon", "samples", *held)}
    except (OSError, SafetensorError):
        return None


def _prior(arrays: dict[str, NDArray[Any]]) -> Gaussians | None:
    """The components of a mixture; None where the snapshot holds none."""
    if any(name not in arrays for name in PRIOR):
        return None
    mu, logvar, weights = (arrays[name].astype(np.float64) for name in PRIOR)
    return Gaussians(mu, np.exp(0.5 * logvar), weights)


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


def places(planes: Sequence[Projection], codes: Sequence[NDArray[Any]]) -> Floats:
    """Codes at several moments, each on the plane of its moment. [(P, Z)] -> (F, P, 2)."""
    return np.stack([plane.place(mu) for plane, mu in zip(planes, codes, strict=True)]).astype(np.float32)


def aligned(codes: Sequence[NDArray[Any]]) -> list[Projection]:
    """Planes for codes of the same images at several moments, [(P, Z)], which turn as little as they can.

    Every moment has principal axes of its own, which may swap, flip or turn from one to the next; going back from the
    last, each is turned to lie closest to the one after it (orthogonal Procrustes). Two dimensions are shown as they are.
    """
    planes: list[Projection] = []
    after: NDArray[Any] | None = None
    for mu in reversed(codes):
        plane = plane_of(mu)
        if after is not None and mu.shape[1] != 2:
            plane = plane.turned(turn_to(plane.place(mu), after))
        planes.append(plane)
        after = plane.place(mu)
    return planes[::-1]
