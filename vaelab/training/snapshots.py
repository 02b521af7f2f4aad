"""Pictures of a training while it runs: what the live view and time travel show. Never touches a random generator."""

from __future__ import annotations

import shutil
import time
from collections import deque
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from vaelab import data
from vaelab.models.latent_model import LatentModel
from vaelab.runs.files import make_within, unwritable, write_atomic
from vaelab.runs.run_config import RunConfig
from vaelab.runs.slim import fits_half, thin
from vaelab.runs.store import Run
from vaelab.training.batches import ImageSet, seed_for

ORIGINALS = 12
SAMPLES = 24
PROBE = 256
EVERY_SECONDS = 0.5
COST_SHARE = 0.03
KEPT = 40


class Snapshots:
    """Writes a run's snapshots about twice a second, at most 3 % of the time, and keeps about 40 of them."""

    def __init__(self, run: Run, dataset: data.Dataset, cfg: RunConfig, device: torch.device) -> None:
        self._run, self._cfg, self._device = run, cfg, device
        source = dataset.test if len(dataset.test) else dataset.train
        self._originals = _spread(source, ORIGINALS)
        self._probe = _spread(source, PROBE)
        generator = torch.Generator().manual_seed(seed_for(cfg.seed, "samples"))
        self._z = torch.randn(SAMPLES, cfg.model.latent_dim, generator=generator)
        self._next = 0.0
        self._costs: deque[float] = deque(maxlen=3)  # the least of three: a busy moment is not the price of a snapshot

    def begin(self, step: int) -> None:
        """Write the fixed inputs if they are not there, and forget snapshots beyond the step that training starts from."""
        for later in (s for s in self._run.snapshots() if s > step):
            shutil.rmtree(self._run.snapshots_dir / str(later), ignore_errors=True)
        if self._run.fixed_file.exists():
            return
        labels = self._probe.labels
        fixed = {
            "originals": torch.from_numpy(np.array(self._originals.pixels)),
            "sample_z": self._z,
            "probe_pixels": torch.from_numpy(np.array(self._probe.pixels)),
            # -1: the set has no classes
            "probe_labels": torch.from_numpy(np.full(len(self._probe), -1) if labels is None else np.array(labels)),
        }
        if self._cfg.model.label is not None:
            for name, images in (("originals_y", self._originals), ("probe_y", self._probe)):
                fixed[name] = torch.from_numpy(np.array(data.labels_of(images, self._cfg.model.label)))
            fixed["sample_y"] = self._sample_y()
        _make(self._run, self._run.snapshots_dir)
        write_atomic(self._run.fixed_file, save(fixed))

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.perf_counter() >= self._next

    def write(self, model: LatentModel, step: int) -> None:
        """Write the snapshot of a step and thin out older ones; raises RunError when the folder cannot be written."""
        start = time.perf_counter()
        arrays = self._look(model)
        folder = self._run.snapshots_dir / str(step)
        _make(self._run, folder)
        write_atomic(folder / "snapshot.safetensors", save(arrays))
        for old in thin(self._run.snapshots(), KEPT):
            shutil.rmtree(self._run.snapshots_dir / str(old), ignore_errors=True)
        end = time.perf_counter()
        self._costs.append(end - start)
        cost = min(self._costs) if len(self._costs) > 1 else 0.0  # the first one also warms up the kernels
        self._next = end + max(EVERY_SECONDS, cost / COST_SHARE)

    @torch.no_grad()
    def remember_codes(self, model: LatentModel) -> None:
        """Give a model without the usual prior the codes around which it samples, or its sliders stand."""
        if self._cfg.model.method.remembers_codes:
            model.remember_codes(model.encode(*self._take(self._probe)).mean)

    @torch.no_grad()
    def _look(self, model: LatentModel) -> dict[str, Tensor]:
        q = model.encode(*self._take(self._probe))
        model.remember_codes(q.mean)
        x, y = self._take(self._originals)
        given = self._cfg.model.method.shown_input(model, x)
        z = self._cfg.model.method.codes_of_noise(model, self._z.to(self._device))
        sample_y = self._sample_y().to(self._device) if self._cfg.model.label is not None else None
        arrays = {
            "recon": _to_uint8(model.decode(model.encode(x if given is None else given, y).mean, y)),
            "samples": _to_uint8(model.decode(z, sample_y)),
            "probe_mu": q.mean,
            "code_mean": model.code_mean,
            "code_std": model.code_std,
            **{name: _half(value) for name, value in model.state_dict().items() if name.startswith("decoder.")},
        }
        if q.logvar is not None:
            arrays["probe_logvar"] = q.logvar
        if given is not None:
            arrays["input"] = _to_uint8(given)
        arrays |= {name: _to_uint8(x) for name, x in self._cfg.model.method.shown(model).items()}
        arrays |= _modes(model)
        return {name: value.detach().cpu().contiguous().clone() for name, value in arrays.items()}

    def _take(self, images: data.Images) -> tuple[Tensor, Tensor | None]:
        return ImageSet(images, self._cfg.model, self._device).take(slice(None))

    def _sample_y(self) -> Tensor:
        """One class after the other, (24,)."""
        return torch.arange(SAMPLES) % self._cfg.model.classes


def _spread(images: data.Images, count: int) -> data.Images:
    """Images from the whole split, evenly spaced, without a random draw."""
    rows = np.linspace(0, len(images) - 1, min(count, len(images))).round().astype(np.int64)
    return images.take(rows)


def _to_uint8(x: Tensor) -> Tensor:
    """[0, 1] -> 0-255."""
    return (x * 255.0).round().to(torch.uint8)


def _modes(model: LatentModel) -> dict[str, Tensor]:
    """The components of a prior that is a mixture, so that time travel can move them; nothing of another prior."""
    method = model.cfg.method
    if not method.mixture_prior:
        return {}
    mu, logvar, log_weights = method.components(model)
    y = method.component_labels(model)
    found = {"prior_mu": _half(mu), "prior_logvar": _half(logvar), "prior_weights": log_weights.exp()}
    return found if y is None else found | {"prior_y": y}


def _half(weights: Tensor) -> Tensor:
    """In half precision, which no picture shows: a snapshot is most of a run's size. As they are where that would make them infinite."""
    return weights.half() if fits_half(float(weights.abs().max())) else weights


def _make(run: Run, folder: Path) -> None:
    try:
        make_within(run.path, folder)
    except OSError as error:
        raise unwritable(folder, error) from error
