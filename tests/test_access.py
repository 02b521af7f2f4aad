"""Whose folders a browser may read: on a server of one's own any, on one that others reach those of VAELAB_FOLDERS alone."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from vaelab.config.errors import DataError
from vaelab.ui.access import folders as access

ROOT = Path(__file__).resolve().parents[1]
SHELL = str(ROOT / "vaelab" / "ui" / "shell.py")


@pytest.fixture
def open_server(monkeypatch: pytest.MonkeyPatch) -> None:
    real = access.st.get_option
    monkeypatch.setattr(access.st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else real(name))


def pictures(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for i in range(4):
        Image.new("RGB", (32, 32), (i, 0, 0)).save(folder / f"{i}.png")
    return folder


def test_the_configuration_binds_this_computer_alone() -> None:
    import tomllib

    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["address"] in access.LOCAL


def test_a_server_of_ones_own_reads_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access.st, "get_option", lambda name: "localhost")
    assert access.check_folder_words(f" {tmp_path} ") == str(tmp_path)


@pytest.mark.usefixtures("open_server")
def test_an_open_server_reads_nothing_unless_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, outside = pictures(tmp_path / "shared" / "birds"), pictures(tmp_path / "private")
    monkeypatch.delenv("VAELAB_FOLDERS", raising=False)
    with pytest.raises(DataError, match="below VAELAB_FOLDERS"):
        access.check_folder_words(str(inside))
    monkeypatch.setenv("VAELAB_FOLDERS", os.pathsep.join([str(tmp_path / "nothing"), str(tmp_path / "shared")]))
    assert access.check_folder_words(str(inside)) == str(inside)
    (tmp_path / "shared" / "link").symlink_to(outside)
    for words in (
        str(outside),
        str(tmp_path / "shared" / ".." / "private"),
        str(tmp_path / "shared" / "link"),
        str(tmp_path / "shared-too"),
        "~nobodyatall/pictures",
        "/",
        "x" * 5000,
        "a\0b",
    ):
        with pytest.raises(DataError):
            access.check_folder_words(words)


@pytest.mark.parametrize("named", [True, False])
def test_the_train_page_of_an_open_server(
    named: bool, open_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pictures(tmp_path / "own")
    monkeypatch.setenv("VAELAB_FOLDERS", str(tmp_path) if named else str(tmp_path / "other"))
    app = AppTest.from_file(SHELL, default_timeout=180)
    app.run()
    app.switch_page(str(ROOT / "pages" / "train.py")).run()
    app.selectbox(key="set_dataset").select("own").run()
    app.text_input(key="set_folder").input(str(folder)).run()
    assert not app.exception
    shown = " ".join(str(element.value) for element in [*app.markdown, *app.caption, *app.error, *app.warning])
    assert ("4 images" in shown) is named
    assert ("VAELAB_FOLDERS" in shown) is not named


def test_every_place_where_a_browsers_words_become_a_path_asks() -> None:
    """In ui/, `folder:` is put before a text in one place, and that one asks; all else chooses among names that the server lists."""
    found: list[tuple[str, Any]] = []
    for path in [*(ROOT / "vaelab" / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr) and any(
                isinstance(part, ast.Constant) and "folder:" in str(part.value) for part in node.values
            ):
                found.append((path.name, ast.unparse(node)))
    assert found == [("settings.py", "f'folder:{check_folder_words(folder)}'")]
