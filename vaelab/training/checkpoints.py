"""Everything a training needs to go on exactly where it was, written whole before it is named; safetensors and JSON only."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from vaelab.config.errors import ConfigError, WeightsError
from vaelab.config.fields import Bounds
from vaelab.config.settings import LossConfig, OptimConfig
from vaelab.models.latent_model import LatentModel
from vaelab.models.weights import check_weights
from vaelab.runs.files import make_within, numbered, read_json, read_regular, unwritable, write_atomic
from vaelab.runs.status import MOST
from vaelab.runs.store import Run
from vaelab.training.measures import Meter
from vaelab.training.step import optimizer_for

FIRST_SECONDS = 2.0  # a short training that is killed does not begin at 0; the wait then doubles
EVERY_SECONDS = 20.0
KEPT = 2
MOST_SECONDS = 1e10  # of training, three centuries


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a training stands. beta, lr: the dials as last turned. Random draws depend on seed and step, not on a state.

    program: the compiled one that takes the steps from here on, "" while they are eager.
    """

    step: int = 0
    seconds: float = 0.0
    beta: float
    lr: float
    program: str = ""


class Checkpoints:
    """The checkpoints of one run. last_step: of the whole training, which none may be beyond."""

    def __init__(self, run: Run, last_step: int) -> None:
        self._run = run
        self._id = run.config().id
        self._last_step = last_step
        self._wait = FIRST_SECONDS
        self._next = time.perf_counter() + self._wait

    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.perf_counter() >= self._next

    def save(self, model: LatentModel, optimizer: torch.optim.Optimizer, meter: Meter, progress: Progress) -> None:
        """Write a checkpoint, name it the latest, drop all but the last two. Raises RunError when it cannot be written."""
        folder = self._run.checkpoints_dir / str(progress.step)
        part = folder.with_name(folder.name + ".part")
        state = {
            "run": self._id,
            "step": progress.step,
            "seconds": progress.seconds,
            "beta": progress.beta,
            "lr": progress.lr,
            "images_since_row": meter.images,
            "program": progress.program,
            "torch": torch.__version__,
        }
        try:
            shutil.rmtree(part, ignore_errors=True)
            make_within(self._run.path, part)
            write_atomic(part / "model.safetensors", save(_to_host(model.state_dict())), durable=True)
            tensors = {**moments_of(model, optimizer), "meter": meter.sums}
            write_atomic(part / "optimiser.safetensors", save(_to_host(tensors)), durable=True)
            write_atomic(part / "state.json", json.dumps(state, indent=1, allow_nan=False).encode(), durable=True)
            shutil.rmtree(folder, ignore_errors=True)  # the same step, saved before a pause
            os.replace(part, folder)
        except OSError as error:
            raise unwritable(folder, error) from error
        write_atomic(self._run.checkpoints_dir / "latest", f"{progress.step}\n".encode(), durable=True)
        for old in numbered(self._run.checkpoints_dir, "state.json")[:-KEPT]:
            shutil.rmtree(self._run.checkpoints_dir / str(old), ignore_errors=True)
        self._next = time.perf_counter() + self._wait
        self._wait = min(2 * self._wait, EVERY_SECONDS)

    def load(
        self, model: LatentModel, optimizer: torch.optim.Optimizer, meter: Meter, tell: Callable[[str], None]
    ) -> Progress | None:
        """Take up the latest checkpoint; None if there is none.

        One that is damaged or of another run is put aside, as STEP.damaged, where an earlier one is whole; tell hears a
        sentence that names both. Raises WeightsError when there are checkpoints and none can be used: they stay in place.
        """
        folders = self._run.checkpoints()
        refused: list[tuple[Path, WeightsError]] = []
        for folder in folders:
            try:
                progress = self._take_up(folder, model, optimizer, meter)
            except WeightsError as error:
                refused.append((folder, error))
                continue
            for bad, why in refused:
                aside = _put_aside(bad)
                tell(
                    f"Training goes on from the checkpoint of step {folder.name}, because that of step {bad.name}"
                    f" could not be used and lies in {aside.name} now: {why}"
                )
            return progress
        if refused:
            raise refused[0][1]
        return None

    def _take_up(self, folder: Path, model: LatentModel, optimizer: torch.optim.Optimizer, meter: Meter) -> Progress:
        """Put one checkpoint into model, optimiser and meter; they are untouched where it raises WeightsError."""
        progress, images = _state(folder, self._id, self._last_step)
        weights = _read(folder / "model.safetensors")
        check_weights(weights, _shapes(model.state_dict()), str(folder / "model.safetensors"))
        kept = _read(folder / "optimiser.safetensors")
        shapes: dict[str, tuple[int, ...]] = {"meter": tuple(meter.sums.shape)}
        for name, parameter in model.named_parameters():
            shapes |= {f"{name}.exp_avg": tuple(parameter.shape), f"{name}.exp_avg_sq": tuple(parameter.shape)}
            shapes[f"{name}.step"] = ()
        check_weights(kept, shapes, str(folder / "optimiser.safetensors"))
        for name, _ in model.named_parameters():
            _check_moments(kept, name, progress.step, folder / "optimiser.safetensors")
        model.load_state_dict(weights)
        set_moments(model, optimizer, kept)
        meter.sums.copy_(kept["meter"])
        meter.images = images
        return progress


def begin_from(run: Run, model: LatentModel) -> None:
    """Give a new run its first weights: a checkpoint of step 0, from which its training begins. Raises RunError when it cannot be written."""
    cfg = run.config()
    device = torch.device("cpu")
    progress = Progress(beta=cfg.loss.beta, lr=cfg.optim.lr)
    Checkpoints(run, 0).save(model, optimizer_for(model, cfg, device), Meter(cfg.model, device), progress)


def _state(folder: Path, run_id: str, last_step: int) -> tuple[Progress, int]:
    """What state.json says, and the images since the last row. Raises WeightsError for another run's, and for a number out of range."""
    file = folder / "state.json"
    state = read_json(file)
    if state is None:
        raise WeightsError(f"{file} must say where training stood, and it cannot be read")
    allowed = {
        "step": Bounds(0, last_step, f"the training has {last_step} steps"),
        "seconds": Bounds(0.0, MOST_SECONDS, "seconds of training"),
        "beta": LossConfig.bounds("beta"),
        "lr": OptimConfig.bounds("lr"),
        "images_since_row": Bounds(0, MOST, "images since the last row"),
    }
    for name, bounds in allowed.items():
        check = bounds.check_int if name in ("step", "images_since_row") else bounds.check_real
        try:
            check(name, state.get(name))
        except ConfigError as error:
            raise WeightsError(f"{file} must say where training stood: {error}") from error
    if state.get("run", "") != run_id:  # runs before version 0.2 have no id, and neither have their checkpoints
        raise WeightsError(f"{folder} must be a checkpoint of this run, and it is one of another")
    if str(state["step"]) != folder.name:
        raise WeightsError(f"{file} must be of step {folder.name}, got {state['step']}")
    program = state.get("program", "")  # none before version 0.2
    progress = Progress(
        step=state["step"],
        seconds=float(state["seconds"]),
        beta=float(state["beta"]),
        lr=float(state["lr"]),
        program=program if isinstance(program, str) else "",
    )
    return progress, state["images_since_row"]


def _put_aside(folder: Path) -> Path:
    """Rename a checkpoint so that no list shows it; an earlier one of that name makes room. Raises RunError."""
    aside = folder.with_name(folder.name + ".damaged")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
    except OSError as error:
        raise unwritable(folder, error) from error
    return aside


def _check_moments(kept: dict[str, Tensor], name: str, step: int, file: Path) -> None:
    """Raises WeightsError for a step count that Adam cannot have reached, or squares below 0."""
    taken = float(kept[f"{name}.step"])
    if not 0 <= taken <= step or bool((kept[f"{name}.exp_avg_sq"] < 0).any()):
        raise WeightsError(f"{file}: the moments of {name} must be those of {step} steps of Adam, and they are not")


def moments_of(model: LatentModel, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's two moments and step count of each parameter, by the parameter's name; zeros before the first step."""
    tensors: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        state: dict[str, Any] = optimizer.state.get(parameter, {})
        tensors[f"{name}.exp_avg"] = state.get("exp_avg", torch.zeros_like(parameter))
        tensors[f"{name}.exp_avg_sq"] = state.get("exp_avg_sq", torch.zeros_like(parameter))
        tensors[f"{name}.step"] = state.get("step", torch.zeros(()))
    return tensors


def set_moments(model: LatentModel, optimizer: torch.optim.Optimizer, kept: dict[str, Tensor]) -> None:
    """Put the tensors that `moments_of` gave into an optimiser of a model like that one."""
    state = {index: _moments(kept, name, p) for index, (name, p) in enumerate(model.named_parameters())}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


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
        return load(read_regular(path))
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{path} must be a whole safetensors file, got one that cannot be read: {error}") from error
