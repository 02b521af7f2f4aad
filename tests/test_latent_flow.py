"""Latent flows: fields against closed forms, the distance by hand, files, the job beside the server, the page."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import numpy as np
import pytest
import torch
from app_page import opened
from decode_browser import settle
from live_runs import until
from safetensors.numpy import save_file
from torch import Tensor

from vaelab.analysis import inference, latent_flow
from vaelab.analysis.latent_flow import Targets
from vaelab.config.errors import WeightsError
from vaelab.models.latent_model import LatentModel, build
from vaelab.models.model_config import ModelConfig
from vaelab.models.velocity import VelocityField, carry
from vaelab.runs.store import Run
from vaelab.ui.text import strings
from vaelab.workers import flow_worker


def model_of(**settings: Any) -> LatentModel:
    torch.manual_seed(0)
    return build(ModelConfig(**settings)).eval().requires_grad_(False)


TIMES = torch.linspace(0.05, 0.95, 10)


@torch.no_grad()
def off(field: VelocityField, exact: Any, targets: Tensor) -> float:
    """Root mean square distance of a field from the exact one, per dimension, at places that the ways to targets come through. targets: (B, K)."""
    generator = torch.Generator().manual_seed(5)
    errors = []
    for t in TIMES:
        z = (1 - t) * torch.randn(targets.shape, generator=generator) + t * targets
        errors.append((field(z, t.expand(len(z))) - exact(z, t)).square().mean())
    return float(torch.stack(errors).mean().sqrt())


@pytest.fixture(scope="module")
def gaussian() -> tuple[Targets, VelocityField]:
    """A field for posteriors that add up to a Gaussian: along its axes, N(0, I)."""
    generator = np.random.default_rng(0)
    mu = generator.normal(size=(4_000, 2)) @ np.array([[1.5, 0.4], [0.0, 0.5]]) + [3.0, -1.0]
    known = Targets(mu.astype(np.float32), np.full((4_000, 2), np.log(0.25), np.float32), None)
    return known, latent_flow.learn(known, steps=500)


def test_a_gaussian_has_a_field_in_closed_form(gaussian: tuple[Targets, VelocityField]) -> None:
    """Along the axes z ~ N(0, I): E[z - eps | z_t] = (2 t - 1) z_t / ((1 - t)^2 + t^2)."""

    def exact(z: Tensor, t: Tensor) -> Tensor:
        return (2 * t - 1) / ((1 - t) ** 2 + t**2) * z

    known, field = gaussian
    targets = torch.randn(400, 2, generator=torch.Generator().manual_seed(6))
    assert off(field, exact, targets) < 0.12
    assert off(VelocityField(2, 2), exact, targets) > 0.4  # one that has learned nothing
    assert field.centre.numpy() == pytest.approx(known.mu.mean(axis=0), abs=1e-4)
    # The axes are those of mu's covariance with each posterior's own variance, 0.25, on top.
    covariance = np.cov(known.mu, rowvar=False) + 0.25 * np.eye(2)
    turned = field.directions.numpy() @ covariance @ field.directions.numpy().T
    assert np.sqrt(np.diag(turned)) == pytest.approx(field.scale.numpy(), rel=1e-4)
    assert turned[0, 1] == pytest.approx(0.0, abs=1e-4)


def test_two_points_have_a_field_in_closed_form() -> None:
    """z = -1 or 1 alike: E[z | z_t] = tanh(t z_t / (1 - t)^2), and the velocity is (E[z | z_t] - z_t) / (1 - t)."""
    mu = np.zeros((200, 3), np.float32)
    mu[:, 1] = np.where(np.arange(200) % 2, 1.0, -1.0)
    field = latent_flow.learn(Targets(mu, None, None), steps=900)
    assert field.dims == 1  # the others do not vary

    def exact(z: Tensor, t: Tensor) -> Tensor:
        return (torch.tanh(t * z / (1 - t) ** 2) - z) / (1 - t)

    targets = torch.tensor([-1.0, 1.0]).repeat(200)[:, None]
    assert off(field, exact, targets) < 0.2
    assert off(VelocityField(1, 1), exact, targets) > 0.8
    ends = carry(field, torch.randn(500, 1, generator=torch.Generator().manual_seed(1)), 2)[-1]
    assert ((ends.abs() - 1.0).abs() < 0.25).float().mean() > 0.9


def test_noise_is_carried_by_the_field_and_by_nothing_else() -> None:
    field = VelocityField(2, 2)
    eps = torch.randn(5, 2)
    assert torch.equal(carry(field, eps, 3)[-1], eps)  # nothing learned: nothing moves
    field.forward = lambda z, t, y=None: torch.ones_like(z) * 2 * t[:, None]  # type: ignore[method-assign, assignment]
    path = carry(field, eps, 5)
    assert path.shape == (5, 5, 2)
    for frame, share in enumerate(np.linspace(0, 1, 5)):  # x' = 2 t: x = x_0 + t^2, which Heun's method follows exactly
        assert torch.allclose(path[frame], eps + share**2, atol=1e-6)


def test_codes_lie_where_the_images_are_after_and_not_before(gaussian: tuple[Targets, VelocityField]) -> None:
    known, field = gaussian
    model = model_of(name="linear-vae", latent_dim=2)
    learned, held_out = latent_flow.split(known)
    assert len(held_out.mu) == 400
    found = latent_flow.compared(field, model, learned, held_out)
    assert found["after"] < 0.02 < 0.2 < found["before"]  # the prior stands at 0, the codes around (3, -1)
    assert found["images"] < 0.02


def test_the_distance_by_hand() -> None:
    """Points at -1 and 1, and at 2 and 4, the others with a spread of 1 about 3: 2 E|X-Y| = 6, E|X-X'| = E|Y-Y'| = 1."""
    one, other = np.array([[-1.0], [1.0]], np.float32), np.array([[2.0], [4.0]], np.float32)
    assert latent_flow.distance(one, other) == pytest.approx((6.0 - 2.0) / 6.0)
    assert latent_flow.distance(other, other) == 0.0


def test_the_same_seed_gives_the_same_field_and_the_global_generator_is_left_alone() -> None:
    known = Targets(np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32), None, None)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, two, other = (latent_flow.learn(known, steps=20, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
    assert not torch.equal(one.first.weight, other.first.weight)


def test_labels_are_told_to_the_field() -> None:
    """Class 0 at -1, class 1 at 1: with the label the way is known from the beginning."""
    y = np.arange(300) % 2
    mu = np.stack([2.0 * y - 1.0, np.random.default_rng(0).normal(size=300)], axis=1).astype(np.float32)
    field = latent_flow.learn(Targets(mu, None, y), 2, steps=800)
    eps = torch.randn(200, field.dims, generator=torch.Generator().manual_seed(2))
    wanted = torch.arange(200) % 2
    ends = field.codes(carry(field, eps, 2, y=wanted)[-1])
    assert ((ends[:, 0] > 0).long() == wanted).float().mean() > 0.98


def test_codes_of_a_codebook_are_entries() -> None:
    model = model_of(name="vq-vae")
    z = torch.randn(3, model.cfg.latent_dim)
    near = model.cfg.method.nearest_code(model, z)
    book: Any = model.get_submodule("codebook")
    vectors = book.vectors(near)
    assert float(torch.cdist(vectors, book.entries[None]).amin(dim=2).max()) < 1e-2
    expected = book.entries[book.nearest(book.vectors(z))]
    assert torch.allclose(vectors, expected, atol=1e-5)


def test_a_field_is_written_and_read_and_a_foreign_file_refused(tmp_path: Any) -> None:
    field = latent_flow.learn(
        Targets(np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32), None, None), steps=5
    )
    latent_flow.write(field, tmp_path / "a.safetensors")
    again = latent_flow.read(tmp_path / "a.safetensors", 0)
    z, t = torch.randn(3, field.dims), torch.rand(3)
    assert torch.equal(field(z, t), again(z, t))
    with pytest.raises(WeightsError, match=r"first\.weight of shape|must have the shape"):
        latent_flow.read(tmp_path / "a.safetensors", 3)
    (tmp_path / "b.safetensors").write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match="cannot be read"):
        latent_flow.read(tmp_path / "b.safetensors", 0)
    save_file({"directions": np.zeros((3, 2), np.float32)}, tmp_path / "c.safetensors")
    with pytest.raises(WeightsError, match="directions of shape"):
        latent_flow.read(tmp_path / "c.safetensors", 0)


def finished(wanted: Any) -> flow_worker.State:
    """The job at its end: that it ends is waited for, and how long that takes says nothing."""
    end = time.monotonic() + 1800
    while time.monotonic() < end:
        state = flow_worker.jobs.state(wanted.file_name)
        if not state.is_active:
            return state
        time.sleep(0.1)
    log = flow_worker.jobs.folder_of(wanted.file_name) / "log.txt"
    raise AssertionError(f"still {state}: {log.read_text()}")


def test_the_job_learns_and_the_command_draws(digits: Run, shell: Any, tmp_path: Any) -> None:
    file = tmp_path / "some.png"
    assert "has no latent flow" in shell.refuses("sample", "digits-run", "--flow", "-o", file)
    answer = shell.json("flow", "digits-run", "--steps", 60)
    assert {"before", "after", "images", "steps"} <= set(answer)
    wanted = flow_worker.query(digits)
    state = flow_worker.jobs.state(wanted.file_name)
    assert (state.state, state.round, state.rounds) == ("finished", 60, 60)
    curve = flow_worker.losses(wanted)
    assert curve is not None
    assert curve[-1, 0] == 60
    shell("sample", "digits-run", "-n", 4, "--flow", "-o", file)
    assert file.stat().st_size > 0
    field = latent_flow.read(flow_worker.field_file(wanted), 0)  # type: ignore[arg-type]
    model = inference.load_run(digits)
    assert np.array_equal(latent_flow.sample(field, model, 4), latent_flow.sample(field, model, 4))


def test_a_job_can_be_stopped_and_what_there_is_stays(digits: Run) -> None:
    wanted = flow_worker.query(digits)
    flow_worker.start(wanted, 100_000)
    end = time.monotonic() + 1800
    while flow_worker.field_file(wanted) is None and time.monotonic() < end:
        time.sleep(0.1)
    flow_worker.jobs.cancel(wanted.file_name)
    state = finished(wanted)
    assert state.state == "cancelled"
    assert 0 < state.round < 100_000
    assert flow_worker.field_file(wanted) is not None


def test_a_job_that_fails_says_why(digits: Run) -> None:
    wanted = flow_worker.query(digits)
    digits.model_file().write_bytes(b"broken")
    flow_worker.start(wanted, 10)
    state = finished(wanted)
    assert state.state == "failed"
    assert "cannot be read" in state.message


def test_the_page_shows_the_ways_of_a_field(digits: Run) -> None:
    words = strings("en", "latent_flow")
    app = opened("latent", run="digits-run")
    assert words["title"] in [heading.value for heading in app.subheader]
    assert app.button(key="latent_flow_learn").label == words["learn"]
    flow_worker.start(flow_worker.query(digits), 40)
    finished(flow_worker.query(digits))
    app = opened("latent", run="digits-run")
    assert app.button(key="latent_flow_learn").label == words["again"]
    assert words["distance_after"] in [metric.label for metric in app.metric]
    assert not app.error


PICTURES = (
    "[...document.querySelectorAll('*')].map((e) => e.shadowRoot?.querySelector('[data-view=ways]')).find(Boolean)"
)


@pytest.mark.browser
def test_the_slider_of_time_moves_the_pictures(page: Any, digits_app: str) -> None:
    from playwright.sync_api import TimeoutError

    stop = page.locator(".st-key-latent_flow_stop button").first
    again = page.get_by_role("button", name="Learn again")

    def ended() -> bool:
        with contextlib.suppress(TimeoutError):
            stop.click(timeout=2000)  # not there where the job is over by itself
        return bool(again.is_visible())

    page.goto(f"{digits_app}/latent?run=digits-run")
    page.get_by_role("button", name="Learn a flow").click()
    # A canvas that nothing is drawn on yet is 300 wide.
    page.wait_for_function(f"() => {{ const canvas = {PICTURES}; return canvas && canvas.width !== 300; }}")
    until(ended, "the end of the job")  # and what there is stays
    slider = page.get_by_role("slider", name="Time from noise to codes")
    slider.focus()
    drawn = []
    for key, told in (("Home", "t = 0.00"), ("End", "t = 1.00"), ("ArrowLeft", "t = 0.99")):
        page.keyboard.press(key)
        page.wait_for_function(
            "([name, told]) => name.getAttribute('aria-valuetext') === told", arg=[slider.element_handle(), told]
        )
        settle(page)
        drawn.append(page.evaluate(f"() => ({PICTURES}).toDataURL()"))
    assert drawn[0] != drawn[1]
