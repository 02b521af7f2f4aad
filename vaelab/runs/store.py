"""Run directories: every file name, who is in them and how they are found. No torch here.

docs/architecture.md lists the files, docs/decisions/0002-runs.md gives the reasons. The worker's side is recorder.py.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import time
import uuid
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaelab.config.errors import ConfigError, RunError, WeightsError
from vaelab.config.folders import clear_leftovers, make_whole
from vaelab.config.places import runs_root, weights_root
from vaelab.runs.files import (
    Row,
    RowReader,
    Stamp,
    numbered,
    read_arrays,
    read_json,
    read_regular,
    read_rows,
    stamp_of,
    unwritable,
    write_json,
)
from vaelab.runs.names import check_name, folders, next_name
from vaelab.runs.owner import TEACHER, Owner, owner_of, write_owner
from vaelab.runs.processes import FileLock
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Control, Desired, Status, checked

if TYPE_CHECKING:
    import numpy as np

    Arrays = dict[str, np.ndarray[Any, Any]]

HEARTBEAT_OLD = 3.0  # seconds; a worker writes twice a second, unless one step takes longer
FIRST_HEARTBEAT = 20.0  # seconds; how long thirty workers that start at once may need to announce themselves
ASK_SECONDS = 5.0  # to wait for control.json: writing it takes a millisecond


@lru_cache(maxsize=4_096)
def _config(run_dir: Path, stamp: Stamp) -> RunConfig:
    """The settings of a run, read again where the file has changed: a page asks for those of every model. What is raised is not kept."""
    file = run_dir / "config.json"
    values = read_json(file)
    if values is None:
        raise RunError(f"{run_dir} must hold a readable config.json (choose another run, or start it again)")
    try:
        return RunConfig.from_dict(values, ignore_unknown=True)
    except (ConfigError, TypeError, ValueError, OverflowError) as error:
        raise RunError(f"{file} must hold the settings of a run, got: {error}") from error


class Run:
    """One run directory, or a folder of weights/ (no status.json there: the state is "finished"). Reads files at each call."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path).absolute()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def is_shipped(self) -> bool:
        """Whether it is a folder of weights/: finished, read-only."""
        return self.path.parent == weights_root()

    # File names. status.json, metrics.jsonl, snapshots/ and checkpoints/ belong to the worker alone.
    @property
    def config_file(self) -> Path:
        """RunConfig."""
        return self.path / "config.json"

    @property
    def status_file(self) -> Path:
        """Status."""
        return self.path / "status.json"

    @property
    def control_file(self) -> Path:
        """Control."""
        return self.path / "control.json"

    @property
    def metrics_file(self) -> Path:
        """One JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def fixed_file(self) -> Path:
        """The inputs that every snapshot shows."""
        return self.snapshots_dir / "fixed.safetensors"

    @property
    def snapshots_dir(self) -> Path:
        """A folder per snapshot, named after its step."""
        return self.path / "snapshots"

    @property
    def checkpoints_dir(self) -> Path:
        """A folder per checkpoint, and `latest`, which names the newest whole one."""
        return self.path / "checkpoints"

    @property
    def log_file(self) -> Path:
        """What the worker printed."""
        return self.path / "worker.log"

    @property
    def owner(self) -> Owner:
        """Whose run it is; the teacher's where nothing is said, a shipped one too."""
        return owner_of(self.path)

    @property
    def worker_lock(self) -> FileLock:
        """Held by the worker of this run as long as it lives."""
        return FileLock(self.path / "worker.lock")

    def snapshot_file(self, step: int) -> Path:
        """The arrays of one snapshot."""
        return self.snapshots_dir / str(step) / "snapshot.safetensors"

    def config(self) -> RunConfig:
        """The settings; raises RunError when config.json is missing or broken."""
        return _config(self.path, stamp_of(self.config_file))

    def status(self) -> Status:
        """The state now. An active run whose process is gone is "interrupted", one whose process does not go on is "stalled"."""
        values = read_json(self.status_file)
        if values is None:
            return Status(state="finished") if self.model_file_or_none() else Status(state="interrupted")
        status, damaged = checked(Status, values)
        if "state" in damaged:
            status = dataclasses.replace(status, state="interrupted")
        if status.is_active and not self._is_in_hand(status):
            last, unread = checked(Status, read_json(self.status_file) or values)
            if not last.is_active and "state" not in unread:
                return last  # what it said before it ended, between the two looks
            return dataclasses.replace(status, state="interrupted", throughput=None, remaining_seconds=None)
        if status.is_active and status.is_still:
            return dataclasses.replace(status, state="stalled", throughput=None, remaining_seconds=None)
        return status

    def _is_in_hand(self, status: Status) -> bool:
        """Whether somebody works on an active run.

        Whether its process lives decides, where that can be known, else who holds its lock: a worker in another container of
        this computer does. The time of day, which anybody may set, is asked only about a worker that has not come up yet,
        or one of another computer that shares the folder.
        """
        silent = abs(time.time() - status.heartbeat)
        if status.pid is None:
            return silent <= FIRST_HEARTBEAT
        if status.has_process:
            return True
        return self.worker_lock.is_taken() if status.is_from_here else silent <= HEARTBEAT_OLD

    def damage(self) -> str | None:
        """What is wrong with the files of this run, one sentence with the way out; None for a whole one."""
        try:
            self.config()
        except RunError as error:
            return str(error)
        for file in (self.status_file, self.control_file):
            values = read_json(file)
            if values is None:
                if file.exists():
                    return (
                        f"{file} must hold a JSON object, and it cannot be read; delete that file, then resume the run"
                    )
                continue
            damaged = checked(Status, values)[1] if file == self.status_file else checked(Control, values)[1]
            if damaged:
                return f"{file} holds what {damaged[0]} may not be, {str(values[damaged[0]])[:40]!r}; delete that file, then resume the run"
        return None

    def unknown_settings(self) -> tuple[str, ...]:
        """Settings in config.json that this version does not know, as a newer one may have written them. They are kept and left out."""
        return RunConfig.unknown_in(read_json(self.config_file) or {})

    def desired(self) -> Control:
        """What was asked of the worker last."""
        return checked(Control, read_json(self.control_file) or {})[0]

    def metrics(self) -> list[Row]:
        """The measured rows, oldest first, without those that a resume trained again. Treat them as read-only.

        Of a run of very many, some thousands, spread evenly over its steps: every_metric has all.
        """
        return [row for row in read_rows(self.metrics_file) if "event" not in row]

    def every_metric(self) -> list[Row]:
        """As metrics, with every row of a run of a million, which takes a minute and some GB."""
        return [row for row in RowReader(self.metrics_file, most=None).read() if "event" not in row]

    def events(self) -> list[Row]:
        """Starts, resumes and dial changes, oldest first: {"event", "step", ...}."""
        return [row for row in read_rows(self.metrics_file) if "event" in row]

    def snapshots(self) -> list[int]:
        """The steps of which a snapshot is kept, ascending."""
        return numbered(self.snapshots_dir, "snapshot.safetensors")

    def snapshot(self, step: int) -> Arrays:
        """The arrays of a snapshot (docs/architecture.md); raises WeightsError if it was thinned out meanwhile."""
        return read_arrays(self.snapshot_file(step))

    def fixed(self) -> Arrays:
        """The fixed inputs of every snapshot; empty before the worker has written them."""
        return read_arrays(self.fixed_file) if self.fixed_file.exists() else {}

    def evaluation(self) -> dict[str, Any] | None:
        """metrics.json of a folder in weights/ ({"test": ...}); None for a run without one."""
        found = read_json(self.path / "metrics.json")
        if found is not None and not isinstance(found.get("test", {}), dict):
            del found["test"]  # written by hand
        return found

    def checkpoints(self) -> list[Path]:
        """The folders of whole checkpoints, the one to go on from first: the one that `latest` names, then the newest."""
        try:
            name = read_regular(self.checkpoints_dir / "latest", 64).decode("ascii").strip()
        except (OSError, ValueError):
            name = ""
        steps = numbered(self.checkpoints_dir, "state.json")
        steps.sort(key=lambda step: (str(step) == name, step), reverse=True)
        return [self.checkpoints_dir / str(step) for step in steps]

    def latest_checkpoint(self) -> Path | None:
        """The newest whole checkpoint's folder."""
        return next(iter(self.checkpoints()), None)

    def model_file_or_none(self) -> Path | None:
        """The newest model.safetensors: a shipped folder's own, else that of the latest checkpoint."""
        shipped_file = self.path / "model.safetensors"
        if shipped_file.exists():
            return shipped_file
        checkpoint = self.latest_checkpoint()
        return checkpoint / "model.safetensors" if checkpoint else None

    def model_file(self) -> Path:
        """As above; raises WeightsError when nothing was saved yet."""
        file = self.model_file_or_none()
        if file is None:
            raise WeightsError(
                f"run {self.name} must have saved weights, but has none yet (they are saved after 2 seconds, at least every 20 seconds, when it is paused and at its end)"
            )
        return file

    def ask(
        self,
        desired: Desired | None = None,
        *,
        beta: float | None = None,
        lr: float | None = None,
        turn: float | None = None,
        fresh: bool = False,
    ) -> Control:
        """Change control.json; None leaves a value as it is. fresh forgets earlier single steps and places. Raises RunError."""
        with FileLock(self.path / "control.lock") as lock:
            deadline = time.monotonic() + ASK_SECONDS
            while not lock.take():
                if time.monotonic() > deadline:
                    raise RunError(
                        f"run {self.name} must be free to be asked, but another process has held its control.lock for"
                        f" {ASK_SECONDS:g} s; end that process, or try again"
                    )
                time.sleep(0.005)
            old = self.desired()
            new = Control(
                desired=desired or old.desired,
                beta=old.beta if beta is None else beta,
                lr=old.lr if lr is None else lr,
                seq=old.seq + 1,
                steps=0 if fresh else old.steps + (desired == "step"),
                turn=turn if fresh or turn is not None else old.turn,
            )
            write_json(self.control_file, dataclasses.asdict(new))
        return new


def list_runs() -> list[Run]:
    """All runs, newest first. Costs one stat a run: no file is opened."""
    return [Run(path) for _, path in sorted(folders(runs_root()), reverse=True)]


def shipped() -> list[str]:
    """The names of the models in weights/, in alphabetical order."""
    return sorted(path.name for _, path in folders(weights_root()))


def find(name_or_path: str | Path) -> Run:
    """A run by its name, its path or its name in weights/; raises RunError when there is none."""
    text = str(name_or_path)
    is_name = bool(text) and Path(text).name == text
    places = [runs_root() / text, weights_root() / text] if is_name else []
    places.append(Path(text))
    for place in places:
        if text and os.path.isfile(place / "config.json"):  # a name that is too long is no file either
            return Run(place)
    mine = [run.name for run in list_runs()]
    near = difflib.get_close_matches(text, mine + shipped(), n=3) or mine[:5] + shipped()
    way_out = f"choose one of {', '.join(near)}" if near else "train one first"
    raise RunError(f"there is no run {text!r}; {way_out}")


def create_run(
    cfg: RunConfig, name: str | None = None, *, path: Path | None = None, title: str = "", owner: Owner = TEACHER
) -> Run:
    """A new run directory with its config.json. path: a folder of the caller's choice instead of runs_root(); title: of the
    images, for a name to be made of where their own is a code; owner: whose it is, on a server with roles.

    Raises RunError for a bad or taken name, and when the folder cannot be written.
    """
    if path is not None and Run(path).config_file.exists():
        raise RunError(f"{path} holds a run already (choose a new folder, or resume that run)")
    if path is not None and not path.name:  # "."
        path = path.absolute()
        if not path.name:
            raise RunError(f"{path} has no name that a run could have (choose a folder below it)")
    asked = path or (runs_root() / check_name(name) if name is not None else None)
    settings = dataclasses.replace(cfg, id=uuid.uuid4().hex).to_dict()

    def fill(folder: Path) -> None:
        write_owner(folder, owner)  # before the settings, which make it a run
        write_json(Run(folder).config_file, settings)

    root = asked.parent if asked else runs_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(runs_root() if path is None else path, error) from error
    clear_leftovers(root)
    while True:
        folder = asked or runs_root() / next_name(cfg, title)
        try:
            make_whole(folder, fill)
            return Run(folder)
        except FileExistsError as error:
            if path is not None and folder.is_dir() and not Run(folder).config_file.exists():
                fill(folder)  # the caller's own folder, with other things in it
                return Run(folder)
            if asked is not None and not Run(folder).config_file.exists():
                raise RunError(
                    f"{folder} is in the way and holds no run (move it elsewhere, or choose another name)"
                ) from error
            if asked is not None:  # somebody else took the name in this instant
                raise RunError(f"the name {folder.name!r} is taken (choose another one)") from None
        except OSError as error:
            raise unwritable(folder, error) from error
