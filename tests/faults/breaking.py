"""Trainings that are broken at one of their file operations, or at a moment.

A server process has torch imported and has computed nothing; it forks a process for each training, so that one takes a fraction
of a second: `python breaking.py` reads a JSON object a line and answers each with one. `Breaker` is the other end of its pipes.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOURS = 7200.0  # that a clock is set forward or back


class Broken:
    """Counts the operations of this process that change files, and does something at one of them.

    at: the number of the operation, from 1; how: what is done before it ("" to count alone), "half": a write is cut in the
    middle; an errno's name: it and all later ones fail so, with "once " before it that one alone.
    """

    def __init__(self, folder: str, at: int, how: str) -> None:
        self.folder, self.at, self.how = folder, at, how
        self.seen: list[str] = []
        self.real_open, self.real_os_open = io.open, os.open
        io.open = builtins.open = self._open  # type: ignore[assignment]
        os.open = self._os_open  # type: ignore[assignment]
        for name in ("replace", "rename", "mkdir", "unlink", "rmdir", "fsync", "ftruncate"):
            setattr(os, name, self._counted(name, getattr(os, name)))

    def meet(self, name: str) -> bool:
        """One more operation. Whether a write is to be cut."""
        self.seen.append(name)
        due = len(self.seen) == self.at
        kind = self.how.removeprefix("once ")
        if hasattr(errno, kind):
            if due or (len(self.seen) > self.at and kind == self.how):
                number = getattr(errno, kind)
                raise OSError(number, os.strerror(number))
        elif due and kind == "half":
            if name == "write":
                return True
            os.kill(os.getpid(), signal.SIGKILL)
        elif due and kind:
            ACTIONS[kind](Path(self.folder))
        return False

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            self.meet(name)
            return real(*arguments, **options)

        return call

    def _open(self, file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if not set(mode) & set("wax+") or not str(file).startswith(self.folder):
            return self.real_open(file, mode, *arguments, **options)
        self.meet("open")
        return _Written(self.real_open(file, mode, *arguments, **options), self)

    def _os_open(self, path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & os.O_CREAT and str(path).startswith(self.folder):
            self.meet("os.open")
        return self.real_os_open(path, flags, *arguments, **options)


class _Written:
    """An open file whose writes are counted, and reach the disk one by one."""

    def __init__(self, file: Any, broken: Broken) -> None:
        self._file, self._broken = file, broken

    def write(self, content: Any) -> None:
        if self._broken.meet("write"):
            self._file.write(content[: len(content) // 2])
            self._file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        self._file.write(content)
        self._file.flush()

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _kill(folder: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _shift(seconds: float) -> Callable[[Path], None]:
    def shift(folder: Path) -> None:
        real = time.time
        time.time = lambda: real() + seconds

    return shift


def _delete(folder: Path) -> None:
    moved = folder.with_name(".gone")
    subprocess.run(["mv", folder, moved], check=True)  # by somebody else: it is not counted
    subprocess.run(["rm", "-r", moved], check=True)


def _rename(folder: Path) -> None:
    subprocess.run(["mv", folder, folder.with_name("moved")], check=True)


def _link(folder: Path) -> None:
    _rename(folder)
    subprocess.run(["ln", "-s", "moved", folder], check=True)


def _no_handles(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def _no_memory(folder: Path) -> None:
    """32 MB more than there is now, and a training that wants a gigabyte."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**25, resource.RLIM_INFINITY))
    import torch

    from vaelab.training import measures

    measures.Meter.read = lambda self: torch.empty(2**28)  # type: ignore[assignment, method-assign, return-value]


def _slow(folder: Path) -> None:
    def late(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            time.sleep(0.03)
            return real(*arguments, **options)

        return call

    os.replace, os.fsync = late(os.replace), late(os.fsync)


ACTIONS: dict[str, Callable[[Path], None]] = {
    "kill": _kill,
    "two hours forward": _shift(HOURS),
    "two hours back": _shift(-HOURS),
    "delete": _delete,
    "rename": _rename,
    "link": _link,
    "no handles": _no_handles,
    "no memory": _no_memory,
    "slow": _slow,
}


def _train(asked: dict[str, Any]) -> int:
    """In a process of its own: train the run that was asked for, everything that time decides at every step."""
    from vaelab.runs import recorder
    from vaelab.runs.store import Run
    from vaelab.training import checkpoints, snapshots
    from vaelab.workers import train_worker

    recorder.BEAT_SECONDS = recorder.POLL_SECONDS = recorder.HOLD_SECONDS = 0.0
    checkpoints.FIRST_SECONDS = checkpoints.EVERY_SECONDS = 0.0
    snapshots.EVERY_SECONDS, snapshots.COST_SHARE = 0.0, 1e9
    run = Run(asked["run"])
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    states: set[str] = set()
    plain = train_worker._StepBack.__call__
    train_worker._StepBack.__call__ = lambda self, row: (states.add(run.status().state), plain(self, row))[1]  # type: ignore[method-assign]
    broken = Broken(asked["run"], asked.get("at", 0), asked.get("how", ""))
    code = train_worker.main([asked["run"]])
    if asked.get("seen"):
        with broken.real_open(asked["seen"], "w") as file:
            json.dump({"operations": broken.seen, "states": sorted(states)}, file)
    return code


def _start(asked: dict[str, Any]) -> int:
    """In a process of its own, at the same moment as the others: 0 where the run was begun, 1 where that was refused."""
    from small_training import settings

    from vaelab.config.errors import RunError
    from vaelab.runs import store
    from vaelab.runs.store import Run, create_run
    from vaelab.workers import launch

    store.FIRST_HEARTBEAT = 1e6  # those that begin last find a young run, whenever they come
    launch.spawn = launch._reap = lambda *arguments: None  # type: ignore[assignment]
    try:
        if "run" in asked:
            launch.resume(Run(asked["run"]))
        else:
            create_run(settings(), asked["name"])
    except RunError:
        return 1
    return 0


def _fork(work: Callable[[dict[str, Any]], int], asked: dict[str, Any], gate: tuple[int, int] | None = None) -> int:
    """Work in a process of its own, at once or when the gate's other end is closed; its number."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        if gate is not None:
            os.close(gate[1])
            os.read(gate[0], 1)
        code = work(asked)
        sys.stdout.flush()
    except BaseException:
        import traceback

        with contextlib.suppress(OSError), open(asked.get("log", os.devnull), "a") as log:
            traceback.print_exc(file=log)
    finally:
        os._exit(code)


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    if "starts" in asked:
        gate, opening = os.pipe()
        children = [_fork(_start, asked, (gate, opening)) for _ in range(asked["starts"])]
        os.close(gate)
        os.close(opening)
    elif "runs" in asked:
        children = [_fork(_train, asked | {"run": run}) for run in asked["runs"]]
    else:
        children = [_fork(_train, asked)]
        if "after" in asked:
            time.sleep(asked["after"])
            os.kill(children[0], signal.SIGKILL)
    return {"codes": [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]}


def _serve() -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    import torch
    from small_training import images

    from vaelab import data
    from vaelab.training import trainer
    from vaelab.workers import launch, train_worker

    del trainer, launch, train_worker
    torch.set_num_threads(1)
    torch.optim.Adam([torch.zeros(1, requires_grad=True)], fused=True)  # whose first instance imports for seconds
    small = images(train=30, test=12)
    data.load = lambda *arguments, **options: small
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ["VAELAB_RUNS"] = asked["root"]
        print(json.dumps(_answer(asked)), flush=True)


class Breaker:
    """The server, and what it is asked. Trainings are of `settings`; every one is told where its runs lie."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # its workers step back, and the tests do not
        )

    def ask(self, root: Path, **asked: Any) -> list[int]:
        """The exit codes of the processes that were forked, in order; -9 for one that was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"root": str(root), **asked}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the server of breaking.py has ended"
        found: list[int] = json.loads(line)["codes"]
        return found

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


if __name__ == "__main__":
    _serve()
