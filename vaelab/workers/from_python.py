"""A training that Python code asks for and waits for: the settings of `vaelab train`, or images as arrays. `vaelab.train` is made of it."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vaelab.analysis import given
from vaelab.config.errors import ConfigError, RunError
from vaelab.config.settings import IMAGE_SIZES
from vaelab.data.folder import PREFIX
from vaelab.data.kept import keep
from vaelab.data.paths import data_root
from vaelab.models import device
from vaelab.runs import store
from vaelab.runs.files import Row
from vaelab.runs.names import free_name
from vaelab.runs.plan import plan
from vaelab.workers import launch

OPTIONS = tuple(name for name in inspect.signature(plan).parameters if name not in ("dataset", "model"))


def train(
    dataset: str | ArrayLike,
    model: str,
    labels: ArrayLike | None,
    name: str | None,
    on_row: Callable[[Row], None] | None,
    options: Mapping[str, Any],
) -> store.Run:
    """Train from scratch in this process, in a run folder like any other; Ctrl-C stops with a checkpoint. Returns the run.

    dataset: a name, or images as arrays, which are kept as PNG files below the data folder. options: arguments of `plan`.
    Raises ConfigError, DataError before there is a run; RunError when the training fails.
    """
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise ConfigError(f"train has no setting {unknown[0]!r}; its settings are {', '.join(OPTIONS)}")
    if isinstance(dataset, str):
        if labels is not None:
            raise ConfigError(f"labels must be left out: {dataset} knows those of its own images")
        run = _begun(dataset, model, name, options)
    else:
        images = _images(dataset)
        kept = _kept(images, labels, name)
        side = images.shape[-1] if images.shape[-1] == images.shape[-2] else 0
        sized = {"image_size": side, **options} if side in IMAGE_SIZES else options
        try:
            run = _begun(kept, model, name, sized)
        except Exception:  # nothing was trained on them, so that they would only keep their place from others
            shutil.rmtree(kept.removeprefix(PREFIX), ignore_errors=True)
            raise
    from vaelab.workers.train_worker import run_here

    status = run_here(run, on_row)
    if status.state not in ("finished", "stopped"):
        raise RunError(f"the training {run.name} is {status.state}: {status.message or 'see its worker.log'}")
    return run


def _begun(dataset: str, model: str, name: str | None, options: Mapping[str, Any]) -> store.Run:
    """The run folder, after every check that the command and the page make."""
    cfg = plan(dataset, model, **options)
    launch.check(cfg)
    if cfg.device not in ("auto", "cpu"):
        device.choose(cfg.device)
    return store.create_run(cfg, name)


def _images(images: ArrayLike) -> NDArray[np.uint8]:
    """(N, C, H, W) uint8; (N, H, W) is grey. Raises ConfigError."""
    x = np.asarray(images)
    x = x[:, None] if x.ndim == 3 else x
    if x.ndim != 4 or x.shape[1] not in (1, 3) or min(x.shape[2:]) < 1:
        raise ConfigError(f"images must have the shape (N, H, W) or (N, C, H, W) with C 1 or 3, got {np.shape(images)}")
    return given.pixels(x, (x.shape[1], x.shape[2], x.shape[3]))


def _kept(images: NDArray[np.uint8], labels: ArrayLike | None, name: str | None) -> str:
    """The data set of images that were handed in, in folders of their classes where they have labels."""
    title = free_name(f"{name or 'arrays'}-images")
    folder = data_root() / "arrays" / title
    if labels is None:
        return keep(images, None, (), _free(folder), title)
    told = np.asarray(labels)
    if told.shape != (len(images),):
        raise ConfigError(f"labels must be one for each of {len(images)} images, got the shape {told.shape}")
    names, y = np.unique(told, return_inverse=True)
    return keep(images, y.astype(np.int64), [str(each) for each in names], _free(folder), title)


def _free(folder: Path) -> Path:
    """The folder, or where it is taken by an earlier training that of the next free number."""
    number = 1
    found = folder
    while found.exists():
        number += 1
        found = folder.with_name(f"{folder.name}-{number}")
    return found
