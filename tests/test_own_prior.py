"""Each model's own prior beside its codes, against priors whose answer is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from vaelab.analysis import posterior
from vaelab.analysis.latents import Codes
from vaelab.analysis.own_prior import DRAWN, own_prior
from vaelab.models.latent_model import LatentModel, build
from vaelab.runs.plan import plan
from vaelab.ui.charts import prior as charts

GRID = np.linspace(-8.0, 8.0, 1_601)
PLACES = ((-3.0, 0.5, 0.25), (3.0, 1.0, 0.75))  # of the first number of z: mu, sigma, weight


def made(name: str, **settings: Any) -> LatentModel:
    torch.manual_seed(0)
    return build(plan("digits", model=name, latent_dim=4, settings=settings).model).eval().requires_grad_(False)


def codes(mu: np.ndarray, sigma: float | None = 0.3) -> Codes:
    logvar = None if sigma is None else np.full(mu.shape, 2.0 * math.log(sigma), np.float32)
    return Codes(mu.astype(np.float32), logvar, np.zeros((len(mu), 1, 2, 2), np.uint8), "decoded")


def scattered(dims: int = 4) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(200, dims))


def two_modes() -> LatentModel:
    model = made("mixture-vae", components=2)
    state = model.state_dict()
    for k, (mu, sigma, weight) in enumerate(PLACES):
        state["prior.mu"][k] = torch.tensor([mu, 0.0, 0.0, 0.0])
        state["prior.logvar"][k] = 2.0 * math.log(sigma)
        state["prior.logits"][k] = math.log(weight)
    return model


def normal(z: np.ndarray, mu: float, sigma: float) -> np.ndarray:
    return np.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * math.sqrt(2.0 * math.pi))


def test_a_mixture_set_by_hand_is_the_prior_that_is_drawn() -> None:
    found = own_prior(two_modes(), codes(scattered()))
    expected = sum(weight * normal(GRID, mu, sigma) for mu, sigma, weight in PLACES)
    assert (found.kind, found.by_draws) == ("mixture", False)
    np.testing.assert_allclose(found.along((0,)).density(GRID[:, None]), expected, atol=1e-6)
    z = np.array([[3.0, 0.0], [0.0, 1.0]])
    plane = sum(w * normal(z[:, 0], mu, sigma) * normal(z[:, 1], 0.0, sigma) for mu, sigma, w in PLACES)
    np.testing.assert_allclose(found.along((0, 1)).density(z), plane, atol=1e-6)


def test_codes_on_one_of_two_modes_leave_the_other_a_hole() -> None:
    """All posteriors are the heavy mode itself: three quarters of the mass are in common, a quarter of the draws falls into a hole."""
    prior = own_prior(two_modes(), codes(scattered()))
    mu, sigma = np.tile([3.0, 0.0], (20, 1)), np.ones((20, 2))
    q = posterior.marginal(mu[:, 0], sigma[:, 0], GRID)
    assert posterior.overlap(q, GRID, prior.along((0,)).density(GRID[:, None])) == pytest.approx(0.75, abs=0.01)
    assert posterior.holes(mu, sigma, prior.along((0, 1))) == pytest.approx(0.25, abs=0.03)
    assert posterior.overlap(q, GRID) < 0.2  # as N(0, 1) would have it


def test_a_vampprior_is_the_mixture_of_the_posteriors_of_its_pseudo_inputs() -> None:
    model = made("vamp-vae", pseudo_inputs=5)
    generator = torch.Generator().manual_seed(2)
    logits = model.state_dict()["prior.logits"]
    logits.copy_(torch.randn(logits.shape, generator=generator))
    found = own_prior(model, codes(scattered()))
    q = model.encode(torch.sigmoid(logits))
    assert found.kind == "inputs"
    np.testing.assert_allclose(found.parts.mu, q.mean, atol=1e-6)
    np.testing.assert_allclose(found.parts.sigma, torch.exp(0.5 * q.logvar), rtol=1e-5)
    np.testing.assert_allclose(found.parts.weights, np.full(5, 0.2), rtol=1e-6)


@pytest.mark.parametrize("name", ["conv-vae", "flow-vae", "info-vae"])
def test_a_model_with_the_usual_prior_stands_over_it(name: str) -> None:
    found = own_prior(made(name), codes(scattered()))
    assert found.kind == "normal"
    np.testing.assert_allclose(found.along((2,)).density(GRID[:, None]), posterior.normal(GRID), atol=1e-12)


def test_an_autoencoder_stands_over_the_gaussian_that_it_draws_from() -> None:
    model = made("autoencoder")
    model.code_mean[0], model.code_std[:2] = 4.0, torch.tensor([2.0, 0.0])
    found = own_prior(model, codes(scattered(model.cfg.latent_dim), None))
    assert found.kind == "codes"
    np.testing.assert_allclose(found.along((0,)).density(GRID[:, None]), normal(GRID, 4.0, 2.0), atol=1e-6)
    assert np.isfinite(found.along((1,)).density(GRID[:, None])).all()  # a number that never moves


def test_the_lower_level_is_shown_over_all_upper_ones() -> None:
    """The first lower number is twice the upper one, give or take 0.1: N(0, 4.01) over all upper levels, and a line in the plane."""
    model = made("ladder-vae", upper=1)
    state = model.state_dict()
    for name in ("0.weight", "0.bias", "2.weight", "2.bias"):
        state[f"prior.layers.{name}"].zero_()
    state["prior.layers.0.weight"][:2, 0] = torch.tensor([1.0, -1.0])  # relu(u) and relu(-u)
    state["prior.layers.2.weight"][0, :2] = torch.tensor([2.0, -2.0])
    state["prior.layers.2.bias"][3] = 2.0 * math.log(0.1)
    found = own_prior(model, codes(scattered()))
    assert (found.kind, found.by_draws, len(found.parts.mu)) == ("levels", True, DRAWN)
    for k, spread in ((0, 1.0), (1, math.sqrt(4.01)), (2, 1.0)):
        density = found.along((k,)).density(GRID[:, None])
        assert posterior.overlap(density, GRID, normal(GRID, 0.0, spread)) > 0.95, k
    plane = found.along((0, 1)).mu
    np.testing.assert_allclose((plane[:, 1] - 2.0 * plane[:, 0]).std(), 0.1, rtol=0.1)


def test_grids_of_codes_are_drawn_from_their_own_prior_and_smoothed_as_the_codes_are() -> None:
    """The prior draws the second entry alone, at every place of each grid."""
    model = made("vq-vae", codes=3)
    state = model.state_dict()
    state["code_prior.logits.weight"].zero_()
    state["code_prior.logits.bias"].copy_(torch.tensor([-99.0, 99.0, -99.0]))
    known = codes(scattered(model.cfg.latent_dim), None)
    found = own_prior(model, known)
    assert (found.kind, found.by_draws) == ("grid", True)
    entry = state["codebook.entries"][1].double().numpy()
    np.testing.assert_allclose(found.parts.mu, np.tile(np.repeat(entry, model.cfg.latent_dim // 8), (DRAWN, 1)))
    np.testing.assert_allclose(found.along((1,)).sigma[:200], posterior.spread(known.mu, None)[:, [1]])
    np.testing.assert_allclose(found.along((1, 2)).sigma[:200], posterior.spread(known.mu, None, 2)[:, [1, 2]])


def test_a_mixture_is_outlined_mode_by_mode_and_fainter_with_less_weight() -> None:
    plane = own_prior(two_modes(), codes(scattered())).along((0, 1))
    words = {"prior": "mixture prior", "posterior": "posterior"}
    figure = charts.pair(np.zeros((2, 2)), np.ones((2, 2)), None, (), (0, 1), "light", words, prior=plane)
    rings = figure.spec["layer"][0]["data"]["values"]
    for k, (mu, sigma, weight) in enumerate(PLACES):
        part = [row for row in rings if row["image"] == k]
        radius = [math.hypot(row["x"] - mu, row["y"]) for row in part]
        np.testing.assert_allclose(radius, sigma, atol=1e-3)
        np.testing.assert_allclose([row["weight"] for row in part], math.sqrt(weight / 0.75), atol=1e-3)
    across = figure.spec["layer"][1]["encoding"]["x"]["scale"]
    ends = [across[end]["expr"].removesuffix(" * max(1, width / height)") for end in ("domainMin", "domainMax")]
    assert ends == [
        "0.25 - 3.9375",
        "0.25 + 3.9375",
    ]  # from the light mode's left end, -3.5, to the heavy one's right end, 4


def test_marginals_stand_over_the_priors_that_are_given() -> None:
    grid = np.linspace(-6.0, 10.0, 81)
    priors = {0: normal(grid, 3.0, 1.0)}
    texts = {"dim": "dimension", "value": "value", "density": "density"}
    figure = charts.marginals({0: normal(grid, 2.0, 1.0)}, {0: 0.6}, [0], grid, "dark", texts, priors=priors)
    np.testing.assert_allclose(figure.rows["prior"] - figure.rows["base"], priors[0][:: charts.DRAWN], atol=1e-5)
    ticks = [row["title"] for row in figure.spec["layer"][4]["data"]["values"]]
    assert ticks == ["0", "5"]
    assert figure.spec["layer"][3]["data"]["values"][0]["x"] == 8.0  # the middle of the panel, which begins at 0
