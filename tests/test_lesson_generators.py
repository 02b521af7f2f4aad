"""Lesson 12: its three contestants learn what the lab's own trainings learn, its codes and its field are what the text says, its views open."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from app_page import opened

from vaelab.export.bundle import browser_bundle
from vaelab.lessons import generators
from vaelab.lessons.generators import CODES, LATENTS, PLACES, Whole, grown, grown_digits, whole_terms
from vaelab.lessons.race import RACES, Plan, Race
from vaelab.lessons.small_images import small_digits
from vaelab.lessons.small_vae import build
from vaelab.models.velocity import VelocityField
from vaelab.ui.components.ways.ways_view import Ways, ways_data

torch.set_num_threads(1)
PIXELS = 256


def contestant(name: str) -> Whole:
    lane = next(lane for lane in generators.lanes() if lane.name == name)
    model = build(lane, PIXELS, 0)
    assert isinstance(model, Whole)
    return model


def test_digits_grow_as_an_image_program_grows_them() -> None:
    from PIL import Image

    flat = small_digits().test[:5]
    for one, large in zip(flat, grown(flat), strict=True):
        picture = Image.fromarray(one.reshape(8, 8)).resize((16, 16), Image.Resampling.BILINEAR)
        np.testing.assert_allclose(large.reshape(16, 16), np.asarray(picture), atol=1e-5)
    assert grown_digits().train.shape == (len(small_digits().train), PIXELS)


@pytest.mark.parametrize("name", ["vae", "codes", "flow"])
def test_a_contestant_minimises_what_the_lab_minimises(name: str) -> None:
    """recon + KL, and for codes the distance to the codebook; the flow's loss comes on top."""
    model, x = contestant(name), torch.from_numpy(grown_digits().train[:32])
    eps = torch.randn(32, model.latents, generator=torch.Generator().manual_seed(0))
    found = whole_terms(model, x, eps, 0.0)
    inner = model.model
    images = x.reshape(-1, 1, 16, 16)
    terms = inner.cfg.method.terms(inner, images, None, eps if name == "vae" else None, generators.SCORED)
    own = terms["recon"] + terms["kl_per_dim"].sum(dim=1) + terms.get("quantisation", torch.zeros(()))
    extra = found.loss - own.mean()
    torch.testing.assert_close(found.recon, terms["recon"].mean())
    if name == "flow":
        assert model.field is not None
        codes = model.field.standardised(inner.encode(images, None).mean)
        torch.testing.assert_close(extra, (codes - eps).square().sum(dim=1).mean(), msg="an untrained field answers 0")
    else:
        assert extra.item() == pytest.approx(0.0, abs=1e-3)


def test_no_gradient_of_the_field_reaches_the_autoencoder() -> None:
    model, x = contestant("flow"), torch.from_numpy(grown_digits().train[:32])
    assert model.field is not None
    codes = model.encode(x).mean
    torch.autograd.backward(generators.flow_terms(model.field, codes.detach(), torch.randn(32, LATENTS)))
    assert all(parameter.grad is None for parameter in model.model.parameters())
    assert model.field.last.weight.grad is not None


def test_the_field_learns_the_centre_and_the_spread_of_the_codes() -> None:
    field, codes = VelocityField(2, 2), torch.randn(100, 2) * torch.tensor([3.0, 0.5]) + torch.tensor([1.0, -2.0])
    for _ in range(150):
        generators.flow_terms(field, codes, torch.zeros(100, 2))
    torch.testing.assert_close(field.centre, codes.mean(dim=0), atol=0.01, rtol=0.01)
    torch.testing.assert_close(field.scale, codes.std(dim=0), atol=0.01, rtol=0.01)


def test_codes_drawn_apart_keep_what_each_place_has_and_lose_what_links_them() -> None:
    model = contestant("codes")
    whole_terms(model, torch.from_numpy(grown_digits().train[:256]), torch.zeros(256, model.latents), 0.0)
    book = model.model.get_submodule("codebook")
    known = book.nearest(book.vectors(model.encode(torch.from_numpy(grown_digits().test)).mean))
    drawn = book.nearest(book.vectors(generators.drawn_apart(model, 4_000)))
    assert drawn.shape == (4_000, PLACES)
    for place in range(PLACES):
        usual, found = (torch.bincount(c[:, place], minlength=CODES) / len(c) for c in (known, drawn))
        torch.testing.assert_close(found, usual, atol=0.04, rtol=0.0)
    pairs = [{tuple(row) for row in c[:, [5, 9]].tolist()} for c in (known, drawn)]
    assert len(pairs[1]) > len(pairs[0]), "two places take on pairs that no image has"


def test_a_browser_is_told_what_decodes_the_same_pictures() -> None:
    model = contestant("codes")
    facts = generators.quantised(model)
    assert len(facts["codebook"]) == CODES  # type: ignore[arg-type]
    assert facts["codePrior"] is not None
    assert browser_bundle(model.model.cfg, {n: v.numpy() for n, v in model.model.state_dict().items()})
    drawn = generators.drawn_in_turn(model, 3)
    assert generators.pictures_of(model, drawn).shape == (3, 1, 16, 16)
    book = model.model.get_submodule("codebook")
    torch.testing.assert_close(model.model.cfg.method.nearest_code(model.model, drawn), drawn)
    assert len(book.entries) == CODES


def test_noise_begins_as_noise_and_is_carried() -> None:
    codes, path = generators.noise_to_codes(contestant("flow"), 20, 5)
    assert codes.shape == (len(grown_digits().test), LATENTS)
    np.testing.assert_allclose(path[0], path[-1], atol=1e-5)  # an untrained field moves nothing
    data = ways_data(
        Ways(codes[:, :2], grown_digits().labels, ["#000000"], path[:, :, :2], path[:, :4]), "s", None, (1, 16, 16)
    )
    assert (data["frames"], data["shown"]) == (5, 4)


def test_a_few_steps_of_the_race_teach_all_three() -> None:
    race = Race(Plan(generators.lanes, 12, images=grown_digits))
    race.start()
    until = time.monotonic() + 300
    while (frame := race.look()).is_moving and time.monotonic() < until:
        time.sleep(0.1)
    assert (frame.state, frame.step) == ("finished", 12), frame.problem
    for lane in frame.lanes:
        assert lane.curves["recon"][-1] < lane.curves["recon"][0] - 5.0, lane.name
        assert lane.samples.shape[1:] == (1, 16, 16)


@pytest.mark.parametrize("view", ["three", "codes", "flow"])
def test_a_view_opens(view: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app = opened("learn_generators")
    race = RACES.get(app.session_state["race_owner"], "generators", None)  # type: ignore[arg-type]
    race.prepare(120.0)
    app.session_state["generators_view"] = view
    app.run()
    assert not app.exception
    assert not app.error
