"""The curved model's prior fitted to data with three clumps, its encoder with it; every figure is a sum over grids of x and z.

The decoder stays as it is. What is fitted maximises the mean ELBO over the data's density, which is known, so that the most that any
prior can reach is known as well: mean log p(x) = -H(data) - KL(data || p(x)).
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

from vaelab.lessons.curved import LOG_2PI, NOISE, Curve, Prior, Shape, decode, log_likelihood, log_standard, plane
from vaelab.models.mixtures import Mixture

Array = NDArray[Any]
CURVE: Curve = "bend"
CLUMPS = (
    (0.35, -1.6, 0.4),
    (0.4, 0.6, 0.4),
    (0.25, 3.0, 0.4),
)  # of the data: weight, mean, sigma, each wider than NOISE
SEEN = np.linspace(-3.6, 5.0, 87)  # the x over which means are taken
HIDDEN = 32  # units of the encoder
NODES = 8  # of the quadrature along each axis of the noise
ROUNDS = 150  # of L-BFGS at most
WIDE = 9.0  # of the plane on both sides: a learned prior may be wider than N(0, I)
SIDE = 361  # points of the plane along each axis
FLOOR = -3.0  # of a log sigma: nothing may fall between the points of the plane, which lie as far apart


def log_data(x: Array) -> Array:
    """log of the data's density at x, nats. (...) -> (...)."""
    parts = [math.log(w) - 0.5 * (((x - m) / s) ** 2 + LOG_2PI) - math.log(s) for w, m, s in CLUMPS]
    return np.asarray(np.logaddexp.reduce(parts))


def shares() -> Array:
    """How much each x of SEEN counts, (N,), in all 1."""
    density = np.exp(log_data(SEEN))
    return np.asarray(density / density.sum())


def gaussians(z: Tensor, mu: Tensor, scale: Tensor) -> Tensor:
    """log N(z; mu, L L') nats, for L lower-triangular. z: (..., 2); mu: (K, 2); scale: (K, 3) of log L11, L21, log L22 -> (..., K)."""
    away = z.unsqueeze(-2) - mu
    first = away[..., 0] * torch.exp(-scale[:, 0])
    second = (away[..., 1] - scale[:, 1] * first) * torch.exp(-scale[:, 2])
    return -0.5 * (first.square() + second.square()) - LOG_2PI - scale[:, 0] - scale[:, 2]


class Fit(nn.Module):
    """An encoder x -> q(z|x), and a prior: N(0, I), a mixture of `parts`, or the mean of q(z|u) over `parts` pseudo-inputs u."""

    def __init__(self, prior: Prior, shape: Shape, parts: int) -> None:
        super().__init__()
        self.prior, self.shape = prior, shape
        self.first, self.second = nn.Linear(1, HIDDEN), nn.Linear(HIDDEN, 5)
        places = torch.linspace(-2.0, 3.4, parts, dtype=torch.float32)  # over the data, evenly
        if prior == "mixture":
            self.mixture = Mixture(parts, 2)
            with torch.no_grad():  # each component begins at the code that the decoder makes x of
                self.mixture.mu.copy_(torch.stack([0.3 * torch.cos(3.0 * places), places], dim=1))
        if prior == "vamp":
            self.pseudo = nn.Parameter(places)
        self.double()

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """mu (N, 2) and (N, 3) of log L11, L21, log L22. x: (N,)."""
        told = self.second(torch.tanh(self.first(x[:, None])))
        corner = told[:, 4:] if self.shape == "full" else torch.zeros_like(told[:, 4:])
        first, second = told[:, 2:3].clamp(min=FLOOR), told[:, 3:4].clamp(min=FLOOR)
        return told[:, :2], torch.cat([first, corner, second], dim=1)

    def components(self) -> tuple[Tensor, Tensor, Tensor]:
        """mu (K, 2), scale (K, 3) and log weights (K,) of the prior's Gaussians."""
        if self.prior == "vamp":
            mu, scale = self.encode(self.pseudo)
            return mu, scale, mu.new_full((len(mu),), -math.log(len(mu)))
        if self.prior == "mixture":
            it = self.mixture
            half = (0.5 * it.logvar).clamp(min=FLOOR)
            return (
                it.mu,
                torch.stack([half[:, 0], torch.zeros_like(half[:, 0]), half[:, 1]], 1),
                it.logits.log_softmax(0),
            )
        nought = torch.zeros(1, 5, dtype=torch.float64)
        return nought[:, :2], nought[:, 2:], nought[:, 0]

    def log_prior(self, z: Tensor) -> Tensor:
        """log p(z), nats. z: (..., 2) -> (...)."""
        mu, scale, weights = self.components()
        return torch.logsumexp(gaussians(z, mu, scale) + weights, dim=-1)


def bounds(it: Fit, x: Tensor, eps: Tensor, weights: Tensor) -> Tensor:
    """The ELBO of each x, nats, as a sum over places of the noise. x: (N,); eps: (M, 2); weights: (M,) -> (N,)."""
    mu, scale = it.encode(x)
    first = torch.exp(scale[:, 0:1]) * eps[:, 0]
    second = scale[:, 1:2] * eps[:, 0] + torch.exp(scale[:, 2:3]) * eps[:, 1]
    z = mu[:, None] + torch.stack([first, second], dim=-1)  # (N, M, 2)
    log_q = log_standard(eps)[None] - (scale[:, 0] + scale[:, 2])[:, None]
    gain: Tensor = log_likelihood(CURVE, x[:, None], z) + it.log_prior(z) - log_q
    return (weights * gain).sum(dim=1)


def places(count: int) -> tuple[Tensor, Tensor]:
    """Gauss and Hermite's places for N(0, I), (count^2, 2), and their weights."""
    at, weight = np.polynomial.hermite_e.hermegauss(count)
    eps = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    return torch.from_numpy(eps), torch.from_numpy(np.outer(weight, weight).ravel() / (2.0 * math.pi))


@dataclass(frozen=True)
class Answer:
    """Means over the data, nats: most = -H(data), truth = log p(x), elbo; apart: KL(aggregate || prior).

    model: p(x) at SEEN, (N,); aggregate, prior: densities over the plane, (SIDE, SIDE); marks: (K, 2) means of the prior's Gaussians;
    pseudo: (K,) pseudo-inputs, or None.
    """

    most: float
    truth: float
    elbo: float
    apart: float
    model: Array
    aggregate: Array
    prior: Array
    marks: Array
    pseudo: Array | None


@lru_cache(maxsize=64)
def fit(prior: Prior, shape: Shape, parts: int) -> Answer:
    """Encoder and prior together, by L-BFGS on the mean ELBO; then everything that is known of them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        it = Fit(prior, shape, parts)
    x, share = torch.from_numpy(SEEN), torch.from_numpy(shares())
    eps, weights = places(NODES)
    optimiser = torch.optim.LBFGS(
        it.parameters(), lr=1.0, max_iter=ROUNDS, history_size=20, line_search_fn="strong_wolfe", tolerance_change=1e-8
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = -(share * bounds(it, x, eps, weights)).sum()
        torch.autograd.backward(loss)
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return measured(it.requires_grad_(False))


@torch.no_grad()
def measured(it: Fit) -> Answer:
    """The figures of an encoder and a prior, each a sum over grids."""
    x, share = torch.from_numpy(SEEN), shares()
    z, cell = plane(WIDE, SIDE)
    places_ = torch.from_numpy(z)
    log_prior = it.log_prior(places_).numpy()
    model = evidence(log_prior, cell)
    aggregate = np.zeros(z.shape[:2])
    mu, scale = it.encode(x)
    for k, weight in enumerate(share):
        aggregate += weight * torch.exp(gaussians(places_, mu[k : k + 1], scale[k : k + 1]))[..., 0].numpy()
    filled = aggregate > 0
    apart = float((aggregate[filled] * (np.log(aggregate[filled]) - log_prior[filled])).sum() * math.exp(cell))
    return Answer(
        most=float(share @ log_data(SEEN)),
        truth=float(share @ np.log(model)),
        elbo=float(share @ bounds(it, x, *places(24)).numpy()),
        apart=apart,
        model=model,
        aggregate=aggregate,
        prior=np.exp(log_prior),
        marks=it.components()[0].numpy(),
        pseudo=it.pseudo.numpy() if it.prior == "vamp" else None,
    )


def evidence(log_prior: Array, cell: float) -> Array:
    """p(x) at SEEN, (N,): the prior over the plane, (SIDE, SIDE) logs, seen through the decoder. cell: log of a cell's area."""
    at = decode(CURVE, plane(WIDE, SIDE)[0])
    mass = np.exp(log_prior + cell)
    kept = mass > 1e-14
    away = (SEEN[:, None] - at[kept][None]) / NOISE
    return np.asarray(np.exp(-0.5 * away**2) @ mass[kept] / (NOISE * math.sqrt(2.0 * math.pi)))
