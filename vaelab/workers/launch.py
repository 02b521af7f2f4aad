"""Start, steer and stop trainings from the app or the command line. No torch: trainings are other processes."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

from vaelab import __version__, data
from vaelab.config.errors import RunError
from vaelab.config.folders import remove
from vaelab.config.places import runs_root
from vaelab.config.settings import LossConfig, OptimConfig
from vaelab.models.device import check_count, likely
from vaelab.runs.epochs import set_epochs
from vaelab.runs.files import unwritable, write_json
from vaelab.runs.memory import check_memory
from vaelab.runs.owner import TEACHER, Owner
from vaelab.runs.processes import FileLock, ProcessIdentity
from vaelab.runs.queue import DeviceQueue
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Status
from vaelab.runs.store import Run, create_run, free_name
from vaelab.training.cadence import Cadence
from vaelab.workers.standby import Standby, hand_over, python

REWARM_SECONDS = 8.0  # the next standby imports torch when the new training's first pictures are out


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
    except RunError:
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
    _check_active(run)
    run.ask("pause")


def unpause(run: Run) -> None:
    """Go on after a pause. Raises RunError if it is not in training."""
    _check_active(run)
    run.ask("run")


def step(run: Run) -> None:
    """Make exactly one update, then stay paused. Raises RunError if it is not in training."""
    _check_active(run)
    run.ask("step")


def stop(run: Run) -> None:
    """Stop with a checkpoint. Raises RunError if it is not in training."""
    _check_active(run)
    run.ask("stop")


def set_dials(run: Run, beta: float | None = None, lr: float | None = None) -> None:
    """Turn beta or the learning rate, live or for a later resume.

    Raises ConfigError for a value out of range, RunError for a run that is finished or shipped.
    """
    if beta is not None:
        LossConfig(beta=beta)
    if lr is not None:
        OptimConfig(lr=lr)
    check_resumable(run)
    run.ask(beta=beta, lr=lr)


def _check_active(run: Run) -> None:
    status = run.status()
    if not status.is_active:
        raise RunError(f"run {run.name} is {status.state}, not in training (resume it, or start a new one)")


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
        if code > 0 and status.state == "queued" and status.pid in (None, process.pid):
            say_failed(
                run, f"The worker could not begin and ended with code {code} (details are in {run.log_file.name})."
            )

    threading.Thread(target=wait, name=f"reap-{run.name}", daemon=True).start()


def say_failed(run: Run, message: str) -> None:
    """Write the last word of a worker that is gone and has not said it."""
    write_json(run.status_file, dataclasses.replace(run.status(), state="failed", message=message).to_dict())


_standbys = Standby(["-m", "vaelab.workers.train_worker", "--standby"], REWARM_SECONDS)
atexit.register(_standbys.close)


def warm_up() -> None:
    """Keep a worker ready that has torch imported, from now on. Safe to call often and from any thread."""
    _standbys.warm_up()


def cool_down() -> None:
    """End the waiting worker and keep none; trainings go on."""
    _standbys.close()
