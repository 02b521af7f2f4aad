"""Starting, steering and stopping from the app: refusals, the standby worker, and a training that outlives its server."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from vaelab import __version__, data
from vaelab.config.errors import ConfigError, DataError, RunError
from vaelab.config.settings import DataConfig, OptimConfig
from vaelab.models.model_config import ModelConfig
from vaelab.runs import resting, store
from vaelab.runs.files import write_json
from vaelab.runs.plan import plan
from vaelab.runs.processes import ProcessIdentity
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Status
from vaelab.runs.store import Run
from vaelab.workers import launch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(store, "FIRST_HEARTBEAT", 1e6)  # a worker comes up slowly on a busy machine
    yield
    launch.cool_down()
    for status in (run.status() for run in store.list_runs()):  # only a failed test leaves one running
        if status.has_process and status.pid not in (None, os.getpid()):
            os.kill(status.pid, signal.SIGKILL)


def settings(batch_size: int = 20, limit: int | None = 60, epochs: int = 100_000) -> RunConfig:
    return RunConfig(
        data=DataConfig(name="digits", limit=limit),
        model=ModelConfig(name="linear-vae", latent_dim=2),
        optim=OptimConfig(batch_size=batch_size, epochs=epochs),
        device="cpu",
    )


def wait_for(what: Callable[[], bool], seconds: float = 240.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def in_training(state: store.State = "running") -> Run:
    """A run whose worker seems to be this process."""
    run = store.create_run(settings())
    me = ProcessIdentity.mine()
    status = Status(state=state, heartbeat=time.time(), pid=me.pid, start_time=me.start_time, boot_id=me.boot_id)
    write_json(run.status_file, status.to_dict())
    return run


def test_the_standby_trains_a_run_that_is_steered_stopped_and_resumed() -> None:
    launch.warm_up()
    standby = launch._standbys._process
    assert standby is not None
    launch.warm_up()
    assert launch._standbys._process is standby  # one is enough
    run = launch.start(settings(), "steered")
    assert run.config().version == __version__
    assert run.status().pid == standby.pid
    with pytest.raises(RunError, match="being trained already"):
        launch.resume(run)
    wait_for(lambda: len(run.metrics()) > 2)
    launch.set_dials(run, beta=5.0)
    wait_for(lambda: run.metrics()[-1]["beta"] == 5.0)
    launch.pause(run)
    wait_for(lambda: run.status().state == "paused")
    before = run.status().step
    launch.step(run)
    wait_for(lambda: run.status().step == before + 1)
    launch.unpause(run)
    wait_for(lambda: run.status().state == "running")
    with pytest.raises(RunError, match="stop it first"):
        resting.delete_run(run)
    launch.stop(run)
    wait_for(lambda: run.status().state == "stopped")
    wait_for(lambda: not run.worker_lock.is_taken())
    stopped = run.status().step
    assert launch.resume(run).status().is_active  # no standby is left: a cold worker
    wait_for(lambda: run.status().step > stopped)
    launch.stop(run)
    wait_for(lambda: run.status().state == "stopped")
    assert [event["event"] for event in run.events()] == ["start", "dial", "resume"]


def test_a_training_outlives_its_server() -> None:
    """The server is another process here, killed the hard way while its training runs and its next standby waits."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from vaelab.workers import launch; from vaelab.config.settings import *; from vaelab.models.model_config import *; from vaelab.runs.run_config import *;"
        "cfg = RunConfig(data=DataConfig(name='digits', limit=60), model=ModelConfig(name='linear-vae'),"
        "optim=OptimConfig(batch_size=20, epochs=100_000), device='cpu');"
        "launch.start(cfg, 'orphan'); launch.warm_up(); print(launch._standbys._process.pid, flush=True); input()"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdin is not None
    standby = ProcessIdentity.of(int(server.stdout.readline()))
    assert standby.is_alive()
    run = store.find("orphan")
    wait_for(lambda: len(run.metrics()) > 0)
    server.kill()
    server.wait()
    server.stdin.close()
    server.stdout.close()
    step = run.status().step
    wait_for(lambda: run.status().step > step)
    assert run.status().state == "running"
    launch.stop(run)
    wait_for(lambda: run.status().state == "stopped")
    wait_for(lambda: not standby.is_alive())


def test_a_worker_that_cannot_begin_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no luck >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    run = launch.start(settings())
    wait_for(lambda: run.status().state == "failed")
    assert "ended with code 3" in run.status().message
    assert "no luck" in run.log_file.read_text()


def test_a_run_of_an_upload_is_named_after_its_title_and_any_other_after_its_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(launch, "_begin", lambda run: None)
    folder = tmp_path / "0f3a9c"
    folder.mkdir()
    for k in range(4):
        Image.new("RGB", (8, 8), (60 * k, 0, 0)).save(folder / f"{k}.png")
    upload = f"folder:{folder}"
    info = dataclasses.replace(data.info(upload), title="Our pets")
    monkeypatch.setattr(data, "info", lambda name, known=data.info: info if name == upload else known(name))
    assert launch.start(plan(upload, "conv-vae", batch_size=2)).name == "our-pets-conv-vae-001"
    assert launch.start(plan("fashion-mnist-10k", "conv-vae")).name == "fashion-mnist-10k-conv-vae-001"


def test_settings_that_cannot_work_start_nothing() -> None:
    with pytest.raises(ConfigError, match=r"batch_size must be at most the number of training images, 10, got 20"):
        launch.start(settings(limit=10))
    with pytest.raises(ConfigError, match="batch_size"):
        launch.start(settings(batch_size=60_000, limit=None))
    with pytest.raises(DataError):
        launch.start(RunConfig(data=DataConfig(name="no-such-set")))
    with pytest.raises(RunError, match="name"):
        launch.start(settings(), "a/b")
    assert store.list_runs() == []


def test_what_is_not_in_training_cannot_be_steered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = in_training("stopped")
    for act in (launch.pause, launch.unpause, launch.step, launch.stop):
        with pytest.raises(RunError, match="is stopped, not in training"):
            act(run)
    launch.set_dials(run, lr=1e-4)  # for its resume: a diverged run needs a lower rate
    assert run.desired().lr == 1e-4
    finished = in_training("finished")
    with pytest.raises(RunError, match="is finished and cannot be resumed"):
        launch.resume(finished)
    with pytest.raises(RunError, match="finished"):
        launch.set_dials(finished, beta=1.0)
    monkeypatch.setattr(store, "weights_root", lambda: tmp_path / "runs")
    with pytest.raises(RunError, match="shipped"):
        launch.resume(run)


@pytest.mark.parametrize(("dial", "value"), [("beta", -1.0), ("beta", float("nan")), ("lr", 0.0), ("lr", 11.0)])
def test_a_dial_out_of_range_is_refused(dial: str, value: float) -> None:
    run = in_training()
    with pytest.raises(ConfigError, match=dial):
        launch.set_dials(run, **{dial: value})
    assert run.desired().seq == 0


def test_controls_ask_for_what_they_say() -> None:
    run = in_training()
    asked = []
    for act in (launch.pause, launch.step, launch.step, launch.unpause, launch.stop):
        act(run)
        asked.append((run.desired().desired, run.desired().steps))
    assert asked == [("pause", 0), ("step", 1), ("step", 2), ("run", 2), ("stop", 2)]
    launch.set_dials(run, beta=2.0)
    launch.set_dials(run, lr=0.01)
    assert (run.desired().beta, run.desired().lr, run.desired().desired) == (2.0, 0.01, "stop")
