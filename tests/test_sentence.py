"""Numbers that are dragged in a lesson's text: what the browser tells and when, what Python takes, and that every sentence fits its lesson."""

from __future__ import annotations

import importlib
import json
import math
from string import Formatter
from typing import Any

import pytest
from app_page import opened
from test_engine_node import JS, node

from vaelab.ui.components.carrier import FOLDER
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.learn import frame
from vaelab.ui.learn.frame import Hand, Lesson, lessons, put
from vaelab.ui.text import LANGUAGES, strings

SIGMA = Number("sigma", 0.1, 1.5, 0.1, 0.4, "learn_latent.sigma", "sigma")
DRAWS = Number("k", 1, 5000, 1, 10, "learn_elbo.k", "z", (1, 10, 100, 5000))
# View of the stage (key, name) in which every number of a lesson has its control; None: the number has no slider there.
CONTROLS = {
    "learn_kinds": None,
    "learn_latent": ("latent_view", "five"),
    "learn_autoencoder": ("autoencoder_view", "layers"),
    "learn_vae": None,
    "learn_graphs": ("graphs_view", "markov"),
    "learn_elbo": ("elbo_view", "bound"),
    "learn_reparam": ("reparam_view", "variance"),
    "learn_beyond": ("beyond_view", "bound"),
}


@pytest.fixture(scope="module")
def answer() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(node(JS / "numbers_node.mjs", str(FOLDER)))
    return found


def hands(name: str) -> dict[str, Hand]:
    """The sentences of a lesson by their sections."""
    shown: Lesson = importlib.import_module(f"vaelab.ui.learn.{name.removeprefix('learn_')}").LESSON
    return {section.key: section.hand for section in shown.sections if section.hand}


WITH_HANDS = [entry.name for entry in lessons() if hands(entry.name)]


@pytest.mark.node
def test_python_hears_of_a_number_when_it_has_answered_the_last(answer: dict[str, Any]) -> None:
    assert answer["first"] == [0.4, "1.26"]
    assert answer["early"] == 0
    assert answer["attached"] == [{"turn": 1, "moved": [["linear", "sigma", 0.5]]}]
    assert answer["busy"] == 0
    assert answer["next"] == [{"turn": 2, "moved": [["linear", "sigma", 0.8], ["linear", "weight", 2]]}]
    assert answer["patient"] == 0
    assert answer["impatient"] == [{"turn": 4, "moved": [["linear", "sigma", 1]]}]


@pytest.mark.node
def test_what_python_has_not_answered_is_told_again_with_the_next(answer: dict[str, Any]) -> None:
    """Streamlit hands over the newest turn alone: while Python is slow, the one before is lost."""
    assert answer["again"] == [{"turn": 5, "moved": [["linear", "sigma", 1], ["bound", "draws", 3]]}]
    assert answer["heard"] == [{"turn": 6, "moved": [["linear", "weight", 3]]}]
    assert answer["another"] == [{"turn": 7, "moved": [["linear", "sigma", 1.2]]}], (
        "another stage does not hear what this one was told"
    )


@pytest.mark.node
def test_a_number_under_the_hand_is_not_thrown_back_and_follows_the_stage_afterwards(answer: dict[str, Any]) -> None:
    assert answer["mine"] == answer["ahead"] == [0.8, 2]
    assert answer["followed"] == 0.3
    assert answer["same"] == 0, "what changes nothing is not told"
    assert answer["unwatched"] == 0


@pytest.mark.node
def test_a_number_goes_by_its_steps_and_stays_within_its_ends(answer: dict[str, Any]) -> None:
    assert answer["stepped"] == [0.7, 0.1, 1.5, 5, 10, 10]
    assert answer["ways"] == [-1, 1, -4, -40, 40, 0]


@pytest.mark.parametrize("bad", ["x", None, [], {}, math.nan, math.inf, -1e9, 1.6, "0,4"])
def test_what_is_no_place_of_a_number_changes_nothing(bad: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {}
    monkeypatch.setattr(frame.st, "session_state", state)
    put(Hand({"sigma": SIGMA}, {"view": "five"}), SIGMA, bad)
    assert state == {}


def test_a_number_takes_the_place_that_its_control_has_too(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, Any] = {}
    monkeypatch.setattr(frame.st, "session_state", state)
    put(Hand({"sigma": SIGMA}, {"view": "five"}), SIGMA, 0.7000000001)
    assert state == {"view": "five", "sigma": 0.7}
    assert [DRAWS.at(value) for value in (1, 60, 4000)] == [1, 100, 5000]
    assert isinstance(Number("n", 0, 16, 1, 2, "", "z").at(8.0), int), "a slider of whole numbers takes no other"


@pytest.mark.parametrize("language", list(LANGUAGES))
@pytest.mark.parametrize("name", WITH_HANDS)
def test_a_sentence_has_a_place_for_each_of_its_numbers(name: str, language: str) -> None:
    texts = strings(language, name)  # type: ignore[arg-type]
    for section, hand in hands(name).items():
        holes = {hole for _, hole, _, _ in Formatter().parse(texts[f"{section}_hand"]) if hole}
        assert hand.numbers.keys() <= holes
        for number in hand.numbers.values():
            assert number.at(number.start) == number.start
            assert texts[number.label.removeprefix(f"{name}.")], "its name for a screen reader"


def test_most_lessons_have_one() -> None:
    assert list(CONTROLS) == WITH_HANDS


@pytest.mark.parametrize("name", WITH_HANDS)
def test_the_stage_stands_where_a_sentence_put_it(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each end and the middle of a number fits its control, and every other placeholder is told."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app, told = opened(name), {}
    monkeypatch.setattr(frame, "held_view", lambda _key, values, words, _move: told.update(values=values, words=words))
    for section, hand in hands(name).items():
        for number in hand.numbers.values():
            for value in (number.low, number.high):
                for key, wanted in {**hand.sets, number.key: value}.items():
                    app.session_state[key] = wanted
                app.run()
                assert not app.exception
                assert told["values"][number.key] == value
                if CONTROLS[name]:
                    controls = [*app.slider, *app.select_slider]
                    (control,) = [each for each in controls if each.key == number.key]
                    assert control.value == value
        holes = {hole for _, hole, _, _ in Formatter().parse(strings("en", name)[f"{section}_hand"]) if hole}
        assert holes - hand.numbers.keys() == {key.split()[1] for key in told["words"] if key.startswith(f"{section} ")}
