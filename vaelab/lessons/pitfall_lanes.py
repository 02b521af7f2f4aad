"""The five pitfalls as races: the wrong line and the right one in models that are the same otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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


def charging(charge: Callable[[Tensor], Tensor]) -> Callable[[SmallVae, Tensor, Tensor, float], Terms]:
    """The loss with this way of weighing the KL of each image and dimension."""

    def terms(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
        q = gaussian(model, x)
        recon = bernoulli_recon(model.decode_logits(q.sample(eps)), x).mean()
        return Terms(recon + charge(q.kl_per_dim()), recon, q.kl().mean())

    return terms


def scoring(recon: Callable[[Tensor, Tensor], Tensor]) -> Callable[[SmallVae, Tensor, Tensor, float], Terms]:
    """The ELBO with this reconstruction term, (B, D), (B, D) -> (B,)."""

    def terms(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
        q = gaussian(model, x)
        value, kl = recon(model.decode_logits(q.sample(eps)), x).mean(), q.kl().mean()
        return Terms(value + kl, value, kl)

    return terms


def plain(model: SmallVae, x: Tensor, eps: Tensor, share: float) -> Terms:
    """The ELBO."""
    return vae_terms(model, x, eps)


def drawn_spread(model: SmallVae, x: Tensor, sample: Sample) -> dict[str, float]:
    """The standard deviation of many draws of z over the one that the KL term uses; 1 where they agree."""
    q = gaussian(model, x[:IMAGES])
    eps = torch.randn(DRAWS, IMAGES, model.latents, generator=torch.Generator().manual_seed(0))
    drawn = torch.stack([sample(q, noise) for noise in eps]).std(dim=0)
    return {"check": float((drawn / q.sigma).log().mean().exp())}


def smallest_loss(
    model: SmallVae, x: Tensor, recon: Callable[[Tensor, Tensor], Tensor] = bernoulli_recon
) -> dict[str, float]:
    """The smallest reconstruction term of any test image: neither a cross-entropy nor a squared error is ever below 0."""
    return {"check": float(recon(model.decode_logits(gaussian(model, x).mu), x).min())}


def shown(output: Tensor) -> Tensor:
    """Pixels in [-1, 1] as they are looked at, in [0, 1]."""
    return (output + 1.0) / 2.0


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
    """Pixels in [-1, 1]: under binary cross-entropy, and under a Gaussian without a sigmoid."""
    wrong, right = pitfalls.pixels_wrong, pitfalls.pixels_right
    seen = pitfalls.normalized
    return (
        Lane("wrong", scoring(wrong), LATENTS, prepare=seen, measure=partial(smallest_loss, recon=wrong)),
        Lane(
            "right", scoring(right), LATENTS, prepare=seen, measure=partial(smallest_loss, recon=right), picture=shown
        ),
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
    """The same beta without free bits and with them."""
    return (
        Lane("wrong", charging(pitfalls.charge_wrong), LATENTS, measure=active),
        Lane("right", charging(pitfalls.charge_right), LATENTS, measure=active),
    )


LANES: dict[str, Callable[[], tuple[Lane, ...]]] = {
    "std": std_lanes,
    "pixels": pixel_lanes,
    "reduction": reduction_lanes,
    "report": report_lanes,
    "collapse": collapse_lanes,
}


def patient(name: str) -> tuple[Lane, ...]:
    """A training with one mistake, not named, and a healthy one beside it: what is diagnosed from its curves alone."""
    return replace(LANES[name]()[0], name="patient"), Lane("healthy", plain, LATENTS)
