"""Lesson 8: both gradient estimators against the exact gradient, and where torch says that the gradient stops."""

import numpy as np
import pytest
import torch

from vaelab.lessons.gradient_path import follow_gradient
from vaelab.lessons.gradients import COSTS, averaged, reparameterized_gradients, score_function_gradients

POINTS = [(0.7, 0.5), (-1.2, 1.3)]
SMOOTH = ["square", "wave", "far"]
DRAWS = 400_000


SLOPES = {
    "square": lambda z: 2 * z,
    "wave": lambda z: 2 * np.cos(2 * z),
    "far": lambda z: 2 * z,
    "step": np.zeros_like,
}


def value(cost, z):
    return cost.value(torch.from_numpy(z)).numpy()


@pytest.mark.parametrize("name", list(COSTS))
def test_the_reparameterized_estimate_is_the_slope_and_the_slope_times_eps(name):
    eps = np.linspace(-3, 3, 41)
    by_mu, by_sigma = reparameterized_gradients(COSTS[name], 0.4, 0.9, eps)
    np.testing.assert_allclose(by_mu, SLOPES[name](0.4 + 0.9 * eps), atol=1e-12)
    np.testing.assert_allclose(by_sigma, by_mu * eps, atol=1e-12)


def expectation(cost, mu, sigma):
    """E[f(mu + sigma * eps)] by a sum over a fine grid."""
    grid = np.linspace(-9, 9, 200_001)
    weights = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi) * (grid[1] - grid[0])
    return float((value(cost, mu + sigma * grid) * weights).sum())


@pytest.mark.parametrize(("mu", "sigma"), POINTS)
@pytest.mark.parametrize("name", list(COSTS))
def test_the_exact_gradients_are_those_of_the_expectation(name, mu, sigma):
    cost, h = COSTS[name], 1e-4
    if name == "step":  # a sum over a grid has no derivative at a jump; its mean is the normal distribution function
        at = torch.tensor([mu, sigma], dtype=torch.float64, requires_grad=True)
        torch.special.ndtr(at[0] / at[1]).backward()
        known = tuple(at.grad.tolist())
    else:
        by_mu = expectation(cost, mu + h, sigma) - expectation(cost, mu - h, sigma)
        by_sigma = expectation(cost, mu, sigma + h) - expectation(cost, mu, sigma - h)
        known = by_mu / (2 * h), by_sigma / (2 * h)
    assert cost.exact(mu, sigma) == pytest.approx(known, rel=1e-5, abs=1e-6)
    assert cost.mean(mu, sigma) == pytest.approx(expectation(cost, mu, sigma), abs=1e-4)


@pytest.mark.parametrize(("mu", "sigma"), POINTS)
@pytest.mark.parametrize("name", SMOOTH)
def test_both_estimators_are_unbiased(name, mu, sigma):
    cost = COSTS[name]
    eps = np.random.default_rng(0).standard_normal(DRAWS)
    for found in (
        reparameterized_gradients(cost, mu, sigma, eps),
        score_function_gradients(cost, mu, sigma, mu + sigma * eps),
    ):
        for estimates, exact in zip(found, cost.exact(mu, sigma), strict=True):
            error = estimates.std(ddof=1) / np.sqrt(DRAWS)
            assert abs(estimates.mean() - exact) < 4 * error + 1e-12


def test_a_jump_needs_the_score_function():
    mu, sigma = 0.3, 0.8
    cost = COSTS["step"]
    eps = np.random.default_rng(0).standard_normal(DRAWS)
    exact = cost.exact(mu, sigma)[0]
    assert not reparameterized_gradients(cost, mu, sigma, eps)[0].any()
    estimates = score_function_gradients(cost, mu, sigma, mu + sigma * eps)[0]
    assert abs(estimates.mean() - exact) < 4 * estimates.std(ddof=1) / np.sqrt(DRAWS)
    assert exact > 0.3


def test_variances_of_the_square():
    """Known by hand: Var[2 z] = 4 sigma^2, and for mu = 0 Var[z^3 / sigma^2] = 15 sigma^2."""
    sigma = 0.8
    eps = np.random.default_rng(1).standard_normal(DRAWS)
    cost = COSTS["square"]
    assert reparameterized_gradients(cost, 0.0, sigma, eps)[0].var() == pytest.approx(4 * sigma**2, rel=0.02)
    assert score_function_gradients(cost, 0.0, sigma, sigma * eps)[0].var() == pytest.approx(15 * sigma**2, rel=0.05)
    far = score_function_gradients(COSTS["far"], 0.0, sigma, sigma * eps)[0].var()
    assert far > 5 * score_function_gradients(cost, 0.0, sigma, sigma * eps)[0].var()


def test_averages_have_their_variance_divided():
    values = np.random.default_rng(2).standard_normal(200_000)
    assert averaged(values, 50).shape == (4_000,)
    assert averaged(values, 50).var() == pytest.approx(1 / 50, rel=0.1)
    np.testing.assert_allclose(averaged(np.arange(7.0), 3), [1.0, 4.0])


@pytest.mark.parametrize("name", list(COSTS))
def test_torch_agrees_with_the_reparameterized_estimate(name):
    eps = torch.tensor(0.6)
    path = follow_gradient(COSTS[name], 0.4, 0.9, eps, "with")
    by_mu, by_sigma = reparameterized_gradients(COSTS[name], 0.4, 0.9, np.array([0.6]))
    assert path.z_knows
    assert path.loss_knows
    assert path.z == pytest.approx(0.4 + 0.9 * 0.6)
    assert path.loss == pytest.approx(value(COSTS[name], np.array([path.z]))[0], rel=1e-5)
    assert (path.mu_grad, path.sigma_grad) == pytest.approx((by_mu[0], by_sigma[0]), rel=1e-5)


def test_a_plain_draw_stops_the_gradient():
    path = follow_gradient(COSTS["square"], 0.4, 0.9, torch.tensor(0.6), "without")
    assert not path.z_knows
    assert not path.loss_knows
    assert path.mu_grad is None
    assert path.sigma_grad is None


def test_torch_normal_knows_its_parents_and_gives_them_nought():
    """What the lesson shows beside Normal.sample: requires_grad alone does not tell that a gradient is of use."""
    path = follow_gradient(COSTS["square"], 0.4, 0.9, torch.tensor(0.6), "normal")
    assert path.z_knows
    assert path.loss_knows
    assert (path.mu_grad, path.sigma_grad) == (0.0, 0.0)
    assert not path.flows
    assert follow_gradient(COSTS["square"], 0.4, 0.9, torch.tensor(0.6), "with").flows


def ratio(name, mu, sigma, baseline=0.0):
    """Variance of the score-function estimate of d/dmu over that of the reparameterized one."""
    eps = np.random.default_rng(3).standard_normal(DRAWS)
    score = score_function_gradients(COSTS[name], mu, sigma, mu + sigma * eps, baseline)[0]
    return score.var() / reparameterized_gradients(COSTS[name], mu, sigma, eps)[0].var()


def test_a_fast_bounded_f_favours_the_score_function():
    """The figures of the lesson's sentence about sin 2z, and that it is no more true of the square."""
    assert ratio("wave", 0.8, 0.6) == pytest.approx(0.54, abs=0.03)
    assert ratio("wave", 0.8, 1.5) == pytest.approx(0.11, abs=0.02)
    assert ratio("square", 0.8, 0.6) > 2.0


@pytest.mark.parametrize("name", [*SMOOTH, "step"])
def test_a_baseline_moves_no_mean_and_undoes_a_constant(name):
    mu, sigma, cost = 0.7, 0.5, COSTS[name]
    eps = np.random.default_rng(4).standard_normal(DRAWS)
    plain, less = (
        score_function_gradients(cost, mu, sigma, mu + sigma * eps, b)[0] for b in (0.0, cost.mean(mu, sigma))
    )
    assert abs(less.mean() - cost.exact(mu, sigma)[0]) < 4 * less.std(ddof=1) / np.sqrt(DRAWS)
    if name == "far":
        assert less.var() < plain.var() / 20
        square = COSTS["square"]
        same = score_function_gradients(square, mu, sigma, mu + sigma * eps, square.mean(mu, sigma))[0]
        np.testing.assert_allclose(less, same, atol=1e-9)
