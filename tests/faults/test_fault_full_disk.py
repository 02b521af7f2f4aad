"""A full disk and a start that dies early: the reason is shown, and no name stays taken by what no list shows."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from run_writer import write_run

from vaelab.config import folders
from vaelab.config.errors import RunError
from vaelab.runs import files, resting, store
from vaelab.runs.plan import plan
from vaelab.runs.recorder import Recorder
from vaelab.workers import launch


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


def full(path: Path, data: bytes, **options: Any) -> None:
    raise files.unwritable(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def test_the_last_word_is_written_where_there_is_no_room_left(monkeypatch: pytest.MonkeyPatch) -> None:
    run = store.create_run(plan("digits", latent_dim=4), "full")
    recorder = Recorder(run)
    monkeypatch.setattr(files, "write_atomic", full)
    recorder.close("failed", "No space left on device")
    assert (run.status().state, run.status().message) == ("failed", "No space left on device")
    assert run.damage() is None
    assert not (run.path / "status.spare").exists()


def test_a_start_on_a_full_disk_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomic", full)
        with pytest.raises(RunError, match="No space left"):
            store.create_run(plan("digits", latent_dim=4), "wanted")
        assert os.listdir(store.runs_root()) == []

    def refuse(run: store.Run) -> None:
        raise RunError("no room for its status")

    monkeypatch.setattr(launch, "_begin", refuse)
    with pytest.raises(RunError, match="no room"):
        launch.start(plan("digits", latent_dim=4), "wanted")
    assert os.listdir(store.runs_root()) == []


def test_a_start_that_was_killed_gives_its_name_back() -> None:
    (store.runs_root() / "wanted").mkdir(parents=True)
    assert store.create_run(plan("digits", latent_dim=4), "wanted").config_file.is_file()
    (store.runs_root() / "mine").mkdir()
    (store.runs_root() / "mine" / "notes.txt").write_text("of somebody")
    with pytest.raises(RunError, match="is in the way and holds no run"):
        store.create_run(plan("digits", latent_dim=4), "mine")
    assert (store.runs_root() / "mine" / "notes.txt").read_text() == "of somebody"


def test_what_a_killed_process_left_is_cleared_once_it_is_old(tmp_path: Path) -> None:
    for name in (".upload-old", ".upload-new", ".new-old", "kept"):
        (tmp_path / name / "images").mkdir(parents=True)
    for name in (".upload-old", ".new-old", "kept"):
        os.utime(tmp_path / name, (1000, 1000))
    folders.clear_leftovers(tmp_path, ".upload-")
    assert sorted(os.listdir(tmp_path)) == [".upload-new", "kept"]


def test_deleting_a_run_that_is_a_link_removes_the_link_alone(tmp_path: Path) -> None:
    run = write_run("real")
    elsewhere = tmp_path / "elsewhere"
    run.path.rename(elsewhere)
    (store.runs_root() / "link").symlink_to(elsewhere)
    resting.delete_run(store.find("link"))
    assert os.listdir(store.runs_root()) == []
    assert (elsewhere / "config.json").is_file()


def test_a_name_that_no_folder_can_have_is_no_run() -> None:
    with pytest.raises(RunError, match="there is no run"):
        store.find("a" * 300)
