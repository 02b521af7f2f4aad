"""Addresses, names and command lines of anybody: an answer or a sentence, and nothing touched outside the folders of runs and data."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from app_page import opened
from asgi import ask
from fuzz import everything, tries, words
from hypothesis import example, given
from hypothesis import strategies as st
from run_writer import write_run

from vaelab.cli import cli, main
from vaelab.config.errors import RunError
from vaelab.runs import resting, store
from vaelab.runs.names import check_name
from vaelab.runs.plan import plan
from vaelab.ui.access.sign_in import sign_in_routes
from vaelab.ui.components.map.map_routes import map_routes
from vaelab.ui.components.routes import routes
from vaelab.ui.error_text import in_markdown
from vaelab.ui.names import escaped
from vaelab.ui.start.evidence import evidence_routes

EVERY = [*routes(), *map_routes(), *evidence_routes(), *sign_in_routes()]
SECRET = "what nobody may read"
segments = st.one_of(words, st.sampled_from(["real", "shapes-conv-vae", "0", "7", "model", "decoder", "encoder"]))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a secret beside the runs."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "secret").mkdir()
    (folder / "secret" / "config.json").write_text(f'{{"words": "{SECRET}"}}')
    (folder / "secret" / "model.safetensors").write_text(SECRET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(folder / "runs"))
        patch.setenv("VAELAB_DATA", str(folder / "data"))
        patch.chdir(folder / "secret")
        write_run("real", cfg=plan("digits", latent_dim=4))
        yield folder


@tries(120, 10_000)
@given(data=st.data())
def test_every_route_answers(data: st.DataObject, home: Path) -> None:
    route = data.draw(st.sampled_from(EVERY))
    parts = [data.draw(segments) if part.startswith("{") else part for part in route.path.split("/")]
    path = "/".join(parts) if data.draw(st.integers(0, 9)) else "/" + data.draw(words)
    query = {
        name: data.draw(segments)
        for name in ("split", "count", "dims", "row", "by", "v", "action", "projection")
        if data.draw(st.booleans())
    }
    if data.draw(st.booleans()):
        query |= {"split": "test", "count": "1000"}
    query.pop("action", None) if query.get("action") == "start" else None  # a map would be computed
    headers: list[tuple[bytes, bytes]] = []
    if data.draw(st.booleans()):
        headers.append(
            (
                b"range",
                data.draw(
                    st.sampled_from([b"bytes=0-3", b"bytes=-5", b"bytes=9-1", b"bytes=" + b"0-0," * 500, b"lines=1"])
                ),
            )
        )
    method = data.draw(
        st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "\u00e9"])
    )
    before = everything(home / "secret")
    answer = ask(
        method,
        f"{quote(path.lstrip('/'))}?{urlencode(query)}",
        data.draw(words),
        cookies=data.draw(words),
        body=data.draw(
            st.one_of(
                st.just(b""), st.binary(max_size=50), words.map(lambda word: urlencode({"password": word}).encode())
            )
        ),
        headers=tuple(headers),
    )
    assert answer.status < 500, (path, query, answer.body[:300])
    assert b"Traceback" not in answer.body
    assert SECRET.encode() not in answer.body
    assert everything(home / "secret") == before
    assert set(os.listdir(home)) <= {"secret", "runs", "data"}


@tries(150, 5000)
@given(name=words)
@example(name="..")
@example(name="a\u0000b")
def test_a_run_of_any_name_lies_in_its_folder_or_is_refused(name: str, home: Path) -> None:
    before = everything(home / "secret")
    with contextlib.suppress(RunError):
        run = store.create_run(plan("digits", latent_dim=4), name)
        assert run.path.parent == store.runs_root()
        assert run.path.is_dir()
        assert store.find(run.name) == run
        resting.delete_run(run)
    for act in (
        store.find,
        check_name,
        lambda text: resting.rename_run(store.Run(store.runs_root() / "real"), text),
    ):
        try:
            found = act(name)
        except RunError:
            continue
        if isinstance(found, store.Run) and found.path.parent == store.runs_root():
            os.rename(found.path, store.runs_root() / "real")  # it was renamed
    assert everything(home / "secret") == before
    assert set(os.listdir(home)) <= {"secret", "runs", "data"}


COMMANDS = sorted(set(cli.commands) - {"app", "bench", "flow", "train", "sweep"})  # which go on for long


@tries(40, 3000)
@given(data=st.data())
def test_a_command_of_any_words_ends_with_a_sentence(
    data: st.DataObject, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = data.draw(st.sampled_from(COMMANDS))
    flags = [
        option for parameter in cli.commands[command].params for option in parameter.opts if option.startswith("--")
    ]
    typed = data.draw(st.lists(st.one_of(words, st.sampled_from([*flags, "real", "1", "nan"])), max_size=5))
    typed = [word.replace("\x00", "") for word in typed]  # no system hands such a letter to a program
    if {"--download", "-o", "--output"} & set(typed) or any("out" in word for word in typed if word in flags):
        return  # these may write where they are told
    before = everything(home / "secret")
    with pytest.raises(SystemExit) as end:
        main([command, *typed])
    printed = capsys.readouterr()
    assert end.value.code in (0, 2), (command, typed, printed)
    assert "Traceback" not in printed.out + printed.err
    if end.value.code:
        assert printed.err.count("\n") == 1, printed.err
    assert everything(home / "secret") == before
    if not (store.runs_root() / "real").exists():  # deleted or renamed, as it was asked
        for run in store.list_runs():
            resting.delete_run(run)
        write_run("real", cfg=plan("digits", latent_dim=4))


PAGES = {
    "start": ("lang", "run"),
    "train": (
        "run",
        "set_epochs",
        "set_lr",
        "set_beta",
        "set_seed",
        "set_limit",
        "set_latent_dim",
        "set_dataset",
        "set_model",
        "set_batch_size",
        "set_warmup",
    ),
    "decode": ("run", "z", "label", "tab", "beside", "model"),
    "compare": ("models", "view"),
}


@pytest.mark.parametrize("page", PAGES)
@tries(2, 150)
@given(data=st.data())
def test_a_page_of_any_address_opens(page: str, data: st.DataObject, home: Path) -> None:
    query = {name: data.draw(segments) for name in PAGES[page] if data.draw(st.booleans())}
    opened(page, **{name: text for name, text in query.items() if text})


@tries(300, 20_000)
@given(text=words)
def test_what_was_typed_is_text_to_markdown(text: str) -> None:
    for shown in (escaped(text), in_markdown(text, "en")):
        outside = "".join(part for k, part in enumerate(shown.split("`")) if k % 2 == 0)
        # What is escaped is a letter that nothing reads; an underscore is one of a word.
        bare = re.sub(r"\\([\\*\[<$~_:])", lambda mark: "x" if mark[1] == "_" else "\x00", outside)
        assert not re.search(r"[*\[<$]|~~|(?<!\w)_|_(?!\w)|:[\w+/-]+[:\[]", bare), bare
