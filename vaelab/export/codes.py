"""The codes of many images as a table, for other programs: CSV, NumPy's NPZ or Parquet. docs/codes.md says what is in it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from vaelab import data
from vaelab.analysis import inference
from vaelab.analysis.latents import Codes
from vaelab.analysis.projections import pca_plane, tsne_plane
from vaelab.config.errors import ConfigError, DataError
from vaelab.data import Images
from vaelab.runs.files import write_atomic
from vaelab.runs.store import Run

Split = Literal["test", "train", "all"]
Format = Literal["csv", "npz", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "npz", "parquet")
LEAST_TSNE = 4  # images


def format_of(path: Path) -> Format:
    """By the file's ending. Raises ConfigError for any other."""
    ending = path.suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise ConfigError(f"{path.name} must end in .csv, .npz or .parquet, got {path.suffix or 'no ending'!r}")
    return ending


def codes_of(
    run: Run, source: str, split: Split = "test", limit: int | None = None, *, pca: bool = False, tsne: bool = False
) -> pd.DataFrame:
    """A row for each image of a data set or folder:PATH, in its own order, fitted to the model as in training.

    name: the file or "SPLIT-NUMBER"; class and factors in words where they are known; mu_K and logvar_K, the latter for a model with
    a posterior; recon and kl in nats per image with one draw of z, as `evaluate` has it; pca_x, pca_y, tsne_x, tsne_y when asked for.
    Raises RunError, WeightsError, DataError.
    """
    cfg = run.config()
    loaded = data.load(source, image_size=cfg.data.image_size, channels=cfg.model.channels)
    parts = {
        name: images for name, images in (("train", loaded.train), ("test", loaded.test)) if split in (name, "all")
    }
    frames = []
    left = limit
    model = inference.load_run(run)
    for name, images in parts.items():
        images = images if left is None else images.take(slice(0, left))
        left = None if left is None else left - len(images)
        if len(images):
            frames.append(_rows(run, model, loaded.info, images, name))
    if not frames:
        raise DataError(f"{source} has no images in its split {split} to encode (choose another split)")
    table = pd.concat(frames, ignore_index=True)
    return with_places(table, pca=pca, tsne=tsne)


def _rows(run: Run, model: Any, info: data.DatasetInfo, images: Images, split: str) -> pd.DataFrame:
    cfg = run.config()
    label = cfg.model.label
    y = None if label is None else data.labels_of(images, label)
    recon, kl, mu, logvar = [], [], [], []
    with torch.no_grad():
        for x, labels, terms in inference.batches_of_terms(
            model, images.pixels, y, cfg.loss, torch.Generator().manual_seed(0)
        ):
            recon.append(terms["recon"].numpy())
            kl.append(terms["kl_per_dim"].sum(dim=1).numpy())
            q = model.encode(x, labels)
            mu.append(q.mean.numpy())
            if q.logvar is not None:
                logvar.append(q.logvar.numpy())
    names = images.files or tuple(f"{split}-{number}" for number in range(len(images)))
    known = {
        name: (data.labels_of(images, name), data.label_names(info, name))
        for name in ([*(["class"] if info.classes and images.labels is not None else []), *images.factors])
    }
    return table(
        names,
        known,
        np.concatenate(mu),
        np.concatenate(logvar) if logvar else None,
        {"recon": np.concatenate(recon)} | ({"kl": np.concatenate(kl)} if cfg.model.has_posterior else {}),
    )


def table(
    names: tuple[str, ...],
    labels: Mapping[str, tuple[NDArray[np.int64], tuple[str, ...]]],
    mu: NDArray[Any],
    logvar: NDArray[Any] | None,
    measured: Mapping[str, NDArray[Any]],
) -> pd.DataFrame:
    """The columns in their order. mu, logvar: (N, Z); labels: indices, -1 for none, and names of the values."""
    columns: dict[str, Any] = {"name": list(names)}
    for label, (values, words) in labels.items():
        columns[label] = [words[value] if value >= 0 else "" for value in values]
    columns |= {f"mu_{k}": mu[:, k] for k in range(mu.shape[1])}
    if logvar is not None:
        columns |= {f"logvar_{k}": logvar[:, k] for k in range(logvar.shape[1])}
    return pd.DataFrame(columns | dict(measured))


def of_map(known: Codes, points: NDArray[Any] | None, rows: NDArray[np.int64] | None = None) -> pd.DataFrame:
    """What a map shows: number, labels, code, error above the floor, KL, and map_x, map_y (map_z). points: (N, 2 or 3); rows: those alone."""
    measured: dict[str, NDArray[Any]] = {}
    if (error := known.error) is not None:
        measured["above_floor"] = error
    if (kl := known.kl_per_dim) is not None:
        measured["kl"] = kl.sum(axis=1)
    if points is not None:
        measured |= {f"map_{axis}": points[:, k] for k, axis in enumerate("xyz"[: points.shape[1]])}
    frame = table(tuple(map(str, range(len(known)))), known.labels, known.mu, known.logvar, measured)
    return frame if rows is None else frame.iloc[rows].reset_index(drop=True)


def with_places(frame: pd.DataFrame, *, pca: bool, tsne: bool) -> pd.DataFrame:
    """The table with the coordinates of maps of its own codes. Raises DataError for a t-SNE of fewer than four images."""
    mu = frame[[name for name in frame if name.startswith("mu_")]].to_numpy(dtype=np.float64)
    if pca:
        points = pca_plane(mu)
        frame = frame.assign(pca_x=points[:, 0], pca_y=points[:, 1])
    if tsne:
        if len(mu) < LEAST_TSNE:
            raise DataError(f"t-SNE needs at least {LEAST_TSNE} images, got {len(mu)} (leave --tsne out)")
        points = tsne_plane(mu)
        frame = frame.assign(tsne_x=points[:, 0], tsne_y=points[:, 1])
    return frame


def as_bytes(frame: pd.DataFrame, form: Format) -> bytes:
    """The table as a file's content. NPZ has mu and logvar as (N, Z) arrays, every other column as an array of its own."""
    buffer = io.BytesIO()
    if form == "csv":
        frame.to_csv(buffer, index=False, encoding="utf-8-sig")  # with the mark by which spreadsheets know UTF-8
    elif form == "parquet":
        frame.to_parquet(buffer, index=False)
    else:
        wide = {stem: [name for name in frame if name.startswith(f"{stem}_")] for stem in ("mu", "logvar")}
        arrays = {stem: frame[names].to_numpy(np.float32) for stem, names in wide.items() if names}
        for name in frame:
            if not any(name in names for names in wide.values()):
                column = frame[name]
                arrays[name] = (
                    column.to_numpy() if column.dtype.kind == "f" else np.array(column.tolist(), dtype=np.str_)
                )
        np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write the table whole or not at all. Raises ConfigError for another ending, RunError when it cannot be written."""
    write_atomic(path, as_bytes(frame, format_of(path)))
