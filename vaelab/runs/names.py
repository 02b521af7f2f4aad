"""What runs are called: names that can be folders on any system, and those in use."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from vaelab.config.errors import RunError
from vaelab.config.fields import is_number
from vaelab.config.places import runs_root, weights_root
from vaelab.runs.run_config import RunConfig

NAME_LENGTH = 60


def folders(root: Path) -> list[tuple[float, Path]]:
    """(time of config.json, folder) of every run below root."""
    found = []
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue  # the device queue, and runs that are being deleted
                try:
                    config = os.stat(os.path.join(entry.path, "config.json"))
                    if stat.S_ISREG(config.st_mode):
                        found.append((config.st_mtime, Path(entry.path)))
                except OSError:
                    continue  # not a run, or one that is being deleted
    except OSError:
        return []
    return found


def _taken() -> set[str]:
    """The names of all runs and shipped models, in lower case: some systems tell no capitals apart."""
    return {path.name.lower() for root in (runs_root(), weights_root()) for _, path in folders(root)}


def check_name(name: str) -> str:
    """A name that can be a folder on any system; raises RunError."""
    name = name.strip()
    if not 1 <= len(name) <= NAME_LENGTH:
        raise RunError(f"a run's name must have 1 to {NAME_LENGTH} characters, got {len(name)}")
    if not re.fullmatch(r"\w[\w .+-]*", name) or name.endswith("."):
        raise RunError(
            f"a run's name may hold letters, digits, spaces and - _ . + and starts with a letter or digit, got {name!r}"
        )
    if name.lower() in _taken():
        raise RunError(f"the name {name!r} is taken (choose another one)")
    return name


def free_name(name: str) -> str:
    """The name, or where it is taken the name with the next free number."""
    taken = _taken()
    if name.lower() not in taken:
        return name
    return next(f"{name}-{k}" for k in range(2, len(taken) + 3) if f"{name}-{k}".lower() not in taken)


def next_name(cfg: RunConfig, title: str) -> str:
    """dataset-model-001, counting on from the highest number in use."""
    images = title or Path(cfg.data.name.removeprefix("folder:")).name
    data = re.sub(r"[^\w]+", "-", images).strip("-_").lower() or "images"
    stem = f"{data[:30]}-{cfg.model.name}-"
    try:
        names = os.listdir(runs_root())
    except OSError:
        names = []
    used = [int(n.removeprefix(stem)) for n in names if n.startswith(stem) and is_number(n.removeprefix(stem))]
    return f"{stem}{max(used, default=0) + 1:03d}"
