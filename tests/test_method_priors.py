"""Priors, posteriors and codebooks of the family against torch.distributions, Jacobians and brute force."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from vaelab.analysis import inference
from vaelab.config.errors import ConfigError
from vaelab.config.settings import LossConfig
from vaelab.models import two_levels
from vaelab.models.codebook import Codebook, CodePrior, QuantisedPosterior
from vaelab.models.flows import STEPS, Flow, FlowPosterior
from vaelab.models.latent_model import LatentModel
from vaelab.models.mixtures import spread_over, used
from vaelab.models.model_config import ModelConfig
from vaelab.models.posteriors import GaussianPosterior
from vaelab.training.first_weights import new_model

LOSS = LossConfig()


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def model_of(name: str, latent_dim: int = 3, **settings: Any) -> LatentModel:
    return new_model(
        ModelConfig(name=name, channels=1, latent_dim=latent_dim, settings=tuple(settings.items())), 1
    ).requires_grad_(False)


def batch(n: int = 8) -> Tensor:
    return torch.sigmoid(2.0 * random(n, 1, 32, 32, seed=5))


# --- mixture priors --------------------------------------------------------------------------------------------------


def test_the_mixture_prior_is_torchs_mixture() -> None:
    model = model_of("mixture-vae", components=4)
    mu, logvar, logits = random(4, 3, seed=1), 0.5 * random(4, 3, seed=2), random(4, seed=3)
    for name, value in (("mu", mu), ("logvar", logvar), ("logits", logits)):
        model.get_parameter(f"prior.{name}").copy_(value)
    mixture = MixtureSameFamily(Categorical(logits=logits), Independent(Normal(mu, torch.exp(0.5 * logvar)), 1))
    z = random(5, 2, 3, seed=4)
    method = model.cfg.method
    torch.testing.assert_close(method.log_prior(model, z), mixture.log_prob(z))
    drawn = model.sample_z(20_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(dim=0), mixture.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.var(dim=0), mixture.variance, atol=0.1, rtol=0.05)


def test_the_kl_of_a_draw_is_on_average_that_of_q_from_the_mixture() -> None:
    """One component that is N(0, I) again: the plain VAE's KL, in closed form."""
    model, x = model_of("mixture-vae", components=2), batch(2)
    for name in ("mu", "logvar", "logits"):
        model.get_parameter(f"prior.{name}").zero_()
    q = model.encode(x)
    kl = [model.cfg.method.code_and_kl(model, q, random(2, 3, seed=k))[1] for k in range(3000)]
    torch.testing.assert_close(torch.stack(kl).mean(dim=0)[:, 0], q.kl(), atol=0.05, rtol=0.02)


def test_the_vamp_prior_is_the_mean_of_the_pseudo_inputs_posteriors() -> None:
    model, x = model_of("vamp-vae", pseudo_inputs=3), batch(9)
    model.cfg.method.begin(model, x, 9)
    shown = model.cfg.method.shown(model)["pseudo_inputs"]
    torch.testing.assert_close(shown, x[[0, 4, 8]].clamp(0.02, 0.98))
    q = model.encode(shown)
    assert q.logvar is not None
    z = random(4, 3)
    density = torch.stack([Normal(q.mean[k], torch.exp(0.5 * q.logvar[k])).log_prob(z).sum(dim=1) for k in range(3)])
    torch.testing.assert_close(model.cfg.method.log_prior(model, z), density.exp().mean(dim=0).log())


def test_components_in_use_and_the_rows_that_belong_to_them() -> None:
    even = torch.zeros(6, 4)
    assert float(used(even)) == pytest.approx(4.0)
    one = even.clone()
    one[:, 2] = 100.0
    assert float(used(one)) == pytest.approx(1.0)
    assert spread_over(torch.zeros(8, 1), torch.tensor([0.25, 0.5, 0.25])).tolist() == [0, 0, 1, 1, 1, 1, 2, 2]


# --- flows -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STEPS)
def test_the_density_of_a_flow_is_that_of_its_jacobian(kind: str) -> None:
    torch.manual_seed(0)
    flow = Flow(kind, 3, 4).double()
    context = random(1, 8, seed=1).double()
    for seed in range(5):
        z = random(1, 4, seed=seed).double()
        jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None], context)[0][0], z[0])
        sign, log_det = torch.linalg.slogdet(jacobian)
        assert float(sign) != 0
        with torch.no_grad():
            torch.testing.assert_close(flow(z, context)[1][0], log_det)


@pytest.mark.parametrize("kind", STEPS)
def test_the_last_place_on_the_way_is_where_the_flow_ends(kind: str) -> None:
    """Each place in the order of the end: a flow near the identity hardly moves a number, however often its steps turn the order round."""
    torch.manual_seed(0)
    for steps in (3, 4):
        flow, context, z = Flow(kind, steps, 5).requires_grad_(False), random(1, 10), random(1, 5, seed=3)
        flow.start_near_identity()
        way = flow.way(z, context)
        torch.testing.assert_close(way[-1], flow(z, context)[0])
        if kind == "coupling":
            assert (way[1:] - way[:-1]).abs().max() < 0.5


def test_an_autoregressive_step_sees_only_the_dimensions_before() -> None:
    torch.manual_seed(0)
    flow, context = Flow("iaf", 1, 5), random(1, 10)
    jacobian = torch.autograd.functional.jacobian(lambda v: flow(v[None], context)[0][0], random(5)).flip(0)
    assert torch.equal(jacobian.triu(1), torch.zeros(5, 5))
    assert (jacobian.diagonal() > 0).all()
    below = jacobian[torch.tril(torch.ones(5, 5), -1).bool()]
    assert (below != 0).all()


@pytest.mark.parametrize("kind", STEPS)
def test_a_bent_posterior_still_integrates_to_one(kind: str) -> None:
    """The mean of p(z) / q(z|x) over draws of q is 1 when p is inside q's reach: importance sampling of a known integral."""
    torch.manual_seed(1)
    flow = Flow(kind, 2, 2).requires_grad_(False)
    flow.start_near_identity()
    q = FlowPosterior(GaussianPosterior(torch.zeros(1, 2), torch.full((1, 2), 0.6)), flow, random(1, 4))
    z, log_q = q.draw(random(40_000, 1, 2, seed=2))
    centre, spread = z.mean(dim=0), 0.5 * z.std(dim=0)
    target = Normal(centre, spread).log_prob(z).sum(dim=-1)
    assert float(torch.exp(target - log_q).mean()) == pytest.approx(1.0, abs=0.03)
    torch.testing.assert_close(q.logvar, z.var(dim=0).log(), atol=0.5, rtol=0)
    torch.testing.assert_close(q.mean, flow(q.start.mu, q.context)[0])


def test_the_flows_bound_is_above_the_integral() -> None:
    model, x = model_of("flow-vae", latent_dim=2), batch(2)
    many = inference.nll(model, x, None, LOSS, 4000, generator=torch.Generator().manual_seed(0))
    axis = torch.linspace(-6, 6, 61)
    z = torch.cartesian_prod(axis, axis)
    logits = model.decode_logits(z)
    method = model.cfg.method
    joint = torch.stack(
        [method.log_prior(model, z) - method.recon(model, logits, image.expand(len(z), 1, 32, 32), LOSS) for image in x]
    ).double()
    exact = -(torch.logsumexp(joint, dim=1) + math.log(0.2**2))
    torch.testing.assert_close(many.double(), exact, atol=0.2, rtol=0)


# --- two levels ------------------------------------------------------------------------------------------------------


def two_level() -> two_levels.TwoLevelPosterior:
    torch.manual_seed(0)
    prior = two_levels.LowerPrior(2, 3).requires_grad_(False)
    return two_levels.TwoLevelPosterior(
        GaussianPosterior(random(4, 2), 0.3 * random(4, 2, seed=1)),
        GaussianPosterior(random(4, 3, seed=2), 0.3 * random(4, 3, seed=3)),
        prior,
    )


def normal(q: GaussianPosterior) -> Normal:
    return Normal(q.mu, torch.exp(0.5 * q.logvar))


def test_the_lower_level_is_the_product_of_what_image_and_upper_level_say() -> None:
    q = two_level()
    upper = random(4, 2, seed=7)
    lower, prior = q.lower(upper)
    at = random(4, 3, seed=8)
    product = normal(q.evidence).log_prob(at) + normal(prior).log_prob(at)
    difference = product - normal(lower).log_prob(at)
    elsewhere = at + 1.0
    again = (
        normal(q.evidence).log_prob(elsewhere) + normal(prior).log_prob(elsewhere) - normal(lower).log_prob(elsewhere)
    )
    torch.testing.assert_close(
        difference, again, atol=1e-4, rtol=1e-4
    )  # equal up to a factor that does not depend on z


def test_the_kl_of_both_levels_is_torchs() -> None:
    q = two_level()
    z, log_q = q.draw(random(4, 5, seed=9))
    lower, prior = q.lower(z[:, :2])
    standard = Normal(torch.zeros(4, 2), torch.ones(4, 2))
    expected = torch.cat([kl_divergence(normal(q.upper), standard), kl_divergence(normal(lower), normal(prior))], dim=1)
    torch.testing.assert_close(q.kl_at(z), expected, atol=1e-5, rtol=1e-4)
    density = normal(q.upper).log_prob(z[:, :2]).sum(dim=1) + normal(lower).log_prob(z[:, 2:]).sum(dim=1)
    torch.testing.assert_close(log_q, density, atol=1e-4, rtol=1e-4)
    joint = standard.log_prob(z[:, :2]).sum(dim=1) + normal(prior).log_prob(z[:, 2:]).sum(dim=1)
    torch.testing.assert_close(two_levels.log_prior(z, 2, q.prior), joint, atol=1e-4, rtol=1e-4)


def test_the_upper_level_must_leave_room_for_a_lower_one() -> None:
    with pytest.raises(ConfigError, match="must be below the latent size, 4, got 4"):
        ModelConfig(name="ladder-vae", latent_dim=4, settings=(("upper", 4),))


# --- codebooks -------------------------------------------------------------------------------------------------------


def quantised(requires_grad: bool = False) -> tuple[QuantisedPosterior, Tensor]:
    torch.manual_seed(0)
    book = Codebook(5, 2).requires_grad_(requires_grad)
    h = random(3, 8, seed=1).requires_grad_(requires_grad)
    return QuantisedPosterior(book.vectors(h), book), h


def test_every_place_takes_the_nearest_entry() -> None:
    q, h = quantised()
    for image, place in itertools.product(range(3), range(4)):
        vector = h[image].reshape(2, 4)[:, place]
        distances = [float((vector - entry).square().sum()) for entry in q.codebook.entries]
        assert int(q.codes[image, place]) == distances.index(min(distances))
        chosen = q.codebook.entries[q.codes[image, place]]
        torch.testing.assert_close(q.mean.reshape(3, 2, 4)[image, :, place], chosen)
    assert torch.equal(q.codebook.flat(q.codebook.vectors(h)), h)


def test_the_gradient_goes_straight_through() -> None:
    q, h = quantised(requires_grad=True)
    q.mean.square().sum().backward()  # type: ignore[no-untyped-call]
    assert h.grad is not None
    torch.testing.assert_close(h.grad, 2.0 * q.mean.detach())
    assert q.codebook.entries.grad is None


def test_the_loss_of_a_codebook_moves_entries_and_vectors_towards_each_other() -> None:
    model, x = model_of("vq-vae", codes=5, commitment=0.25).requires_grad_(True), batch(3)
    method = model.cfg.method
    method.begin(model.requires_grad_(False), x, 3)
    terms = method.terms(model, x, None, None, LOSS)
    q = model.encode(x)
    assert isinstance(q, QuantisedPosterior)
    by_hand = 1.25 * (q.vectors - q.entries).square().sum(dim=(1, 2))
    torch.testing.assert_close(terms["quantisation"], by_hand)
    share = torch.bincount(q.codes.flatten(), minlength=5) / q.codes.numel()
    assert float(terms["perplexity"][0]) == pytest.approx(float(Categorical(probs=share).entropy().exp()), rel=1e-4)
    expected = terms["recon"] + 2.0 * terms["kl_per_dim"][:, 0] + by_hand
    assert float(method.loss(model.cfg, terms, 2.0)) == pytest.approx(float(expected.mean()), rel=1e-6)


def test_the_prior_over_codes_adds_up_to_one_and_draws_what_it_says() -> None:
    torch.manual_seed(0)
    prior = CodePrior(3).requires_grad_(False)
    prior.logits.weight.mul_(3.0)
    grids = torch.tensor(list(itertools.product(range(3), repeat=3)))
    chances = torch.exp(-prior(grids))
    assert float(chances.sum()) == pytest.approx(1.0, abs=1e-5)
    drawn = prior.draw(torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)))
    index = (drawn * torch.tensor([9, 3, 1])).sum(dim=1)
    found = torch.bincount(index, minlength=27) / len(drawn)
    torch.testing.assert_close(found, chances, atol=0.015, rtol=0)


def test_a_code_that_nothing_uses_begins_anew() -> None:
    book = Codebook(4, 2).requires_grad_(False)
    vectors, codes = random(2, 3, 2), torch.zeros(2, 3, dtype=torch.int64)
    before = book.entries.clone()
    for _ in range(400):
        book.count(codes, vectors)
    assert torch.equal(book.entries[0], before[0])
    assert all(any(torch.equal(entry, vector) for vector in vectors.flatten(0, 1)) for entry in book.entries[1:])
    assert float(book.use[0]) > 0.5


def test_a_code_must_divide_into_entries() -> None:
    with pytest.raises(ConfigError, match="must divide the latent size, 6, got 4"):
        ModelConfig(name="vq-vae", network="conv", latent_dim=6, settings=(("code_size", 4),))
