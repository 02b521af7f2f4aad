"""Flows: invertible steps that bend a Gaussian posterior into another shape, with what they do to its density.

A step takes z (..., B, Z) and the image's context (B, D), and gives z again with log |det J|, (..., B) nats.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab.models.layers import LEAK
from vaelab.models.posteriors import GaussianPosterior

HIDDEN = 64  # units of an inverse autoregressive step
GATE = 2.0  # first bias of a gate: sigmoid(2) = 0.88 of z stays as it is (Kingma et al. 2016, section 4)
SPREAD_DRAWS = 64  # by which the spread of a bent posterior is measured


class Planar(nn.Module):
    """f(z) = z + u tanh(w z + b), with u, w, b of each image. Rezende & Mohamed 2015, equation 10 and appendix A.1."""

    def __init__(self, latent_dim: int, context: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.amortised = nn.Linear(context, 2 * latent_dim + 1)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """u is moved along w until w u > -1, without which the step could not be inverted."""
        u, w, b = self.amortised(context).split([self.latent_dim, self.latent_dim, 1], dim=-1)
        along = (w * u).sum(dim=-1, keepdim=True)
        u = u + (F.softplus(along) - 1.0 - along) * w / w.square().sum(dim=-1, keepdim=True).clamp(min=1e-6)
        activation = torch.tanh((w * z).sum(dim=-1, keepdim=True) + b)
        slope = (1.0 - activation.square()) * w
        log_det = torch.log1p((u * slope).sum(dim=-1).clamp(min=-1.0 + 1e-6))
        return z + u * activation, log_det


class InverseAutoregressive(nn.Module):
    """z_i <- gate_i z_i + (1 - gate_i) shift_i, both from the z before it. Kingma et al. 2016, equation 14; masks: Germain et al. 2015.

    The order is turned round afterwards, so that the next step sees the last dimension first.
    """

    def __init__(self, latent_dim: int, context: int) -> None:
        super().__init__()
        self.first = nn.Linear(latent_dim, HIDDEN)
        self.context = nn.Linear(context, HIDDEN + 2 * latent_dim)
        self.second = nn.Linear(HIDDEN, 2 * latent_dim)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Unit h sees the dimensions up to its degree; output i the units of a degree below i."""
        dims = z.shape[-1]
        order = torch.arange(dims, device=z.device)
        degree = torch.arange(HIDDEN, device=z.device) % max(1, dims - 1)
        seen = (order[None] <= degree[:, None]).to(z.dtype)  # (HIDDEN, Z)
        below = (degree[None] < order[:, None]).to(z.dtype).repeat(2, 1)  # (2 Z, HIDDEN)
        h = F.elu(F.linear(z, self.first.weight * seen, self.first.bias))
        # The context joins behind both masks: the first dimension, which sees no other, knows the image as well.
        to_hidden, to_output = self.context(context).split([HIDDEN, 2 * dims], dim=-1)
        told = F.linear(h + to_hidden, self.second.weight * below, self.second.bias) + to_output
        gate, shift = torch.sigmoid(told[..., :dims]), told[..., dims:]
        return (gate * z + (1.0 - gate) * shift).flip(-1), torch.log(gate).sum(dim=-1)


class Coupling(nn.Module):
    """z_i <- z_i exp(s_i) + t_i for the second half of z, with s and t from the first. Dinh et al. 2017, equations 7 and 8; s is a tanh.

    The order is turned round afterwards, so that the next step moves the others. Without a context it can be a layer (layer_modules.py).
    """

    def __init__(self, latent_dim: int, context: int = 0, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.kept = latent_dim // 2
        self.first = nn.Linear(self.kept + context, hidden)
        self.second = nn.Linear(hidden, 2 * (latent_dim - self.kept))

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The Jacobian is triangular, so its log-determinant is the sum of s."""
        stays, moves = z[..., : self.kept], z[..., self.kept :]
        s, t = self._told(stays, context)
        return torch.cat([stays, moves * torch.exp(s) + t], dim=-1).flip(-1), s.sum(dim=-1)

    def inverse(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Where z came from."""
        z = z.flip(-1)
        stays, moved = z[..., : self.kept], z[..., self.kept :]
        s, t = self._told(stays, context)
        return torch.cat([stays, (moved - t) * torch.exp(-s)], dim=-1)

    def _told(self, stays: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        if context is not None:
            stays = torch.cat([stays, context.expand(*stays.shape[:-1], context.shape[-1])], dim=-1)
        s, t = self.second(F.leaky_relu(self.first(stays), LEAK)).chunk(2, dim=-1)
        return torch.tanh(s), t

    @torch.no_grad()
    def start_near_identity(self) -> None:
        """Begin with a step that hardly moves anything."""
        self.second.weight.mul_(0.05)


STEPS = {"planar": Planar, "iaf": InverseAutoregressive, "coupling": Coupling}
TURNING = (InverseAutoregressive, Coupling)  # these turn the order round


class Flow(nn.Module):
    """Steps of one kind of STEPS, one after the other."""

    def __init__(self, kind: str, steps: int, latent_dim: int) -> None:
        super().__init__()
        self.steps = nn.ModuleList(STEPS[kind](latent_dim, 2 * latent_dim) for _ in range(steps))

    @torch.no_grad()
    def start_near_identity(self) -> None:
        """Begin with a posterior that is hardly bent: gates open, shifts small."""
        for step in self.steps:
            if isinstance(step, InverseAutoregressive):
                step.second.weight.mul_(0.05)
                step.context.weight.mul_(0.05)
                step.second.bias[: len(step.second.bias) // 2] = GATE
            elif isinstance(step, Coupling):
                step.start_near_identity()
            elif isinstance(step, Planar):
                step.amortised.weight.mul_(0.05)
                step.amortised.bias.normal_(std=0.1)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """All steps: z and the sum of their log |det J|."""
        total = z.new_zeros(z.shape[:-1])
        for step in self.steps:
            z, log_det = step(z, context)
            total = total + log_det
        return z, total

    def way(self, z: Tensor, context: Tensor) -> Tensor:
        """Where z is after each step, z itself first, (steps + 1, ..., B, Z): the dimensions in the order of the last step."""
        places = [z]
        for step in self.steps:
            places.append(step(places[-1], context)[0])
        turned = [isinstance(step, TURNING) for step in self.steps]
        return torch.stack([at.flip(-1) if sum(turned[k:]) % 2 else at for k, at in enumerate(places)])


class FlowPosterior:
    """q(z|x): a diagonal Gaussian pushed through a flow. start: its Gaussian, (B, Z); context: (B, 2 Z)."""

    def __init__(self, start: GaussianPosterior, flow: Flow, context: Tensor) -> None:
        self.start, self.flow, self.context = start, flow, context

    @property
    def mean(self) -> Tensor:
        """Where the Gaussian's centre is pushed to, (B, Z)."""
        z: Tensor = self.flow(self.start.mu, self.context)[0]
        return z

    @property
    def logvar(self) -> Tensor:
        """(B, Z): the log-variance of each dimension, from 64 draws that are always the same."""
        generator = torch.Generator().manual_seed(0)
        eps = torch.randn(SPREAD_DRAWS, 1, self.start.mu.shape[1], generator=generator).to(self.start.mu)
        return self.sample(eps).var(dim=0, unbiased=False).clamp(min=1e-12).log()

    def sample(self, eps: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
        """eps: (..., B, Z) from N(0, I), drawn here if absent."""
        z: Tensor = self.flow(self.start.sample(eps, generator=generator), self.context)[0]
        return z

    def way(self, eps: Tensor) -> Tensor:
        """Where draws are after each step, the Gaussian's first, (steps + 1, ..., B, Z). eps: (..., B, Z), numbered as z is at the end."""
        turned = sum(isinstance(step, TURNING) for step in self.flow.steps) % 2
        return self.flow.way(self.start.sample(eps.flip(-1) if turned else eps), self.context)

    def draw(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """log q(z_K) = log q(z_0) - sum log |det J|."""
        start, log_q = self.start.draw(eps)
        z, log_det = self.flow(start, self.context)
        return z, log_q - log_det

    def kl(self) -> Tensor:
        """(B,) nats, an estimate from fixed draws: there is no closed form."""
        return self.kl_per_dim().sum(dim=1)

    def kl_per_dim(self) -> Tensor:
        """(B, Z) nats of the Gaussian with the same mean and spread in each dimension, which says where something is told."""
        return GaussianPosterior(self.mean, self.logvar).kl_per_dim()
