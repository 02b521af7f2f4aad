"""A process that is there and does not go on: shown as stalled, woken or ended on request, and said what became of it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_shell import Shell
from run_writer import write_run
from streamlit.testing.v1 import AppTest

from vaelab.config.errors import RunError
from vaelab.runs import status as statuses
from vaelab.runs import store
from vaelab.runs.files import read_json, write_json
from vaelab.runs.plan import plan
from vaelab.runs.processes import ProcessIdentity
from vaelab.runs.store import Run
from vaelab.ui.text import Language, strings
from vaelab.workers import launch

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [
    pytest.mark.usefixtures("places"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="a stopped process is told by /proc"),
]


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing, as a worker that hangs."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def wait_for(what: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def in_hands_of(process: subprocess.Popen[bytes], name: str = "held", **values: object) -> Run:
    """A run whose worker seems to be this process."""
    run = write_run(name, state="running")
    identity = ProcessIdentity.of(process.pid)
    held = read_json(run.status_file) or {}
    named = {"pid": identity.pid, "start_time": identity.start_time, "boot_id": identity.boot_id}
    write_json(run.status_file, {**held, **named, **values})
    return run


def test_a_stopped_training_is_stalled_and_ends_with_a_checkpoint(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(store, "FIRST_HEARTBEAT", 1e6)
    monkeypatch.setattr(launch, "WAKE_SECONDS", 1e3)
    run = launch.start(plan("digits", "linear-vae", latent_dim=2, limit=60, batch_size=20, epochs=100_000), "far")
    try:
        wait_for(lambda: len(run.metrics()) > 2 or not run.status().is_active)
        process = run.status().process
        assert process is not None
        assert process.signal(signal.SIGSTOP)
        wait_for(lambda: run.status().state == "stalled")
        assert (run.status().throughput, run.status().remaining_seconds) == (None, None)
        assert shell.json("runs")["runs"][0]["state"] == "stalled"
        assert "is stalled, and its process does nothing" in shell.refuses("pause", "far")
        assert "being trained already" in shell.refuses("resume", "far")
        stopped = shell.json("stop", "far")
    finally:
        if (process := run.status().process) is not None:
            process.signal(signal.SIGKILL)
    assert (stopped["state"], run.status().state) == ("stopped", "stopped")
    assert run.latest_checkpoint() == run.checkpoints_dir / str(stopped["step"])


def test_a_process_that_does_not_wake_is_ended(
    sleeper: subprocess.Popen[bytes], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "WAKE_SECONDS", 0.2)
    monkeypatch.setattr(statuses, "SILENT_SECONDS", 0.1)
    run = in_hands_of(sleeper, beat=0.0)
    assert run.status().state == "stalled"
    printed = shell("stop", "held")
    assert sleeper.wait(60) == -signal.SIGKILL
    assert "held is interrupted at step 20: Its process gave no sign of life and was ended; go on with:" in printed
    assert run.status().message == "Its process gave no sign of life and was ended."
    assert run.damage() is None


@pytest.mark.parametrize(
    ("state", "ago", "values", "expected"),
    [
        ("running", 1.0, {}, "running"),
        ("running", 600.0, {}, "stalled"),
        ("paused", 600.0, {}, "stalled"),
        ("queued", 600.0, {}, "queued"),  # many images are being read
        ("running", 600.0, {"boot_id": "another computer"}, "running"),  # whose clock is another
        ("running", 1.0, {"heartbeat": 5.0}, "running"),  # somebody set the clock
        ("finished", 600.0, {}, "finished"),
    ],
)
def test_silence_is_measured_by_a_clock_that_nobody_sets(
    state: str, ago: float, values: dict[str, object], expected: str, sleeper: subprocess.Popen[bytes]
) -> None:
    beat = time.monotonic() - ago
    run = in_hands_of(sleeper, state=state, beat=beat, **values)
    assert run.status().state == expected


def test_a_stalled_process_out_of_reach_is_said_to_be(sleeper: subprocess.Popen[bytes]) -> None:
    run = in_hands_of(sleeper, beat=0.0, start_time=1)
    with run.worker_lock as lock:  # as its worker in another container does
        assert lock.take()
        assert Run(run.path).status().state == "stalled"
        with pytest.raises(RunError, match="not to be reached from here"):
            launch.stop(Run(run.path))
    assert sleeper.poll() is None


def test_on_a_full_disk_a_signal_says_stop(sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    run = in_hands_of(sleeper)

    def full(self: Run, *args: object, **options: object) -> None:
        raise RunError("no room")

    monkeypatch.setattr(Run, "ask", full)
    launch.stop(run)
    assert sleeper.wait(60) == -signal.SIGTERM
    with pytest.raises(RunError, match="not in training"):
        launch.stop(run)


@pytest.mark.parametrize(
    ("kills", "told"),
    [
        ((3, 4), "The system ended its process because memory ran out"),
        ((3, 3), "Its process was ended by signal 9."),
        ((None, None), "Its process was ended by signal 9."),
    ],
)
def test_a_killed_worker_is_said_to_be_and_whether_memory_ran_out(
    kills: tuple[int | None, int | None], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is a shell here that kills itself; the kernel's count of such kills is what is made up."""
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nread line\nkill -9 $$\n")
    broken.chmod(0o755)
    run = write_run("killed", state="interrupted")
    monkeypatch.setattr(launch, "oom_kills", lambda: kills[1])
    read, write = os.pipe()
    process = subprocess.Popen([str(broken)], stdin=read)
    identity = ProcessIdentity.of(process.pid)
    held = read_json(run.status_file) or {}
    named = {"pid": identity.pid, "start_time": identity.start_time, "boot_id": identity.boot_id}
    write_json(run.status_file, {**held, **named, "state": "running", "oom_kills": kills[0]})
    launch._reap(process, run)
    os.write(write, b"go\n")
    for end in (read, write):
        os.close(end)
    wait_for(lambda: bool(run.status().message))
    assert run.status().state == "interrupted"
    assert run.status().message.startswith(told)


def test_the_kernels_count_is_read() -> None:
    from vaelab.runs.memory import oom_kills

    counted = "oom_kill" in Path("/proc/vmstat").read_text()
    assert isinstance(oom_kills(), int) == counted


@pytest.mark.skipif(os.name != "posix" or os.getuid() == 0, reason="root may signal every process")
def test_a_process_of_somebody_else_is_left_alone() -> None:
    with pytest.raises(RunError, match="belongs to somebody else"):
        ProcessIdentity.of(1).signal(signal.SIGCONT)


def test_the_train_page_shows_it_and_offers_to_end_it(sleeper: subprocess.Popen[bytes], lang: Language) -> None:
    run = in_hands_of(sleeper)
    waits = write_run("waits", state="queued")
    os.kill(sleeper.pid, signal.SIGSTOP)
    wait_for(lambda: run.status().state == "stalled")
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=240)
    app.query_params["lang"] = lang
    app.query_params["run"] = "waits"
    app.switch_page(str(ROOT / "pages" / "train.py")).run()
    assert not app.exception
    words = strings(lang, "train")
    assert words["queue_stalled"].format(name="held") in [warning.value for warning in app.warning]
    app.selectbox(key="run_pick").select("held").run()
    assert words["problem_stalled"].format(step="20") in [warning.value for warning in app.warning]
    assert any(strings(lang, "common")["state_stalled"] in element.value for element in app.markdown)
    assert "do_pause" not in [button.key for button in app.button]
    app.button(key="do_end_stalled").click().run()
    assert not app.exception
    assert run.desired().desired == "stop"
    wait_for(lambda: run.status().state == "running")  # it goes on, to end by itself
    assert waits.status().state == "queued"
