"""Start, steer and stop trainings from the app or the command line. No torch: trainings are other processes."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from vaelab import __version__, data
from vaelab.config.errors import RunError, VaeLabError
from vaelab.config.folders import remove
from vaelab.config.places import runs_root
from vaelab.config.settings import LossConfig, OptimConfig
from vaelab.models.device import check_count, likely
from vaelab.runs.epochs import set_epochs
from vaelab.runs.files import read_json, unwritable, write_json
from vaelab.runs.memory import check_memory, oom_kills
from vaelab.runs.names import free_name
from vaelab.runs.owner import TEACHER, Owner
from vaelab.runs.processes import FileLock, ProcessIdentity
from vaelab.runs.queue import DeviceQueue
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import ACTIVE, State, Status
from vaelab.runs.store import Run, create_run
from vaelab.training.cadence import Cadence
from vaelab.workers.standby import Standby, hand_over, python

REWARM_SECONDS = 8.0  # the next standby imports torch when the new training's first pictures are out
WAKE_SECONDS = 20.0  # for a process that was woken to show that it lives
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has one way to end a process


def start(cfg: RunConfig, name: str | None = None, owner: Owner = TEACHER) -> Run:
    """Create a run and train it in another process. owner: whose it is, on a server with roles.

    Raises ConfigError when the settings cannot work with the data, DataError for an unknown or absent data set,
    RunError for a bad name or an unwritable folder.
    """
    check(cfg)
    info = data.info(cfg.data.name)
    title = info.title if info.origin == "folder" else ""
    run = create_run(dataclasses.replace(cfg, version=__version__), name, title=title, owner=owner)
    try:
        _begin(run)
    except VaeLabError:
        with contextlib.suppress(OSError):
            remove(run.path)  # a run that never began would only keep its name from others
        raise
    return run


def start_all(planned: Sequence[tuple[str, RunConfig]], owner: Owner = TEACHER) -> list[Run]:
    """Train several, one after another on the same device; a name that is taken gets the next free number.

    None begins when one of them cannot. Raises as `start` does.
    """
    for _, cfg in planned:
        check(cfg)
    return [start(cfg, free_name(name), owner) for name, cfg in planned]


def check(cfg: RunConfig, processes: int = 1) -> None:
    """Whether a training can begin, as far as that is known without loading images. Raises ConfigError or DataError.

    processes: that share it; more than one asks torch how many devices there are.
    """
    if not data.is_available(cfg.data.name):
        # Says what is missing.
        data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=1)
    train, test = data.count(cfg.data.name, cfg.data.image_size)
    images = min(train, cfg.data.limit or train)
    Cadence.of(images, test, cfg.optim, processes)
    check_memory(cfg, images + test)
    if processes > 1:
        check_count(cfg.device, processes)


def resume(run: Run, epochs: int | None = None) -> Run:
    """Go on from the latest checkpoint, or from the start if there is none. epochs: in all from now on, None for as many as it had.

    Raises RunError if the run is finished and gets no more epochs, or busy; ConfigError for epochs out of range.
    """
    lengthen(run, epochs)
    _begin(run)
    return run


def lengthen(run: Run, epochs: int | None) -> None:
    """Give a run that is to be resumed its epochs; None leaves them, and asks whether there is something to go on with."""
    if epochs is None:
        check_resumable(run)
        return
    _check_own(run)
    with FileLock(run.path / "start.lock") as lock:
        if not lock.take() or run.status().is_active or run.worker_lock.is_taken():
            raise RunError(f"run {run.name} is being trained already (stop it first)")
        set_epochs(run, epochs)


def check_resumable(run: Run) -> None:
    """Whether there is something to go on with. Raises RunError if the run is shipped, unreadable or finished."""
    _check_own(run)
    if run.status().state == "finished":
        raise RunError(f"run {run.name} is finished and cannot be resumed as it is (give it more epochs)")


def _check_own(run: Run) -> None:
    if run.is_shipped:
        raise RunError(f"{run.name} is shipped with VAE Lab and cannot be resumed (start a run of your own)")
    run.config()


def pause(run: Run) -> None:
    """Pause after the current step; a snapshot and a checkpoint are written. Raises RunError if it is not in training."""
    _check_awake(run)
    run.ask("pause")


def unpause(run: Run) -> None:
    """Go on after a pause. Raises RunError if it is not in training."""
    _check_awake(run)
    run.ask("run")


def step(run: Run) -> None:
    """Make exactly one update, then stay paused. Raises RunError if it is not in training."""
    _check_awake(run)
    run.ask("step")


def stop(run: Run) -> None:
    """Stop with a checkpoint; a stalled process is woken for it, and ended where it does not wake.

    Raises RunError if the run is not in training, and for a stalled process that cannot be reached from here.
    """
    status = _check_active(run)
    try:
        run.ask("stop")
    except RunError:  # on a full disk control.json cannot be written: a signal says the same
        if sys.platform == "win32" or status.process is None or not status.process.signal(signal.SIGTERM):
            raise
    if status.state == "stalled":
        _wake_or_end(run, status)


def set_dials(run: Run, beta: float | None = None, lr: float | None = None) -> None:
    """Turn beta or the learning rate, live or for a later resume.

    Raises ConfigError for a value out of range, RunError for a run that is finished or shipped.
    """
    check_dials(beta, lr)
    check_resumable(run)
    run.ask(beta=beta, lr=lr)


def check_dials(beta: float | None = None, lr: float | None = None) -> None:
    """Raises ConfigError for a value out of range."""
    if beta is not None:
        LossConfig(beta=beta)
    if lr is not None:
        OptimConfig(lr=lr)


def _check_active(run: Run) -> Status:
    status = run.status()
    if not status.is_active:
        raise RunError(f"run {run.name} is {status.state}, not in training (resume it, or start a new one)")
    return status


def _check_awake(run: Run) -> None:
    if _check_active(run).state == "stalled":
        raise RunError(
            f"run {run.name} is stalled, and its process does nothing that it is asked (stop it, then resume it)"
        )


def _wake_or_end(run: Run, status: Status) -> None:
    """Let a stalled process go on, to stop by itself; end it when it shows no sign of life. Does not wait."""
    process = status.process
    if process is None or not process.signal(getattr(signal, "SIGCONT", signal.SIGTERM)):
        raise RunError(
            f"run {run.name} is stalled and its process is not to be reached from here (end it in its own container)"
        )

    def wait() -> None:
        deadline = time.monotonic() + WAKE_SECONDS
        while run.status().state == "stalled":
            if time.monotonic() > deadline:
                _last_word(run, run.status(), "interrupted", "Its process gave no sign of life and was ended.")
                process.signal(KILL)
                return
            time.sleep(0.1)

    threading.Thread(target=wait, name=f"end-{run.name}", daemon=True).start()


@contextlib.contextmanager
def beginning(run: Run) -> Iterator[Status]:
    """Around beginning to train a run; gives its status so far. Raises RunError if somebody trains it."""
    with FileLock(run.path / "start.lock") as lock:
        if not lock.take() or run.status().is_active or run.worker_lock.is_taken():
            raise RunError(f"run {run.name} is being trained already (stop it first)")
        run.ask("run", fresh=True)
        yield run.status()


def announce(run: Run, before: Status, pid: int | None) -> None:
    """Say that a run is about to be trained, by a process that has not spoken yet."""
    identity = (
        dict.fromkeys(("pid", "start_time", "boot_id")) if pid is None else dataclasses.asdict(ProcessIdentity.of(pid))
    )
    now = time.time()
    fields = {**before.to_dict(), **identity, "state": "queued", "message": "", "heartbeat": now, "queued_at": now}
    write_json(run.status_file, Status(**fields).to_dict())


def _begin(run: Run) -> None:
    """Hand the run to the standby worker if the device is free, else to a new process that queues first."""
    with beginning(run) as before:
        queue = DeviceQueue(runs_root(), likely(run.config().device), time.time(), run.owner.rank)
        standby = _standbys.take() if queue.is_free() else None
        announce(run, before, standby.pid if standby else None)
        if standby is not None and hand_over(standby, str(run.path)):
            _reap(standby, run)
        else:
            _reap(spawn(run, ["-m", "vaelab.workers.train_worker", str(run.path)]), run)
    _standbys.warm_later()


def spawn(run: Run, arguments: Sequence[str], extra: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """`python ARGUMENTS` in a session of its own, which lives on when this process dies; it writes to the run's log."""
    try:
        with run.log_file.open("ab") as log:
            return python(arguments, stdin=subprocess.DEVNULL, output=log, extra=extra)
    except OSError as error:
        raise unwritable(run.path, error) from error


def _reap(process: subprocess.Popen[bytes], run: Run) -> None:
    """Collect the exit status of a worker; say so in the status if it ended before it could say anything itself."""

    def wait() -> None:
        code = process.wait()
        status = run.status()
        if status.pid not in (None, process.pid):
            return
        if code > 0 and status.state == "queued":
            message = f"The worker could not begin and ended with code {code} (details are in {run.log_file.name})."
            say_failed(run, message)
        elif code < 0 and (read_json(run.status_file) or {}).get("state") in ACTIVE:  # nobody has said why
            _last_word(run, status, "interrupted", _killed(-code, status))

    threading.Thread(target=wait, name=f"reap-{run.name}", daemon=True).start()


def say_failed(run: Run, message: str) -> None:
    """Write the last word of a worker that is gone and has not said it."""
    _last_word(run, run.status(), "failed", message)


def _killed(number: int, status: Status) -> str:
    """Why a process was ended by a signal: the kernel counts whom it killed for lack of memory."""
    now = oom_kills()
    if number == KILL and now is not None and status.oom_kills is not None and now > status.oom_kills:
        return "The system ended its process because memory ran out (lower the batch size, or take smaller images)."
    return f"Its process was ended by signal {number}."


def _last_word(run: Run, status: Status, state: State, message: str) -> None:
    """Say in the status how a worker ended that cannot say so itself."""
    ended = dataclasses.replace(status, state=state, message=message, throughput=None, remaining_seconds=None)
    with contextlib.suppress(RunError):  # where nothing can be written, that it is gone is all there is to know
        write_json(run.status_file, ended.to_dict())


_standbys = Standby(["-m", "vaelab.workers.train_worker", "--standby"], REWARM_SECONDS)
atexit.register(_standbys.close)


def warm_up() -> None:
    """Keep a worker ready that has torch imported, from now on. Safe to call often and from any thread."""
    _standbys.warm_up()


def cool_down() -> None:
    """End the waiting worker and keep none; trainings go on."""
    _standbys.close()
