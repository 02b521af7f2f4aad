"""Whose run it is, on a server with roles: a small file beside config.json, which versions before it leave alone."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vaelab.runs.files import read_json, write_json

FILE = "owner.json"
TEACHERS_RANK, STUDENTS_RANK = 0, 1  # in the line before a device: the smaller goes first
MOST_OF_A_TAG = 64  # characters


@dataclass(frozen=True)
class Owner:
    """A student by the tag of their browser, or the teacher, who has none. minutes: how long the run may train in all; None without a limit."""

    tag: str = ""
    minutes: float | None = None

    @property
    def is_student(self) -> bool:
        """Whether the run is a student's."""
        return bool(self.tag)

    @property
    def rank(self) -> int:
        """Its class in the line before a device."""
        return STUDENTS_RANK if self.is_student else TEACHERS_RANK


TEACHER = Owner()


def owner_of(folder: Path) -> Owner:
    """Whose run lies in a folder. One that says nothing, as all before version 0.3, is the teacher's; one that cannot be read is nobody's."""
    try:
        stamp = os.stat(folder / FILE).st_mtime_ns
    except OSError:
        return TEACHER
    return _owner(folder, stamp)


@lru_cache(maxsize=4096)
def _owner(folder: Path, stamp: int) -> Owner:
    """stamp: the file's time, so that a list of a thousand runs reads none of them twice."""
    values = read_json(folder / FILE) or {}
    tag, minutes = values.get("tag"), values.get("minutes")
    if not isinstance(tag, str) or not 0 < len(tag) <= MOST_OF_A_TAG:
        return Owner("?", 0.0)
    if minutes is None or (isinstance(minutes, int | float) and not isinstance(minutes, bool) and 0 <= minutes < 1e9):
        return Owner(tag, minutes)
    return Owner(tag, 0.0)


def write_owner(folder: Path, owner: Owner) -> None:
    """Say whose a run is; the teacher's has no such file. Raises RunError where the folder cannot be written."""
    if owner.is_student:
        write_json(folder / FILE, {"tag": owner.tag, "minutes": owner.minutes})
    else:
        with contextlib.suppress(FileNotFoundError):
            (folder / FILE).unlink()
