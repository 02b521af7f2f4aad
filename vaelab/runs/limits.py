"""What students may do on a server with roles: runs, images, epochs, minutes, memory and megabytes, each with its unit and its range.

From the environment (VAELAB_STUDENT_RUNS and so on), and over that what the teacher set on the page, kept beside the runs.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from vaelab.config.errors import ConfigError
from vaelab.config.fields import Bounds, Strict, setting
from vaelab.config.places import runs_root
from vaelab.runs.files import read_json, unwritable, write_json
from vaelab.runs.memory import needed_mb
from vaelab.runs.run_config import RunConfig

PREFIX = "VAELAB_STUDENT_"


@dataclass(frozen=True, kw_only=True)
class Limits(Strict):
    """What a student may have done on the server. The teacher has no such limits."""

    section = "limits"
    runs: int = setting(3, "Runs that a student may keep.", bounds=Bounds(0, 1000, "3 suits a lesson"))
    images: int = setting(
        20_000, "Images of one training.", bounds=Bounds(1, 10**9, "20,000 is enough for the sets that come along")
    )
    epochs: int = setting(20, "Epochs of one training.", bounds=Bounds(1, 100_000, "20 suits a lesson"))
    minutes: int = setting(10, "Minutes that one run may train in all.", bounds=Bounds(1, 100_000, "10 suits a lesson"))
    memory: int = setting(
        2000, "Megabytes of memory of one training.", bounds=Bounds(100, 10**7, "2,000 is enough for 32x32 pixels")
    )
    megabytes: int = setting(50, "Megabytes that a student may upload in a session.", bounds=Bounds(0, 10**6, "50"))
    waiting: int = setting(
        60, "Students' runs in training or in line at a time.", bounds=Bounds(1, 10_000, "two for each student")
    )
    paused: int = setting(
        4, "Students' runs that are paused at a time, each of which keeps its memory.", bounds=Bounds(0, 1000, "4")
    )
    all_runs: int = setting(300, "Runs of all students together.", bounds=Bounds(0, 100_000, "ten for each student"))
    all_megabytes: int = setting(
        1000, "Megabytes of all uploads on the server at a time.", bounds=Bounds(0, 10**7, "1,000")
    )


NAMES = tuple(field.name for field in dataclasses.fields(Limits))


def access_folder() -> Path:
    """Where a server with roles keeps what it must remember, beside the runs and in no list of them."""
    return runs_root() / ".access"


def limits_file() -> Path:
    """What the teacher set on the page."""
    return access_folder() / "limits.json"


def limits() -> Limits:
    """What holds now. Raises ConfigError for a value of the environment out of range; a damaged file counts as absent."""
    try:
        stamp = os.stat(limits_file()).st_mtime_ns
    except OSError:
        stamp = 0
    given = tuple((name, os.environ[PREFIX + name.upper()]) for name in NAMES if PREFIX + name.upper() in os.environ)
    return _limits(limits_file(), stamp, given)


@lru_cache(maxsize=16)
def _limits(file: Path, stamp: int, given: tuple[tuple[str, str], ...]) -> Limits:
    found = Limits()
    for name, text in given:
        if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 12):
            raise ConfigError(f"{PREFIX}{name.upper()} must be a whole number, got {text[:20]!r}; set another, or none")
        try:
            found = dataclasses.replace(found, **{name: int(text)})
        except ConfigError as error:
            raise ConfigError(f"{PREFIX}{name.upper()}: {error}") from error
    for name, value in (read_json(file) or {}).items():
        try:
            found = dataclasses.replace(found, **{name: value})
        except (ConfigError, TypeError):
            continue
    return found


def set_limits(new: Limits) -> None:
    """Keep what the teacher chose. Raises RunError where the folder cannot be written."""
    try:
        access_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(access_folder(), error) from error
    write_json(limits_file(), new.to_dict())


def check_training(cfg: RunConfig, train: int, test: int, allowed: Limits) -> None:
    """Raises ConfigError for a training that is larger than a student's may be. train, test: images of each kind."""
    images = min(train, cfg.data.limit or train)
    if images > allowed.images:
        raise ConfigError(
            f"a student's training may have at most {allowed.images:,} images, got {images:,} (set an image limit, or ask the teacher)"
        )
    check_epochs(cfg.optim.epochs, allowed)
    needed = needed_mb(cfg, images + test)
    if needed > allowed.memory:
        raise ConfigError(
            f"a student's training may take at most {allowed.memory:,} MB of memory, and this one needs about {needed:,.0f} MB"
            " (take smaller images, fewer of them, or a smaller batch)"
        )


def check_epochs(epochs: int, allowed: Limits) -> None:
    """Raises ConfigError for more epochs than a student's training may have."""
    if epochs > allowed.epochs:
        raise ConfigError(
            f"a student's training may have at most {allowed.epochs:,} epochs, got {epochs:,} (take fewer, or ask the teacher)"
        )
