"""The five pitfalls as races: the wrong line and the right one in models that are the same otherwise."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from vaelab.lessons import pitfalls
from vaelab.lessons.small_vae import Lane, SmallVae, Terms, vae_terms
from vaelab.models.losses import active_units, bernoulli_recon
from vaelab.models.posteriors import GaussianPosterior

LATENTS = 8
DRAWS = 400  # of z for each of a few images, to measure the spread that is drawn
IMAGES = 16

Sample = Callable[[GaussianPosterior, Tensor], Tensor]


def gaussian(model: SmallVae, x: Tensor) -> GaussianPosterior:
    """The posterior of a variational model. x: (B, D)."""
    q = model.encode(x)
    assert isinstance(q, GaussianPosterior)
    return q


def sampling(sample: Sample) -> Callable[[SmallVae, Tensor, Tensor, float], Terms]:
    """The ELBO with this way of making z."""

    def terms(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
        q = gaussian(model, x)
        recon = bernoulli_recon(model.decode_logits(sample(q, eps)), x).mean()
        kl = q.kl().mean()
        return Terms(recon + kl, recon, kl)

    return terms


def reducing(reduce: Callable[[Tensor, Tensor], Tensor]) -> Callable[[SmallVae, Tensor, Tensor, float], Terms]:
    """The loss with this reduction of the reconstruction term."""

    def terms(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
        q = gaussian(model, x)
        recon = reduce(model.decode_logits(q.sample(eps)), x)
        kl = q.kl().mean()
        return Terms(recon + kl, recon, kl)

    return terms


def weighting(beta: Callable[[float], float]) -> Callable[[SmallVae, Tensor, Tensor, float], Terms]:
    """The loss with this weight of the KL term."""

    def terms(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
        return vae_terms(model, x, eps, beta(share))

    return terms


def plain(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
    """The ELBO."""
    return vae_terms(model, x, eps)


def drawn_spread(model: SmallVae, x: Tensor, sample: Sample) -> dict[str, float]:
    """The standard deviation of many draws of z over the one that the KL term is charged for; 1 where they agree."""
    q = gaussian(model, x[:IMAGES])
    eps = torch.randn(DRAWS, IMAGES, model.latents, generator=torch.Generator().manual_seed(0))
    drawn = torch.stack([sample(q, noise) for noise in eps]).std(dim=0)
    return {"check": float((drawn / q.sigma).log().mean().exp())}


def smallest_loss(model: SmallVae, x: Tensor) -> dict[str, float]:
    """The smallest reconstruction term of any test image: a cross-entropy of probabilities is never below 0."""
    logits = model.decode_logits(gaussian(model, x).mu)
    return {"check": float(bernoulli_recon(logits, x).min())}


def active(model: SmallVae, x: Tensor) -> dict[str, float]:
    """How many dimensions carry information (Burda et al. 2016, section 5.2)."""
    return {"check": float(active_units(gaussian(model, x).mu))}


def std_lanes() -> tuple[Lane, ...]:
    """exp(logvar) as the standard deviation."""
    return tuple(
        Lane(name, sampling(sample), LATENTS, measure=partial(drawn_spread, sample=sample))
        for name, sample in (("wrong", pitfalls.sample_wrong), ("right", pitfalls.sample_right))
    )


def pixel_lanes() -> tuple[Lane, ...]:
    """Pixels in [-1, 1] under binary cross-entropy."""
    return (
        Lane("wrong", plain, LATENTS, prepare=pitfalls.pixels_wrong, measure=smallest_loss),
        Lane("right", plain, LATENTS, prepare=pitfalls.pixels_right, measure=smallest_loss),
    )


def reduction_lanes() -> tuple[Lane, ...]:
    """The mean over pixels instead of the sum."""
    return (
        Lane("wrong", reducing(pitfalls.recon_wrong), LATENTS, measure=active),
        Lane("right", reducing(pitfalls.recon_right), LATENTS, measure=active),
    )


def report_lanes() -> tuple[Lane, ...]:
    """The same training twice: only what it prints differs."""
    return Lane("wrong", plain, LATENTS), Lane("right", plain, LATENTS)


def collapse_lanes() -> tuple[Lane, ...]:
    """A large beta from the first step against a warm-up."""
    return (
        Lane("wrong", weighting(pitfalls.beta_wrong), LATENTS, measure=active),
        Lane("right", weighting(pitfalls.beta_right), LATENTS, measure=active),
    )


LANES: dict[str, Callable[[], tuple[Lane, ...]]] = {
    "std": std_lanes,
    "pixels": pixel_lanes,
    "reduction": reduction_lanes,
    "report": report_lanes,
    "collapse": collapse_lanes,
}
