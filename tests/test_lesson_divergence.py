"""What lesson 7 derives the ELBO from, against torch.distributions and sums over a grid; and its handles."""

import re

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vaelab.lessons import divergence
from vaelab.ui import text
from vaelab.ui.learn import elbo_derived

CASES = [((0.0, 1.0), (0.0, 1.0)), ((1.2, 0.4), (-0.5, 1.5)), ((-2.0, 1.7), (0.3, 0.6))]
GRID = np.linspace(-25.0, 25.0, 200_001)
STEP = GRID[1] - GRID[0]


@pytest.mark.parametrize(("q", "p"), CASES)
def test_the_divergence_is_that_of_torch_and_the_area_of_its_summand(q, p):
    found = divergence.divergence(q, p)
    mine, other = (Normal(*(torch.tensor(v, dtype=torch.float64) for v in pair)) for pair in (q, p))
    assert found == pytest.approx(kl_divergence(mine, other).item(), abs=1e-12)
    assert divergence.summand(q, p, GRID).sum() * STEP == pytest.approx(found, abs=1e-6)
    assert found >= 0.0
    assert (found == 0.0) == (q == p)
    if q != p:
        assert divergence.divergence(p, q) != pytest.approx(found)
        assert divergence.summand(q, p, GRID).min() < 0.0, "the summand may be negative where the whole is not"


def test_the_log_of_a_mean_is_never_below_the_mean_of_logs():
    for first in (0.2, 1.0, 3.5):
        for share in (0.0, 0.3, 1.0):
            upper, lower = divergence.jensen(first, 2.0, share)
            assert upper >= lower
            assert (upper - lower < 1e-12) == (share in (0.0, 1.0))
    assert divergence.jensen(2.0, 2.0, 0.4)[0] == pytest.approx(divergence.jensen(2.0, 2.0, 0.4)[1])


@pytest.mark.parametrize("q", [(0.7, 0.5), (-1.0, 0.2), (2.0, 1.4)])
def test_log_p_is_the_elbo_plus_the_gap_whatever_q_is(q):
    x, sigma = 1.3, 0.6
    joint = (
        divergence.log_density((0.0, 1.0), GRID)
        + Normal(torch.from_numpy(GRID), sigma).log_prob(torch.tensor(x, dtype=torch.float64)).numpy()
    )
    evidence = np.log(np.exp(joint).sum() * STEP)
    assert divergence.line_evidence(x, sigma) == pytest.approx(evidence, abs=1e-9)
    fit, kl = divergence.line_elbo(q, x, sigma)
    density = divergence.log_density(q, GRID)
    assert fit - kl == pytest.approx((np.exp(density) * (joint - density)).sum() * STEP, abs=1e-6)
    gap = divergence.divergence(q, divergence.line_posterior(x, sigma))
    assert fit - kl + gap == pytest.approx(evidence, abs=1e-9)
    assert gap > 0
    best = divergence.line_posterior(x, sigma)
    assert sum(np.array(divergence.line_elbo(best, x, sigma)) * [1, -1]) == pytest.approx(evidence, abs=1e-9)


@pytest.mark.parametrize("board", [elbo_derived.KL, elbo_derived.JENSEN, elbo_derived.ONTO])
def test_only_handles_that_can_be_are_taken(board):
    assert board.valid(board.start)
    at = board.start["at"]
    for broken in ([], at[:-1], [*at[:-1], float("nan")], [*at[:-1], 1e400], [*at[:-1], "a"], [-50.0, *at[1:]]):
        try:
            taken = board.valid({"at": broken})
        except (TypeError, ValueError):
            taken = False
        assert not taken, broken


def test_the_chord_lies_below_the_curve_and_the_handles_on_it():
    view = elbo_derived.jensen_view([0.5, 4.0], 0.25)
    assert [handle["y"] for handle in view["handles"]] == pytest.approx([np.log(0.5), np.log(4.0)])
    gap = next(line for line in view["lines"] if line["role"] == "eps")
    assert gap["x"] == pytest.approx([0.25 * 0.5 + 0.75 * 4.0] * 2)
    assert gap["y"] == pytest.approx(list(divergence.jensen(0.5, 4.0, 0.25))[::-1], abs=1e-4)


def test_a_narrow_q_keeps_a_width():
    """The handle of the width stands one sigma beside the mean, and never on its other side."""
    assert elbo_derived.gaussian([1.0, 1.3], 0) == pytest.approx((1.0, 0.3))
    assert not elbo_derived.KL.valid({"at": [1.0, 0.9, 0.0, 1.0]})


def test_every_line_of_both_derivations_holds_on_a_grid():
    """As elbo_derived.py writes them, with x = 1.2, noise 0.7 and a q beside the posterior, by sums over z."""
    q, x, noise = (-0.4, 0.6), 1.2, 0.7
    z, step = np.linspace(-12, 12, 48_001), 24 / 48_000
    log_q, log_prior = divergence.log_density(q, z), divergence.log_density((0.0, 1.0), z)
    log_joint = log_prior + divergence.log_density((x, noise), z)  # log p(x|z): as a function of z it has the same form

    def mean(values):
        return float((np.exp(log_q) * values).sum() * step)

    truth, elbo = divergence.line_evidence(x, noise), divergence.line_elbo(q, x, noise)
    by_hand = mean(divergence.log_density((x, noise), z)) + mean(log_prior - log_q)
    jensen_lines = [
        np.log(np.exp(log_joint).sum() * step),
        np.log((np.exp(log_q) * np.exp(log_joint - log_q)).sum() * step),
        np.log(mean(np.exp(log_joint - log_q))),
        mean(log_joint - log_q),
        by_hand,
    ]
    assert jensen_lines[:3] == pytest.approx([truth] * 3, abs=1e-6)
    assert jensen_lines[3:] == pytest.approx([elbo[0] - elbo[1]] * 2, abs=1e-6)
    assert jensen_lines[3] < truth - 0.1, "the step by Jensen loses something here"
    log_posterior = divergence.log_density(divergence.line_posterior(x, noise), z)
    assert mean(np.exp(log_posterior - log_q)) == pytest.approx(1.0, abs=1e-6)
    gap = mean(log_q - log_posterior)
    assert gap == pytest.approx(mean(log_q - log_joint) + truth, abs=1e-6)
    assert truth == pytest.approx(mean(log_joint - log_q) + gap, abs=1e-6)
    assert -gap == pytest.approx(mean(log_posterior - log_q), abs=1e-9)


def test_each_step_of_a_derivation_says_why():
    for language in text.LANGUAGES:
        texts = text.strings(language, "learn_elbo")
        for name, steps in (("jensen", elbo_derived.JENSEN_STEPS), ("onto", elbo_derived.ONTO_STEPS)):
            said = [key for key in texts if key.startswith(f"{name}_step_")]
            assert said == [f"{name}_step_{number}" for number in range(1, len(steps) + 1)]
            if name == "jensen":
                assert re.search(rf"(from 1 to|从 1 移到) {len(steps)}", texts["jensen"])


def test_the_figures_in_the_words_are_those_of_the_formulas(lang):
    words = text.strings(lang, "learn_elbo")
    for forth, back in (((0.0, 0.5), (0.0, 1.0)), ((0.0, 1.0), (0.0, 0.5))):
        assert f"{divergence.divergence(forth, back):.2f}" in words["kl"]
    mean, sigma = divergence.line_posterior(elbo_derived.SEEN, elbo_derived.NOISE)
    assert f"{mean:.2f}" in words["onto"]
    assert f"{sigma:.2f}" in words["onto"]
    assert f"{divergence.line_evidence(elbo_derived.SEEN, elbo_derived.NOISE):.2f}".replace("-", "−") in words["onto"]
    assert (
        2 * divergence.divergence((1.0, 1.0), (0.0, 1.0)) == 1.0
    )  # of one sigma in each of two dimensions, as shift_help says


@pytest.mark.parametrize("gap", [0.0, 0.004, 4.5616, 12.3456])
def test_what_is_written_adds_up(gap):
    evidence = divergence.line_evidence(elbo_derived.SEEN, elbo_derived.NOISE)
    words = elbo_derived.in_hundredths(evidence, gap)
    at = {name: float(word.replace("\u2212", "-")) for name, word in words.items()}
    assert at["elbo"] + at["gap"] == pytest.approx(at["truth"], abs=1e-9)
    assert at["elbo"] == pytest.approx(evidence - gap, abs=0.0101)
