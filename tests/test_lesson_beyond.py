"""Lesson 11: every figure of the curved model against closed forms and sums over other grids, and the views on their page."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from app_page import opened
from scipy.integrate import quad
from test_engine_node import JS, node

from vaelab.analysis import posterior_way
from vaelab.lessons import bent, curved, fitted_priors
from vaelab.lessons.importance import estimates
from vaelab.models.flows import Flow
from vaelab.models.latent_model import LatentModel
from vaelab.models.model_config import ModelConfig
from vaelab.ui.components.bent.bent_view import Panel, bent_data
from vaelab.ui.learn import beyond
from vaelab.ui.learn.evidence_bar import evidence_bar

torch.set_num_threads(1)


def noise(count: int, seed: int = 3) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).standard_normal((count, 2))


@pytest.mark.parametrize("x", [-2.0, 0.0, 3.0])
def test_the_grid_gives_what_the_line_has_in_closed_form(x: float) -> None:
    exact = curved.line_exactly(x)
    assert curved.log_evidence("line", x) == pytest.approx(exact.evidence, abs=1e-8)
    z = np.array([[0.3, -0.2], [1.0, 0.5], [-1.0, 2.0]])
    density = torch.distributions.MultivariateNormal(torch.tensor(exact.mean), torch.tensor(exact.covariance))
    np.testing.assert_allclose(curved.posterior("line", x, z), density.log_prob(torch.from_numpy(z)).exp(), rtol=1e-8)


@pytest.mark.parametrize("x", [-2.0, 0.0, 3.0])
def test_the_grid_agrees_with_integrals_that_know_no_grid(x: float) -> None:
    """Bend: given z1, x is a Gaussian. Ring: half of |z|^2 is exponential."""
    spread = np.sqrt(1.0 + curved.NOISE**2)

    def normal(at: float, sigma: float) -> float:
        return float(np.exp(-0.5 * (at / sigma) ** 2) / (sigma * np.sqrt(2.0 * np.pi)))

    bend = quad(lambda z: normal(z, 1.0) * normal(x - 0.8 * (z**2 - 1.0), spread), -9, 9, points=[-2, 0, 2])[0]
    assert curved.log_evidence("bend", x) == pytest.approx(np.log(bend), abs=1e-6)
    ring = quad(lambda r: 0.5 * np.exp(-0.5 * r) * normal(x - r + 2.0, curved.NOISE), 0, 40, points=[x + 2.0])[0]
    assert curved.log_evidence("ring", x) == pytest.approx(np.log(ring), abs=1e-6)


@pytest.mark.parametrize("curve", curved.CURVES)
def test_a_posterior_is_a_density(curve: curved.Curve) -> None:
    z, cell = curved.plane()
    assert curved.posterior(curve, 1.0, z).sum() * np.exp(cell) == pytest.approx(1.0, abs=1e-9)


def test_the_gap_of_both_gaussians_on_the_line_is_that_of_their_covariances() -> None:
    """The best full q is the posterior. The best diagonal one has the precisions of its diagonal: KL = half log of their product times det."""
    exact, truth = curved.line_exactly(1.0), curved.log_evidence("line", 1.0)
    assert truth - bent.fit("full", "line", 1.0, 0).elbo == pytest.approx(0.0, abs=1e-6)
    precision = np.linalg.inv(exact.covariance)
    gap = 0.5 * (np.log(np.diag(precision)).sum() + np.linalg.slogdet(exact.covariance)[1])
    assert gap == pytest.approx(0.702, abs=5e-4)  # the text says so
    assert truth - bent.fit("diagonal", "line", 1.0, 0).elbo == pytest.approx(gap, abs=1e-6)


@pytest.mark.parametrize("family", curved.FAMILIES)
def test_a_bound_is_log_evidence_less_the_divergence_on_the_grid(family: curved.Family) -> None:
    """KL(q || posterior) by draws of q, whose error is known, against the difference of two sums."""
    found, truth = bent.fit(family, "bend", 0.0, 2 if family in curved.FLOWS else 0), curved.log_evidence("bend", 0.0)
    z, log_q = found.q.draw(noise(40_000))
    apart = log_q - np.log(curved.posterior("bend", 0.0, z))
    assert truth - found.elbo == pytest.approx(apart.mean(), abs=4.0 * apart.std() / 200.0 + 1e-6)
    assert truth - found.elbo > 0.0


def test_a_flow_comes_nearer_to_the_bent_posterior_than_any_gaussian() -> None:
    gaps = {f: curved.log_evidence("bend", 0.0) - bent.fit(f, "bend", 0.0, 4).elbo for f in ("full", "planar")}
    assert gaps["planar"] < 0.05 < 0.5 < gaps["full"]


@pytest.mark.parametrize("kind", ["planar", "iaf"])
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_the_way_of_a_flow_ends_where_the_flow_ends_and_begins_at_its_draw(kind: str, steps: int) -> None:
    """In the order of the last step's dimensions: an inverse autoregressive step turns them round."""
    torch.manual_seed(0)
    flow, z, context = Flow(kind, steps, 3), torch.randn(5, 3), torch.randn(1, 6)
    way = flow.way(z, context)
    assert way.shape == (steps + 1, 5, 3)
    torch.testing.assert_close(way[-1], flow(z, context)[0])
    turned = kind == "iaf" and steps % 2
    torch.testing.assert_close(way[0], z.flip(-1) if turned else z)


@pytest.mark.parametrize("kind", ["planar", "iaf"])
@pytest.mark.parametrize("steps", [1, 2])
def test_a_models_posterior_goes_the_same_way(kind: str, steps: int) -> None:
    """Its end is what the posterior itself draws, its circles on a plane the draws with all other noise at 0."""
    settings = (("flow", kind), ("steps", steps))
    torch.manual_seed(1)
    model = LatentModel(ModelConfig(name="flow-vae", image_size=16, channels=1, latent_dim=3, settings=settings)).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 16), dtype=np.uint8)
    q = posterior_way.flow_posterior(model, pixels)
    assert q is not None
    eps = noise(6)[:, [0, 1, 1]].astype(np.float32)
    turned = kind == "iaf" and steps % 2
    own = q.sample(torch.from_numpy(eps[:, ::-1].copy() if turned else eps)[:, None])[:, 0]
    places = posterior_way.way(q, eps)
    assert places.shape == (steps + 1, 6, 3)
    np.testing.assert_allclose(places[-1], own.detach(), rtol=1e-5)
    circle = np.array([[1.0, 0.0], [0.0, 2.0]])
    alone = np.zeros((2, 3))
    alone[:, [2, 0]] = circle
    np.testing.assert_allclose(posterior_way.rings(q, circle, 2, 0), posterior_way.way(q, alone)[:, :, [2, 0]])
    assert posterior_way.flow_posterior(LatentModel(ModelConfig()), np.zeros((3, 32, 32), np.uint8)) is None


def test_the_number_that_is_bent_most_comes_first() -> None:
    start = noise(2_000)
    end = np.column_stack([2.0 * start[:, 0] + 1.0, start[:, 1] + start[:, 0] ** 2])
    assert posterior_way.most_bent(np.stack([start, end])) == [1, 0]


def test_more_draws_prove_more_and_never_more_than_there_is() -> None:
    q, truth = bent.fit("diagonal", "bend", 0.0, 0), curved.log_evidence("bend", 0.0)
    z, log_q = q.q.draw(noise(60_000))
    weights = curved.log_likelihood("bend", 0.0, z) + curved.log_standard(z) - log_q
    bounds = [estimates(weights, k).mean() for k in (1, 10, 100)]
    assert bounds[0] == pytest.approx(q.elbo, abs=0.02)
    assert q.elbo + 0.2 < bounds[1] < bounds[2] < truth


def test_the_most_that_a_prior_can_reach_is_minus_the_entropy_of_the_data() -> None:
    entropy = quad(lambda x: -np.exp(fitted_priors.log_data(np.array(x))) * fitted_priors.log_data(np.array(x)), -6, 8)[
        0
    ]
    answer = fitted_priors.fit("standard", "diagonal", 1)
    assert answer.most == pytest.approx(-entropy, abs=2e-3)
    exact = [curved.log_evidence("bend", float(x)) for x in fitted_priors.SEEN]
    assert answer.truth == pytest.approx(float(fitted_priors.shares() @ exact), abs=1e-6)


def test_a_prior_moves_log_evidence_and_a_posterior_does_not() -> None:
    """The figures that the answer of the lesson names; the mean KL is what x tells of z and the distance of the aggregate."""
    plain, tilted = (fitted_priors.fit("standard", shape, 1) for shape in curved.SHAPES)
    assert plain.truth == tilted.truth == pytest.approx(-2.106, abs=1e-3)
    assert tilted.elbo > plain.elbo + 0.2
    learned = fitted_priors.fit("vamp", "diagonal", 3)
    assert learned.truth == pytest.approx(-1.602, abs=0.01)
    assert learned.elbo < learned.truth < learned.most
    assert learned.apart < 0.2 < plain.apart
    assert learned.pseudo is not None
    clumps = [mean for _, mean, _ in fitted_priors.CLUMPS]
    np.testing.assert_allclose(np.sort(learned.pseudo), clumps, atol=0.5)
    assert beyond.LESSON.asked.right == "prior"


def test_tilted_components_are_those_of_torch() -> None:
    mu, scale, z = torch.randn(2, 2).double(), 0.3 * torch.randn(2, 3).double(), torch.randn(4, 2).double()
    wanted = [
        torch.distributions.MultivariateNormal(
            m, scale_tril=torch.stack([torch.stack([s[0].exp(), s[0] * 0]), torch.stack([s[1], s[2].exp()])])
        ).log_prob(z)
        for m, s in zip(mu, scale, strict=True)
    ]
    torch.testing.assert_close(fitted_priors.gaussians(z, mu, scale), torch.stack(wanted, dim=1))


def test_a_bar_ends_where_its_values_do() -> None:
    bar = evidence_bar([(-3.0, "#111111"), (-1.0, "#222222"), (-2.0, "#333333")], -4.0, 0.0, (-1.0,), "log p(x)")
    assert [part in bar for part in ("width:25.00%", "width:50.00%", "width:0.00%", "left:75.00%")] == [True] * 4


@pytest.mark.node
def test_draws_are_between_their_steps_in_the_browser() -> None:
    frames = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    panel = bent_data([Panel("q", "encoder", frames=frames)], 4.0, ("a", "b"))["panels"][0]
    answer = json.loads(node(JS / "bent_node.mjs", json.dumps(panel)))
    assert answer["floats"] == frames.ravel().tolist()
    assert answer["at"] == [frames[0].ravel().tolist(), [3.0, 4.0, 5.0, 6.0], frames[2].ravel().tolist()]
    assert answer["steps"] == [2, 0]
    assert answer["ticks"] == [["−2", "0", "2"], ["2.0", "2.2", "2.4"], ["−0.04", "−0.02", "0.00"]]


@pytest.mark.parametrize(
    "state",
    [
        {"beyond_view": "bound", "beyond_family": "full", "beyond_k": 100},
        {"beyond_view": "posterior", "beyond_curve": "line", "beyond_family": "full"},
        {"beyond_view": "prior", "beyond_prior": "vamp"},
    ],
)
def test_a_view_shows_a_bound_and_a_gap_that_add_up(
    state: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app = opened("learn_beyond")
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    said = next(str(e.value) for e in app.markdown if "= log p(x) **" in str(e.value))
    bound, gap, truth = (
        float(part.split("**")[0].replace("−", "-")) for part in said.split("] **")[1:3] + said.split("log p(x) **")[1:]
    )
    assert bound + gap == pytest.approx(truth, abs=2e-3)
