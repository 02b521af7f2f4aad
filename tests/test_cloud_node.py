"""Lesson 5's arithmetic in the browser, run in Node: the numbers of vaelab/lessons/cloud.py, whose code the lesson shows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from test_engine_node import JS, node

from vaelab.lessons.cloud import codes_around, kl_nats, normal_density
from vaelab.ui.widgets import figure

pytestmark = pytest.mark.node

MU, SIGMA, DIM = 1.23, 0.37, 2
FIGURES = [0.0, 0.342, 1.112, 9.721, 12.04, 35.198, 123.456, 2_345.67]


@pytest.fixture(scope="module")
def code() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """mu and sigma as an encoder says them, (5,), and eps (16, 5)."""
    generator = np.random.default_rng(0)
    return generator.normal(size=5), generator.uniform(0.05, 1.0, 5), generator.standard_normal((16, 5))


@pytest.fixture(scope="module")
def answer(code: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    mu, sigma, eps = code
    cases = {
        "view": {"code": mu.tolist(), "spread": sigma.tolist(), "dim": DIM},
        "mu": MU, "sigma": SIGMA, "eps": eps.tolist(), "at": [-3.0, 0.0, 1.0, 1.23, 2.5], "figures": FIGURES,
    }  # fmt: skip
    file = tmp_path_factory.mktemp("cloud") / "cases.json"
    file.write_text(json.dumps(cases))
    found: dict[str, Any] = json.loads(node(JS / "cloud_node.mjs", file))
    return found


@pytest.mark.parametrize("everywhere", [False, True])
def test_draws_and_kl_are_those_of_python(code: Any, answer: dict[str, Any], everywhere: bool) -> None:
    mu, sigma, eps = (value.copy() for value in code)
    mu[DIM], sigma[slice(None) if everywhere else DIM] = MU, SIGMA
    np.testing.assert_array_equal(answer["clouds"][everywhere]["mu"], mu)
    np.testing.assert_array_equal(answer["clouds"][everywhere]["sigma"], sigma)
    z = np.array(answer["z"][everywhere]).reshape(eps.shape)
    np.testing.assert_allclose(z, codes_around(mu, sigma, eps), rtol=1e-6, atol=1e-7)  # the decoder takes float32
    np.testing.assert_allclose(answer["kl"][everywhere], kl_nats(mu, sigma), rtol=1e-12)


def test_a_point_costs_endless_nats_and_the_prior_none(answer: dict[str, Any]) -> None:
    assert answer["point"] == "Infinity"
    assert answer["prior"] == 0.0


def test_the_density_and_its_curve_are_those_of_python(answer: dict[str, Any]) -> None:
    at = np.array([-3.0, 0.0, 1.0, 1.23, 2.5])
    np.testing.assert_allclose(answer["density"], normal_density(at, MU, SIGMA), rtol=1e-12)
    z, height = np.array(answer["curve"]).T
    np.testing.assert_allclose(height, normal_density(z, MU, SIGMA), rtol=1e-12)
    assert np.all(np.diff(z) >= 0)
    assert height.max() == pytest.approx(normal_density(np.array(MU), MU, SIGMA), rel=1e-9)
    assert np.trapezoid(height, z) == pytest.approx(1.0, abs=0.005)
    assert max(point[1] for point in answer["spike"]) > 30  # a point is drawn as a spike, wherever it lies


def test_nats_are_written_as_everywhere_in_the_app(answer: dict[str, Any]) -> None:
    assert answer["figures"] == [figure(value) for value in FIGURES]
    assert answer["endless"] == "∞"
