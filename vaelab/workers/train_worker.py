"""The process that trains: `python -m vaelab.workers.train_worker RUN_DIR`, or with --standby one that waits, warm, for a run directory.

`python -m vaelab.workers RUN_DIR` is the same for a person to start, by itself or by torchrun as one of several.

torch is imported only once the device is ours, so thirty waiting runs cost little.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from vaelab.config.errors import RunError, VaeLabError, unexpected
from vaelab.config.places import runs_root
from vaelab.models import device as devices
from vaelab.runs.files import Row
from vaelab.runs.queue import DeviceQueue
from vaelab.runs.recorder import Recorder
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Status
from vaelab.runs.store import Run

if TYPE_CHECKING:
    from vaelab.training.trainer import Outcome

NICENESS = 5


def run_here(run: Run, on_row: Callable[[Row], None] | None = None) -> Status:
    """Train in this process, from the latest checkpoint if there is one; Ctrl-C stops with a checkpoint.

    on_row hears every measured row. Does not wait for the device. Returns the last status, whose message says what
    went wrong if something did; raises RunError when another worker has the run or its folder cannot be written.
    """
    with run.worker_lock as lock:
        if not lock.take():
            raise RunError(f"run {run.name} is being trained already (stop it first)")
        run.ask("run", fresh=True)
        recorder = Recorder(run, on_row=on_row)
        with _signals_stop(recorder):
            return _train(recorder, _fit)


def work(run: Run) -> int:
    """Train one run in a process of its own, after waiting for the device. Returns the exit status."""
    with run.worker_lock as lock:
        if not lock.take():
            print(f"{run.path}: another worker has this run", flush=True)
            return 1
        asked_at = run.status().queued_at or time.time()
        queue = DeviceQueue(runs_root(), devices.likely(run.config().device), asked_at, run.owner.rank)
        recorder = Recorder(run, queue=queue, on_row=_StepBack())
        with _signals_stop(recorder):
            status = _train(recorder, _fit) if recorder.wait_for_device() else recorder.close("stopped")
    return _told(status, run)


def _told(status: Status, run: Run) -> int:
    """The exit status of a worker, after a line for its log."""
    print(f"{run.name}: {status.state} at step {status.step}. {status.message}", flush=True)
    return 0 if status.state in ("finished", "stopped") else 1


class _StepBack:
    """Lets the app that people look at go first, once the first row is out: until then somebody waits for it."""

    def __init__(self) -> None:
        self._done = not hasattr(os, "nice")

    def __call__(self, row: Row) -> None:
        if not self._done:
            os.nice(NICENESS)
            with contextlib.suppress(OSError):  # Linux weighs whole sessions first, and a worker has one to itself
                Path("/proc/self/autogroup").write_text(str(NICENESS))
            self._done = True


def work_together(path: Path) -> int:
    """Train one run as one of the processes that torch's launcher started; on its own as `work` does. Returns the exit status.

    They do not wait for the device: whoever started them gave them theirs.
    """
    _share_cores()
    devices.flush_denormals()
    from vaelab.workers import ranks
    from vaelab.workers.peers import Place

    place = Place.here()
    if place is not None and place.rank:
        return ranks.follow(place)
    run = Run(path)
    if run.status().state != "queued":  # nobody has asked yet: what is left of an earlier training does not count
        run.ask("run", fresh=True)
    if place is None:
        return work(run)
    with run.worker_lock as lock:
        if not lock.take():
            print(f"{run.path}: another worker has this run", flush=True)
            return 1
        recorder = Recorder(run)
        with _signals_stop(recorder):
            status = _train(recorder, lambda recorder: ranks.lead(recorder, place))
    return _told(status, run)


def _train(recorder: Recorder, fit: Callable[[Recorder], Outcome]) -> Status:
    """Train and write down how it ended; a failure becomes one sentence in the status, its traceback goes to the log."""
    try:
        outcome = fit(recorder)
    except VaeLabError as error:
        return recorder.close("failed", str(error))
    except KeyboardInterrupt:
        return recorder.close(
            "failed", "Interrupted before a checkpoint could be written (resume goes on from the last one)."
        )
    except Exception as error:  # whatever it is, the run must say so
        traceback.print_exc()
        return recorder.close("failed", unexpected(error, recorder.run.log_file.name))
    return recorder.close(outcome.state, outcome.message)


def _share_cores() -> None:
    """Before torch is imported: idle OpenMP threads sleep instead of spinning.

    With a busy browser beside it on 2 cores, training was 2 to 4 times faster so (docs/decisions/0002-runs.md).
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _fit(recorder: Recorder) -> Outcome:
    _share_cores()
    devices.flush_denormals()
    from vaelab import data
    from vaelab.training import trainer
    from vaelab.training.first_weights import new_model

    cfg = recorder.run.config()
    device = devices.choose(cfg.device)
    dataset = data.load(
        cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=cfg.data.limit
    )
    for name in dataset.skipped:  # into the run's log
        print(f"left out, because it is no image that can be read: {name}", file=sys.stderr)
    return trainer.fit(new_model(cfg.model, cfg.seed), dataset, cfg, recorder, device)


@contextlib.contextmanager
def _signals_stop(recorder: Recorder) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM asks for a stop with a checkpoint; a second Ctrl-C interrupts at once."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return

    def stop(number: int, frame: FrameType | None) -> None:
        recorder.request_stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def standby() -> int:
    """Import torch, run the layers once, then wait on stdin for a run directory. Ends quietly if the server goes away."""
    _warm_up()
    line = sys.stdin.readline().strip()
    if not line:
        return 0
    run = Run(line)
    log = os.open(run.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(log, stream.fileno())
    os.close(log)
    return work(run)


def _warm_up() -> None:
    """The default data set and one training step of the default model: unpacked and loaded before they are wanted."""
    _share_cores()
    devices.flush_denormals()
    import torch

    from vaelab import data
    from vaelab.training.first_weights import new_model
    from vaelab.training.measures import elbo_terms

    cfg = RunConfig()
    data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels)
    model = new_model(cfg.model, 0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    x = torch.full((cfg.optim.batch_size, *model.image_shape), 0.5).to(memory_format=torch.channels_last)
    recon, kl = elbo_terms(model, x, None, torch.zeros(len(x), cfg.model.latent_dim), cfg.loss)
    (recon + kl.sum(dim=1)).mean().backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def main(arguments: list[str]) -> int:
    """Entry of `python -m vaelab.workers.train_worker`."""
    if arguments == ["--standby"]:
        return standby()
    if len(arguments) != 1:
        print("usage: python -m vaelab.workers.train_worker RUN_DIR | --standby", file=sys.stderr)
        return 2
    try:
        return work(Run(Path(arguments[0])))
    except VaeLabError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
