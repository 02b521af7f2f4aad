"""Lesson 3's ten rounds: what is drawn, and that nobody beats the posterior's mean over many of them."""

from __future__ import annotations

import numpy as np
import pytest
from test_lesson_views import opened

from vaelab.lessons.guessing import rounds
from vaelab.lessons.latent_grid import DECODERS, linear_gaussian
from vaelab.ui.learn.latent import GUESSED, ROUNDS


@pytest.mark.parametrize("kind", DECODERS)
def test_ten_rounds_fit_the_panel_and_another_seed_gives_others(kind):
    first, second = (rounds(kind, 2.0, 0.4, ROUNDS, GUESSED, (3.4, 3.8), seed) for seed in (1, 2))
    assert first.pairs.shape == second.pairs.shape == (ROUNDS, 2)
    assert (np.abs(first.pairs) <= [3.4, 3.8]).all()
    assert not np.array_equal(first.pairs, second.pairs)
    np.testing.assert_allclose(first.posterior.sum(axis=1) * (GUESSED[1] - GUESSED[0]), 1.0, atol=1e-3)


def test_the_line_s_means_have_their_closed_form():
    played = rounds("line", 1.0, 0.5, ROUNDS, GUESSED, (3.4, 3.8), 1)
    np.testing.assert_allclose(
        played.means, [linear_gaussian(1.0, 0.5, float(x)).mean for x in played.pairs[:, 1]], atol=5e-3
    )


@pytest.mark.parametrize("kind", DECODERS)
def test_over_many_rounds_nobody_beats_the_posterior_s_mean(kind):
    """The claim at the end of the game, against the prior's mean, a likelihood alone and the most plausible z."""
    played = rounds(kind, 1.2, 0.6, 2_000, GUESSED, (9.0, 30.0), 3)
    z = played.pairs[:, 0]
    best = np.mean((played.means - z) ** 2)
    prior = np.exp(-0.5 * GUESSED**2)
    others = {
        "always 0": np.zeros(len(z)),
        "likelihood alone": GUESSED[np.argmax(played.posterior / prior, axis=1)],
        "most plausible": GUESSED[np.argmax(played.posterior, axis=1)],
    }
    for name, guess in others.items():
        assert np.mean((guess - z) ** 2) > best - 0.02, name


@pytest.mark.parametrize(
    ("lesson", "state"),
    [
        ("latent", {"latent_view": "guess", "latent_seed": "x"}),
        ("latent", {"latent_view": "guess", "latent_seed": -7}),
        ("vae", {"vae_view": "twin", "vae_turn": -1}),
        ("vae", {"vae_view": "twin", "vae_turn": "x"}),
    ],
)
def test_what_a_link_puts_into_the_session_is_not_trusted(lesson, state, tmp_path, monkeypatch):
    assert not opened(lesson, state, tmp_path, monkeypatch).exception
