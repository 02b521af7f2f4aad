"""Long and odd words in addresses and on the command line: a sentence each, never a failure of the server."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from app_page import opened
from asgi import get
from cli_shell import Shell

from vaelab.ui.components.map.map_routes import map_routes
from vaelab.ui.components.routes import routes
from vaelab.ui.start.evidence import evidence_routes
from vaelab.ui.text import language_of_page

LONG, DIGITS = "n" * 300, "9" * 5_000  # Python reads no number of more than 4,300 digits
MODEL = "shapes-conv-vae"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


EVERY = [route.path for route in (*routes(), *map_routes(), *evidence_routes())]


@pytest.mark.parametrize("path", EVERY)
def test_every_route_answers_odd_words(path: str) -> None:
    for name in (LONG, "..", "\x00", MODEL):
        for number in (DIGITS, "²", "-1", "1e9"):
            asked = path.replace("{run}", name).replace("{k:few}", number).replace("{step:few}", number)
            asked = asked.replace("{source}", number).replace("{part}", "decoder").replace("{digest}", LONG)
            asked = asked.replace("{name:path}", f"../{LONG}")
            query = {"split": "test", "count": number, "dims": f"{number},1", "row": number, "v": LONG}
            answer = get(f"{quote(asked.lstrip('/'))}?{urlencode(query)}", "//[")
            assert answer.status < 500, (asked[:80], number[:5], answer.body[:200])
            assert b"Traceback" not in answer.body


@pytest.mark.parametrize("address", ["//[", "http://[::1", "", "?lang=zh&lang=\x00"])
def test_the_language_of_an_address_that_is_none(address: str) -> None:
    assert language_of_page(address) in ("en", "zh")


@pytest.mark.parametrize("value", ["inf", "-inf", "nan", DIGITS, "1e400", "", "1_0", "²"])
@pytest.mark.parametrize("name", ["set_epochs", "set_lr"])
def test_settings_in_the_address_that_are_no_numbers(name: str, value: str) -> None:
    app = opened("train", **{name: value})
    key = name.removeprefix("set_")
    assert app.number_input(key=f"set_{key}").value == (10 if key == "epochs" else 1e-3)


@pytest.mark.usefixtures("places")
def test_long_paths_on_the_command_line(shell: Shell, tmp_path: Path) -> None:
    long = tmp_path / LONG
    for arguments in (
        ("train", "--dataset", "digits", "--limit", "40", "--epochs", "1", "--run-dir", long),
        ("train", "--dataset", f"folder:{long}"),
        ("evaluate", long),
        ("sample", MODEL, "-o", long / "a.png"),
        ("encode", MODEL, "shapes", "--limit", "3", "-o", tmp_path / f"{LONG}.csv"),
        ("export", MODEL, "-o", long),
    ):
        shell.refuses(*arguments)
    assert [path.name for path in tmp_path.iterdir() if LONG in path.name] == []
