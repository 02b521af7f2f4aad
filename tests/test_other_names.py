"""Pages by the names that people type: sent on to the page with all that was asked, and nothing else is touched."""

from __future__ import annotations

import pytest
from asgi import ask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vaelab.ui import other_names
from vaelab.ui.other_names import OTHERS, OtherNames, page_of
from vaelab.ui.pages import PAGES


async def _answer(request: Request) -> Response:
    return PlainTextResponse("passed on")


APP = OtherNames(Starlette(routes=[Route("/{path:path}", _answer, methods=["GET", "POST"])]))
NAMES = {entry.name for entry in PAGES}


@pytest.mark.parametrize(
    ("typed", "page"),
    [
        ("start", ""),
        ("start/", ""),
        ("Start", ""),
        ("index.html", ""),
        ("train.py", "train"),
        ("TRAIN", "train"),
        ("Latent%20space", "latent"),
        ("latent-space/", "latent"),
        ("your_image", "image"),
        ("%E6%BD%9C%E5%9C%A8%E7%A9%BA%E9%97%B4", "latent"),  # its Chinese title
        ("lessons", "learn"),
        ("lesson-1", "learn_kinds"),
        ("learn/12", "learn_generators"),
        ("lesson99", "learn"),
        ("learn-elbo", "learn_elbo"),
        ("learn/elbo", "learn_elbo"),
        ("elbo", "learn_elbo"),
    ],
)
def test_a_likely_name_leads_to_its_page(typed: str, page: str) -> None:
    answer = ask("GET", f"{typed}?lang=zh&run=a%26b", app=APP)
    assert (answer.status, answer.headers["location"]) == (307, f"/{page}?lang=zh&run=a%26b")
    assert ask("GET", page, app=APP).body == b"passed on"


@pytest.mark.parametrize(
    "path",
    ["", *sorted(NAMES - {"start"}), "nothing", "static/js/index.js", "_stcore/health", "start/_stcore/health", "a" * 4000, "//train", "%00", "lesson-x", "²"],
)  # fmt: skip
def test_everything_else_is_passed_on(path: str) -> None:
    assert ask("GET", path, app=APP).body == b"passed on"


def test_only_who_comes_for_a_page_is_sent_on() -> None:
    assert ask("POST", "start", app=APP).body == b"passed on"


def test_below_a_root_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(other_names, "base_path", lambda: "/lab/")
    assert ask("GET", "lab/start", app=APP).headers["location"] == "/lab/"
    assert ask("GET", "lab/Train?a=1", app=APP).headers["location"] == "/lab/train?a=1"
    assert ask("GET", "start", app=APP).body == b"passed on"


def test_other_names_lead_to_pages_and_are_none() -> None:
    assert set(OTHERS.values()) <= NAMES
    assert not set(OTHERS) & NAMES
    assert all(page_of(entry.name) == (entry.name if entry.name != "start" else "") for entry in PAGES)
