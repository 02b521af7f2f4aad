"""The terms of each method against closed forms, torch.distributions or brute force."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from vaelab.config.settings import LossConfig
from vaelab.models.aggregate import kernel, kl_split, mmd
from vaelab.models.latent_model import LatentModel
from vaelab.models.losses import bernoulli_recon, gaussian_recon, kl_per_dim
from vaelab.models.model_config import ModelConfig
from vaelab.training.first_weights import new_model

LOSS = LossConfig()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def model_of(name: str, latent_dim: int = 3, **settings: Any) -> LatentModel:
    """Grey, with first weights strong enough that every image has a code of its own."""
    model = new_model(ModelConfig(name=name, channels=1, latent_dim=latent_dim, settings=tuple(settings.items())), 1)
    with torch.no_grad():
        for weight in model.head.parameters():
            weight.mul_(6.0)
    return model.requires_grad_(False)


def batch(n: int = 8) -> Tensor:
    return torch.sigmoid(2.0 * random(n, 1, 32, 32, seed=5))


def terms_of(model: LatentModel, x: Tensor, eps: Tensor | None) -> dict[str, Tensor]:
    return model.cfg.method.terms(model, x, None, eps, LOSS)


def loss_of(model: LatentModel, terms: dict[str, Tensor], beta: float) -> float:
    return model.cfg.method.loss(model.cfg, terms, beta).item()


# --- free bits -------------------------------------------------------------------------------------------------------


def test_free_bits_charge_every_dimension_at_least_the_allowance() -> None:
    model, x = model_of("vae-free-bits", free_nats=0.4), batch()
    terms = {name: term.detach() for name, term in terms_of(model, x, random(8, 3)).items()}
    by_hand = [max(0.4, float(column.mean())) for column in terms["kl_per_dim"].T]
    assert float(terms["charged"][0]) == pytest.approx(sum(by_hand), rel=1e-6)
    assert int(terms["within"][0]) == by_hand.count(0.4)
    assert len(set(by_hand)) > 1
    assert loss_of(model, terms, 2.0) == pytest.approx(float(terms["recon"].mean()) + 2.0 * sum(by_hand), rel=1e-6)


def test_below_the_allowance_the_kl_has_no_gradient_and_without_one_it_is_the_vae() -> None:
    x, eps = batch(), random(8, 3)
    model = model_of("vae-free-bits", free_nats=20.0).requires_grad_(True)
    charged = terms_of(model, x, eps)["charged"].mean()
    assert not charged.requires_grad or all(
        not grad.any() for grad in torch.autograd.grad(charged, list(model.head.parameters()))
    )
    free = model_of("vae-free-bits", free_nats=0.0)
    terms = terms_of(free, x, eps)
    assert loss_of(free, terms, 1.0) == pytest.approx(
        float((terms["recon"] + terms["kl_per_dim"].sum(dim=1)).mean()), rel=1e-6
    )


# --- the optimal sigma -----------------------------------------------------------------------------------------------


def test_the_optimal_sigma_makes_the_gaussian_term_its_closed_form() -> None:
    model, x, eps = model_of("sigma-vae"), batch(), random(8, 3)
    terms = terms_of(model, x, eps)
    x_hat = model.decode(model.encode(x).sample(eps))
    square = float((x - x_hat).square().mean())
    pixels = x[0].numel()
    assert float(terms["sigma"][0]) == pytest.approx(math.sqrt(square), rel=1e-5)
    closed = 0.5 * pixels * (math.log(2.0 * math.pi * square) + 1.0)
    assert float(terms["recon"].mean()) == pytest.approx(closed, rel=1e-5)
    logits = model.decode_logits(model.encode(x).sample(eps))
    for factor in (0.9, 1.1):  # no other sigma does better
        other = gaussian_recon(logits, x, factor * math.sqrt(square)).mean()
        assert float(other) > closed


def test_the_gradient_is_that_of_the_logarithm_of_the_error() -> None:
    model, x, eps = model_of("sigma-vae").requires_grad_(True), batch(), random(8, 3)
    weight = model.decoder[-2].weight
    ours = torch.autograd.grad(terms_of(model, x, eps)["recon"].mean(), weight)[0]
    error = (x - model.decode(model.encode(x).sample(eps))).square().mean()
    closed = torch.autograd.grad(0.5 * x[0].numel() * torch.log(error), weight)[0]
    torch.testing.assert_close(ours, closed, rtol=1e-4, atol=1e-5)


def test_measured_images_are_scored_by_the_sigma_of_the_training() -> None:
    model, x, eps = model_of("sigma-vae"), batch(), random(8, 3)
    method = model.cfg.method
    model.get_buffer("pixel.sigma").fill_(0.2)
    with torch.no_grad():
        terms = terms_of(model, x, eps)
        expected = gaussian_recon(model.decode_logits(model.encode(x).sample(eps)), x, 0.2)
    torch.testing.assert_close(terms["recon"], expected, rtol=1e-5, atol=1e-3)
    scored = method.scored(model, LOSS)
    assert (scored.likelihood, scored.sigma) == ("gaussian", pytest.approx(0.2))
    method.after_step(model, {"sigma": torch.full((8,), 0.1)})
    assert float(model.get_buffer("pixel.sigma")) == pytest.approx(math.sqrt(0.9 * 0.04 + 0.1 * 0.01), rel=1e-6)


# --- beta-TCVAE ------------------------------------------------------------------------------------------------------


def test_the_three_parts_add_up_to_the_kl_of_the_draw_and_on_average_to_the_kl() -> None:
    mu, logvar = random(6, 2), 0.3 * random(6, 2, seed=1)
    expected = kl_per_dim(mu, logvar).sum()
    total = torch.zeros(())
    draws = 4000
    for seed in range(draws):
        z = mu + torch.exp(0.5 * logvar) * random(6, 2, seed=seed)
        parts = kl_split(z, mu, logvar, torch.tensor(50.0))
        total += sum(parts).sum()  # type: ignore[union-attr]
    assert float(total) / draws == pytest.approx(float(expected), rel=0.02)


def test_the_parts_are_those_of_torchs_densities_when_the_batch_is_the_whole_set() -> None:
    mu, logvar = random(5, 2).double(), 0.3 * random(5, 2, seed=1).double()
    z = mu + torch.exp(0.5 * logvar) * random(5, 2, seed=2)
    sigma = torch.exp(0.5 * logvar)
    each = torch.stack([Normal(mu[j], sigma[j]).log_prob(z).exp() for j in range(5)])  # (j, i, Z)
    q, product = each.prod(dim=2).mean(dim=0), each.mean(dim=0).prod(dim=1)
    given = Normal(mu, sigma).log_prob(z).sum(dim=1)
    prior = Normal(0.0, 1.0).log_prob(z).sum(dim=1)
    expected = (given - q.log(), q.log() - product.log(), product.log() - prior)
    for found, wanted in zip(kl_split(z, mu, logvar, torch.tensor(5.0)), expected, strict=True):
        torch.testing.assert_close(found, wanted)


def test_the_estimate_of_q_is_right_on_average_over_batches() -> None:
    """All batches of 3 of 6 images: the mean of the estimated densities is the density under all six."""
    mu, logvar = random(6, 2).double(), torch.zeros(6, 2).double()
    z = mu + random(6, 2, seed=3)
    image = 0
    estimates = []
    for others in itertools.combinations(range(1, 6), 2):
        rows = [image, *others]
        information, _, _ = kl_split(z[rows], mu[rows], logvar[rows], torch.tensor(6.0))
        given = Normal(mu[image], 1.0).log_prob(z[image]).sum()
        estimates.append(torch.exp(given - information[0]))
    exact = torch.stack([Normal(mu[j], 1.0).log_prob(z[image]).sum().exp() for j in range(6)]).mean()
    torch.testing.assert_close(torch.stack(estimates).mean(), exact)


def test_correlated_codes_have_a_total_correlation_and_far_codes_stay_finite() -> None:
    line = torch.linspace(-2, 2, 200)[:, None].expand(200, 2).contiguous()
    logvar = torch.full((200, 2), -4.0)
    z = line + torch.exp(0.5 * logvar) * random(200, 2)
    _, tied, _ = kl_split(z, line, logvar, torch.tensor(200.0))
    _, free, _ = kl_split(
        torch.stack([z[:, 0], z[torch.randperm(200, generator=torch.Generator().manual_seed(0)), 1]], dim=1),
        torch.stack([line[:, 0], line[torch.randperm(200, generator=torch.Generator().manual_seed(0)), 1]], dim=1),
        logvar,
        torch.tensor(200.0),
    )
    assert float(tied.mean()) > 1.0
    assert float(tied.mean()) > float(free.mean())
    far = 1e3 * random(4, 3)
    assert all(part.isfinite().all() for part in kl_split(far, far, torch.full((4, 3), -9.0), torch.tensor(4.0)))


def test_with_weights_one_the_loss_is_recon_and_the_kl_of_the_draw() -> None:
    model, x, eps = model_of("beta-tcvae", tc=1.0), batch(), random(8, 3)
    model.cfg.method.begin(model, x, 100)
    terms = terms_of(model, x, eps)
    q = model.encode(x)
    assert q.logvar is not None
    z = q.sample(eps)
    density = Normal(q.mean, torch.exp(0.5 * q.logvar)).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    expected = (terms["recon"] + density.sum(dim=1)).mean()
    assert loss_of(model, terms, 1.0) == pytest.approx(float(expected), rel=1e-5)


# --- InfoVAE ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gaussian", "multiquadric"])
def test_the_mmd_is_the_mean_over_pairs(kind: str) -> None:
    a, b = random(5, 3).double(), random(4, 3, seed=1).double() + 0.5

    def k(x: Tensor, y: Tensor) -> float:
        square = float((x - y).square().sum())
        return math.exp(-square / 12.0) if kind == "gaussian" else 12.0 / (12.0 + square)

    def pairs(x: Tensor) -> float:
        return sum(k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j) / (len(x) * (len(x) - 1))

    across = sum(k(x, y) for x in a for y in b) / (len(a) * len(b))
    assert float(mmd(a, b, kind, 2.0)) == pytest.approx(pairs(a) + pairs(b) - 2.0 * across, rel=1e-9)
    assert kernel(a, a, kind, 2.0).diagonal().tolist() == [1.0] * 5


def test_the_mmd_is_zero_on_average_between_equal_and_above_between_different_distributions() -> None:
    alike = [float(mmd(random(32, 2, seed=2 * k), random(32, 2, seed=2 * k + 1), "gaussian", 1.0)) for k in range(200)]
    assert abs(sum(alike)) / len(alike) < 0.002
    assert min(alike) < 0
    apart = [
        float(mmd(random(32, 2, seed=2 * k) + 1.0, random(32, 2, seed=2 * k + 1), "gaussian", 1.0)) for k in range(20)
    ]
    assert min(apart) > 0.05


def test_alpha_one_leaves_recon_and_lambda_times_the_mmd() -> None:
    model, x, eps = model_of("info-vae", alpha=1.0, mmd_weight=30.0), batch(), random(8, 2, 3)
    terms = terms_of(model, x, eps)
    distance = mmd(model.encode(x).sample(eps[:, 0]), eps[:, 1], "multiquadric", 1.0)
    expected = float(terms["recon"].mean()) + 30.0 * float(distance)
    assert loss_of(model, terms, 7.0) == pytest.approx(expected, rel=1e-6)


# --- denoising -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["gaussian", "holes", "salt-and-pepper"])
def test_damage_is_what_it_is_called(damage: str) -> None:
    model = model_of("denoising-autoencoder", damage=damage, amount=0.25)
    x = torch.full((40, 1, 32, 32), 0.5)
    spoilt = model.cfg.method.damaged(model.cfg, x, random(40, 1, 32, 32))  # type: ignore[attr-defined]
    if damage == "gaussian":
        assert float(spoilt.std()) == pytest.approx(0.25, rel=0.05)
        assert float(spoilt.min()) >= 0.0
        assert float(spoilt.max()) <= 1.0
    else:
        assert float((spoilt != x).float().mean()) == pytest.approx(0.25, abs=0.01)
        black, white = float((spoilt == 0).float().mean()), float((spoilt == 1).float().mean())
        assert black == pytest.approx(0.25 if damage == "holes" else 0.125, abs=0.01)
        assert white == pytest.approx(0.0 if damage == "holes" else 0.125, abs=0.01)


def test_a_denoiser_is_scored_on_the_whole_image_from_the_damaged_one() -> None:
    model, x, noise = model_of("denoising-autoencoder", amount=0.4), batch(), random(8, 1, 32, 32)
    terms = terms_of(model, x, noise)
    spoilt = (x + 0.4 * noise).clamp(0, 1)
    torch.testing.assert_close(terms["recon"], bernoulli_recon(model.decode_logits(model.encode(spoilt).mean), x))
    torch.testing.assert_close(terms["whole"], bernoulli_recon(model.decode_logits(model.encode(x).mean), x))
    assert not terms_of(model.requires_grad_(True), x, noise)["whole"].requires_grad
    none = model_of("denoising-autoencoder", amount=0.0)
    same = terms_of(none, x, noise)
    torch.testing.assert_close(same["recon"], same["whole"])


# --- IWAE ------------------------------------------------------------------------------------------------------------


def test_the_bound_is_the_logarithm_of_the_mean_weight() -> None:
    model, x, eps = model_of("iwae", draws=4), batch(3), random(3, 4, 3)
    terms = terms_of(model, x, eps)
    for image in range(3):
        q = model.encode(x[image : image + 1])
        assert q.logvar is not None
        prior = MultivariateNormal(torch.zeros(3), torch.eye(3))
        posterior = MultivariateNormal(q.mean[0], torch.diag_embed(q.logvar[0].exp()))
        logs = []
        for draw in range(4):
            z = q.sample(eps[image, draw][None])
            recon = bernoulli_recon(model.decode_logits(z), x[image : image + 1])
            logs.append(float(prior.log_prob(z[0]) - recon[0] - posterior.log_prob(z[0])))
        top = max(logs)
        weights = [math.exp(value - top) for value in logs]
        assert float(terms["bound"][image]) == pytest.approx(-(top + math.log(sum(weights) / 4)), rel=1e-5)
        effective = sum(weights) ** 2 / sum(weight**2 for weight in weights)
        assert float(terms["effective"][image]) == pytest.approx(effective, rel=1e-2)
    assert (terms["bound"] <= terms["bound_one"] + 1e-4).all()
    with torch.no_grad():  # a measurement decodes draw after draw
        again = terms_of(model, x, eps)
    torch.testing.assert_close(again["bound"], terms["bound"].detach())


def test_one_draw_is_the_elbo() -> None:
    model, x, eps = model_of("iwae", draws=1), batch(3), random(3, 1, 3)
    terms = terms_of(model, x, eps)
    torch.testing.assert_close(terms["bound"], terms["bound_one"])
    assert terms["effective"].tolist() == [1.0] * 3
