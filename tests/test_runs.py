"""Run directories as readers and starters see them: names, states, rows, locks and the queue. No torch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vaelab.config.errors import RunError, WeightsError
from vaelab.runs import names, resting, store
from vaelab.runs.files import write_json
from vaelab.runs.processes import FileLock, ProcessIdentity
from vaelab.runs.queue import DeviceQueue
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Status

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    for module in (store, names):
        monkeypatch.setattr(module, "weights_root", lambda: tmp_path / "weights")
    return tmp_path


def _alive(**changes: object) -> dict[str, object]:
    me = ProcessIdentity.mine()
    now = {
        "state": "running",
        "heartbeat": time.time(),
        "pid": me.pid,
        "start_time": me.start_time,
        "boot_id": me.boot_id,
    }
    return Status(**{**now, **changes}).to_dict()  # type: ignore[arg-type]


# Names and places


def test_names_are_readable_and_count_on() -> None:
    first, second = store.create_run(RunConfig()), store.create_run(RunConfig())
    assert (first.name, second.name) == ("pixel-faces-conv-vae-001", "pixel-faces-conv-vae-002")
    resting.delete_run(first)
    assert store.create_run(RunConfig()).name == "pixel-faces-conv-vae-003"
    for odd in ("9" * 200, "²", "४"):  # digits to Python, and no numbers of ours
        (store.runs_root() / f"pixel-faces-conv-vae-{odd}").mkdir()
    assert store.create_run(RunConfig()).name == "pixel-faces-conv-vae-004"
    upload = store.create_run(RunConfig(), title="My <pets>")  # whose own name is a code
    assert upload.name == "my-pets-conv-vae-001"
    assert first.path not in [run.path for run in store.list_runs()]


def test_a_run_keeps_its_config_and_is_found_by_name_and_path() -> None:
    cfg = RunConfig(seed=7)
    run = store.create_run(cfg, "  My run 世界 ")
    assert run.name == "My run 世界"
    assert run.config() == cfg
    assert store.find("My run 世界") == store.find(run.path) == run


def test_lists_are_newest_first_and_skip_what_is_no_run(home: Path) -> None:
    names = [store.create_run(RunConfig(), name).name for name in ("a", "b", "c")]
    for age, name in enumerate(reversed(names)):
        os.utime(store.runs_root() / name / "config.json", (1000 - age, 1000 - age))
    (store.runs_root() / "notes").mkdir()
    (store.runs_root() / ".queue").mkdir()
    (store.runs_root() / "file").write_text("x")
    assert [run.name for run in store.list_runs()] == ["c", "b", "a"]


@pytest.mark.parametrize("name", ["", "   ", "a/b", "..", ".hidden", "a\\b", "x" * 61, "tab\there", "ends."])
def test_a_name_that_is_no_folder_everywhere_is_refused(name: str) -> None:
    with pytest.raises(RunError, match="name"):
        store.create_run(RunConfig(), name)
    assert store.list_runs() == []


def test_a_taken_name_is_refused_whatever_its_case(home: Path) -> None:
    store.create_run(RunConfig(), "First")
    (home / "weights" / "faces").mkdir(parents=True)
    write_json(home / "weights" / "faces" / "config.json", RunConfig().to_dict())
    for name in ("First", "first", "faces"):
        with pytest.raises(RunError, match="taken"):
            store.create_run(RunConfig(), name)


def test_rename_moves_a_run_and_checks_the_name() -> None:
    run, other = store.create_run(RunConfig(), "a"), store.create_run(RunConfig(), "b")
    moved = resting.rename_run(run, "A")  # the same name in another case is not "taken"
    moved = resting.rename_run(moved, "better")
    assert [found.name for found in store.list_runs()] in (["b", "better"], ["better", "b"])
    assert moved.config() == RunConfig()
    with pytest.raises(RunError, match="taken"):
        resting.rename_run(moved, other.name)


def test_a_run_in_training_is_neither_deleted_nor_renamed() -> None:
    run = store.create_run(RunConfig())
    write_json(run.status_file, _alive())
    with pytest.raises(RunError, match="stop it first"):
        resting.delete_run(run)
    with pytest.raises(RunError, match="stop it first"):
        resting.rename_run(run, "other")
    write_json(run.status_file, _alive(state="stopped"))
    with FileLock(run.path / "worker.lock") as lock:  # its worker has not gone yet
        assert lock.take()
        with pytest.raises(RunError, match="stop it first"):
            resting.delete_run(run)
    resting.delete_run(run)
    assert not run.path.exists()


def test_a_missing_run_is_named_with_a_way_out() -> None:
    with pytest.raises(RunError, match="there is no run 'nope'; train one first"):
        store.find("nope")
    store.create_run(RunConfig(), "only")
    with pytest.raises(RunError, match="choose one of only"):
        store.find("nope")


def test_a_folder_that_cannot_be_written_is_one_sentence(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "file").write_text("in the way")
    monkeypatch.setenv("VAELAB_RUNS", str(home / "file"))
    with pytest.raises(RunError, match="must be writable"):
        store.create_run(RunConfig())
    assert store.list_runs() == []


def test_a_config_that_was_written_anew_is_read_anew() -> None:
    run = store.create_run(RunConfig(seed=3))
    assert run.config() is run.config()
    content = run.config_file.read_text()
    run.config_file.write_text(content.replace('"seed": 3', '"seed": 4'))  # as long as before
    assert run.config().seed == 4
    run.config_file.unlink()
    with pytest.raises(RunError, match=r"config\.json"):
        run.config()


def test_a_broken_config_is_one_sentence() -> None:
    run = store.create_run(RunConfig())
    run.config_file.write_text('{"model": {"name": "resnet"}}')
    with pytest.raises(RunError, match="resnet"):
        run.config()
    run.config_file.write_text("{")
    with pytest.raises(RunError, match=r"readable config\.json"):
        run.config()


# States


def test_a_shipped_folder_is_finished_and_read_only(home: Path) -> None:
    folder = home / "weights" / "faces"
    folder.mkdir(parents=True)
    write_json(folder / "config.json", RunConfig().to_dict())
    (folder / "model.safetensors").write_bytes(b"")
    run = store.find("faces")
    assert run.is_shipped
    assert run.status().state == "finished"
    assert run.model_file() == folder / "model.safetensors"
    assert (run.metrics(), run.events(), run.snapshots(), run.fixed()) == ([], [], [], {})
    with pytest.raises(RunError, match="shipped"):
        resting.delete_run(run)


def test_a_run_without_weights_says_so() -> None:
    with pytest.raises(WeightsError, match="has none yet"):
        store.create_run(RunConfig()).model_file()


@pytest.mark.parametrize("state", ["queued", "running", "paused"])
def test_interrupted_means_silent_and_gone(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "HEARTBEAT_OLD", 40.0)  # seconds between writing a status and reading it are no silence
    monkeypatch.setattr(store, "FIRST_HEARTBEAT", 40.0)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    identity = ProcessIdentity.of(gone.pid)
    dead = {"pid": identity.pid, "start_time": identity.start_time, "boot_id": identity.boot_id}
    gone.wait()
    run = store.create_run(RunConfig())
    old = time.time() - 60
    for changes, expected in (
        ({"heartbeat": old}, state),  # a long step: silent, but there
        ({**dead}, "interrupted"),  # gone this instant, and known to be
        ({**dead, "boot_id": "another computer"}, state),  # a process number that means nothing here
        ({**dead, "heartbeat": old}, "interrupted"),
        ({"heartbeat": old, "start_time": 1}, "interrupted"),  # the number was given to a later process
        ({"heartbeat": old, "boot_id": "another boot"}, "interrupted"),
        ({"heartbeat": old, "pid": None}, "interrupted"),  # never came up
        ({"pid": None}, state),  # coming up
    ):
        write_json(run.status_file, _alive(state=state, **changes))
        assert run.status().state == expected, changes
    write_json(run.status_file, _alive(state="finished", heartbeat=old, **dead))
    assert run.status().state == "finished"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="a zombie is told apart by /proc")
def test_a_worker_that_ends_between_two_looks_has_said_how(monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.create_run(RunConfig())
    write_json(run.status_file, _alive())

    def ends(_: Status) -> bool:
        write_json(run.status_file, _alive(state="finished", message="all seen"))
        return False

    monkeypatch.setattr(run, "_is_in_hand", ends)
    assert (run.status().state, run.status().message) == ("finished", "all seen")


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessIdentity.of(child.pid)
    assert identity.is_alive()
    assert child.stdin is not None
    child.kill()
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and not collected
    assert not identity.is_alive()
    child.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "running", "unknown": 1, "heartbeat": 0}'])
def test_a_broken_or_newer_status_is_read_without_an_error(text: str) -> None:
    run = store.create_run(RunConfig())
    run.status_file.write_text(text)
    assert run.status().state == "interrupted"


# Control


def test_each_single_step_counts_and_dials_stay() -> None:
    run = store.create_run(RunConfig())
    assert run.desired() == store.Control()
    run.ask(beta=4.0)
    run.ask("step")
    run.ask("step", lr=0.5)
    assert run.desired() == store.Control(desired="step", beta=4.0, lr=0.5, seq=3, steps=2)
    assert run.ask("run", fresh=True) == store.Control(desired="run", beta=4.0, lr=0.5, seq=4, steps=0)


# Rows


def test_a_checkpoint_counts_once_it_is_whole() -> None:
    run = store.create_run(RunConfig())
    for step, whole in ((20, True), (40, True), (60, False)):
        folder = run.checkpoints_dir / str(step)
        folder.mkdir(parents=True)
        (folder / ("state.json" if whole else "model.safetensors")).write_text("{}")
    latest = run.checkpoints_dir / "latest"
    assert run.latest_checkpoint() == run.checkpoints_dir / "40"  # killed before it was named
    for named, expected in (("20", "20"), ("60", "40"), ("../..", "40")):
        latest.write_text(named + "\n")
        assert run.latest_checkpoint() == run.checkpoints_dir / expected


# Locks and the queue


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path; from vaelab.runs.processes import FileLock;"
        f"lock = FileLock(Path({str(path)!r})); print(lock.take(), flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == b"True"
        lock = FileLock(path)
        assert lock.is_taken()
        assert not lock.take()
        child.kill()
    assert not lock.is_taken()
    with lock:
        assert lock.take()
        assert not FileLock(path).take()
    assert FileLock(path).take()


def test_the_device_goes_to_the_oldest_who_waits(tmp_path: Path) -> None:
    first, second, third = (DeviceQueue(tmp_path, "cpu", asked_at) for asked_at in (1.0, 2.0, 3.0))
    assert first.is_free()
    assert first.try_take()
    assert not third.is_free()
    assert not third.try_take()
    assert not second.try_take()
    first.release()
    assert not third.try_take()  # the second is older
    assert second.try_take()
    assert not third.try_take()
    assert DeviceQueue(tmp_path, "cuda", 4.0).try_take()  # another device, another queue
    second.release()
    assert third.try_take()
    third.release()
    assert list((tmp_path / ".queue").glob("*.ticket")) == []


def test_a_dead_waiter_leaves_the_queue(tmp_path: Path) -> None:
    (tmp_path / ".queue").mkdir()
    ticket = tmp_path / ".queue" / "cpu-00000000000000000001-1.ticket"
    ticket.touch()  # nobody holds its lock
    assert DeviceQueue(tmp_path, "cpu", 5.0).try_take()
    assert not ticket.exists()
