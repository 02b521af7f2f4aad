"""One update of the weights: the terms of a batch, the gradient, the optimiser. On CUDA it is recorded once and replayed."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from vaelab.models.latent_model import LatentModel
from vaelab.runs.run_config import RunConfig
from vaelab.training.measures import Meter

WARM_UP = 3  # eager updates before recording: cuDNN chooses its kernels, the optimiser makes its moments


def optimizer_for(model: LatentModel, cfg: RunConfig, device: torch.device) -> torch.optim.Adam:
    """Adam in one fused kernel where the device has it; on CUDA its rate is a tensor, so that a recording reads the newest."""
    on_cuda = device.type == "cuda"
    lr: float | Tensor = torch.tensor(cfg.optim.lr, device=device) if on_cuda else cfg.optim.lr
    fused = device.type in ("cpu", "cuda")
    return torch.optim.Adam(model.parameters(), lr=lr, eps=cfg.optim.epsilon, fused=fused, capturable=on_cuda)


def set_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """The learning rate from now on, without waiting for the device."""
    held = optimizer.param_groups[0]["lr"]
    if isinstance(held, Tensor):
        held.fill_(lr)
    else:
        optimizer.param_groups[0]["lr"] = lr


class Step:
    """Updates the model by one batch and adds its terms to the meter."""

    def __init__(self, model: LatentModel, cfg: RunConfig, optimizer: torch.optim.Optimizer, meter: Meter) -> None:
        self._model, self._cfg, self._optimizer, self._meter = model, cfg, optimizer, meter
        self._method = cfg.model.method

    def __call__(self, x: Tensor, y: Tensor | None, eps: Tensor | None, beta: float, lr: float) -> None:
        """x: (B, C, H, W); y: (B,) or None; eps: (B, Z) or None; beta, lr: as the schedules have them at this step."""
        set_rate(self._optimizer, lr)
        self._update(x, y, eps, beta)

    def _update(self, x: Tensor, y: Tensor | None, eps: Tensor | None, beta: float) -> None:
        terms = self._method.terms(self._model, x, y, eps, self._cfg.loss)
        loss: Tensor = self._method.loss(self._cfg.model, terms, beta)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        self._method.after_step(self._model, terms)
        self._meter.add(self._meter.of(terms, loss), len(x))


@dataclass
class _Inputs:
    """The memory that a recording reads its batch from."""

    x: Tensor
    y: Tensor | None
    eps: Tensor | None
    beta: Tensor

    def fill(self, x: Tensor, y: Tensor | None, eps: Tensor | None, beta: float) -> None:
        self.x.copy_(x)
        if self.y is not None and y is not None:
            self.y.copy_(y)
        if self.eps is not None and eps is not None:
            self.eps.copy_(eps)
        self.beta.fill_(beta)


class RecordedStep(Step):
    """The same update as one CUDA graph: a batch of the usual size costs one launch. The last, smaller one of an epoch runs eagerly.

    Noise and images are drawn outside the graph, so seeds and resumes mean what they mean elsewhere. A device or a method
    that cannot be recorded goes on eagerly, saying so once in the log.
    """

    def __init__(self, model: LatentModel, cfg: RunConfig, optimizer: torch.optim.Optimizer, meter: Meter) -> None:
        super().__init__(model, cfg, optimizer, meter)
        self._done = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: _Inputs | None = None
        self._possible = True

    def __call__(self, x: Tensor, y: Tensor | None, eps: Tensor | None, beta: float, lr: float) -> None:
        """As Step; the first updates run eagerly, then one is recorded."""
        if not self._possible or len(x) != self._cfg.optim.batch_size:
            super().__call__(x, y, eps, beta, lr)
            return
        set_rate(self._optimizer, lr)
        if self._done < WARM_UP:
            self._on_side_stream(x, y, eps, beta)
            self._done += 1
            return
        if self._graph is None:
            self._record(x, y, eps, beta)
        if self._graph is None or self._inputs is None:  # it could not be recorded
            self._update(x, y, eps, beta)
            return
        self._inputs.fill(x, y, eps, beta)
        self._graph.replay()
        self._meter.images += len(x)

    def _on_side_stream(self, x: Tensor, y: Tensor | None, eps: Tensor | None, beta: float) -> None:
        """One eager update on a stream of its own, as recording asks for."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            self._update(x, y, eps, beta)
        torch.cuda.current_stream().wait_stream(stream)

    def _record(self, x: Tensor, y: Tensor | None, eps: Tensor | None, beta: float) -> None:
        """Record an update without running it. What cannot be recorded leaves the step eager."""
        held = _Inputs(
            x.clone(),
            None if y is None else y.clone(),
            None if eps is None else eps.clone(),
            torch.tensor(beta, device=x.device),
        )
        graph, images = torch.cuda.CUDAGraph(), self._meter.images
        try:
            self._optimizer.zero_grad(set_to_none=True)
            with torch.cuda.graph(graph):
                self._update(held.x, held.y, held.eps, cast(float, held.beta))  # on the device: changes between replays
        except RuntimeError as error:
            self._possible = False
            torch.cuda.synchronize()
            reason = (str(error).strip().splitlines() or ["no reason"])[0]
            warnings.warn(f"this training runs step by step, because it could not be recorded: {reason}", stacklevel=2)
        else:
            self._graph, self._inputs = graph, held
        self._meter.images = images  # recording counted a batch that has not run
