"""What is done once with so many images, points, rows, runs or visitors, for growth.py to measure. Each prepares and answers the work."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from vaelab.cli.bench.app_server import running_app
from vaelab.config.errors import VaeLabError
from vaelab.runs.plan import plan
from vaelab.runs.store import Run, create_run

Work = Callable[[], object]

STEPS = 20  # of a training, in "latent numbers"
BATCH = 128
CODES = 16  # numbers of a point, as the shipped models have
ANSWER_SECONDS = 300.0
# Two messages of Streamlit's own protocol, proto/BackMsg.proto and ForwardMsg.proto: rerun_script (field 11) with nothing in it, and script_finished.
RUN_THE_PAGE = b"Z\x00"
SCRIPT_FINISHED = 6


def images(size: int, folder: Path) -> Work:
    """Encode so many 32x32 images with a shipped model."""
    from vaelab import data
    from vaelab.analysis import inference
    from vaelab.runs import store

    model = inference.load_run(store.find("pixel-faces-conv-vae"))
    pixels = np.resize(data.load("pixel-faces").test.pixels, (size, 3, 32, 32))
    inference.encode(model, pixels[:8])
    return lambda: inference.encode(model, pixels)


def latent_numbers(size: int, folder: Path) -> Work:
    """A short training of a linear VAE with so many latent numbers, its measurements and files included."""
    from vaelab import data
    from vaelab.models.device import choose
    from vaelab.runs.recorder import Recorder
    from vaelab.training import trainer
    from vaelab.training.first_weights import new_model

    cfg = plan(
        "pixel-faces", "linear-vae", latent_dim=size, batch_size=BATCH, limit=STEPS * BATCH, epochs=1, device="cpu"
    )
    given = data.load("pixel-faces", limit=STEPS * BATCH)
    recorder = Recorder(create_run(cfg, path=folder / "run"))
    return lambda: trainer.fit(new_model(cfg.model, cfg.seed), given, cfg, recorder, choose("cpu"))


def points(size: int, folder: Path) -> Work:
    """PCA and t-SNE of so many codes that lie in ten clusters."""
    from vaelab.analysis import projections

    generator = np.random.default_rng(0)
    centres = 3.0 * generator.normal(size=(10, CODES))
    codes = (centres[generator.integers(0, 10, size)] + generator.normal(size=(size, CODES))).astype(np.float32)
    projections.tsne_plane(codes[:200])

    def work() -> None:
        projections.pca_plane(codes)
        projections.tsne_plane(codes)

    return work


def rows(size: int, folder: Path) -> Work:
    """Read a run of so many rows for the first time, and the curve of its loss."""
    from vaelab.analysis.comparison import curve

    run = create_run(plan("digits"), path=folder / "run")
    code = json.dumps([0.6234567] * CODES)
    with run.metrics_file.open("w") as file:
        for step in range(size):
            file.write(
                f'{{"step": {step}, "epoch": {step // 100}, "seconds": {0.5 * step}, "recon": 90.1234567, "kl": 10.1234567, "loss": 100.2469134, '
                f'"beta": 1.0, "lr": 0.001, "kl_per_dim": {code}, "throughput": 1234.5}}\n'
            )
    return lambda: (run.events(), curve(run, "loss", "step"))


def runs(size: int, folder: Path) -> Work:
    """What is asked of so many runs on record: the list, and of each its settings, its state and its last row."""
    from vaelab.runs import store
    from vaelab.runs.files import last_measured

    os.environ["VAELAB_RUNS"] = str(folder)
    cfg = plan("digits")
    for k in range(size):
        _finished(create_run(cfg, path=folder / f"run-{k:04d}"))
    return lambda: [(run.config(), run.status(), last_measured(run.metrics_file)) for run in store.list_runs()]


def _finished(run: Run) -> None:
    run.status_file.write_text(json.dumps({"state": "finished", "step": 20, "total_steps": 20}))
    run.metrics_file.write_text(
        "".join(json.dumps({"step": k, "loss": 9.0, "recon": 8.0, "kl": 1.0}) + "\n" for k in range(20))
    )


WORKS: dict[str, Callable[[int, Path], Work]] = {
    "images": images,
    "latent numbers": latent_numbers,
    "points": points,
    "rows": rows,
    "runs": runs,
}


def sessions(size: int, folder: Path) -> tuple[float, float | None]:
    """So many visitors of the first page at once, after a first one: CPU seconds of the server, and MB that it holds more than before."""
    with running_app(folder) as address:
        account = Path("/proc") / str(_child()) / "status"
        first = _visit(address)
        before, spent = memory_of(account, "VmRSS"), cpu_of(account.parent)
        with ThreadPoolExecutor(size) as pool:
            open_ones = list(pool.map(lambda _: _visit(address), range(size)))
        seconds, held = cpu_of(account.parent) - spent, memory_of(account, "VmRSS") - before
        for one in (first, *open_ones):
            one.close()
    return seconds, max(0.0, held)


def _visit(address: str) -> Any:
    """Open the first page as a browser does, without drawing it; the connection, once the page's script has run to its end."""
    from websockets.sync.client import connect

    socket = connect(f"{address.replace('http', 'ws', 1)}/_stcore/stream", subprotocols=["streamlit"], max_size=None)  # type: ignore[list-item]
    socket.send(RUN_THE_PAGE)
    end = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < end:
        if SCRIPT_FINISHED in _fields(socket.recv(timeout=ANSWER_SECONDS, decode=False)):
            return socket
    raise VaeLabError(f"the first page must be there within {ANSWER_SECONDS:.0f} s to be measured")


def _fields(message: bytes) -> set[int]:
    """The numbers of the outer fields of a protobuf message, which is all that has to be known of it."""
    found, at, end = set(), 0, len(message)

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < end:
        tag = number()
        found.add(tag >> 3)
        kind = tag & 7
        if kind == 0:
            number()
        else:
            length = {1: 8, 5: 4}[kind] if kind != 2 else number()
            at += length
    return found


def _child() -> int:
    """The process that this one started last: the server."""
    me = os.getpid()
    return int(Path(f"/proc/{me}/task/{me}/children").read_text().split()[-1])


def cpu_of(process: Path) -> float:
    """Seconds of CPU of a process and its threads, in user code and in the system."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(account: Path, name: str) -> float:
    """A line of /proc/PID/status in MB: VmRSS, what a process holds, or VmHWM, the most that it held."""
    line = next(line for line in account.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6
