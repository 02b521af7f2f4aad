"""Links to a page as it stands: what they hold, what they refuse, and that a fresh session shows the same."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from app_page import opened

from vaelab.ui import share
from vaelab.ui.learn import kinds
from vaelab.ui.pages import PAGES
from vaelab.ui.text import strings


@pytest.fixture(autouse=True)
def home(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


STATE: dict[str, Any] = {
    "latent_projection": "dims",
    "latent_dims": [3, 5],
    "latent_images": ("test", 2_000),
    "latent_solid": "3-D",
    "latent_sigma": 0.25,
    "latent_button": False,
    "latent_secret": {"a": 1},
    "other_page": 3,
    "latent_words": "**bold** <b>",
}


def test_a_link_holds_the_choices_of_its_page_and_nothing_else() -> None:
    found = share.unpacked("latent", share.packed("latent", STATE))
    kept = ("latent_projection", "latent_dims", "latent_images", "latent_solid", "latent_sigma")
    assert found == {name: STATE[name] for name in kept}
    assert isinstance(found["latent_images"], tuple)  # type: ignore[index]
    assert share.packed("learn", STATE) == ""  # its address says everything
    assert share.unpacked("compare", share.packed("latent", STATE)) is None


def made(content: Any) -> str:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(zlib.compress(text)).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "e30",
        made(b"[1, 2"),
        made([1]),
        made({"lang": "zh"}),
        made({"latent_error": "sorry"}),
        made({"latent_words": "[click](http://elsewhere)"}),
        made({"latent_words": "<img src=x>"}),
        made({"latent_dims": [[1], 2]}),
        made({"latent_x": {"tuple": "ab"}}),
        made({"latent_x": {"tuple": [1], "more": 2}}),
        made({f"latent_{k}": k for k in range(100)}),
        made({"latent_x": "a" * 100}),
        made(b'{"latent_x": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
        made(b'{"latent_x": 1' + b" " * 20_000_000 + b"}"),  # a bomb: 20 MB in 20 kB
        made({"latent_x_kept": [[[[1]]]]}),
        made({"latent_x_kept": {"map": {"<b>": 1}}}),
        made({"latent_x_kept": {"map": {"a": 1}, "b": 1}}),
        made({"latent_x_kept": [0] * 400}),
        made(b'{"latent_x": NaN}'),
        made(b'{"latent_x": 1e400}'),
    ],
)
def test_what_no_link_of_ours_holds_is_refused_whole(text: str) -> None:
    assert share.unpacked("latent", text) is None


def test_a_damaged_link_opens_the_page_and_says_so() -> None:
    app = opened("latent", **{share.VALUE: "xyz"})
    assert strings("en", "common")["link_damaged"] in [warning.value for warning in app.warning]
    assert share.VALUE not in app.query_params
    assert not app.error


def test_a_choice_that_does_not_fit_any_more_is_left_out_and_said() -> None:
    state = {"vae_all": True, "vae_encoded": ["no", "such", "thing"]}  # encoded: an answer of the browser, a dictionary
    app = opened("learn_vae", **{share.VALUE: share.packed("learn_vae", state)})
    assert not app.error
    label = strings("en", "learn_vae")["encoded"]
    assert any(f"also chose {label}" in warning.value for warning in app.warning)
    assert app.toggle(key="vae_all").value is True  # the rest works


@pytest.mark.parametrize(
    ("page", "name", "known"),
    [("compare", "view", "maps"), ("compare", "pairs", "use"), ("decode", "tab", "pad")],
)
def test_an_unknown_word_of_an_address_is_said(page: str, name: str, known: str) -> None:
    rest = {"view": "z"} if name == "pairs" else {}
    words = "no `such` *thing*"
    app = opened(page, **rest, **{name: words})
    assert not app.error
    assert any("also chose `no 'such' *thing*`" in warning.value for warning in app.warning)
    assert app.query_params.get(name) != [words]
    assert not opened(page, **rest, **{name: known}).warning


def test_the_link_of_a_lesson_gives_the_same_screen_in_another_session() -> None:
    first = opened("learn_vae")
    first.toggle(key="vae_all").set_value(True).run()
    state = first.session_state.to_dict()
    other = opened("learn_vae", **{share.VALUE: share.packed("learn_vae", state)})
    assert other.toggle(key="vae_all").value is True
    assert not other.warning


@pytest.mark.parametrize("page", [entry.name for entry in PAGES if entry.exists and not entry.hidden])
def test_every_page_can_be_shared_and_opens_from_its_own_link(page: str) -> None:
    app = opened(page)
    state = app.session_state.to_dict()
    query = {name: told if isinstance(told, str) else told[0] for name, told in app.query_params.items()}
    text = share.packed(page, state)
    other = opened(page, **query, **({share.VALUE: text} if text else {}))
    assert not other.error
    assert not [warning.value for warning in other.warning if "link" in warning.value]
    again = other.session_state.to_dict()
    assert share.packed(page, again) == text


@pytest.mark.parametrize(
    ("told", "root"),
    [
        ("http://lab:8501/learn_/learn_latent", "http://lab:8501"),  # as Streamlit tells it on lesson 3
        ("https://school.example/lab/learn_latent", "https://school.example/lab"),
        ("https://school.example/lab/latent?x=1", "https://school.example/lab"),
        ("http://lab:8501/learn", "http://lab:8501"),
        ("http://lab:8501/learn_/compare", "http://lab:8501"),  # and on the way from lesson 3 to another page
        ("http://lab:8501/", "http://lab:8501"),
        ("", ""),
    ],
)
def test_an_address_begins_where_the_app_does(told: str, root: str) -> None:
    assert share.app_address(told) == root


BROUGHT: list[tuple[str, dict[str, Any]]] = [
    ("start", {"start_decoder_kept": [0.0, *(0.1 * k for k in range(16))]}),
    ("decode", {"decode_view_kept": [2.0, 0.7, 0.0, 3.0, 1.0]}),
    ("learn_latent", {"latent_board_kept": {"z": 1.2, "x": 1.0}}),
    ("learn_kinds", {"kinds_board_kept": kinds.BOARD.start | {"probe": [0, 1.5], "field": "disc"}}),
    ("learn_joint", {"joint_board_kept": {"weights": [1] * 48, "row": 2, "column": 0}}),
    ("learn_graphs", {"graphs_view": "alarm", "graphs_seen_alarm": {"john": 1, "earthquake": 0}}),
    ("learn_graphs", {"graphs_view": "case", "graphs_case_number": 1, "graphs_case_seen": {"john": 1}}),
    ("learn_elbo", {"elbo_view": "kl", "elbo_kl_kept": {"at": [1.0, 1.6, -0.5, 0.9]}}),
    ("learn_code", {"code_at": 2, "code_taken": 3}),
    ("learn_pitfalls", {"pitfalls_diagnose_order": ["std", "reduction", "pixels", "report", "collapse"]}),
]  # fmt: skip


@pytest.mark.parametrize(("page", "state"), BROUGHT)
def test_a_link_brings_what_a_reader_has_edited(page: str, state: dict[str, Any]) -> None:
    text = share.packed(page, state)
    assert share.unpacked(page, text) == state
    app = opened(page, **{share.VALUE: text})
    assert not app.warning
    assert {name: app.session_state[name] for name in state} == state


def test_the_steps_of_a_link_are_taken() -> None:
    app = opened("learn_code", **{share.VALUE: share.packed("learn_code", {"code_taken": 3})})
    assert len(app.session_state["code_training"].steps) == 3


@pytest.mark.parametrize(
    ("page", "state", "called"),
    [
        ("learn_latent", {"latent_board_kept": {"z": 99, "x": 1}}, "board"),
        ("learn_latent", {"latent_board_kept": {"z": 1}}, "board"),
        ("learn_graphs", {"graphs_view": "alarm", "graphs_seen_alarm": {"nobody": 1}}, "seen_alarm"),
    ],
)
def test_an_edited_part_that_does_not_fit_is_named(page: str, state: dict[str, Any], called: str) -> None:
    app = opened(page, **{share.VALUE: share.packed(page, state)})
    assert not app.error
    assert called in app.warning[0].value


def test_a_value_that_a_control_refuses_is_named_and_the_rest_works() -> None:
    state = {"latent_sigma": 40.0, "latent_weight": 0.8, "latent_decoder": "line"}
    app = opened("learn_latent", **{share.VALUE: share.packed("learn_latent", state)})
    assert not app.error
    label = strings("en", "learn_latent")["sigma"]
    assert [warning.value for warning in app.warning] == [strings("en", "common")["link_stale"].format(parts=label)]
    assert app.slider(key="latent_weight").value == 0.8


STANDS = """({ latentMap: { plot } }) => [
  Array.from({ length: plot.set.n }, (_, i) => i).filter((i) => plot.marks.inside?.has(i)), plot.pictures, plot.camera.stand(),
]"""
ALONG_Z0 = """({ latentMap: map }) => new Promise((done) => {
  const look = () => (map.plot?.frame.axes[0] === "z0" && map.set?.placed && !map.set.to ? done() : setTimeout(look, 50));
  look();
})"""


@pytest.mark.browser
@pytest.mark.slow  # half a minute on a busy machine
def test_the_link_opens_the_same_map_in_another_browser(new_page: Any, digits_app: str) -> None:
    page = new_page()
    page.goto(f"{digits_app}/latent?run=digits-run")
    page.locator(".map-legend").wait_for()
    page.get_by_text("3-D", exact=True).click()
    page.locator(".st-key-latent_projection input").click()
    page.get_by_role("option", name="Dimensions").click()
    page.locator(".st-key-latent_dims").wait_for()
    page.locator(".map").evaluate(ALONG_Z0)
    page.get_by_role("button", name="Pictures").click()
    page.get_by_role("button", name="+", exact=True).click()
    box = page.locator(".map-canvas").bounding_box()
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    for x, y in ((0.5, 0.1), (0.6, 0.6), (0.1, 0.5)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_function("() => new URLSearchParams(location.search).has('lasso')")
    page.get_by_role("button", name="Share").first.click()
    address = page.locator("[data-testid=stPopoverBody] code").inner_text()
    assert share.VALUE in parse_qs(urlsplit(address).query)
    assert (
        page.locator("[data-testid=stPopoverBody] img").get_attribute("alt") == strings("en", "common")["share_picture"]
    )
    stands = page.locator(".map").evaluate(STANDS)
    assert 2 < len(stands[0]) < 300
    assert stands[1:] == [True, [1.4, 0, 0, 0.6, 0.35]]
    other = new_page()
    other.goto(address)
    other.locator(".map-legend").wait_for()
    other.locator(".st-key-latent_dims").wait_for()
    assert "with=" not in other.url
    assert other.locator(".st-key-latent_projection input").input_value() == "Dimensions"
    other.locator(".map").evaluate(ALONG_Z0)
    assert other.locator(".map").evaluate(STANDS) == stands
    other.get_by_text(f"{len(stands[0])} images").first.wait_for()


@pytest.mark.browser
def test_a_link_holds_where_a_lesson_stands_in_the_browser(new_page: Any, digits_app: str) -> None:
    words = strings("en", "learn_latent")
    page = new_page()
    page.goto(f"{digits_app}/learn_latent?lang=en&with={share.packed('learn_latent', {'latent_view': 'guess'})}")
    sheet = page.locator(".guess .sheet")
    sheet.wait_for()
    for key in ("ArrowRight", "Enter", "Enter", "ArrowLeft"):
        sheet.press(key)
    said = page.locator(".guess .said").inner_text()
    assert said.startswith(words["guess_ask"].format(round=2, of=10, x="")[:12])
    page.get_by_role("button", name="Share").first.click()
    address = page.locator("[data-testid=stPopoverBody] code").inner_text()
    kept = share.unpacked("learn_latent", parse_qs(urlsplit(address).query)[share.VALUE][0])
    assert kept is not None
    assert kept["latent_guess_kept"][1:] == [1, -0.05, 0.05]  # open, the line, the first guess
    other = new_page()
    other.goto(address.replace("lang=en", "lang=zh"))
    other.locator(".guess .sheet").wait_for()
    other.locator(".guess .marks .hit, .guess .marks .miss").first.wait_for()
    assert other.locator(".guess .sheet").get_attribute("aria-valuenow") == "-0.05"


@pytest.mark.browser
def test_a_link_holds_the_point_on_the_map(page: Any, digits_app: str) -> None:
    page.goto(f"{digits_app}/latent?run=digits-run&point=7&lang=en")
    page.locator(".map-legend").wait_for()
    page.wait_for_function("() => new URLSearchParams(location.search).get('point') === '7'")
    selected = page.locator(".map").evaluate("(root) => root.latentMap.plot.marks.selected")
    assert selected == 7
