"""Several trained models side by side: figures, the settings that differ, curves on one axis, and the same images in the same places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vaelab import data
from vaelab.analysis import latents
from vaelab.config.errors import DataError, VaeLabError
from vaelab.models.architecture import architecture
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float64]
Axis = Literal["step", "epoch", "seconds", "images"]

AXES: tuple[Axis, ...] = ("step", "epoch", "seconds", "images")
MOST = 4  # models at once: more colours and rows than this cannot be followed
TERMS = ("loss", "recon", "kl", "above")  # above: the loss above the floor
CODES = 512  # held-out images behind maps and pictures
# Set anew for every run, so that they say nothing about how two of them differ.
_OF_THE_START = ("id", "version")


@dataclass(frozen=True)
class Figures:
    """How good a model is on its held-out images, nats per image; None where it is not measured or has no such term.

    active: how many of `dims` latent dimensions tell images apart; parameters: of the whole model; seconds: of training.
    """

    loss: float | None
    recon: float | None
    kl: float | None
    above: float | None
    active: int | None
    dims: int
    parameters: int
    epochs: int
    seconds: float | None


def figures(run: Run) -> Figures:
    """Of the newest measurement of a run, or of the card of a shipped model. Raises RunError for a run that cannot be read."""
    cfg, status = run.config(), run.status()
    card = run.evaluation() or {}
    measured: Mapping[str, Any] = card.get("test") or next(
        ({name.removeprefix("test_"): value for name, value in row.items() if name.startswith("test_")}
         for row in reversed(run.metrics()) if row.get("test_loss") is not None),
        {},
    )  # fmt: skip
    loss, floor = measured.get("loss"), measured.get("floor")
    return Figures(
        loss=loss,
        recon=measured.get("recon"),
        kl=measured.get("kl") if cfg.model.has_posterior else None,
        above=None if loss is None or floor is None else loss - floor,
        active=measured.get("active_units", _active(run)),
        dims=cfg.model.latent_dim,
        parameters=architecture(cfg.model).params,
        epochs=status.epoch or cfg.optim.epochs,
        seconds=card.get("seconds") or status.seconds or None,
    )


def _active(run: Run) -> int | None:
    steps = run.snapshots()
    if not steps:
        return None
    try:
        variance = run.snapshot(steps[-1])["probe_mu"].var(axis=0)
    except (VaeLabError, KeyError):
        return None
    return int((variance > latents.USED_VARIANCE).sum())


def differing(configs: Sequence[RunConfig]) -> dict[str, tuple[Any, ...]]:
    """The settings in which configs differ: "section.name" -> one value for each; None where a config has no such setting."""
    flat = [_flat(config.to_dict()) for config in configs]
    names = list(dict.fromkeys(name for settings in flat for name in settings))
    rows = {name: tuple(settings.get(name) for settings in flat) for name in names}
    return {name: values for name, values in rows.items() if len(set(map(str, values))) > 1}


def _flat(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{above}{name}.")
        elif above or name not in _OF_THE_START:
            found[above + name] = value
    return found


def curve(run: Run, term: str, axis: Axis) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """A term of the loss over the axis, in training and on held-out images: ((x, y), (x, y)), (N,) each; empty where none was measured.

    term: loss, recon, kl, above or a method's own. axis: updates, epochs, seconds of training, or images seen. Of a shipped model what is
    known of its training: `shipped_curve`.
    """
    if run.is_shipped:
        return (np.zeros(0), np.zeros(0)), shipped_curve(run, term, axis)
    cfg, status, rows = run.config(), run.status(), run.metrics()
    per_epoch = status.total_steps / cfg.optim.epochs if status.total_steps else None
    images = _images_of(run) if axis == "images" else None
    floor = next((row["test_floor"] for row in reversed(rows) if row.get("test_floor") is not None), None)

    def values(key: str) -> tuple[Floats, Floats]:
        points = []
        for row in rows:
            y = row.get(key)
            x = _place(row, axis, per_epoch, cfg.optim.batch_size, images)
            if y is not None and x is not None:
                points.append((x, float(y)))
        x_values, y_values = np.array(points, dtype=np.float64).reshape(-1, 2).T
        return x_values, y_values

    if term == "above":
        (x, y), (test_x, test_y) = values("loss"), values("test_loss")
        if floor is None:
            return (x[:0], y[:0]), (test_x[:0], test_y[:0])
        return (x, y - floor), (test_x, test_y - floor)
    return values(term), values(f"test_{term}")


def shipped_curve(run: Run, term: str, axis: Axis) -> tuple[Floats, Floats]:
    """What a shipped model can tell of a term along its training: ((N,), (N,)), on held-out images.

    Its KL at the moments of its film, over the images whose codes that holds; of everything else the figure of its card, at the end.
    """
    cfg, card = run.config(), run.evaluation() or {}
    end = {"step": card.get("steps"), "seconds": card.get("seconds")}
    if not end["step"]:
        return np.zeros(0), np.zeros(0)
    per_epoch = float(end["step"]) / card.get("epochs", cfg.optim.epochs)
    images = card.get("train_images")
    moments = [(row, kl) for row, kl in _film(run)] if term == "kl" and axis != "seconds" else []
    if not moments:
        test = card.get("test", {})
        told = test.get("loss", np.nan) - test.get("floor", np.nan) if term == "above" else test.get(term)
        has_it = told is not None and np.isfinite(told) and (term != "kl" or cfg.model.has_posterior)
        moments = [(end, float(told))] if has_it else []
    points = [(_place(row, axis, per_epoch, cfg.optim.batch_size, images), value) for row, value in moments]
    x, y = np.array([point for point in points if point[0] is not None], dtype=np.float64).reshape(-1, 2).T
    return x, y


def _film(run: Run) -> list[tuple[dict[str, Any], float]]:
    """The moments of a shipped model's film and the mean KL of its images there; none where its codes have no KL for each dimension."""
    if not run.config().model.method.has_normal_kl:
        return []
    found = []
    for step in run.snapshots():
        arrays = run.snapshot(step)
        mu, logvar = (arrays[name].astype(np.float64) for name in ("probe_mu", "probe_logvar"))
        found.append(({"step": step}, float(-0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum(axis=1).mean())))
    return found


def _images_of(run: Run) -> int | None:
    """How many images an epoch has; None where the data set is gone."""
    cfg = run.config()
    try:
        count, _ = data.count(cfg.data.name, cfg.data.image_size)
    except DataError:
        return None
    return min(count, cfg.data.limit or count)


def _place(row: Mapping[str, Any], axis: Axis, per_epoch: float | None, batch: int, images: int | None) -> float | None:
    step = float(row["step"])
    if axis == "images":
        if images is None:
            return step * batch
        epochs, rest = divmod(int(step), -(-images // batch))  # the last batch of an epoch is smaller
        return float(epochs * images + rest * batch)
    if axis == "epoch":
        return None if per_epoch is None else step / per_epoch
    value = row.get(axis)
    return None if value is None else float(value)


@dataclass(frozen=True)
class Pictures:
    """What one model makes of known images. originals, x_hat, samples, between: (N, C, H, W) uint8; above: (N,) the
    reconstruction's nats above the floor, None where the images are not at hand."""

    originals: Pixels
    x_hat: Pixels
    samples: Pixels
    between: Pixels
    above: NDArray[np.float32] | None


def codes(run: Run) -> latents.Codes:
    """The first held-out images as the model encodes them, kept in memory. Raises WeightsError, DataError."""
    return latents.codes(latents.query(run, "test", CODES))


def pictures(run: Run, first: int, count: int, seed: int) -> Pictures:
    """Images `first` and on: reconstructed from their mean codes, samples of the seed, and a walk from the first to the second.

    A walk is `count` codes on the straight line between two means. Raises DataError when there are no such images.
    """
    from vaelab.analysis import inference

    known = codes(run)
    rows = np.arange(first, first + count)
    if first < 0 or first + max(2, count) > len(known):
        raise DataError(
            f"{run.name} has {len(known)} images to compare, got number {first + count} (choose a smaller one)"
        )
    model = inference.load_run(run)
    y = None if known.y is None else known.y[rows]
    share = np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    walk = (1.0 - share) * known.mu[first] + share * known.mu[first + 1]
    return Pictures(
        originals=known.pixels[rows],
        x_hat=inference.decode(model, known.mu[rows], y),
        samples=inference.sample(model, count, seed=seed, y=y),
        between=inference.decode(model, walk, None if y is None else np.where(share[:, 0] < 0.5, y[0], y[1])),
        above=None if known.error is None else known.error[rows],
    )
