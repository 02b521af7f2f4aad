"""The gradient of a batch as a compiled program: what it computes, what it depends on, where it is kept.

torch traces the loss and its gradient into one graph and compiles that ahead of time (AOTInductor) into a library, which a training
loads in a fraction of a second, without tracing, guards or a compiler of its own. build_program.py builds it.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from vaelab import models
from vaelab.config.places import programs_root
from vaelab.config.settings import DataConfig, OptimConfig
from vaelab.models.latent_model import LatentModel
from vaelab.runs.files import read_json
from vaelab.runs.run_config import RunConfig
from vaelab.training.measures import Meter

Gradient = Callable[..., tuple[Tensor, ...]]  # as `gradient_of` gives it


@dataclass(frozen=True)
class Recipe:
    """What a program depends on beside the computer: model, loss and batch size, how x lies in memory, and torch's threads."""

    cfg: RunConfig
    strides: tuple[int, ...]
    threads: int

    @classmethod
    def of(cls, cfg: RunConfig, x: Tensor) -> Self:
        """For the batches of a run, of which x: (B, C, H, W) is one."""
        needed = RunConfig(
            data=DataConfig(image_size=cfg.data.image_size),
            model=cfg.model,
            loss=cfg.loss,
            optim=OptimConfig(batch_size=cfg.optim.batch_size),
        )
        return cls(needed, x.stride(), torch.get_num_threads())

    def to_json(self) -> str:
        """As one line, the same for equal recipes."""
        return json.dumps({"cfg": self.cfg.to_dict(), "strides": self.strides, "threads": self.threads}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        values = json.loads(text)
        return cls(RunConfig.from_dict(values["cfg"]), tuple(values["strides"]), values["threads"])

    @property
    def name(self) -> str:
        """Of the program's folder: another one for other settings, sources, torch or processor."""
        return hashlib.blake2b(f"{self.to_json()}/{_computer()}/{_sources()}".encode(), digest_size=12).hexdigest()

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(B, C, H, W) of x."""
        cfg = self.cfg.model
        return self.cfg.optim.batch_size, cfg.channels, cfg.image_size, cfg.image_size

    def suits(self, x: Tensor) -> bool:
        """Whether x is a batch of the kind the program was made for; the last one of an epoch may be smaller."""
        return tuple(x.shape) == self.shape and x.stride() == self.strides


@lru_cache
def _computer() -> str:
    """torch and the processor: machine code of one is nothing for another."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text(errors="replace").splitlines() if cpu.exists() else [platform.processor()]
    told = sorted({line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))} or lines)
    return f"{torch.__version__} {platform.system()} {platform.machine()} {told}"


@lru_cache
def _sources() -> str:
    """A digest of the code that a program was traced from."""
    digest, here = hashlib.blake2b(digest_size=12), Path(__file__)
    for file in [*sorted(Path(models.__file__).parent.rglob("*.py")), here, here.with_name("measures.py")]:
        digest.update(file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Program:
    """One that was built. speedup: how many times as fast its step was as the eager one; library: None where it was not worth keeping."""

    name: str
    speedup: float
    library: Path | None

    def load(self) -> Gradient:
        """The program, ready to be called. Raises RuntimeError or OSError when it cannot be used."""
        if self.library is None:
            raise RuntimeError("there is no library")
        for path in (self.library, *list(self.library.parents)[:2]):
            _check_own(path)
        import torch._inductor

        return cast(Gradient, torch._inductor.aoti_load_package(str(self.library)))


def _check_own(path: Path) -> None:
    """Raises PermissionError for a file or folder that somebody else may have written: what lies there is run as it is."""
    if hasattr(os, "geteuid"):
        found = path.stat()
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PermissionError(f"{path} must be yours, and writable by nobody else")


LIBRARY, FACTS = "step.pt2", "facts.json"


def find(name: str) -> Program | None:
    """The program of that name, if it was built already."""
    folder = programs_root() / name
    facts: dict[str, Any] | None = read_json(folder / FACTS)
    if facts is None or not isinstance(facts.get("speedup"), float):
        return None
    library = folder / LIBRARY
    return Program(name, facts["speedup"], library if library.is_file() else None)


class _Loss(nn.Module):
    """The loss of a batch, and what the meter adds up of it."""

    def __init__(self, model: LatentModel, recipe: Recipe) -> None:
        super().__init__()
        self.model, self._recipe = model, recipe
        self._meter = Meter(model.cfg, torch.device("cpu"))

    def forward(self, beta: Tensor, x: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
        """rest: y where the model has a label, then eps where the method draws."""
        cfg, given = self._recipe.cfg, list(rest)
        y = given.pop(0) if cfg.model.label is not None else None
        eps = given.pop(0) if given else None
        terms = cfg.model.method.terms(self.model, x, y, eps, cfg.loss)
        loss: Tensor = cfg.model.method.loss(cfg.model, terms, cast(float, beta))
        return loss, self._meter.of(terms, loss)


def gradient_of(model: LatentModel, recipe: Recipe) -> Gradient:
    """A function of the model's parameters and buffers, beta (), x, y if there is a label, and eps if one is drawn, all as tensors.

    -> the meter's sums, then the gradient of each parameter. It reads and writes nothing else, so it can be traced.
    """
    loss_of = _Loss(model, recipe)
    parameters = [name for name, _ in loss_of.named_parameters()]
    names = [*parameters, *(name for name, _ in loss_of.named_buffers())]

    def gradient(*tensors: Tensor) -> tuple[Tensor, ...]:
        held = dict(zip(names, tensors, strict=False))
        held |= {name: held[name].detach().requires_grad_() for name in parameters}
        loss, sums = torch.func.functional_call(loss_of, held, tensors[len(names) :])
        return sums, *torch.autograd.grad(loss, [held[name] for name in parameters])

    return gradient


def inputs_of(model: LatentModel, beta: Tensor, x: Tensor, y: Tensor | None, eps: Tensor | None) -> list[Tensor]:
    """What `gradient_of`'s function takes, in its order."""
    batch = [x, *([] if y is None else [y.long()]), *([] if eps is None else [eps])]
    return [*(p.detach() for p in model.parameters()), *model.buffers(), beta, *batch]
