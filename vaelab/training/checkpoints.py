"""Everything a training needs to go on exactly where it was, written whole before it is named; safetensors and JSON only."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vaelab.config.errors import WeightsError
from vaelab.models.latent_model import LatentModel
from vaelab.models.weights import check_weights
from vaelab.runs.files import numbered, read_json, unwritable, write_atomic
from vaelab.runs.store import Run
from vaelab.training.measures import Meter

EVERY_SECONDS = 20.0
KEPT = 2


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training stands. beta, lr: the dials as last turned. Random draws depend on seed and step, not on a state."""

    step: int = 0
    seconds: float = 0.0
    beta: float
    lr: float


class Checkpoints:
    """The checkpoints of one run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._next = time.perf_counter() + EVERY_SECONDS

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.perf_counter() >= self._next

    def save(self, model: LatentModel, optimizer: torch.optim.Optimizer, meter: Meter, progress: Progress) -> None:
        """Write a checkpoint, name it the latest, drop all but the last two. Raises RunError when it cannot be written."""
        folder = self._run.checkpoints_dir / str(progress.step)
        part = folder.with_name(folder.name + ".part")
        state = {
            "step": progress.step,
            "seconds": progress.seconds,
            "beta": progress.beta,
            "lr": progress.lr,
            "images_since_row": meter.images,
            "torch": torch.__version__,
        }
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            write_atomic(part / "model.safetensors", save(_to_host(model.state_dict())), durable=True)
            tensors = {**_optimizer_tensors(model, optimizer), "meter": meter.sums}
            write_atomic(part / "optimiser.safetensors", save(_to_host(tensors)), durable=True)
            write_atomic(part / "state.json", json.dumps(state, indent=1, allow_nan=False).encode(), durable=True)
            shutil.rmtree(folder, ignore_errors=True)  # the same step, saved before a pause
            os.replace(part, folder)
        except OSError as error:
            raise unwritable(folder, error) from error
        write_atomic(self._run.checkpoints_dir / "latest", f"{progress.step}\n".encode(), durable=True)
        for old in numbered(self._run.checkpoints_dir, "state.json")[:-KEPT]:
            shutil.rmtree(self._run.checkpoints_dir / str(old), ignore_errors=True)
        self._next = time.perf_counter() + EVERY_SECONDS

    def load(self, model: LatentModel, optimizer: torch.optim.Optimizer, meter: Meter) -> Progress | None:
        """Take up the latest checkpoint; None if there is none. Raises WeightsError when it cannot be used."""
        folder = self._run.latest_checkpoint()
        if folder is None:
            return None
        state = read_json(folder / "state.json")
        try:
            assert state is not None
            progress = Progress(
                step=int(state["step"]),
                seconds=float(state["seconds"]),
                beta=float(state["beta"]),
                lr=float(state["lr"]),
            )
            images = int(state["images_since_row"])
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"{folder / 'state.json'} must say where training stood, got: {error!r}") from error
        weights = _read(folder / "model.safetensors")
        check_weights(weights, _shapes(model.state_dict()), str(folder / "model.safetensors"))
        kept = _read(folder / "optimiser.safetensors")
        names = [name for name, _ in model.named_parameters()]
        shapes: dict[str, tuple[int, ...]] = {"meter": tuple(meter.sums.shape)}
        for name, parameter in model.named_parameters():
            shapes |= {f"{name}.exp_avg": tuple(parameter.shape), f"{name}.exp_avg_sq": tuple(parameter.shape)}
            shapes[f"{name}.step"] = ()
        check_weights(kept, shapes, str(folder / "optimiser.safetensors"))
        model.load_state_dict(weights)
        moments = {
            index: _moments(kept, name, parameter)
            for index, (name, parameter) in enumerate(zip(names, model.parameters(), strict=True))
        }
        optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
        meter.sums.copy_(kept["meter"])
        meter.images = images
        return progress


def _optimizer_tensors(model: LatentModel, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's two moments and step count of each parameter, by the parameter's name; zeros before the first step."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        state: dict[str, Any] = optimizer.state.get(parameter, {})
        tensors[f"{name}.exp_avg"] = state.get("exp_avg", torch.zeros_like(parameter))
        tensors[f"{name}.exp_avg_sq"] = state.get("exp_avg_sq", torch.zeros_like(parameter))
        tensors[f"{name}.step"] = state.get("step", torch.zeros(()))
    return tensors


def _moments(kept: dict[str, Tensor], name: str, parameter: Tensor) -> dict[str, Tensor]:
    """Adam's state of one parameter. Laid out in memory as the parameter is: the fused kernel walks both side by side."""
    return {
        "step": kept[f"{name}.step"],
        "exp_avg": torch.empty_like(parameter).copy_(kept[f"{name}.exp_avg"]),
        "exp_avg_sq": torch.empty_like(parameter).copy_(kept[f"{name}.exp_avg_sq"]),
    }


def _to_host(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError, ValueError) as error:
        raise WeightsError(f"{path} must be a whole safetensors file, got one that cannot be read: {error}") from error
