"""The best q of a family for one x of the curved model: its parameters are fitted, its bound is an integral over its own noise.

The flows are those that the lab trains (models/flows.py). A fit maximises the ELBO, which is summed over nodes of a quadrature instead of
over draws, so that the same x gives the same answer; the answer itself is summed over a finer grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vaelab.lessons.curved import FLOWS, LOG_2PI, Curve, Family, log_likelihood, log_standard, plane
from vaelab.models.flows import Flow

Array = NDArray[Any]
NODES = 16  # of the quadrature along each axis of the noise
ROUNDS = 70  # of L-BFGS at most
CENTRES = (
    (0.0, 0.0),
    (1.2, 0.0),
    (0.0, 1.2),
)  # where a Gaussian begins: on a symmetric posterior one of them is a saddle
FINE = 161  # points along each axis of the noise, over six standard deviations on both sides


class Bent(nn.Module):
    """q(z|x) of one x: z_0 = mu + L eps, then the steps of a flow, if any. diagonal keeps the corner of L at 0."""

    context: Tensor

    def __init__(self, family: Family, steps: int) -> None:
        super().__init__()
        self.family = family
        self.mu = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        self.log_scale = nn.Parameter(torch.full((2,), -0.5, dtype=torch.float64))
        self.corner = nn.Parameter(torch.zeros((), dtype=torch.float64), requires_grad=family == "full")
        self.flow = Flow(family, steps if family in FLOWS else 0, 2).double()
        self.flow.start_near_identity()
        self.register_buffer("context", torch.zeros(1, 4, dtype=torch.float64))  # one x: the flow's biases say all

    def start(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """z_0 and log q(z_0). eps: (N, 2) -> (N, 2), (N,)."""
        scale = self.log_scale.exp()
        first = scale[0] * eps[:, 0]
        second = self.corner * eps[:, 0] + scale[1] * eps[:, 1]
        log_q = -0.5 * eps.square().sum(dim=1) - LOG_2PI - self.log_scale.sum()
        return self.mu + torch.stack([first, second], dim=1), log_q

    def forward(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """z and log q(z) = log q(z_0) - sum log |det J|. eps: (N, 2) -> (N, 2), (N,)."""
        start, log_q = self.start(eps)
        z, log_det = self.flow(start, self.context)
        return z, log_q - log_det

    @torch.no_grad()
    def way(self, eps: Array) -> Array:
        """Where draws are after each step, the Gaussian first. eps: (N, 2) -> (steps + 1, N, 2)."""
        return np.asarray(self.flow.way(self.start(torch.from_numpy(eps))[0], self.context).numpy())

    @torch.no_grad()
    def draw(self, eps: Array) -> tuple[Array, Array]:
        """As forward, in NumPy."""
        z, log_q = self(torch.from_numpy(np.ascontiguousarray(eps, dtype=np.float64)))
        return z.numpy(), log_q.numpy()


@dataclass(frozen=True)
class Fitted:
    """The best q that was found. elbo: nats, of the fine sum."""

    q: Bent
    elbo: float


def elbo(q: Bent, curve: Curve, x: float, eps: Tensor, weights: Tensor) -> Tensor:
    """E_q[log p(x, z) - log q(z)] as a sum over places of the noise, () nats. eps: (N, 2); weights: (N,), which add up to 1."""
    z, log_q = q(eps)
    log_joint: Tensor = log_likelihood(curve, x, z) + log_standard(z)
    bound: Tensor = (weights * (log_joint - log_q)).sum()
    return bound


@lru_cache(maxsize=1)
def nodes() -> tuple[Tensor, Tensor]:
    """Gauss and Hermite's places for N(0, I), (NODES^2, 2), and their weights."""
    at, weight = np.polynomial.hermite_e.hermegauss(NODES)
    eps = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    weights = np.outer(weight, weight).ravel() / (2.0 * math.pi)
    return torch.from_numpy(eps), torch.from_numpy(weights)


@lru_cache(maxsize=1)
def fine() -> tuple[Tensor, Tensor]:
    """The same on an even grid, whose sum of a smooth function times a Gaussian is exact to all digits that are shown."""
    z, cell = plane(points=FINE)
    eps = torch.from_numpy(z.reshape(-1, 2).copy())
    weights = torch.exp(log_standard(eps) + cell)
    return eps, weights / weights.sum()


@lru_cache(maxsize=512)
def fit(family: Family, curve: Curve, x: float, steps: int = 4) -> Fitted:
    """The q of a family nearest to the true posterior of x, by L-BFGS on the ELBO: the best of several starts.

    A flow begins at the best Gaussian, and once more at the prior's centre, where a ring begins.
    """
    found = [_climbed(family, curve, x, steps, start) for start in _starts(family, curve, x)]
    with torch.no_grad():
        bounds = [float(elbo(q, curve, x, *fine())) for q in found]
    best = int(np.argmax(bounds))
    return Fitted(found[best], bounds[best])


def _starts(family: Family, curve: Curve, x: float) -> list[tuple[Tensor, Tensor]]:
    """Means and log scales to begin with."""
    wide = torch.full((2,), -0.5, dtype=torch.float64)
    centres = [(torch.tensor(centre, dtype=torch.float64), wide) for centre in CENTRES]
    if family not in FLOWS:
        return centres
    gaussian = fit("diagonal", curve, x, 0).q
    return [(gaussian.mu, gaussian.log_scale), centres[0]]


def _climbed(family: Family, curve: Curve, x: float, steps: int, start: tuple[Tensor, Tensor]) -> Bent:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        q = Bent(family, steps)
    with torch.no_grad():
        q.mu.copy_(start[0])
        q.log_scale.copy_(start[1])
    eps, weights = nodes()
    wanted = [parameter for parameter in q.parameters() if parameter.requires_grad]
    optimiser = torch.optim.LBFGS(
        wanted, lr=1.0, max_iter=ROUNDS, history_size=20, line_search_fn="strong_wolfe", tolerance_change=1e-7
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = -elbo(q, curve, x, eps, weights)
        torch.autograd.backward(loss)
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return q.requires_grad_(False)
