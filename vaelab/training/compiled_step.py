"""The training step with a compiled gradient, and whether a training may have one."""

from __future__ import annotations

import torch
from torch import Tensor

from vaelab.models import registry
from vaelab.models.latent_model import LatentModel
from vaelab.models.methods.method import Method
from vaelab.runs.run_config import RunConfig
from vaelab.training.measures import Meter
from vaelab.training.step import Step
from vaelab.training.step_program import Gradient, Recipe, inputs_of


class CompiledStep(Step):
    """The same update, its gradient computed by a compiled program: equal but for the last digits. A smaller batch runs eagerly."""

    def __init__(
        self,
        model: LatentModel,
        cfg: RunConfig,
        optimizer: torch.optim.Optimizer,
        meter: Meter,
        recipe: Recipe,
        gradient: Gradient,
    ) -> None:
        super().__init__(model, cfg, optimizer, meter)
        self._recipe, self._gradient = recipe, gradient
        self._parameters = tuple(model.parameters())
        self._beta = torch.zeros(())

    def _update(self, x: Tensor, y: Tensor | None, eps: Tensor | None, beta: float) -> None:
        if not self._recipe.suits(x):
            super()._update(x, y, eps, beta)
            return
        self._beta.fill_(beta)
        sums, *gradients = self._gradient(*inputs_of(self._model, self._beta, x, y, eps))
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            if gradient.stride() != parameter.stride():  # the fused optimiser walks both side by side in memory
                gradient = torch.empty_like(parameter).copy_(gradient)
            parameter.grad = gradient
        self._optimizer.step()
        self._meter.add(sums, len(x))


def why_eager(cfg: RunConfig, device: torch.device, processes: int) -> str | None:
    """Why a training keeps its eager step; None where it may have a compiled one."""
    model = cfg.model
    if device.type != "cpu":
        return f"compiled steps are for CPUs, and it runs on {device.type}"
    if processes > 1:
        return "its batches lie in parts on several processes"
    if registry.is_own(model.method.name) or registry.is_own(model.built_with.name):
        return "its network or method is your own, and what that reads beside its inputs is not known"
    if type(model.method).after_step is not Method.after_step:
        return f"the method {model.method.name} keeps something of every step's terms"
    return None
