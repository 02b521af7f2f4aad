"""Lesson 3: the five distributions on a grid against closed forms, torch.distributions and numerical integration."""

import base64
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch.distributions import Normal

from vaelab.lessons.latent_grid import (
    DECODERS,
    decode,
    draw_pairs,
    five,
    linear_gaussian,
    moments,
    normal,
    posterior_at,
)
from vaelab.ui.components.board import board_view
from vaelab.ui.learn.latent import BOARD, FINE, X_POINTS, X_REACH, Z_POINTS, Z_REACH, _valid, _view

ZS, XS = np.linspace(-7.0, 7.0, 701), np.linspace(-12.0, 12.0, 1201)


def test_the_density_is_that_of_torch():
    at = np.linspace(-3, 3, 41)
    expected = Normal(0.3, 0.7).log_prob(torch.from_numpy(at)).exp().numpy()
    np.testing.assert_allclose(normal(at, 0.3, 0.7), expected, rtol=1e-6)


@pytest.mark.parametrize("kind", DECODERS)
def test_the_five_are_consistent(kind):
    found = five(kind, 0.8, 0.5, ZS, XS)
    dz, dx = ZS[1] - ZS[0], XS[1] - XS[0]
    assert found.prior.sum() * dz == pytest.approx(1.0, abs=1e-9)
    assert found.joint.sum() * dz * dx == pytest.approx(1.0, abs=1e-3 if kind == "fold" else 1e-6)
    inner = np.abs(XS) < 3
    np.testing.assert_allclose(found.posterior[inner].sum(axis=1) * dz, 1.0, atol=1e-9)
    near = np.abs(ZS) < 3  # farther out the fold leaves the grid of x
    np.testing.assert_allclose((found.joint.sum(axis=1) * dx)[near], found.prior[near], atol=1e-6)
    back = found.posterior * found.marginal[:, None]
    np.testing.assert_allclose(back.T[:, inner], (found.likelihood * found.prior[:, None])[:, inner], atol=1e-14)


@pytest.mark.parametrize("kind", DECODERS)
@pytest.mark.parametrize("x", [-0.7, 0.4, 1.9])
def test_the_evidence_and_the_posterior_against_quadrature(kind, x):
    def joint(z: float) -> float:
        return float(normal(np.array(x), decode(kind, np.array(z), 1.2), 0.4) * normal(np.array(z), 0.0, 1.0))

    points = np.linspace(-3, 3, 13)
    expected = quad(joint, -8, 8, points=points, limit=400)[0]
    posterior, evidence = posterior_at(kind, 1.2, 0.4, x, FINE)
    assert evidence == pytest.approx(expected, rel=1e-7)
    mean = quad(lambda z: z * joint(z) / expected, -8, 8, points=points, limit=400)[0]
    assert moments(posterior, FINE)[0] == pytest.approx(mean, abs=1e-7)


@pytest.mark.parametrize("weight", [0.4, 1.0, 2.0])
@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.5])
@pytest.mark.parametrize("x", [-3.9, 0.0, 1.3])
def test_the_line_agrees_with_its_closed_forms(weight, sigma, x):
    posterior, evidence = posterior_at("line", weight, sigma, x, FINE)
    closed = linear_gaussian(weight, sigma, x)
    mean, spread = moments(posterior, FINE)
    assert evidence == pytest.approx(closed.evidence, rel=1e-8, abs=1e-14)
    assert mean == pytest.approx(closed.mean, abs=1e-8)
    assert spread == pytest.approx(closed.sigma, abs=1e-8)
    marginal = five("line", weight, sigma, ZS, XS).marginal
    np.testing.assert_allclose(marginal, normal(XS, 0.0, closed.marginal_sigma), atol=1e-9)
    assert closed.marginal_sigma == pytest.approx(np.hypot(weight, sigma))


def test_the_closed_form_is_that_of_a_joint_gaussian():
    weight, sigma, x = 0.7, 0.3, 1.1
    covariance = np.array([[1.0, weight], [weight, weight**2 + sigma**2]])  # of (z, x)
    closed = linear_gaussian(weight, sigma, x)
    assert closed.mean == pytest.approx(covariance[0, 1] / covariance[1, 1] * x)
    assert closed.sigma**2 == pytest.approx(1.0 - covariance[0, 1] ** 2 / covariance[1, 1])


def test_the_fold_has_two_answers_and_the_line_one():
    def peaks(kind: str) -> int:
        posterior = posterior_at(kind, 1.0, 0.3, 1.0, FINE)[0]
        inner = posterior[1:-1]
        return int(((inner > posterior[:-2]) & (inner > posterior[2:]) & (inner > 0.01)).sum())

    assert peaks("fold") == 2
    assert peaks("line") == 1
    posterior = posterior_at("fold", 1.0, 0.3, 1.0, FINE)[0]
    np.testing.assert_allclose(posterior, posterior[::-1], atol=1e-12)


@pytest.mark.parametrize("kind", DECODERS)
def test_generation_follows_the_marginal(kind):
    drawn = draw_pairs(kind, 1.2, 0.4, 40_000)
    found = five(kind, 1.2, 0.4, ZS, np.linspace(-12.0, 40.0, 2601))
    cumulative = found.marginal.cumsum() * (found.xs[1] - found.xs[0])
    for level in (0.1, 0.5, 0.9):
        at = np.quantile(drawn[:, 1], level)
        assert np.interp(at, found.xs, cumulative) == pytest.approx(level, abs=0.015)


def test_the_board_gets_exactly_what_was_computed():
    view = _view("wave", 1.2, 0.4)
    zs, xs = np.linspace(-Z_REACH, Z_REACH, Z_POINTS), np.linspace(-X_REACH, X_REACH, X_POINTS)
    found = five("wave", 1.2, 0.4, zs, xs)

    def sent(name: str) -> np.ndarray:
        return np.frombuffer(base64.b64decode(view[name]), "<f4")

    np.testing.assert_allclose(sent("posterior").reshape(X_POINTS, Z_POINTS), found.posterior, rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(sent("likelihood").reshape(Z_POINTS, X_POINTS), found.likelihood, rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(sent("marginal"), found.marginal, rtol=1e-6)
    assert _valid(BOARD.start)
    assert not _valid({"z": 9.0, "x": 0.0})
    assert not _valid({"z": float("nan"), "x": 0.0})


@pytest.mark.parametrize("kind", DECODERS)
def test_the_panel_of_p_x_has_no_ripples_of_the_grid(kind):
    drawn = np.frombuffer(base64.b64decode(_view(kind, 2.0, 0.1)["marginal"]), "<f4")  # the steepest and sharpest
    xs = np.linspace(-X_REACH, X_REACH, X_POINTS)
    exact = np.array([posterior_at(kind, 2.0, 0.1, x, FINE)[1] for x in xs])
    np.testing.assert_allclose(drawn, exact, atol=1e-3 * exact.max())


def test_a_view_that_the_browser_has_is_not_sent_again(monkeypatch):
    session: dict[str, Any] = {}
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(board_view, "st", SimpleNamespace(session_state=session, html=lambda style: None))
    monkeypatch.setattr(board_view, "_component", lambda: lambda data, **_: sent.append(data))
    monkeypatch.setattr(board_view, "language", lambda: "en")

    def tell(push: int, has: str) -> None:
        answer = {"push": push, "seq": 1, "done": True, "state": {"z": 0.5, "x": 1.0}, "has": has}
        session["latent_board_view"] = SimpleNamespace(edit=answer)
        BOARD._edited()

    view = {"curve": "..."}
    BOARD.draw(view, {}, name="wave")
    tell(0, "wave")
    BOARD.draw(view, {}, name="wave")
    BOARD.draw(view, {}, name="fold")  # a control changed it
    tell(-1, "")  # a page that was loaded anew has none, and has edited nothing
    BOARD.draw(view, {}, name="wave")
    assert [data["view"] is None for data in sent] == [False, True, False, False]
    assert sent[-1]["state"] == {"z": 0.5, "x": 1.0}


@pytest.mark.parametrize("x", [-1.2, 0.5, 3.0])
def test_the_fold_has_a_closed_form_in_bessel_functions(x):
    """The lesson says "in general": here is the exception. exp(-a z^4 - b z^2) has the integral of Gradshteyn & Ryzhik 3.323."""
    from scipy.special import ive, kve

    weight, sigma = 0.8, 0.7
    # ((x + w) - w z^2)^2 / 2 sigma^2 + z^2 / 2 = c + b z^2 + a z^4
    a, b, c = weight**2 / (2 * sigma**2), 0.5 - weight * (x + weight) / sigma**2, (x + weight) ** 2 / (2 * sigma**2)
    t = b**2 / (8 * a)
    if b > 0:
        integral = 0.5 * np.sqrt(b / a) * kve(0.25, t)  # kve has exp(t) in it, which is the other factor
    else:
        both = ive(-0.25, t) + ive(0.25, t)  # ive has exp(-t) in it
        integral = np.pi / (2 * np.sqrt(2)) * np.sqrt(-b / a) * both * np.exp(2 * t)
    known = integral * np.exp(-c) / (2 * np.pi * sigma)
    found = five("fold", weight, sigma, ZS, np.array([x, x + 0.01])).marginal[0]
    assert found == pytest.approx(known, rel=1e-6)
