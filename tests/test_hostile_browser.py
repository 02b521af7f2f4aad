"""What a browser tells may be anything: boards, the list of lessons, a settled z and an address keep their pages standing."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from test_engine_node import JS, node

from vaelab.ui.components.board import board_view
from vaelab.ui.components.carrier import FOLDER
from vaelab.ui.components.progress import progress_view
from vaelab.ui.decode import decode_page
from vaelab.ui.learn import joint, kinds, latent
from vaelab.ui.learn.prediction import Estimate, Prediction

HUGE = 10**400  # a whole number in JSON that no float can hold
ROOT = Path(__file__).parents[1]


def edited(board: board_view.Board, answer: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the session holds of a board after its browser has told this."""
    session = {f"{board.key}_view": SimpleNamespace(edit=answer)}
    monkeypatch.setattr(board_view, "st", SimpleNamespace(session_state=session))
    board._edited()
    return board._held()


@pytest.mark.parametrize(
    ("board", "parts"),
    [
        (kinds.BOARD, {"points": [[0.0, 0.0]]}),
        (kinds.BOARD, {"points": [[HUGE, 0, 1]]}),
        (kinds.BOARD, {"points": [{"x": 1}]}),
        (kinds.BOARD, {"points": 3}),
        (kinds.BOARD, {"probe": None}),
        (joint.BOARD, {"weights": [HUGE] * 48}),
        (joint.BOARD, {"row": "0"}),
        (latent.BOARD, {"z": HUGE}),
        (latent.BOARD, {"z": [0.0]}),
    ],
)
def test_a_state_that_cannot_be_used_is_left_aside(board, parts, monkeypatch):
    answer = {"push": 0, "seq": 1, "done": True, "state": board.start | parts}
    assert edited(board, answer, monkeypatch)["state"] == board.start


@pytest.mark.parametrize("answer", [None, 3, [], {}, {"state": None}, {"push": 0, "state": []}])
def test_an_answer_of_another_shape_is_left_aside(answer, monkeypatch):
    assert edited(latent.BOARD, answer, monkeypatch)["state"] == latent.BOARD.start


def test_only_the_parts_of_a_state_are_kept(monkeypatch):
    answer = {"push": 0, "seq": 1, "done": False, "state": {"z": 0.5, "x": 1.0, "more": "x" * 10_000}}
    held = edited(latent.BOARD, answer, monkeypatch)
    assert held["state"] == {"z": 0.5, "x": 1.0}
    assert held["before"] == latent.BOARD.start
    held = edited(latent.BOARD, answer | {"seq": math.inf}, monkeypatch)
    assert held["state"] == latent.BOARD.start


@pytest.mark.parametrize(
    ("told", "done"),
    [
        (None, set()),
        ("learn_vae", set()),
        ([["learn_vae"], 3, None], set()),
        ([*map(str, range(1000)), "learn_vae"], {"learn_vae"}),
    ],
)
def test_only_names_of_lessons_are_taken_from_a_browser(told, done, monkeypatch):
    monkeypatch.setattr(progress_view, "st", SimpleNamespace(session_state={}))
    monkeypatch.setattr(progress_view, "_component", lambda: lambda **_: SimpleNamespace(done=told, guesses=told))
    assert progress_view.finished(["learn_vae", "learn_elbo"]) == done
    assert progress_view._known() == done


@pytest.mark.parametrize(
    ("told", "guess"),
    [
        (None, None),
        ([["learn_vae", "zero"]], None),
        ({"learn_vae": {"zero": 1}}, None),
        ({"learn_vae": "zero", "learn_elbo": "one", "other": "x"}, "zero"),
        ({"learn_vae": 3.5}, 3.5),
    ],
)
def test_only_words_and_numbers_of_a_lesson_are_taken_as_predictions(told, guess, monkeypatch):
    monkeypatch.setattr(progress_view, "st", SimpleNamespace(session_state={}))
    monkeypatch.setattr(progress_view, "_component", lambda: lambda **_: SimpleNamespace(done=None, guesses=told))
    assert progress_view.predicted("learn_vae") == guess
    assert set(progress_view._guesses()) <= {"learn_vae"}
    progress_view.predict("learn_vae", None)
    assert progress_view.predicted("learn_vae") is None, "forgotten here, whatever the browser still tells"


@pytest.mark.parametrize("guess", ["<b>", "low", 1e400, math.nan, True, 99, -1])
def test_a_prediction_that_nobody_could_make_is_asked_for_again(guess):
    assert not Prediction(("a", "b"), "a").accepts(guess)
    assert not Estimate(0.0, 2.0, 0.1, 1.0, 0.1).accepts(guess)


@pytest.mark.node
def test_a_browser_tells_what_python_takes_and_lives_without_storage():
    found = json.loads(node(JS / "progress_node.mjs", str(FOLDER / "progress")))
    assert found["first"] == [["learn_vae"]]
    assert found["again"] == [], "a name that Python does not take would be told without end"
    assert found["kept"] == ["learn_elbo", "learn_vae", "old"]
    assert found["guesses"] == {"learn_vae": "zero", "learn_elbo": 3.5}
    assert found["later"] == [{"learn_vae": "zero"}], "in another session, and only of the lesson that asks"
    assert found["forgotten"] == {"learn_elbo": 3.5}
    assert found["strange"] == []
    assert found["blocked"] == []


@pytest.mark.parametrize(
    "answer",
    [
        {"z": [math.nan], "label": 0, "tab": "one", "model": "m"},
        {"z": [HUGE], "label": 0, "tab": "one", "model": "m"},
        {"z": [0.0], "label": math.inf, "tab": "one", "model": "m"},
        {"z": 3, "label": 0, "tab": "one", "model": "m"},
        {"z": [0.0]},
        "z",
    ],
)
def test_a_settled_z_that_is_no_place_is_left_aside(answer, monkeypatch):
    session: dict[str, Any] = {decode_page.COMPONENT: SimpleNamespace(z=answer)}
    monkeypatch.setattr(decode_page, "st", SimpleNamespace(session_state=session, query_params={}))
    decode_page.settle()
    assert not session.get("decode_z")


@pytest.mark.parametrize("name", ["a" * 300, "../..", "/", "a\0b"])
def test_an_address_that_names_no_run_is_told(name, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=180)
    query = {"lang": "en", "run": name, "label": "1" * 5000, "z": ",".join(["0"] * 16)}
    app.run()
    app.switch_page(str(ROOT / "pages" / "decode.py"))
    app.query_params.update(query)
    app.run()
    assert not app.exception
    assert not app.error
    assert len(app.warning) == 1


def test_a_list_of_nodes_falls_back_from_a_node_that_there_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=180)
    app.session_state["graphs_a_alarm"] = "nobody"
    app.run()
    app.switch_page(str(ROOT / "pages" / "learn_graphs.py"))
    app.run()
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="graphs_a_alarm").value == "burglary"
