"""One damaged run stays one damaged run: it is listed with what is wrong, and every other one is shown as before."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

from tests.run_writer import write_run
from vaelab.cli import cli
from vaelab.config.errors import RunError
from vaelab.runs import store
from vaelab.runs.processes import FileLock
from vaelab.runs.store import Run

ROOT = Path(__file__).resolve().parents[1]
SHELL = str(ROOT / "vaelab" / "ui" / "shell.py")


@pytest.fixture(autouse=True)
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


def in_json(name: str, **values: object) -> Callable[[Run], None]:
    """Put values into one of a run's JSON files."""

    def change(run: Run) -> None:
        file = run.path / name
        held = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(held | values))

    return change


def holding(name: str, content: bytes) -> Callable[[Run], None]:
    return lambda run: (run.path / name).write_bytes(content) and None


def piped(name: str) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        (run.path / name).unlink(missing_ok=True)
        os.mkfifo(run.path / name)

    return change


def row(**values: object) -> Callable[[Run], None]:
    """Add a line to the rows."""

    def change(run: Run) -> None:
        with run.metrics_file.open("a") as file:
            file.write(json.dumps({"step": 21, "epoch": 1, "recon": 1.0, "kl": 1.0, "loss": 2.0} | values) + "\n")

    return change


def append(run: Run, content: bytes) -> None:
    with run.metrics_file.open("ab") as file:
        file.write(content)


DEEP = b"[" * 200_000 + b"]" * 200_000
DAMAGES: dict[str, Callable[[Run], None]] = {
    "an empty config": holding("config.json", b""),
    "half a config": holding("config.json", b'{"data": {"name": "digits"'),
    "a config that is a list": holding("config.json", b"[]"),
    "a config nested too deep": holding("config.json", DEEP),
    "a config with a number for a model": in_json("config.json", model=7),
    "an infinite rate": in_json("config.json", optim={"lr": float("inf")}),
    "an empty status": holding("status.json", b""),
    "a status nested too deep": holding("status.json", DEEP),
    "no heartbeat": in_json("status.json", heartbeat=None),
    "a heartbeat that is no number": in_json("status.json", heartbeat="now"),
    "a state nobody knows": in_json("status.json", state="dancing"),
    "a process number without end": in_json("status.json", state="running", pid=10**30),
    "a step below 0": in_json("status.json", step=-5),
    "text for a number in control": in_json("control.json", beta="much", lr=[1]),
    "a control that is no object": holding("control.json", b"7"),
    "a pipe for a status": piped("status.json"),
}
HARMLESS: dict[str, Callable[[Run], None]] = {
    "a field of a newer version": in_json("config.json", flavour="vanilla"),
    "a row without loss": row(loss=None),
    "a row of NaN": row(loss=float("nan"), recon=float("nan")),
    "a row of text": row(kl="large"),
    "a row nested too deep": lambda run: append(run, DEEP + b"\n"),
    "a step without end": row(step=10**400),
    "a line of something else": lambda run: append(run, b"\xff\xfe\n[1]\n"),
    "a pipe for the rows": piped("metrics.jsonl"),
    "a superscript number of a snapshot": lambda run: (run.snapshots_dir / "²").mkdir(),
}


def listed() -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(cli, ["runs", "--json"], catch_exceptions=False)
    assert done.exit_code == 0
    return {entry["name"]: entry for entry in json.loads(done.output.splitlines()[-1])["runs"]}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_run_is_listed_with_what_is_wrong(kind: str) -> None:
    whole, hurt = write_run("whole"), write_run("hurt")
    DAMAGES[kind](hurt)
    found = listed()
    assert found["whole"]["state"] == "finished"
    assert found["whole"]["loss"] == whole.metrics()[-1]["loss"]
    assert found["hurt"]["state"] == "damaged"
    assert str(hurt.path) in str(found["hurt"]["damage"])


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_does_no_harm_is_left_out(kind: str) -> None:
    run = write_run("odd")
    before = run.metrics()
    HARMLESS[kind](run)
    found = listed()["odd"]
    assert found["state"] == "finished"
    assert [r for r in Run(run.path).metrics() if r["step"] <= 20] in (before, [])
    assert run.snapshots()


def test_settings_of_a_newer_version_are_named_and_kept() -> None:
    run = write_run("newer")
    held = json.loads(run.config_file.read_text())
    held["model"]["depth"] = 3
    run.config_file.write_text(json.dumps(held | {"flavour": "vanilla"}))
    assert run.config().model.name == "conv-vae"
    assert set(run.unknown_settings()) == {"flavour", "model.depth"}
    assert json.loads(run.config_file.read_text())["flavour"] == "vanilla"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_start_and_train_show_the_others(lang: str) -> None:
    """Every damage at once, each in a run of its own, beside one that is whole."""
    for number, damage in enumerate([*DAMAGES.values(), *HARMLESS.values()]):
        damage(write_run(f"hurt-{number}"))
        time.sleep(0.002)  # the newest are shown first
    write_run("whole")
    app = AppTest.from_file(SHELL, default_timeout=180)
    app.query_params["lang"] = lang
    app.run()
    assert not app.exception
    assert any("whole" in str(element.proto) for element in app.main)
    app.switch_page(str(ROOT / "pages" / "train.py")).run()
    assert not app.exception
    for number in range(len(DAMAGES)):
        app.selectbox(key="run_pick").select(f"hurt-{number}").run()
        assert not app.exception, number


def test_a_dead_run_is_known_whatever_the_clock_says() -> None:
    """The heartbeat lies two hours ahead, as after a clock that was set back: its process is gone, and that decides."""
    run = write_run("dead", state="running")
    in_json("status.json", heartbeat=time.time() + 7200, pid=2**22 - 1, start_time=1)(run)
    assert run.status().state == "interrupted"
    with run.worker_lock as lock:  # a worker of another container, whose process number means nothing here
        assert lock.take()
        assert Run(run.path).status().state == "running"
    living = write_run("living", state="running")
    in_json("status.json", heartbeat=time.time() - 7200)(living)
    assert living.status().state == "running"


def test_asking_a_run_that_another_process_holds_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "ASK_SECONDS", 0.05)
    run = write_run("held")
    with FileLock(run.path / "control.lock") as lock:
        assert lock.take()
        with pytest.raises(RunError, match=r"another process has held its control\.lock"):
            run.ask("stop")
