"""The training process: killed, terminated, resumed; what it says when it cannot train; the synchronous path."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vaelab.config.errors import RunError
from vaelab.config.places import runs_root
from vaelab.config.settings import DataConfig, OptimConfig
from vaelab.models.model_config import ModelConfig
from vaelab.runs.files import Row, write_json
from vaelab.runs.queue import DeviceQueue
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Status
from vaelab.runs.store import Run, create_run
from vaelab.workers import train_worker

ROOT = Path(__file__).resolve().parents[1]
CLOCKS = ("seconds", "throughput")


_spawned: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the same order of sums in every process
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield
    while _spawned:  # only a failed test leaves one running
        process = _spawned.pop()
        process.kill()
        process.wait()


def settings(limit: int = 60, epochs: int = 300) -> RunConfig:
    return RunConfig(
        data=DataConfig(name="digits", limit=limit),
        model=ModelConfig(name="linear-vae", latent_dim=2),
        optim=OptimConfig(batch_size=20, epochs=epochs),
        device="cpu",
    )


def spawn(run: Run) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "vaelab.workers.train_worker", str(run.path)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # it steps back, and the tests do not
    )
    _spawned.append(process)
    return process


def wait_for(what: Callable[[], bool], seconds: float = 240.0) -> None:
    """Patience for a slow machine; a test fails here only if it never comes."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def numbers(run: Run) -> list[Row]:
    return [{key: value for key, value in row.items() if key not in CLOCKS} for row in run.metrics()]


def test_kill_9_then_sigterm_then_resume_equals_the_uninterrupted_training() -> None:
    run = create_run(settings(epochs=100_000))
    first = spawn(run)
    wait_for(lambda: len(run.metrics()) > 3)
    run.ask("pause")
    wait_for(lambda: run.status().state == "paused" and run.latest_checkpoint() is not None)
    assert first.poll() is None
    reached = run.status().step
    run.ask("run")
    wait_for(lambda: len(run.metrics()) > 0 and run.metrics()[-1]["step"] > reached + 3)
    first.kill()
    first.wait()
    old = run.status()
    write_json(run.status_file, {**old.to_dict(), "heartbeat": old.heartbeat - 60})  # a minute later
    assert run.status().state == "interrupted"

    second = spawn(run)
    wait_for(lambda: len(run.events()) == 2 and run.metrics()[-1]["step"] > reached + 3)
    assert run.events()[1]["event"] == "resume"
    assert run.events()[1]["step"] == reached
    second.terminate()
    assert second.wait(600) == 0
    stopped = run.status()
    assert stopped.state == "stopped"
    assert run.latest_checkpoint() == run.checkpoints_dir / str(stopped.step)

    goal = stopped.step + 200

    def end(row: Row) -> None:
        if row["step"] >= goal:
            os.kill(os.getpid(), signal.SIGINT)

    straight = create_run(settings(epochs=100_000))
    assert [train_worker.run_here(each, on_row=end).state for each in (run, straight)] == ["stopped"] * 2
    assert numbers(run) == numbers(straight)
    assert run.model_file().read_bytes() == straight.model_file().read_bytes()


def test_ctrl_c_stops_with_a_checkpoint_and_the_old_handler_comes_back() -> None:
    run = create_run(settings())
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    rows: list[Row] = []

    def on_row(row: Row) -> None:
        rows.append(row)
        if len(rows) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    status = train_worker.run_here(run, on_row=on_row)
    assert status.state == "stopped"
    assert rows == run.metrics()
    assert run.latest_checkpoint() == run.checkpoints_dir / str(status.step)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_second_worker_of_the_same_run_is_refused() -> None:
    run = create_run(settings())
    with run.worker_lock as lock:
        assert lock.take()
        with pytest.raises(RunError, match="being trained already"):
            train_worker.run_here(run)
        assert train_worker.main([str(run.path)]) == 1
    assert not run.status_file.exists()


def test_what_makes_a_training_impossible_is_in_its_status() -> None:
    run = create_run(settings(limit=10))
    status = train_worker.run_here(run)
    assert (status.state, run.status().state) == ("failed", "failed")
    assert "batch_size must be at most the number of training images, 10, got 20" in run.status().message
    gone = create_run(RunConfig(data=DataConfig(name="folder:/nowhere/at/all"), device="cpu"))
    assert train_worker.run_here(gone).state == "failed"
    assert "/nowhere/at/all" in gone.status().message


def test_an_unexpected_error_is_one_sentence_with_its_traceback_in_the_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(name: str, **options: object) -> None:
        raise error

    monkeypatch.setattr("vaelab.data.load", fail)
    error: Exception = ZeroDivisionError("a bug")
    status = train_worker.run_here(create_run(settings()))
    assert status.state == "failed"
    assert "unexpected ZeroDivisionError: a bug" in status.message
    assert "Traceback" in capsys.readouterr().err
    error = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
    assert "lower the batch size" in train_worker.run_here(create_run(settings())).message


def test_a_waiting_worker_costs_no_torch_and_can_be_stopped() -> None:
    """Behind another run: it says "queued", imports nothing heavy, and ends on request without having trained."""
    run = create_run(settings())
    write_json(run.status_file, Status(queued_at=2.0).to_dict())
    ahead = DeviceQueue(runs_root(), "cpu", asked_at=1.0)
    assert ahead.try_take()
    code = (
        "import sys; from vaelab.workers import train_worker; status = train_worker.main(sys.argv[1:]);"
        "sys.exit(9 if 'torch' in sys.modules else status)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdout=subprocess.DEVNULL)
    _spawned.append(process)
    wait_for(lambda: run.status().pid == process.pid)
    assert run.status().state == "queued"
    run.ask("pause")
    wait_for(lambda: run.status().state == "paused")
    run.ask("stop")
    assert process.wait(600) == 0
    assert run.status().state == "stopped"
    assert run.metrics() == []


def test_usage_and_a_missing_run_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert train_worker.main([]) == 2
    (tmp_path / "empty").mkdir()
    assert train_worker.main([str(tmp_path / "empty")]) == 1
    assert "must hold a readable config.json" in capsys.readouterr().err


def test_a_standby_ends_when_its_server_goes_away() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "vaelab.workers.train_worker", "--standby"], stdin=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(600) == 0
