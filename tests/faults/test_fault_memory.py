"""A training that the kernel itself kills because its memory group is full: it is said to be so, and it goes on as if nothing had been."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from cli_shell import Shell
from memory_group import MemoryGroup, NoGroup
from small_training import numbers
from streamlit.testing.v1 import AppTest

from vaelab.runs import memory
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import create_run
from vaelab.ui.text import strings
from vaelab.workers import launch, train_worker

ROOT = Path(__file__).resolve().parents[2]
TOLD = "The system ended its process because memory ran out"
MORE = 8 * 2**20  # bytes that the group may still take when the other process comes


@pytest.fixture
def group() -> Iterator[MemoryGroup]:
    try:
        made = MemoryGroup()
    except NoGroup as error:
        pytest.skip(str(error))
    yield made
    made.close()


def wait_for(what: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def settings() -> RunConfig:
    return plan("digits", "linear-vae", latent_dim=2, limit=60, batch_size=20, epochs=20, device="cpu")


def take_memory(group: MemoryGroup, size: int) -> None:
    """Another process in the group that has so many bytes for a moment."""
    enter = f'echo $$ > "{group.path}/cgroup.procs"; exec dd if=/dev/zero of=/dev/null bs={size} count=1'
    subprocess.run(["sh", "-c", enter], capture_output=True, timeout=240)


@pytest.mark.usefixtures("places")
def test_a_training_that_the_kernel_kills_for_memory_is_said_to_be_and_goes_on(
    group: MemoryGroup, shell: Shell, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    torch.set_num_threads(1)
    group.enter()
    try:
        run = launch.start(settings(), "big")
    finally:
        group.leave()
    try:
        launch.step(run)  # it trains, and does not end before the memory does
        wait_for(lambda: (run.status().state, run.status().step) == ("paused", 1) or not run.status().is_active)
        pid = run.status().pid
        assert pid is not None, run.log_file.read_text()
        Path(f"/proc/{pid}/oom_score_adj").write_text("900")  # of the two processes, the training is the one to go
        used = group.used()
        group.bound(used + MORE)
        take_memory(group, used)
        wait_for(lambda: bool(run.status().message))
    finally:
        if (process := run.status().process) is not None:
            process.signal(launch.KILL)
    status = run.status()
    assert (status.state, status.message[: len(TOLD)]) == ("interrupted", TOLD)
    assert f"big: {status.message}" in shell("runs").splitlines()
    assert shell.json("runs")["runs"][0]["message"] == status.message
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=240)
    app.query_params["run"] = "big"
    app.query_params["lang"] = "en"
    app.switch_page(str(ROOT / "pages" / "train.py")).run()
    problem = strings("en", "train")["problem_interrupted"].format(step=f"{status.step:,}")
    assert any(warning.value.startswith(f"{problem} {TOLD}") for warning in app.warning)

    assert train_worker.run_here(run).state == "finished"
    whole = create_run(settings(), "whole")
    assert train_worker.run_here(whole).state == "finished"
    assert numbers(run) == numbers(whole)
    assert run.model_file().read_bytes() == whole.model_file().read_bytes()
    counted("trainings that the kernel killed for lack of memory", 1)


def test_what_a_group_may_have_is_known_before_a_start(group: MemoryGroup) -> None:
    group.bound(700 * 2**20)
    group.enter()
    try:
        assert memory.has_mb() == 700.0
    finally:
        group.leave()
    there = memory.has_mb()
    assert there is None or there != 700.0


@pytest.mark.parametrize(
    ("groups", "limits", "expected"),
    [
        (
            "4:memory:/a/b\n0::/\n",
            {"memory/a/memory.limit_in_bytes": 300, "memory/a/b/memory.limit_in_bytes": 400},
            300,
        ),
        ("4:cpu,memory:/docker/x\n", {"memory/memory.limit_in_bytes": 500}, 500),  # a container's own is its root
        ("0::/user.slice/lab\n", {"user.slice/lab/memory.max": "max", "user.slice/memory.max": 600}, 600),
        ("0::/\n", {"memory.max": 200}, 200),
        ("0::/../away\n", {"../away/memory.max": 100}, None),
        ("garbled\n", {"memory.max": 200}, 200),
    ],
)
def test_the_limits_of_both_versions_are_read(
    groups: str, limits: dict[str, int | str], expected: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in limits.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{value * 2**20 if isinstance(value, int) else value}\n")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    mine = tmp_path / "mine"
    mine.write_text(groups)
    monkeypatch.setattr(memory, "_MINE", mine)
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    assert memory.has_mb() == (whole if expected is None else expected)
