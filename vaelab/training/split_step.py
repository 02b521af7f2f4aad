"""One update of the weights by a batch that lies in parts on several processes, and whether a method can be taught so."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from vaelab.config.errors import ConfigError
from vaelab.models.latent_model import LatentModel
from vaelab.runs.run_config import RunConfig
from vaelab.training.group import Group, Part
from vaelab.training.measures import Meter
from vaelab.training.step import Step

TOLERANCE = 1e-4  # of a term's size: what a part of a batch may be rounded differently


class SplitStep(Step):
    """The same update, of a batch that lies in parts on the processes of a group: gradients and sums are added up in one message.

    The weights of all processes stay alike, because each makes the same update of the same gradient.
    """

    def __init__(
        self,
        model: LatentModel,
        cfg: RunConfig,
        optimizer: torch.optim.Optimizer,
        meter: Meter,
        group: Group,
    ) -> None:
        super().__init__(model, cfg, optimizer, meter)
        self._group = group
        self.part = Part(slice(0, 0), 0)  # of the batch that comes next; set it before each call

    def _update(self, x: Tensor, y: Tensor | None, eps: Tensor | None, beta: float) -> None:
        """x, y, eps: of this process's part alone."""
        with self._group.sharing(self.part):
            terms = self._method.terms(self._model, x, y, eps, self._cfg.loss)
            loss = self._method.loss(self._cfg.model, terms, beta)
            self._optimizer.zero_grad(set_to_none=True)
            (loss * self.part.loss_weight).backward()  # type: ignore[no-untyped-call]
            sums = self._add_up(self._meter.of(terms, loss) * self.part.weight)
            self._optimizer.step()
            self._method.after_step(self._model, terms)
        self._meter.add(sums, self.part.images)

    @torch.no_grad()
    def _add_up(self, sums: Tensor) -> Tensor:
        """Replace each gradient by its sum over all processes. -> the same of the meter's sums."""
        gradients = [p.grad for p in self._model.parameters() if p.grad is not None]  # the same ones everywhere
        flat = torch.cat([*(gradient.flatten() for gradient in gradients), sums])
        self._group.add_up(flat)
        sizes = [*(gradient.numel() for gradient in gradients), sums.numel()]
        *totals, sums = torch.split(flat, sizes)
        for gradient, total in zip(gradients, totals, strict=True):
            gradient.copy_(total.view_as(gradient))  # in the layout of its weight, which the optimiser walks beside it
        return sums


def check_split(
    model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: RunConfig, group: Group
) -> None:
    """Whether a batch says the same in parts as it does whole: its terms, and what is kept after a step. Every process calls this.

    x, y, eps: a whole batch, the same everywhere; the model stays as it is. Raises ConfigError for a method of the user's
    own that compares images with each other and does not ask for the others' (models/whole_batch.py).
    """
    method, part = cfg.model.method, group.part(len(x))
    alone, shared = copy.deepcopy(model), copy.deepcopy(model)
    expected = method.terms(alone, x, y, eps, cfg.loss)
    method.after_step(alone, expected)
    own_y, own_eps = (None if tensor is None else tensor[part.rows] for tensor in (y, eps))
    with group.sharing(part):
        found = method.terms(shared, x[part.rows], own_y, own_eps, cfg.loss)
        method.after_step(shared, found)
    differing = [
        f"its term {name}"
        for name in ("recon", "kl_per_dim", *method.curves)
        if not _alike(found[name], expected[name][part.rows])
    ]
    kept = dict(alone.state_dict())
    differing += [f"what it keeps in {name}" for name, t in shared.state_dict().items() if not _alike(t, kept[name])]
    differs = torch.tensor(float(bool(differing)), device=x.device)
    group.add_up(differs)  # all give up, or none
    if float(differs):
        raise ConfigError(
            f"the method {method.name} must see each image by itself to train on several devices, and"
            f" {(differing or ['a term'])[0]} depends on the other images of the batch (train on one device, or take what"
            " is compared from vaelab.models.whole_batch.whole)"
        )


def _alike(found: Tensor, expected: Tensor) -> bool:
    size = float(expected.detach().abs().max()) if expected.numel() else 0.0
    return torch.allclose(found.to(expected.dtype), expected, rtol=TOLERANCE, atol=TOLERANCE * size, equal_nan=True)
