"""Folders that are there whole or not at all, and what a killed process left of one that was being made or removed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path

MAKING = ".new-"  # before the name of a folder that is being made or removed
LEFT_SECONDS = 6 * 3600.0  # nothing is made or removed for so long


def make_whole(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a new folder under another name, then give it its own. An empty folder of that name is replaced.

    Raises OSError, FileExistsError where something else has the name, and what fill raises; nothing is left behind then.
    """
    folder = Path(os.path.abspath(folder))  # "." has no name of its own
    if not folder.name:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))
    part = folder.with_name(f"{MAKING}{uuid.uuid4().hex}")
    try:
        part.mkdir()
        fill(part)
        if folder.exists():
            with contextlib.suppress(OSError):  # not empty: the rename says so
                folder.rmdir()
        os.rename(part, folder)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
        if isinstance(error, OSError) and os.path.lexists(folder):
            raise FileExistsError(error.errno, error.strerror, str(folder)) from error
        raise


def remove(folder: Path) -> None:
    """Take a folder out of every list at once, then remove it; of a symbolic link the link alone. Raises OSError."""
    if folder.is_symlink():
        folder.unlink()
        return
    part = folder.with_name(f"{MAKING}{uuid.uuid4().hex}")
    os.rename(folder, part)
    shutil.rmtree(part)


def clear_leftovers(parent: Path, *beginnings: str) -> None:
    """Remove the hidden folders that begin so and that nobody can be at work on any more: they are hours old."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if not entry.name.startswith((MAKING, *beginnings)) or not entry.is_dir(follow_symlinks=False):
                continue
            with contextlib.suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > LEFT_SECONDS:
                    shutil.rmtree(entry.path, ignore_errors=True)
