"""Lesson 1's game: the density of the bumps against SciPy's, its mass, and how long it can be held at most."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from vaelab.lessons.kernels import density, elsewhere, longest
from vaelab.ui.components.budget import budget_view as game


def test_the_density_is_a_mixture_of_equal_gaussians_with_mass_1():
    points = np.random.default_rng(0).normal(size=(7, 2))
    at = np.random.default_rng(1).normal(size=(5, 2))
    wanted = np.mean([multivariate_normal(point, 0.36).pdf(at) for point in points], axis=0)
    np.testing.assert_allclose(density(points, at, 0.6), wanted, rtol=1e-12)
    axis = np.linspace(-8, 8, 161)
    cells = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    assert density(points, cells, 0.6).sum() * 0.1**2 == pytest.approx(1.0, abs=1e-6)


def test_the_most_that_can_be_borne_is_exact():
    probe, line, most = np.array(game.PROBE), game.line(), longest(game.MINE, game.line(), game.WIDTH)
    mine, far = np.repeat(probe[None], game.MINE, axis=0), np.full((1, 2), 1e3)
    held = [
        float(density(np.concatenate([mine, np.repeat(far, k, axis=0)]), probe[None], game.WIDTH)[0])
        for k in (most, most + 1)
    ]
    assert held[0] >= line > held[1]
    assert 15 <= most <= game.OTHERS - 2, "a game that ends, but not at once"


def test_the_computer_stays_away_and_its_bumps_do_not_help():
    probe = np.array(game.PROBE)
    others = elsewhere(game.OTHERS, probe, game.REACH, game.AWAY, seed=5)
    assert others.shape == (game.OTHERS, 2)
    assert np.hypot(*(others - probe).T).min() >= game.AWAY
    assert np.abs(others).max() <= game.REACH
    assert density(others, probe[None], game.WIDTH)[0] < 0.02 * game.line()
