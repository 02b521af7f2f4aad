"""What can be done to a run at rest: give it another name, or remove it."""

from __future__ import annotations

import errno
import os

from vaelab.config.errors import RunError
from vaelab.config.folders import remove
from vaelab.runs.files import unwritable
from vaelab.runs.names import check_name
from vaelab.runs.store import Run


def check_at_rest(run: Run) -> None:
    """Raises RunError for a shipped model, and while the run trains or its worker lives."""
    if run.is_shipped:
        raise RunError(f"{run.name} is shipped with VAE Lab and cannot be changed (start a run of your own)")
    if run.status().is_active or run.worker_lock.is_taken():
        raise RunError(f"run {run.name} is still in training and cannot be changed (stop it first)")


def rename_run(run: Run, name: str) -> Run:
    """Give a run another name; raises RunError while it trains, or for a bad or taken name."""
    check_at_rest(run)
    target = run.path.parent / (name.strip() if name.strip().lower() == run.name.lower() else check_name(name))
    try:
        os.rename(run.path, target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise RunError(
                f"{target} is in the way and holds no run (move it elsewhere, or choose another name)"
            ) from error
        raise unwritable(run.path, error) from error
    return Run(target)


def delete_run(run: Run) -> None:
    """Remove a run and everything in it; raises RunError while it trains."""
    check_at_rest(run)
    try:
        remove(run.path)
    except OSError as error:
        raise unwritable(run.path, error) from error
