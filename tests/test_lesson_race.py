"""The trainings inside lessons: what a press waits for, and why a race pauses although nobody asked for it."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
import torch
from test_lesson_views import opened

from vaelab.lessons import race as races
from vaelab.lessons.race import MOST_RUNNING, RACES, Plan, Race, RaceFrame, Races
from vaelab.lessons.spaces import lanes
from vaelab.ui.learn import pitfalls, race_view
from vaelab.ui.text import strings

LONG = 240.0  # seconds: a slow machine under load


@contextlib.contextmanager
def no_time_lost() -> Iterator[None]:
    """What is inside must not have waited its whole patience."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < LONG


def wait_until(condition) -> None:
    until = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_whoever_waits_for_the_models_sees_them_untrained():
    race = Race(Plan(lanes, steps=50))
    with no_time_lost():
        race.prepare(LONG)
    frame = race.look()
    assert (frame.state, frame.step, len(frame.lanes)) == ("ready", 0, 2), "no tick is needed to show that it is ready"
    assert all(runner.optimiser is None for runner in race._runners), "torch imports its compiler for an optimiser"


def test_a_race_trains_in_one_thread_and_leaves_the_others_theirs(monkeypatch):
    seen: list[int] = []
    monkeypatch.setattr(Race, "_train", lambda race: seen.append(torch.get_num_threads()))
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        race = Race(Plan(lanes, steps=50))
        race.start(0.0)
        wait_until(lambda: seen)
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


def test_whoever_waits_for_a_start_sees_the_first_step():
    race = Race(Plan(lanes, steps=100_000))
    race.prepare(LONG)
    with no_time_lost():
        race.start(LONG)
    frame = race.look()
    assert frame.step >= 1
    assert len(frame.lanes[0].curves["loss"]) >= 1
    race.pause()


def test_a_start_before_the_models_are_built_waits_for_the_first_step_too():
    race = Race(Plan(lanes, steps=100_000))
    with no_time_lost():
        race.start(LONG)
    assert len(race.look().lanes[0].curves["loss"]) >= 1
    race.pause()


def test_a_long_wait_for_the_models_is_no_absence():
    def slow():
        race._looked -= 2 * races.FORGOTTEN
        return lanes()

    race = Race(Plan(slow, steps=100_000))
    race.start(LONG)
    assert race.look().step >= 1
    race.pause()


def test_nobody_waits_longer_than_their_patience():
    hold = threading.Event()

    def slow():
        hold.wait(LONG)
        return lanes()

    race = Race(Plan(slow, steps=5))
    race.prepare(0.05)
    assert race.look().state == "preparing"
    hold.set()
    race.prepare(LONG)
    assert race.look().lanes


def test_an_error_ends_the_waiting():
    def broken():
        raise ValueError("no")

    race = Race(Plan(broken, steps=5))
    with no_time_lost():
        race.prepare(LONG)
    assert race.look().state == "failed"


def test_a_race_that_makes_way_says_so_until_it_goes_on(monkeypatch):
    monkeypatch.setattr(races, "MOST_RUNNING", 1)
    kept, plan = Races(), Plan(lanes, steps=100_000)
    first, second = kept.get("a", "x", plan), kept.get("b", "x", plan)
    kept.start(first, LONG)
    kept.start(second)
    assert (first.look().state, first.look().halt) == ("paused", "crowd")
    assert second.look().halt == ""
    kept.start(first)
    assert first.look().halt == ""
    assert second.look().halt == "crowd"
    first.pause()
    assert first.look().halt == "", "its owner paused it"
    second.reset()
    assert second.look().halt == ""


def test_a_race_that_nobody_looked_at_says_so(monkeypatch):
    race = Race(Plan(lanes, steps=100_000))
    race.start(LONG)
    monkeypatch.setattr(races, "FORGOTTEN", 0.3)
    wait_until(lambda: not race.is_running)
    wait_until(lambda: race.look().state == "paused")
    assert race.look().halt == "away"


@pytest.mark.parametrize("halt", ["crowd", "away"])
def test_the_page_says_why_a_race_stands(halt, monkeypatch):
    monkeypatch.setattr(
        race_view, "t", lambda key, **values: strings("en", "race")[key.removeprefix("race.")].format(**values)
    )
    words = race_view.progress_words(RaceFrame("paused", 3, 10, None, halt=halt))
    assert strings("en", "race")[f"halt_{halt}"] in words
    assert "not trained" in race_view.progress_words(RaceFrame("ready", 0, 10, None, halt=halt))


def test_one_button_keeps_its_place_and_says_what_it_will_do(tmp_path, monkeypatch):
    monkeypatch.setattr(pitfalls, "STEPS", 100_000)  # not over before it is looked at
    app = opened("pitfalls", {"pitfalls_which": "report"}, tmp_path, monkeypatch)
    race = RACES.get(app.session_state["race_owner"], "pitfall_report", None)
    said = [app.button(key="pitfalls_report_go").label]
    app.button(key="pitfalls_report_go").click().run()
    wait_until(lambda: race.look().step > 3)
    app.run()
    said.append(app.button(key="pitfalls_report_go").label)
    race.pause("crowd")
    app.run()
    said.append(app.button(key="pitfalls_report_go").label)
    assert said == [strings("en", "race")[word] for word in ("start", "pause", "go_on")]
    told = strings("en", "race")["crowd_told"].format(most=MOST_RUNNING)
    assert [toast.value for toast in app.toast] == [told]
    app.run()
    assert not app.toast, "told once"
    app.button(key="pitfalls_report_reset").click().run()
    assert race.look().step == 0
    assert not app.exception


def test_a_loss_that_has_run_away_is_short():
    assert race_view.short(-1.52e8) == "−1.5e8"
    assert race_view.short(23.456) == "23.46"
    assert race_view.short(None) == "–"
