"""Reading and writing the files of a run: a reader sees old or new, never half."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
import threading
import zipfile
import zlib
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from vaelab.config.errors import RunError, WeightsError
from vaelab.config.fields import is_number

if TYPE_CHECKING:
    import numpy as np

Row = dict[str, Any]
Stamp = tuple[int, int, int, int]
MOST_JSON = 2**22  # bytes of a config, a status or a control file
MOST_OF_A_REASON = 120  # characters: of an unknown type the library lists every type that it knows
MOST_ROWS = 5_000  # of each kind, which are kept of a run that has a million; a curve is drawn from 300
PART = 2**20  # bytes of a metrics file that are read at once
TAIL = 32_768  # bytes of a metrics file that hold its last rows


def unwritable(path: Path, error: OSError) -> RunError:
    """The sentence for a folder that refuses our files."""
    reason = error.strerror or type(error).__name__
    return RunError(f"{path} must be writable, got: {reason} (free some space, or choose a folder with VAELAB_RUNS)")


def write_atomic(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Replace a file in one step. durable: also wait for the disk, for what must outlive a power cut. Raises RunError."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()  # where the disk is full, it has taken the last of it
        raise unwritable(path, error) from error


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a JSON file in one step; raises RunError when it cannot be written."""
    write_atomic(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())


def make_within(run_dir: Path, folder: Path) -> None:
    """Make a folder of a run and those between. Raises OSError, and makes nothing, where the run's own is gone.

    Who deletes or moves a run in use would find it again, without its config, where nobody lists it and its name stays taken.
    """
    at = run_dir
    for name in folder.relative_to(run_dir).parts:
        at /= name
        at.mkdir(exist_ok=True)


class Spare:
    """Room for one last small JSON file on a disk that is full: a file that is there already, written over and renamed."""

    BYTES = 4096  # a block

    def __init__(self, path: Path) -> None:
        self.path = path
        with contextlib.suppress(OSError):  # a disk that is full already gets no such room
            path.write_bytes(b" " * self.BYTES)

    def write_json(self, path: Path, value: Mapping[str, Any]) -> None:
        """Replace a JSON file, by means of the spare one where there is no room left. Raises RunError."""
        try:
            write_json(path, value)
        except RunError as error:
            try:
                with self.path.open("rb+") as file:
                    room = os.fstat(file.fileno()).st_size
                    data = json.dumps(value, allow_nan=False).encode()
                    if len(data) > room:
                        raise error
                    file.write(data.ljust(room))
                os.replace(self.path, path)
            except OSError:
                raise error from None

    def give_back(self) -> None:
        """Remove the spare file."""
        with contextlib.suppress(OSError):
            self.path.unlink()


def stamp_of(path: Path) -> Stamp:
    """What of a file changes when it is written or replaced: its number, size, and times in ns; zeros where there is none."""
    try:
        now = path.stat()
    except OSError:
        return 0, 0, 0, 0
    return now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open for reading; raises OSError for anything else, without waiting for a pipe."""
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(fd, "rb")


def read_regular(path: Path, most: int | None = None) -> bytes:
    """The bytes of a regular file, at most so many; raises OSError for anything else. A pipe or a device is never waited for."""
    with open_regular(path) as file:
        data = file.read() if most is None else file.read(most + 1)
    if most is not None and len(data) > most:
        raise OSError(errno.EFBIG, f"larger than {most:,} bytes", str(path))
    return data


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None if the file is missing, is too large or nested too deep, or holds something else."""
    try:
        value = json.loads(read_regular(path, MOST_JSON))
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add one JSON line in a single write. A number that is not finite becomes null, so any JSON reader can read it."""
    line = json.dumps({key: finite_or_none(value) for key, value in row.items()}, allow_nan=False) + "\n"
    try:
        with path.open("ab") as file:
            file.write(line.encode())
    except OSError as error:
        raise unwritable(path, error) from error


def end_torn_line(path: Path) -> None:
    """Close a last line that a killed writer left unfinished, so that the next row starts on its own line."""
    try:
        with path.open("rb+") as file:
            if file.seek(0, os.SEEK_END) and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n":
                file.write(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise unwritable(path, error) from error


def finite_or_none(value: Any) -> Any:
    """The value, with None in place of NaN and infinities, inside lists and dicts too."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, list):
        return [finite_or_none(item) for item in value]
    if isinstance(value, dict):
        return {key: finite_or_none(item) for key, item in value.items()}
    return value


def read_npz(path: Path, *needs: str, without: tuple[str, ...] = ()) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an .npz file, but for those left out; raises WeightsError when it is broken or one that is needed is not there."""
    import numpy as np

    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:  # which leaves a broken one open
            found = {name: archive[name] for name in archive.files if name not in without}
    except (OSError, ValueError, EOFError, AttributeError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise WeightsError(
            f"{path} must be arrays as NumPy's savez writes them, and cannot be read as such; copy it anew, or remove it"
        ) from error
    missing = [name for name in needs if name not in found]
    if missing:
        raise WeightsError(f"{path} must hold {', '.join(missing)}, and does not; copy it anew, or remove it")
    return found


def read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """All arrays of a safetensors file; raises WeightsError when it is missing or broken."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(read_regular(path))
    except OSError as error:
        raise WeightsError(f"{path} must be a readable safetensors file, got: {error.strerror}") from error
    except (SafetensorError, ValueError, KeyError) as error:
        reason = str(error)[:MOST_OF_A_REASON]
        raise WeightsError(f"{path} must be a whole safetensors file, got one that cannot be read: {reason}") from error


def numbered(folder: Path, holding: str) -> list[int]:
    """The sub-folders named by a number that hold a file, ascending."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if is_number(entry.name)]
    except OSError:
        return []
    return sorted(int(name) for name in names if (folder / name / holding).exists())


class RowReader:
    """Reads an append-only file of JSON lines again and again, parsing only what is new.

    Tolerates a missing file, a torn last line (it waits) and a torn line in the middle (it is left out). A row
    {"event": "resume", "step": S} takes back every earlier row beyond step S: that part was trained again.
    most: of the rows of a very long run at least so many are kept, spread evenly over its steps, and at most twice as many;
    the first, the last, all events, and so many of the rows with held-out figures among them. None keeps every row.
    """

    def __init__(self, path: Path, most: int | None = MOST_ROWS) -> None:
        self.path = path
        self._most = most
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._offset = 0
        self._head = b""

    def read(self) -> list[Row]:
        """All rows so far, or as many as are kept, events among them, in the order of the file."""
        with self._lock:
            try:
                with open_regular(self.path) as file:
                    head = file.read(len(self._head))
                    if head != self._head or os.fstat(file.fileno()).st_size < self._offset:
                        self._rows, self._offset = [], 0  # another file under the same name
                    file.seek(self._offset)
                    self._take(file)
            except OSError:
                self._rows, self._offset, self._head = [], 0, b""
                return []
            return list(self._rows)

    def _take(self, file: BinaryIO) -> None:
        """Everything from here to the last whole line, a part of the file at a time."""
        left = os.fstat(file.fileno()).st_size - self._offset
        stride, number, rest = 0, 0, b""
        while part := file.read(PART):
            whole, newline, rest = (rest + part).rpartition(b"\n")
            if self._offset == 0:
                self._head = whole[:200]
            self._offset += len(whole) + len(newline)
            lines = whole.split(b"\n") if newline else []
            if (
                not stride and lines
            ):  # a line's length tells how many there are: those that would be dropped are not parsed
                expected = left * len(lines) // (len(whole) + 1)
                stride = 1 if self._most is None else max(1, expected // self._most)
            for line in lines if stride <= 1 else _every(lines, whole, stride, number):
                self._add(line)
            number += len(lines)

    def _add(self, line: bytes) -> None:
        row = _row(line)
        if row is None:
            return
        if row.get("event") == "resume":
            self._rows = [earlier for earlier in self._rows if earlier["step"] <= row["step"]]
        self._rows.append(row)
        if self._most is not None and len(self._rows) > 4 * self._most:
            self._rows = _spread(self._rows, self._most)


def _every(lines: list[bytes], whole: bytes, stride: int, number: int) -> list[bytes]:
    """Every stride-th line, the last, and all that hold an event or held-out figures. number: of the first of them."""
    kept = {*range(-number % stride, len(lines), stride), len(lines) - 1}
    for mark in (
        b'"event',
        b'"test_loss',
    ):  # without the quote at their end, of which lines are full: it would be searched for
        line = counted = 0
        at = whole.find(mark)
        while at >= 0:
            line += whole.count(b"\n", counted, at)
            kept.add(line)
            counted = at
            end = whole.find(b"\n", at)
            at = whole.find(mark, end) if end >= 0 else -1
    return [lines[k] for k in sorted(kept)]


def _spread(rows: list[Row], most: int) -> list[Row]:
    """All events, and of the measured rows, those with held-out figures and those without, about `most` each, evenly over the steps."""
    kept: set[int] = set()
    for with_test in (True, False):
        found = [k for k, row in enumerate(rows) if "event" not in row and ("test_loss" in row) == with_test]
        if len(found) <= most:
            kept.update(found)
            continue
        steps = [rows[k]["step"] for k in found]
        gap = (steps[-1] - steps[0]) / (most - 1)
        kept.update(found[bisect_left(steps, steps[0] + math.floor(gap * k))] for k in range(most - 1))
        kept.add(found[-1])
    return [row for k, row in enumerate(rows) if k in kept or "event" in row]


def _row(line: bytes) -> Row | None:
    """One line as a row or an event; None for what is neither, a measured row without its loss among them."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not _is_step(row.get("step")):
        return None
    if "event" in row:
        return row
    if not _is_finite(row.get("loss")):
        return None
    return {name: _measured(value) for name, value in row.items()}


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _measured(value: Any) -> Any:
    """A row's value as a training measures it: a number, or a list of one for each dimension; None in place of anything else."""
    if isinstance(value, list):
        return [item if _is_finite(item) else None for item in value]
    return value if _is_finite(value) else None


def last_measured(path: Path) -> Row | None:
    """The last measured row of a metrics file, None where there is none; reads its end alone unless a resume took rows back there."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL))
            lines = file.read().rpartition(b"\n")[0].splitlines()
    except OSError:
        return None
    for line in reversed(lines[1:] if size > TAIL else lines):  # the first may be cut
        row = _row(line)
        if row is None:
            continue
        if row.get("event") == "resume":
            break
        if "event" not in row:
            return row
    return next((row for row in reversed(read_rows(path)) if "event" not in row), None)


_readers: OrderedDict[Path, RowReader] = OrderedDict()
_readers_lock = threading.Lock()
READERS_KEPT = 64  # a class watches a few dozen runs at once


def read_rows(path: Path) -> list[Row]:
    """The rows of a metrics file, thinned where there are very many; repeated calls parse only what was added since."""
    with _readers_lock:
        reader = _readers.setdefault(path, RowReader(path))
        _readers.move_to_end(path)
        while len(_readers) > READERS_KEPT:
            _readers.popitem(last=False)
    return reader.read()
