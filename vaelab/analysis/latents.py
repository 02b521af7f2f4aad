"""The images of a run as points of its latent space: codes, labels, errors, and what stands in where the images are not at hand."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.config.fields import is_number
from vaelab.runs.files import read_npz
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Pixels = NDArray[np.uint8]
Split = Literal["test", "train"]
Source = Literal["images", "thumbnails", "decoded"]

COUNTS = (1_000, 2_000, 5_000, 10_000, 60_000)  # the last: all of MNIST or CIFAR-10
USED_VARIANCE = 0.01  # of mu over the images: below it a dimension says nothing (Burda et al. 2016, section 5.2)
BLOCK = 4_096  # images added up at once
ERRORS_AT_ONCE = 500  # images decoded at once
KEPT = 3  # sets of codes in memory: 60,000 RGB images of 32x32 are 184 MB


@dataclass(frozen=True)
class Query:
    """Which codes: of a run, as its weights were at `stamp`, of the first `count` images of a split."""

    run: Run
    stamp: str
    split: Split
    count: int

    @property
    def key(self) -> str:
        """A short name of exactly these codes, for files and addresses."""
        return f"{self.split}-{self.count}-{self.stamp}"

    @property
    def file_name(self) -> str:
        """A name for what is made of these codes and kept on the disk."""
        return re.sub(r"[^\w.-]", "_", f"{self.run.name}-{self.key}")


class Errors:
    """The reconstruction term of mean codes, nats above the floor, measured when it is asked for: the decoder takes longer than the encoder.

    measure: rows -> (rows,) nats; count: of all rows. Safe from any thread.
    """

    def __init__(self, measure: Callable[[slice], Floats], count: int) -> None:
        self._measure = measure
        self._count = count
        self._lock = threading.Lock()
        self._all: Floats | None = None

    def of_all(self) -> Floats:
        """(N,), kept once it is measured; a second caller waits for the first."""
        with self._lock:
            if self._all is None:
                parts = [self._measure(slice(k, min(k + ERRORS_AT_ONCE, self._count))) for k in self._starts()]
                self._all = np.concatenate(parts).astype(np.float32)
            return self._all

    def of_one(self, row: int) -> float:
        """That of one image alone, unless all are known."""
        known = self._all
        return float(self._measure(slice(row, row + 1))[0] if known is None else known[row])

    def _starts(self) -> range:
        return range(0, self._count, ERRORS_AT_ONCE)


@dataclass(frozen=True)
class Codes:
    """mu, logvar: (N, Z), logvar None for an autoencoder; pixels: (N, C, H, W), whose origin `source` tells.

    labels: "class" or a factor's name -> ((N,) value indices, names of the values); y: (N,) the label that a conditional
    model was given; errors: where the images are at hand.
    """

    mu: Floats
    logvar: Floats | None
    pixels: Pixels
    source: Source
    labels: Mapping[str, tuple[Ints, tuple[str, ...]]] = field(default_factory=dict)
    y: Ints | None = None
    errors: Errors | None = None
    normal: bool = (
        True  # whether the prior is N(0, I) and each posterior a diagonal Gaussian, so that mu and logvar tell the KL
    )

    def __len__(self) -> int:
        return len(self.mu)

    @property
    def error(self) -> Floats | None:
        """(N,) reconstruction term of the mean codes, nats above the floor; the first who asks waits for the decoder."""
        return None if self.errors is None else self.errors.of_all()

    @property
    def sigma(self) -> Floats | None:
        """Standard deviations of the posteriors, (N, Z); None for an autoencoder."""
        return None if self.logvar is None else np.exp(0.5 * self.logvar)

    @property
    def used(self) -> Ints:
        """The dimensions that tell images apart, those with the largest variance of mu first."""
        variance = self.mu.var(axis=0)
        order = np.argsort(-variance, kind="stable")
        used: Ints = order[variance[order] > USED_VARIANCE]
        return used

    @property
    def uncertainty(self) -> Floats | None:
        """(N,) average sigma over the used dimensions; None for an autoencoder."""
        sigma = self.sigma
        if sigma is None:
            return None
        used = self.used if len(self.used) else np.arange(sigma.shape[1])
        return np.asarray(sigma[:, used].mean(axis=1), dtype=np.float32)

    @property
    def kl_per_dim(self) -> Floats | None:
        """(N, Z) nats: how far each posterior lies from N(0, 1); None for an autoencoder, and where mu and logvar do not tell it."""
        if self.logvar is None or not self.normal:
            return None
        return np.asarray(0.5 * (self.mu**2 + np.exp(self.logvar) - 1.0 - self.logvar), dtype=np.float32)


def query(run: Run, split: Split = "test", count: int = COUNTS[1]) -> Query:
    """The newest codes of a run; raises WeightsError when it has saved no weights yet."""
    file = run.model_file()
    step = file.parent.name if is_number(file.parent.name) else "shipped"
    return Query(run, f"{step}-{file.stat().st_mtime_ns:x}", split, count)


def has_images(run: Run) -> bool:
    """Whether the images that the run learned from are installed."""
    try:
        return data.is_available(run.config().data.name)
    except DataError:
        return False


_codes: OrderedDict[tuple[str, str], Codes] = OrderedDict()
_locks: dict[tuple[str, str], threading.Lock] = {}
_guard = threading.Lock()


def codes(wanted: Query, progress: Callable[[float], None] | None = None) -> Codes:
    """The codes of a query, kept in memory; a second caller waits for the first. progress: 0 to 1.

    Raises WeightsError, DataError.
    """
    key = (str(wanted.run.path), wanted.key)
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        with _guard:
            known = _codes.get(key)
            if known is not None:
                _codes.move_to_end(key)
                return known
        made = gather(wanted, progress or (lambda share: None))
        with _guard:
            _codes[key] = made
            while len(_codes) > KEPT:
                old, _ = _codes.popitem(last=False)
                _locks.pop(old, None)
        return made


def gather(wanted: Query, progress: Callable[[float], None] = lambda share: None) -> Codes:
    """The codes of a query, found anew. Raises WeightsError, DataError."""
    if has_images(wanted.run):
        return _encoded(wanted, progress)
    stored = wanted.run.path / "latents.npz"
    if stored.is_file():
        return _stand_ins(wanted, read_npz(stored, "mu"))
    steps, fixed = wanted.run.snapshots(), wanted.run.fixed()
    if steps and "probe_pixels" in fixed:
        arrays = wanted.run.snapshot(steps[-1])
        found = {"mu": arrays["probe_mu"], "thumbnails": fixed["probe_pixels"]}
        if "probe_logvar" in arrays:
            found["logvar"] = arrays["probe_logvar"]
        if fixed["probe_labels"].min(initial=0) >= 0:
            found["labels"] = fixed["probe_labels"]
        return _stand_ins(wanted, found, y=fixed.get("probe_y"))
    name = wanted.run.config().data.name
    raise DataError(
        f"the map of {wanted.run.name} needs the images of {name}, which are not installed; download them on the page Train"
    )


def _encoded(wanted: Query, progress: Callable[[float], None]) -> Codes:
    """The images of a split through the encoder; back through the decoder when their errors are asked for."""
    import torch

    from vaelab.analysis import inference
    from vaelab.models.losses import floor

    cfg = wanted.run.config()
    limit = wanted.count if wanted.split == "train" else 1
    dataset = data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=limit)
    images = dataset.train if wanted.split == "train" or not len(dataset.test) else dataset.test
    images = images.take(slice(0, wanted.count))
    label = cfg.model.label
    y = None if label is None else data.labels_of(images, label)
    model = inference.load_run(wanted.run)
    method = cfg.model.method
    mu, logvar = [], []
    for start in range(0, len(images), inference.BATCH):
        rows = slice(start, start + inference.BATCH)
        x = inference.to_unit(images.pixels[rows])
        labels = None if y is None else torch.from_numpy(y[rows])
        q = model.encode(x, labels)
        mu.append(q.mean.numpy())
        if q.logvar is not None:
            logvar.append(q.logvar.numpy())
        progress(min(1.0, rows.stop / len(images)))
    found, pixels = np.concatenate(mu), np.ascontiguousarray(images.pixels)

    def measured(rows: slice) -> Floats:
        x = inference.to_unit(pixels[rows])
        labels = None if y is None else torch.from_numpy(y[rows])
        logits = model.decode_logits(torch.from_numpy(found[rows]), labels)
        above: Floats = (method.recon(model, logits, x, cfg.loss) - floor(x, method.scored(model, cfg.loss))).numpy()
        return above

    return Codes(
        mu=found,
        logvar=np.concatenate(logvar) if logvar else None,
        pixels=pixels,
        source="images",
        labels=_labels(dataset.info, images),
        y=y,
        errors=Errors(measured, len(found)),
        normal=method.has_normal_kl,
    )


def _labels(info: data.DatasetInfo, images: data.Images) -> dict[str, tuple[Ints, tuple[str, ...]]]:
    """Class and factors of images, by name."""
    names = ["class"] if info.classes and images.labels is not None else []
    return {name: (data.labels_of(images, name), data.label_names(info, name)) for name in [*names, *info.factors]}


def _stand_ins(wanted: Query, arrays: dict[str, Any], y: Ints | None = None) -> Codes:
    """Stored codes, with stored thumbnails or, without any, with what the decoder makes of the codes."""
    from vaelab.analysis import inference

    cfg = wanted.run.config()
    mu = np.asarray(arrays["mu"], dtype=np.float32)[: wanted.count]
    n = len(mu)
    labels = _stored_labels(cfg, arrays, n)
    label = cfg.model.label
    if y is None and label is not None and label in labels:
        y = labels[label][0]
    thumbnails = arrays.get("thumbnails")
    logvar = arrays.get("logvar")
    return Codes(
        mu=mu,
        logvar=None if logvar is None else np.asarray(logvar, dtype=np.float32)[:n],
        pixels=inference.decode(inference.load_run(wanted.run), mu, y) if thumbnails is None else thumbnails[:n],
        source="decoded" if thumbnails is None else "thumbnails",
        labels=labels,
        y=None if y is None else np.asarray(y)[:n],
    )


def stored_with_labels(run: Run) -> tuple[Floats, dict[str, tuple[Ints, tuple[str, ...]]]] | None:
    """mu, (N, Z), and the labels that a shipped model keeps beside its weights, without torch; None where a run keeps none."""
    file = run.path / "latents.npz"
    if not file.is_file():
        return None
    arrays = read_npz(file, "mu", without=("thumbnails",))
    mu: Floats = np.asarray(arrays["mu"], dtype=np.float32)
    return mu, _stored_labels(run.config(), arrays, len(mu))


def _stored_labels(cfg: RunConfig, arrays: dict[str, Any], n: int) -> dict[str, tuple[Ints, tuple[str, ...]]]:
    try:
        info = data.info(cfg.data.name)
    except DataError:
        return {}
    found: dict[str, tuple[Ints, tuple[str, ...]]] = {}
    if "labels" in arrays and info.classes:
        found["class"] = (np.asarray(arrays["labels"], dtype=np.int64)[:n], info.classes)
    for name, values in info.factors.items():
        if f"factor_{name}" in arrays:
            found[name] = (np.asarray(arrays[f"factor_{name}"], dtype=np.int64)[:n], values)
    return found


@dataclass(frozen=True)
class Group:
    """What some codes have in common. average: (C, H, W) of their images; decoded: (C, H, W) of their average code.

    makeup: (name, count, share of all codes of that name) by falling count; z: (Z,) the average code; y: the label that
    the average code was decoded with, None for a model without one.
    """

    average: Pixels
    decoded: Pixels
    z: Floats
    makeup: tuple[tuple[str, int, float], ...]
    y: int | None = None


def group(run: Run, known: Codes, rows: Ints, by: str | None) -> Group:
    """The average image and the decoded average code of some rows, and how `by` (class or a factor) is made up there."""
    from vaelab.analysis import inference

    z = known.mu[rows].mean(axis=0)
    y = None if known.y is None else int(np.bincount(known.y[rows]).argmax())
    decoded = inference.decode(inference.load_run(run), z[None], None if y is None else np.array([y]))[0]
    average = np.rint(_sum(known.pixels, rows) / len(rows)).astype(np.uint8)
    makeup: list[tuple[str, int, float]] = []
    if by is not None and by in known.labels:
        values, names = known.labels[by]
        inside, everywhere = (np.bincount(v, minlength=len(names)) for v in (values[rows], values))
        order = np.argsort(-inside, kind="stable")
        makeup = [(names[k], int(inside[k]), inside[k] / everywhere[k]) for k in order if inside[k]]
    return Group(average, decoded, z, tuple(makeup), y)


def _sum(pixels: Pixels, rows: Ints) -> Ints:
    """The sum of some images, (C, H, W): a block at a time, since a copy of 60,000 may take 184 MB."""
    total = np.zeros(pixels.shape[1:], dtype=np.int64)
    for start in range(0, len(rows), BLOCK):
        total += pixels[rows[start : start + BLOCK]].sum(axis=0, dtype=np.int64)
    return total


def reconstruction(run: Run, known: Codes, row: int) -> Pixels:
    """What the decoder makes of one mean code, (C, H, W)."""
    from vaelab.analysis import inference

    y = None if known.y is None else known.y[row : row + 1]
    x_hat: Pixels = inference.decode(inference.load_run(run), known.mu[row : row + 1], y)[0]
    return x_hat
