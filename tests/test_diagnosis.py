"""Lesson 10's patients: five trainings whose curves carry the signs by which the lesson tells them apart; a diagnosis on the page."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from test_lesson_views import opened, words

from vaelab.lessons.pitfall_lanes import patient
from vaelab.lessons.race import Plan, Race
from vaelab.ui.learn.pitfalls_diagnose import ENOUGH, HEALTHY, SERIES, axis_of, printed
from vaelab.ui.learn.pitfalls_parts import EPOCH, PITFALLS
from vaelab.ui.text import strings

STEPS = 30 * EPOCH
TEXTS = strings("en", "learn_pitfalls")
PATIENCE = 300.0  # seconds: a slow machine under load


def ended(race: Race):
    """The last frame of a race that runs to its end."""
    race.start()
    until = time.monotonic() + PATIENCE
    while (frame := race.look()).state not in ("finished", "failed"):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert frame.state == "finished", frame.problem
    return frame


@pytest.fixture(scope="module")
def wards():
    """What the patient's and the healthy loop print, (epochs * EPOCH,) by term, for every mistake; and both lanes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = {}
    for name in PITFALLS:
        frame = ended(Race(Plan(lambda name=name: patient(name), STEPS)))
        told = [printed(lane.curves, wrongly=k == 0 and name == "report") for k, lane in enumerate(frame.lanes)]
        found[name] = (*told, frame.lanes)
    torch.set_num_threads(threads)
    return found


def late(told, term: str) -> float:
    return float(np.mean(told[term][-5 * EPOCH :]))


def alike(lane) -> float:
    """How much the reconstructions differ from one another, levels of 255."""
    return float(lane.recon.astype(float).std(axis=0).mean())


def jumps(told, term: str = "recon") -> float:
    """How far what is printed jumps from epoch to epoch late in the training."""
    return float(np.abs(np.diff(told[term][::EPOCH][-15:])).mean())


def test_the_patient_is_not_named_and_the_healthy_one_is_the_elbo():
    for name in PITFALLS:
        first, second = patient(name)
        assert (first.name, second.name) == ("patient", "healthy")


def test_a_forgotten_half_looks_too_good(wards):
    ill, well, lanes = wards["std"]
    assert late(ill, "loss") < late(well, "loss")
    assert alike(lanes[0]) > 0.8 * alike(lanes[1])


def test_pixels_below_0_give_a_loss_below_0(wards):
    assert late(wards["pixels"][0], "loss") < -1_000


def test_a_mean_is_seen_in_the_first_epoch(wards):
    ill, well, lanes = wards["reduction"]
    assert ill["recon"][0] < 1 < 20 < well["recon"][0] < 45
    assert late(ill, "kl") < 0.1
    assert alike(lanes[0]) < 0.2 * alike(lanes[1])


def test_a_report_that_is_wrong_jumps_and_its_pictures_do_not(wards):
    ill, well, lanes = wards["report"]
    assert jumps(ill) > 2 * jumps(well)
    np.testing.assert_array_equal(lanes[0].recon, lanes[1].recon)


def test_a_collapse_keeps_the_scale(wards):
    ill, well, lanes = wards["collapse"]
    assert late(ill, "recon") > 25
    assert late(ill, "kl") < 0.5 < late(well, "kl")
    assert alike(lanes[0]) < 0.2 * alike(lanes[1])


def test_a_diagnosis_is_compared_only_then_the_code_is_shown(tmp_path, monkeypatch):
    state = {
        "pitfalls_which": "diagnose",
        "pitfalls_diagnose_order": ["reduction", "std", "pixels", "report", "collapse"],
        "pitfalls_diagnose_hits": {},
    }
    app = opened("pitfalls", state, tmp_path, monkeypatch)
    code = 'return bce(logits, x, reduction="mean")'
    assert app.button(key="diagnose_give").disabled
    assert code not in [block.value for block in app.code[:2]]
    app.selectbox(key="diagnose_guess_reduction").set_value("collapse").run()
    app.button(key="diagnose_give").click().run()
    assert TEXTS["diagnose_early"] in [toast.value for toast in app.toast]
    assert TEXTS["gave_reduction"] not in words(app)
    app.button(key="diagnose_1_go").click().run()
    until = time.monotonic() + PATIENCE
    from vaelab.lessons.race import RACES

    race = RACES.get(app.session_state["race_owner"], "diagnose_reduction", None)
    while race.look().step <= ENOUGH * EPOCH:
        assert time.monotonic() < until
        time.sleep(0.05)
    app.run()
    app.button(key="diagnose_give").click().run()
    said = words(app)
    assert TEXTS["would_collapse"] in said
    assert TEXTS["gave_reduction"] in said
    assert TEXTS["reduction_title"] in said
    assert any('reduction="mean"' in block.value for block in app.code)
    assert app.session_state["pitfalls_diagnose_hits"] == {"reduction": False}
    app.button(key="diagnose_next").click().run()
    assert "Patient 2 of 5" in words(app)
    assert TEXTS["gave_reduction"] not in words(app)
    assert not app.exception


def test_the_axis_does_not_name_the_mistake_before_the_curves_do():
    unborn = {name: np.zeros(0) for name in SERIES}
    assert axis_of({}) == axis_of(unborn) == HEALTHY
    assert axis_of({"recon": np.array([44.0, 30.0]), "kl": np.array([0.0, 2.0])}) == HEALTHY
    assert axis_of({"recon": np.array([44.0, -900.0]), "kl": np.array([0.0, 2.0])}) == PITFALLS["pixels"].domain
