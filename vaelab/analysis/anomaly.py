"""How unusual an image is to a model: its reconstruction term, KL and bound, and where they lie among test images.

The bound alone orders images by the entropy of their pixels, which no decoder can avoid: an empty grey picture, copied
perfectly, would be the strangest of all, and a boot on black the most ordinary. So the score is what lies above that floor.

python -c "from vaelab.analysis.anomaly import auroc; print(auroc('mnist-conv-vae', 'mnist', 'fashion-mnist'))"
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaelab import data
from vaelab.analysis import inference
from vaelab.config.errors import ConfigError, DataError
from vaelab.config.settings import LossConfig
from vaelab.models.latent_model import LatentModel
from vaelab.models.losses import floor
from vaelab.runs import store

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

DRAWS = 4  # of z for each image, the same eps for every image, so that an image always has the same score
BATCH = 128  # images at once; DRAWS times as many are decoded
QUANTILES = 101  # numbers by which a model card describes a distribution: its percentiles 0 to 100
TERMS = ("recon", "kl", "bound", "excess")
SCORE = "excess"  # the term by which images are ranked

# Which other set a card measures the score against: grey images of the same size that show something else.
AGAINST = {"mnist": "fashion-mnist", "fashion-mnist": "mnist"}


@dataclass(frozen=True)
class Scores:
    """Terms per image in nats, (N,) each. For an autoencoder recon is that of its one code and kl is 0.

    floor: the smallest recon that any decoder could reach, `models.losses.floor`.
    """

    recon: Floats
    kl: Floats
    floor: Floats

    @property
    def bound(self) -> Floats:
        """recon + kl, at least -log p(x) on average over draws. At beta = 1 whatever the training's was."""
        return self.recon + self.kl

    @property
    def excess(self) -> Floats:
        """recon + kl above the floor: the anomaly score."""
        return self.bound - self.floor

    def __len__(self) -> int:
        return len(self.recon)


def fixed_draws(latent_dim: int) -> NDArray[np.float32]:
    """The eps of every score, (DRAWS, Z): two draws and their mirror images, which cancel the linear part of the noise."""
    half = torch.randn(DRAWS // 2, latent_dim, generator=torch.Generator().manual_seed(0)).numpy()
    return np.concatenate([half, -half])


@torch.no_grad()
def score(
    model: LatentModel,
    pixels: Pixels,
    y: NDArray[np.int64] | None,
    loss: LossConfig,
    told: Callable[[float], None] = lambda share: None,
) -> Scores:
    """Measure images. pixels: (N, C, H, W) uint8; y: (N,) if the model is conditional; told: called with the share done."""
    device = model.code_mean.device
    eps = torch.from_numpy(fixed_draws(model.cfg.latent_dim)).to(device)
    eps = eps if model.has_posterior else eps[:1]
    method = model.cfg.method
    recon, kl, least = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    scored = method.scored(model, loss)
    for start in range(0, len(pixels), BATCH):
        x = inference.to_unit(pixels[start : start + BATCH], device)
        label = None if y is None else torch.from_numpy(y[start : start + BATCH]).to(device)
        q = model.encode(x, label)
        found: list[Tensor] = []
        spent: list[Tensor] = []
        for row in eps:
            z, kl_parts = method.code_and_kl(model, q, row.expand_as(q.mean))
            found.append(method.recon(model, model.decode_logits(z, label), x, loss))
            spent.append(kl_parts.sum(dim=1))
        recon.append(torch.stack(found).mean(dim=0).double().cpu().numpy())
        kl.append(torch.stack(spent).mean(dim=0).double().cpu().numpy())
        least.append(floor(x, scored).double().cpu().numpy())
        told(min(1.0, (start + BATCH) / len(pixels)))
    return Scores(np.concatenate(recon), np.concatenate(kl), np.concatenate(least))


def percentile(value: float, ordered: Sequence[float] | Floats) -> float:
    """How many per cent of the ordered values lie below this one, 0 to 100; interpolated between neighbours."""
    return float(np.interp(value, ordered, np.linspace(0.0, 100.0, len(ordered))))


@dataclass(frozen=True)
class Reference:
    """How test images score: for each of TERMS, ascending values, evenly spaced in rank. images: how many were measured."""

    images: int
    values: dict[str, Floats]

    @classmethod
    def of(cls, scores: Scores) -> Reference:
        """From measured images."""
        return cls(len(scores), {term: np.sort(getattr(scores, term)) for term in TERMS})

    @classmethod
    def from_card(cls, evaluation: dict[str, Any] | None) -> Reference | None:
        """From metrics.json of a folder in weights/; None where it says nothing of the kind."""
        measured = (evaluation or {}).get("anomaly")
        if not isinstance(measured, dict):
            return None
        try:
            values = {term: np.asarray(measured["quantiles"][term], dtype=np.float64) for term in TERMS}
            images = int(measured["images"])
        except (KeyError, TypeError, ValueError):
            return None
        usable = all(
            v.ndim == 1 and len(v) > 1 and np.isfinite(v).all() and (np.diff(v) >= 0).all() for v in values.values()
        )
        return cls(images, values) if usable else None

    def percentile(self, term: str, value: float) -> float:
        """Per cent of test images whose term is smaller."""
        return percentile(value, self.values[term])


def auroc_of(inside: Floats, outside: Floats) -> float:
    """Chance that an image from outside scores higher than one from inside; ties count half. 0.5 is no better than guessing.

    The area under the receiver operating characteristic, as the Mann-Whitney statistic.
    """
    ordered = np.sort(inside)
    below = np.searchsorted(ordered, outside, side="left")
    up_to = np.searchsorted(ordered, outside, side="right")
    return float(((below + up_to) / 2).mean() / len(inside))


def dataset_scores(
    run: store.Run,
    model: LatentModel,
    name: str | None = None,
    limit: int | None = None,
    told: Callable[[float], None] = lambda share: None,
) -> Scores:
    """Scores of the test images of the run's data set, or of the set `name`. Raises DataError when it is absent or empty.

    Raises ConfigError for a conditional model and another set, whose labels mean something else.
    """
    cfg = run.config()
    own = name is None or name == cfg.data.name
    if not own and cfg.model.label is not None:
        raise ConfigError(
            f"{run.name} is told the label {cfg.model.label!r}, which images of {name} have not (take a model without a label)"
        )
    images = data.load(
        name or cfg.data.name, image_size=cfg.model.image_size, channels=cfg.model.channels, limit=1
    ).test.take(slice(0, limit))
    if len(images) == 0:
        raise DataError(f"{name or cfg.data.name} has no test image to measure")
    y = None if cfg.model.label is None else data.labels_of(images, cfg.model.label)
    return score(model, images.pixels, y, cfg.loss, told)


def auroc(run: store.Run | str | Path, inside: str, outside: str, limit: int | None = None) -> float:
    """AUROC of the score between the test images of two data sets, by a run's model. limit: the first N of each.

    Raises RunError, WeightsError, DataError, ConfigError.
    """
    found = run if isinstance(run, store.Run) else store.find(run)
    model = inference.load_run(found)
    of_inside, of_outside = (getattr(dataset_scores(found, model, name, limit), SCORE) for name in (inside, outside))
    return auroc_of(of_inside, of_outside)


def for_card(run: store.Run, limit: int | None = None) -> dict[str, Any]:
    """What metrics.json keeps under "anomaly": percentiles of each term over the test images, and the AUROC against
    another set where the two suit each other and it is on this machine.
    """
    model = inference.load_run(run)
    scores = dataset_scores(run, model, limit=limit)
    shares = np.linspace(0.0, 1.0, QUANTILES)
    result: dict[str, Any] = {
        "images": len(scores),
        "draws": DRAWS if model.has_posterior else 1,
        "quantiles": {term: [round(float(q), 3) for q in np.quantile(getattr(scores, term), shares)] for term in TERMS},
    }
    other = AGAINST.get(run.config().data.name)
    if other and run.config().model.label is None and data.is_available(other):
        outside = dataset_scores(run, model, other, limit)
        result["against"] = {
            "dataset": other,
            "images": len(outside),
            "auroc": {term: round(auroc_of(getattr(scores, term), getattr(outside, term)), 4) for term in TERMS},
        }
    return result
