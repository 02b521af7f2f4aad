"""Errors that a user of the app can cause are told in Chinese too: the sentences are those that are really raised."""

from __future__ import annotations

import ast
import io
import re
import string
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_writer import write_run

import vaelab
from vaelab import data
from vaelab.analysis import inference
from vaelab.analysis.film import film
from vaelab.config.errors import RunError, VaeLabError
from vaelab.images import files
from vaelab.runs.names import check_name
from vaelab.runs.plan import plan
from vaelab.ui import error_text, guard
from vaelab.ui.text import strings
from vaelab.ui.train import controls
from vaelab.workers import launch

ENGLISH, CHINESE = strings("en", "errors"), strings("zh", "errors")


@pytest.fixture(autouse=True)
def _chinese_in_folders_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_text, "language", lambda: "zh")
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("broken").mkdir()
    for k in range(3):
        Path("broken", f"{k}.png").write_bytes(b"not an image")


@pytest.mark.parametrize("key", ENGLISH)
def test_every_sentence_is_told_from_the_others(key: str) -> None:
    values = {name: f"<{name}>" for _, name, _, _ in string.Formatter().parse(ENGLISH[key]) if name}
    assert error_text.in_words(ENGLISH[key].format(**values)) == CHINESE[key].format(**values)


HOLE = "\x00"


def sentences_in_code() -> list[str]:
    """Every text of the package that could be the sentence of an error, with a hole for each value."""
    found = []
    for path in Path(vaelab.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else HOLE for part in node.values))
    return [sentence for sentence in found if len(sentence.replace(HOLE, "").split()) >= 3]


@pytest.fixture(scope="module")
def in_code() -> list[tuple[str, re.Pattern[str]]]:
    """Each text, and what it can become with values in its holes: a pattern a text is made once, since thousands meet each sentence."""
    texts = sorted(set(sentences_in_code()))
    return [(text, re.compile(".*".join(map(re.escape, text.split(HOLE))), re.DOTALL)) for text in texts]


@pytest.mark.parametrize("key", ENGLISH)
def test_every_sentence_is_written_so_where_it_is_raised(key: str, in_code: list[tuple[str, re.Pattern[str]]]) -> None:
    """Who changes the wording of an error changes errors.json with it, or the error would be told in English."""
    told = error_text._patterns()[key]
    assert any(told.fullmatch(text) or become.fullmatch(ENGLISH[key]) for text, become in in_code)


def test_pages_tell_errors_so(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(guard.st, "error", lambda sentence, icon: told.append(sentence))
    monkeypatch.setattr(controls.st, "session_state", {})

    def refuse() -> None:
        raise RunError(ENGLISH["name_taken"].format(name="a"))

    try:
        refuse()
    except RunError as error:
        guard.show_error(error)
    controls._act(refuse)
    controls.show_action_error()
    assert told == [CHINESE["name_taken"].format(name="a")] * 2


def test_an_unknown_sentence_stays_as_it_is() -> None:
    assert error_text.in_words("something else") == "something else"


def other_weights() -> None:
    run, other = write_run("a"), write_run("b", cfg=plan("digits", "linear-vae", latent_dim=4))
    for its in (run, other):
        (its.path / "model.safetensors").unlink(missing_ok=True)
    from safetensors.torch import save_file

    from vaelab.training.first_weights import new_model

    save_file(dict(new_model(other.config().model, 0).state_dict()), run.path / "model.safetensors")
    inference.load_run(run)


def broken_weights() -> None:
    run = write_run("a")
    (run.path / "model.safetensors").write_bytes(b"not weights")
    inference.load_run(run)


MISTAKES: dict[str, Callable[[], object]] = {
    "batch": lambda: plan("digits", batch_size=5000),
    "batch_limit": lambda: plan("digits", limit=5, batch_size=6),
    "folder_empty": lambda: plan("folder:empty"),
    "folder_absent": lambda: plan("folder:nowhere"),
    "folder_broken": lambda: plan("folder:broken"),
    "zip_broken": lambda: data.import_zip(b"no zip", "a.zip"),
    "absent": lambda: launch.check(plan("cifar10")),
    "name_letters": lambda: check_name("../a"),
    "name_length": lambda: check_name(""),
    "name_taken": lambda: [write_run("a"), check_name("a")],
    "run_idle": lambda: launch.pause(write_run("a")),
    "run_finished": lambda: launch.resume(write_run("a")),
    "no_weights": lambda: write_run("a", with_snapshot=False, rows=0).model_file(),
    "weights_broken": broken_weights,
    "weights_other": other_weights,
    "film_none": lambda: film(write_run("a", with_snapshot=False, rows=0)),
    "image_empty": lambda: files.open_image(b""),
    "image_other": lambda: files.open_image(b"not an image"),
}


@pytest.mark.parametrize("key", MISTAKES)
def test_what_is_really_raised_has_a_chinese_sentence(key: str) -> None:
    with pytest.raises(VaeLabError) as refusal:
        MISTAKES[key]()
    sentence = str(refusal.value)
    assert error_text._patterns()[key].fullmatch(sentence), sentence
    assert error_text.in_words(sentence) != sentence


def _file(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (_file(Image.new("1", (20_000, 20_000)), "PNG"), "5000 万像素"),
        (_file(Image.new("1", (5_000, 5_000)), "PNG"), "1600 万像素"),
        (_file(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"), "有限的数"),
    ],
)
def test_a_picture_that_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(VaeLabError) as refused:
        files.open_image(content)
    assert told in error_text.in_words(str(refused.value))
