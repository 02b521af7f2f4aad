"""A run that ended goes on with more epochs, and equals one that had them from the start."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_shell import TINY, Shell
from run_writer import write_run
from small_training import numbers, settings, train, weights

from vaelab.config.errors import ConfigError, RunError
from vaelab.config.settings import OptimConfig, ScheduleConfig
from vaelab.runs.epochs import set_epochs, stretched
from vaelab.runs.files import read_json, write_json
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run, find
from vaelab.workers import launch


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    torch.set_num_threads(1)  # a sum of few numbers is not worth a second thread


def finished(name: str) -> Run:
    """A run on record that kept a checkpoint."""
    run = write_run(name)
    (run.checkpoints_dir / "20").mkdir(parents=True)
    write_json(run.checkpoints_dir / "20" / "state.json", {})
    return run


def epochs(cfg: RunConfig, count: int) -> RunConfig:
    return replace(cfg, optim=replace(cfg.optim, epochs=count))


def longer(run: Run, count: int) -> Run:
    set_epochs(run, count)
    assert train(run.config(), run)[1].state == "finished"
    return run


def test_a_run_taken_from_one_epoch_to_two_equals_one_of_two_bit_for_bit() -> None:
    straight, _ = train(epochs(settings(), 2))
    run, _ = train(epochs(settings(), 1))
    assert run.status().epoch == 1
    longer(run, 2)
    assert numbers(run) == numbers(straight)
    assert all(np.array_equal(weights(run)[name], array) for name, array in weights(straight).items())
    assert (run.status().step, run.status().total_steps) == (82, 82)
    assert run.snapshots()[0] == 0
    assert {41, 82} <= set(run.snapshots())  # the film goes on
    assert [(event["event"], event["step"]) for event in run.events()] == [("start", 0), ("resume", 41)]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"optim": OptimConfig(batch_size=8, epochs=1, rate="cosine")}, ("rate",)),
        ({"schedule": ScheduleConfig(kind="linear")}, ("warmup",)),
        ({"schedule": ScheduleConfig(kind="cyclic"), "optim": OptimConfig(rate="cosine")}, ("rate", "warmup")),
        ({}, ()),
    ],
)
def test_schedules_that_depend_on_the_length_are_named(changed: dict[str, object], named: tuple[str, ...]) -> None:
    cfg = replace(RunConfig(), **changed)  # type: ignore[arg-type]
    assert stretched(cfg, cfg.optim.epochs + 1) == named
    assert stretched(cfg, cfg.optim.epochs) == ()


def test_where_a_schedule_is_named_the_weights_do_differ() -> None:
    cfg = settings(optim=OptimConfig(batch_size=60, epochs=1, rate="cosine"))
    straight, _ = train(epochs(cfg, 2))
    run = longer(train(cfg)[0], 2)
    assert any(not np.array_equal(weights(run)[name], array) for name, array in weights(straight).items())


def test_no_fewer_epochs_than_are_trained_and_none_out_of_range() -> None:
    run = finished("a")
    before = run.config_file.read_bytes()
    write_json(run.status_file, {**run.status().to_dict(), "epoch": 10})
    for count in (1, 10):
        with pytest.raises(
            RunError, match=f"has trained for 10 epochs and needs at least 11 in all to go on, got {count}"
        ):
            launch.lengthen(run, count)
    with pytest.raises(ConfigError, match="epochs must be from 1 to 100000, got 100001"):
        launch.lengthen(run, 100_001)
    assert run.config_file.read_bytes() == before
    stopped = write_run("b", state="stopped")
    write_json(stopped.status_file, {**stopped.status().to_dict(), "epoch": 3})
    launch.lengthen(stopped, 3)  # it was stopped in the third
    assert stopped.config().optim.epochs == 3


def test_settings_of_a_newer_version_stay() -> None:
    run = finished("a")
    values = read_json(run.config_file) or {}
    write_json(run.config_file, {**values, "newer": 1, "optim": {**values["optim"], "momentum": 0.9}})
    set_epochs(run, 500)
    kept = read_json(run.config_file) or {}
    assert (kept["newer"], kept["optim"]["momentum"], kept["optim"]["epochs"]) == (1, 0.9, 500)


def test_a_finished_run_without_a_checkpoint_does_not_begin_again_from_nothing() -> None:
    run = write_run("a")
    before = run.config_file.read_bytes()
    with pytest.raises(RunError, match="a has no checkpoint to go on from"):
        launch.resume(run, 500)
    assert run.config_file.read_bytes() == before


def test_not_while_it_is_in_training() -> None:
    run = write_run("a", state="stopped")
    before = run.config_file.read_bytes()
    with run.worker_lock as lock:
        assert lock.take()
        with pytest.raises(RunError, match="is being trained already"):
            launch.resume(run, 500)
    assert run.config_file.read_bytes() == before


@pytest.mark.usefixtures("places")
def test_the_command_line_goes_on_and_says_where_it_will_differ(shell: Shell) -> None:
    straight = shell.json("train", *TINY, "--epochs", "2", "--quiet")
    shell("train", *TINY, "--epochs", "1", "--name", "short", "--quiet")
    assert "give it more epochs" in shell.refuses("resume", "short")
    printed = shell("resume", "short", "--epochs", "2", "--json", "--quiet")
    assert "differ" not in printed
    assert json.loads(printed.splitlines()[-1])["test"] == straight["test"]
    assert find("short").config().optim.epochs == 2
    shell("train", *TINY, "--epochs", "1", "--name", "falling", "--quiet", "--rate", "cosine")
    assert "the learning rate falls over all epochs" in shell("resume", "falling", "--epochs", "2", "--quiet")
