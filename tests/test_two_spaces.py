"""Lesson 5's one point in two spaces: the codes of the disc, how strange they are, and what the shipped models make of them."""

from __future__ import annotations

import numpy as np
import pytest

from vaelab.lessons.two_spaces import SIDE, codes_at, disc, nearest, strangeness, usual
from vaelab.runs import store
from vaelab.ui.learn.vae import MODEL, OTHER, TURNS


def codes(name: str) -> np.ndarray:
    with np.load(store.find(name).path / "latents.npz", allow_pickle=False) as stored:
        return stored["mu"].astype(np.float64)


def test_the_middle_is_the_face_and_the_edge_a_draw():
    known = np.random.default_rng(1).normal(2.0, 3.0, (50, 4))
    it = disc(known, 7, variational=False, seed=3)
    across = np.random.default_rng(3).standard_normal((2, 4))[0]
    drawn = np.clip(known.mean(0) + known.std(0) * across, known.min(0), known.max(0))
    got = codes_at(it, np.array([0.0, 1.0, 0.5, 3.0]), np.zeros(4))
    np.testing.assert_allclose(got, [known[7], drawn, (known[7] + drawn) / 2, drawn])


def test_every_direction_of_a_vae_s_edge_is_as_wide_as_the_prior():
    known = np.zeros((3, 4_000))
    it = disc(known, 0, variational=True, seed=0)
    for turn in np.linspace(0.0, 6.0, 7):
        z = codes_at(it, np.array([np.cos(turn)]), np.array([np.sin(turn)]))[0]
        assert z.mean() == pytest.approx(0.0, abs=0.06)
        assert z.std() == pytest.approx(1.0, abs=0.05)


def test_the_nearest_code_is_found_as_by_brute_force():
    draw = np.random.default_rng(0)
    known, asked = draw.normal(size=(40, 5)) * [1.0, 2.0, 3.0, 0.0, 5.0], draw.normal(size=(6, 5))
    units = np.array([known[:, k].std() or np.inf for k in range(5)])
    wanted = [min(np.linalg.norm((row - code) / units) for code in known) for row in asked]
    np.testing.assert_allclose(nearest(known, asked), wanted, rtol=1e-6)
    assert nearest(known, known[:1])[0] == pytest.approx(0.0, abs=1e-6)
    assert usual(known) > 0


def test_random_codes_of_the_autoencoder_are_strange_and_those_of_the_vae_are_not():
    """What the lesson says of its two discs, on the shipped models and in every direction that its button offers."""
    at_edge = np.hypot(*np.meshgrid(*(np.linspace(-1, 1, SIDE),) * 2)) >= 0.95
    points, clouds = [], []
    for known, variational, found in ((codes(OTHER), False, points), (codes(MODEL), True, clouds)):
        for seed in range(TURNS):
            field = strangeness(known, disc(known, 0, variational, seed))
            assert field[SIDE // 2, SIDE // 2] == pytest.approx(0.0, abs=1e-6)
            found.append(np.median(field[at_edge]))
    assert np.mean(clouds) == pytest.approx(1.0, abs=0.15), "as near as known codes are to one another"
    assert np.mean(points) > 1.4
    assert np.all(np.array(points) > clouds)
