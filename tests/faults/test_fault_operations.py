"""A training that is killed, or that the disk refuses, at any of its file operations goes on as if nothing had been.

Bounded here; `scripts/faults` (pytest --whole) does it at every operation. Rows and weights are compared with those of a training
that nobody disturbed, bit for bit.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from breaking import ACTIONS, Breaker
from small_training import numbers, settings

from vaelab.config.settings import OptimConfig
from vaelab.runs import store
from vaelab.runs.store import Run, create_run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="trainings are forked")
GONE = ("interrupted", "finished")  # what a run may be once its process was killed
FULL = ("ENOSPC", "EIO", "EROFS", "EMFILE")


class Bench:
    """A place for runs of six steps, and what one looks like that nobody disturbed."""

    def __init__(self, folder: Path, breaker: Breaker) -> None:
        self.folder, self.breaker = folder, breaker
        self.whole = self.new("whole")
        start = time.monotonic()
        assert self.train(self.whole, seen=str(folder / "seen.json")) == [0]
        self.seconds = time.monotonic() - start
        self.operations: list[str] = json.loads((folder / "seen.json").read_text())["operations"]

    def new(self, name: str) -> Run:
        return create_run(settings(optim=OptimConfig(batch_size=5, epochs=1)), name)

    def train(self, run: Run, **asked: Any) -> list[int]:
        return self.breaker.ask(self.folder / "runs", run=str(run.path), log=str(self.log(run)), **asked)

    def log(self, run: Run) -> Path:
        return self.folder / f"{run.name}.log"

    def places(self, count: int, whole: bool, only: str = "") -> list[int]:
        """Numbers of operations, from 1: so many, evenly spread, or all."""
        there = [k + 1 for k, name in enumerate(self.operations) if only in name]
        return there if whole else [there[(2 * k + 1) * len(there) // (2 * count)] for k in range(count)]

    def goes_on(self, run: Run, what: str) -> None:
        """Resume it, and compare."""
        assert self.train(run) == [0], (what, self.log(run).read_text())
        assert run.status().state == "finished", what
        assert numbers(run) == numbers(self.whole), what
        assert run.model_file().read_bytes() == self.whole.model_file().read_bytes(), what
        assert run.damage() is None, what
        assert "Traceback" not in self.log(run).read_text(), (what, self.log(run).read_text())
        shutil.rmtree(run.path)
        self.log(run).unlink()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder, breaker = tmp_path_factory.mktemp("bench"), Breaker()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(folder / "runs"))
        yield Bench(folder, breaker)
    breaker.close()


def test_killed_at_an_operation(bench: Bench, whole: bool, counted: Any) -> None:
    done = [("kill", at) for at in bench.places(3, whole)] + [("half", at) for at in bench.places(1, whole, "write")]
    for how, at in done:
        run, what = bench.new("killed"), f"{how} at {at}, {bench.operations[at - 1]}"
        assert bench.train(run, at=at, how=how) == [-9], what
        assert run.status().state in GONE, what
        bench.goes_on(run, what)
    counted("kills at a file operation", len(done))


def test_killed_at_a_random_moment(bench: Bench, whole: bool, counted: Any) -> None:
    draw, count = random.Random(0), 100 if whole else 2
    for k in range(count):
        run = bench.new("killed")
        code = bench.train(run, after=draw.uniform(0.0, min(1.1 * bench.seconds, 1.0)))
        assert code in ([-9], [0]), k
        assert run.status().state in GONE, k
        bench.goes_on(run, f"random kill {k}")
    counted("kills at a random moment", count)


@pytest.mark.parametrize("error", FULL)
def test_a_disk_that_refuses_from_some_moment_on(error: str, bench: Bench, whole: bool, counted: Any) -> None:
    """Full, failing, read-only, or no more file handles: the training ends with a reason, and goes on once there is room."""
    places = bench.places(1, False) if not whole else bench.places(0, True)[:: 4 if error != "ENOSPC" else 2]
    for at in places:
        run, what = bench.new("refused"), f"{error} from {at}, {bench.operations[at - 1]}"
        [code] = bench.train(run, at=at, how=error)
        status = run.status()
        assert (code, status.state) in ((0, "finished"), (0, "interrupted"), (1, "failed"), (1, "interrupted")), what
        said = bench.log(run).read_text() + status.message
        assert code == 0 or "must be" in said, (what, said)
        bench.goes_on(run, what)
    counted(f"disks that refuse ({error})", len(places))


def test_an_operation_that_fails_once(bench: Bench, whole: bool, counted: Any) -> None:
    places = bench.places(1, whole)[:: 3 if whole else 1]
    for at in places:
        run, what = bench.new("once"), f"EIO at {at} alone, {bench.operations[at - 1]}"
        [code] = bench.train(run, at=at, how="once EIO")
        status = run.status()
        assert (code, status.state) in ((0, "finished"), (1, "failed"), (1, "interrupted")), what
        bench.goes_on(run, what)
    counted("operations that fail once", len(places))


@pytest.mark.parametrize("how", ["two hours forward", "two hours back", "slow", "link"])
def test_what_changes_nothing(how: str, bench: Bench, whole: bool, counted: Any) -> None:
    """A clock that is set, a slow disk, a directory that was moved and linked: nobody sees a difference."""
    places = bench.places(12 if whole else 1, False)
    for at in places:
        run, seen = bench.new("even"), bench.folder / "seen.json"
        assert bench.train(run, at=at, how=how, seen=str(seen)) == [0], (at, bench.log(run).read_text())
        assert json.loads(seen.read_text())["states"] == ["running"], at
        bench.goes_on(Run(run.path.resolve()), f"{how} at {at}")
        run.path.unlink(missing_ok=True)  # of the link
    counted(f"trainings with: {how}", len(places))


@pytest.mark.parametrize("how", ["delete", "rename"])
def test_a_directory_that_goes_away_ends_its_training(how: str, bench: Bench, whole: bool, counted: Any) -> None:
    places = bench.places(0, True)[::6] if whole else bench.places(1, False)
    places += bench.places(1, whole, "mkdir")  # where the directory itself could come back
    for at in places:
        run, what = bench.new("away"), f"{how} at {at}, {bench.operations[at - 1]}"
        assert bench.train(run, at=at, how=how) == [1], (what, bench.log(run).read_text())
        assert "Traceback" not in bench.log(run).read_text(), (what, bench.log(run).read_text())
        assert not os.path.lexists(run.path), what  # nothing comes back under the old name
        assert "away" not in [other.name for other in store.list_runs()], what
        if how == "rename":
            moved = Run(run.path.with_name("moved"))
            assert moved.status().state in GONE, what
            bench.goes_on(moved, what)
        bench.log(run).unlink()
    counted(f"directories in use: {how}", len(places))


def test_no_more_file_handles(bench: Bench, whole: bool, counted: Any) -> None:
    places = bench.places(12 if whole else 1, False)
    for at in places:
        run = bench.new("handles")
        [code] = bench.train(run, at=at, how="no handles")
        assert (code, run.status().state) in ((0, "finished"), (1, "failed"), (1, "interrupted")), at
        bench.goes_on(run, f"no handles from {at}")
    counted("trainings without file handles", len(places))


def test_too_little_memory_is_said_to_be(bench: Bench, whole: bool, counted: Any) -> None:
    """The kernel's own limit (RLIMIT_AS), and torch asking for a gigabyte at the next row."""
    places = bench.places(8 if whole else 1, False)[: 6 if whole else 1]
    for at in places:
        run = bench.new("small")
        assert bench.train(run, at=at, how="no memory") == [1], (at, bench.log(run).read_text())
        assert run.status().state == "failed", at
        assert run.status().message.startswith("The memory is not enough for this training"), at
        bench.log(run).unlink()  # which has the traceback
        bench.goes_on(run, f"no memory at {at}")
    counted("trainings with too little memory", len(places))


def test_a_full_disk_of_its_own(bench: Bench, whole: bool, counted: Any, tmp_path: Path) -> None:
    """A file system of a few kilobytes, filled by the training itself."""
    if not whole:
        pytest.skip("mounts a file system (scripts/faults)")
    count = 0
    for size in range(40, 400, 24):
        disk = tmp_path / f"disk-{size}"
        disk.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk)], capture_output=True)
        if mount.returncode:
            pytest.skip("file systems can be mounted by root alone")
        try:
            cfg = settings(optim=OptimConfig(batch_size=5, epochs=1))
            run = create_run(cfg, path=disk / "run")
            [code] = bench.train(run)
            assert (code, run.status().state) in ((0, "finished"), (1, "failed"), (1, "interrupted")), size
            if code:
                assert "No space left" in run.status().message, size
                count += 1
            subprocess.run(["mount", "-o", "remount,size=50m", str(disk)], check=True)
            bench.goes_on(run, f"{size} KB")
        finally:
            subprocess.run(["umount", str(disk)], check=True)
    assert count
    counted("file systems that were full", count)


def test_twenty_starts_at_once(bench: Bench, whole: bool, counted: Any) -> None:
    rounds = 20 if whole else 1
    for _ in range(rounds):
        codes = bench.breaker.ask(bench.folder / "runs", name="wanted", starts=20)
        assert sorted(codes) == [0] + [1] * 19  # one name, one run
        run = store.find("wanted")
        codes = bench.breaker.ask(bench.folder / "runs", run=str(run.path), starts=20)
        assert sorted(codes) == [0] + [1] * 19  # one run, one worker
        codes = bench.breaker.ask(bench.folder / "runs", runs=[str(run.path)] * 3, log=str(bench.log(run)))
        assert 0 in codes
        assert set(codes) <= {0, 1}  # one that comes when another has finished finds nothing to do, which is well too
        assert [event["step"] for event in run.events() if event["event"] == "start"] == [0]
        shutil.rmtree(run.path)
    counted("times twenty starts at once", 2 * rounds)


def test_two_servers_take_turns_on_one_folder(bench: Bench, whole: bool, counted: Any) -> None:
    rounds = 10 if whole else 1
    for _ in range(rounds):
        runs = [bench.new(name) for name in ("first", "second")]
        log = bench.folder / "two.log"
        codes = bench.breaker.ask(bench.folder / "runs", runs=[str(run.path) for run in runs], log=str(log))
        assert codes == [0, 0], log.read_text()
        begun = sorted((run.events()[0]["time"], run.status().heartbeat) for run in runs)
        assert begun[1][0] >= begun[0][1] - 0.01  # the second began when the first had ended
        for run in runs:
            assert numbers(run) == numbers(bench.whole)
            shutil.rmtree(run.path)
    counted("pairs of servers on one folder", rounds)


def test_every_action_is_used() -> None:
    used = Path(__file__).read_text()
    assert all(f'"{name}"' in used for name in ACTIONS)
