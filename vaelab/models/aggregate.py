"""What a batch of codes tells about q(z), the average of all images' posteriors: the parts of the KL term, and a distance from the prior."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vaelab.models.losses import LOG_2PI, log_normal


def kl_split(z: Tensor, mu: Tensor, logvar: Tensor, images: Tensor, first: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """The KL term in three parts that add up to log q(z|x) - log p(z), (b,) nats each.

    Index-code information log q(z|x) / q(z), total correlation log q(z) / prod_j q(z_j), and the dimensions' own KL
    log prod_j q(z_j) / p(z). mu, logvar: (B, Z), the posteriors of a batch; z: (b, Z), a draw for each image, or for b of
    them from `first` on; images: (), how many the set has, at least B. Chen et al. 2018, equation 2. q(z) is estimated from the batch, all in logs: the image's own posterior with
    its true weight 1/N, the other N - 1 by the mean of those in the batch (their appendix C.2, stratified).
    """
    batch = len(mu)
    total = images.to(z.dtype).clamp(min=batch)
    places = torch.arange(batch, device=z.device)
    own = places == places[first : first + len(z), None]
    weight = torch.where(own, -torch.log(total), torch.log1p(-1.0 / total) - math.log(max(1, batch - 1)))
    # log q(z_i | x_j) in each dimension, (b, B, Z).
    each = -0.5 * (LOG_2PI + logvar + (z[:, None] - mu).square() * torch.exp(-logvar))
    log_q = torch.logsumexp(each.sum(dim=2) + weight, dim=1)
    log_product = torch.logsumexp(each + weight[:, :, None], dim=1).sum(dim=1)
    log_q_given_x = log_normal(z, mu[first : first + len(z)], logvar[first : first + len(z)])
    return log_q_given_x - log_q, log_q - log_product, log_product - log_normal(z)


def kernel(a: Tensor, b: Tensor, kind: str, bandwidth: float) -> Tensor:
    """k(a_i, b_j), (N, M). a: (N, Z), b: (M, Z). bandwidth 1 suits N(0, I), whose points lie sqrt(2 Z) apart.

    gaussian: exp(-d^2 / (2 Z s)); multiquadric: C / (C + d^2) with C = 2 Z s (Tolstikhin et al. 2018, section 4).
    """
    squared = (a[:, None] - b).square().sum(dim=2)
    scale = 2.0 * a.shape[1] * bandwidth
    return torch.exp(-squared / scale) if kind == "gaussian" else scale / (scale + squared)


def mmd(a: Tensor, b: Tensor, kind: str, bandwidth: float) -> Tensor:
    """The squared maximum mean discrepancy of two samples, (), without unit: unbiased, so that it may lie a little below 0.

    a: (N, Z), b: (M, Z), two at least. Gretton et al. 2012, equation 3.
    """

    def within(x: Tensor) -> Tensor:
        k = kernel(x, x, kind, bandwidth)
        n = len(x)
        return (k.sum() - k.diagonal().sum()) / (n * (n - 1))

    return within(a) + within(b) - 2.0 * kernel(a, b, kind, bandwidth).mean()
