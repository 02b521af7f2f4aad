"""What is known of a decoder before it runs: the facts of its latent numbers, images with their codes, directions.

Plain arrays and JSON, without torch, for the Decode page and for a file that holds the decoder.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab import data
from vaelab.analysis.directions import families, from_labels
from vaelab.config.errors import DataError, WeightsError
from vaelab.config.texts import Language, say
from vaelab.data.spoken import label_title, value_names
from vaelab.runs.files import read_arrays, read_npz
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run

Floats = NDArray[np.float32]
Tensors = dict[str, NDArray[Any]]

EXAMPLES = 24
USED_VARIANCE = 0.01  # of mu over images: below it a dimension says nothing (Burda et al. 2016, section 5.2)


@dataclass(frozen=True)
class Codes:
    """What the encoder says of known images. mu, logvar: (N, Z), logvar None for an autoencoder; pixels: (N, C, H, W) or None.

    labels: title -> ((N,) value indices, value names); y: (N,) the label that a conditional model was given.
    """

    mu: Floats
    logvar: Floats | None
    pixels: NDArray[np.uint8] | None
    labels: dict[str, tuple[NDArray[np.int64], tuple[str, ...]]] = field(default_factory=dict)
    y: NDArray[np.int64] | None = None


def codes_of(run: Run, cfg: RunConfig, step: int | None) -> Codes:
    """The codes of known images: latents.npz of a shipped model, else the probe images of a snapshot.

    step: the snapshot's; None where there is none. An empty answer where nothing was encoded yet.
    """
    file = run.path / "latents.npz"
    fixed: Tensors = {}
    if file.is_file():
        arrays: Tensors = read_npz(file, "mu")
        mu, logvar = arrays["mu"], arrays.get("logvar")
        pixels = arrays.get("thumbnails")
        classes = arrays.get("labels")
    elif step is not None:
        snapshot, fixed = run.snapshot(step), run.fixed()
        mu, logvar = snapshot["probe_mu"], snapshot.get("probe_logvar")
        pixels, classes = fixed.get("probe_pixels"), fixed.get("probe_labels")
    else:
        return Codes(np.zeros((0, cfg.model.latent_dim), np.float32), None, None)
    if not np.isfinite(mu).all():  # a training that diverged: the page says so when it refuses the weights
        return Codes(np.zeros((0, cfg.model.latent_dim), np.float32), None, None)
    if not cfg.model.has_posterior:
        logvar = None
    pixels, labels = _labelled(cfg, len(mu), pixels, classes)
    y = labels[cfg.model.label][0] if cfg.model.label and cfg.model.label in labels else None
    return Codes(mu.astype(np.float32), None if logvar is None else logvar.astype(np.float32), pixels, labels, y)


def _labelled(
    cfg: RunConfig, count: int, pixels: NDArray[np.uint8] | None, classes: NDArray[Any] | None
) -> tuple[NDArray[np.uint8] | None, dict[str, tuple[NDArray[np.int64], tuple[str, ...]]]]:
    """The images of `count` codes and all that is known of them, looked up among the test images where these are at hand."""
    try:
        dataset = data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=1)
    except DataError:
        return pixels, {}
    info, test = dataset.info, dataset.test
    if pixels is None:
        rows: NDArray[np.int64] | None = np.arange(count) if len(test) >= count else None
    else:
        rows = _rows_among(pixels, test.pixels)
    if rows is None:
        return pixels, {} if classes is None or not info.classes else {"class": (classes, info.classes)}
    known = [*(["class"] if info.classes and test.labels is not None else []), *info.factors]
    labels = {name: (data.labels_of(test, name)[rows], data.label_names(info, name)) for name in known}
    return test.pixels[rows], labels


def _rows_among(wanted: NDArray[np.uint8], images: NDArray[np.uint8]) -> NDArray[np.int64] | None:
    """Where each wanted image stands among the images; None unless all are there."""
    if wanted.shape[1:] != images.shape[1:]:
        return None
    where = {image.tobytes(): row for row, image in enumerate(images)}
    rows = [where.get(image.tobytes(), -1) for image in wanted]
    return None if -1 in rows else np.array(rows, np.int64)


def model_facts(run: Run, cfg: RunConfig, codes: Codes, tensors: Tensors, lang: Language = "en") -> dict[str, Any]:
    """The model as the component's Latent wants it (decoder/latent.js).

    kl: nats per dimension, averaged over the codes; for an autoencoder, which has none, the variance that its sliders are scaled by.
    """
    size = cfg.model.latent_dim
    variational = cfg.model.has_posterior
    remembers = cfg.model.method.remembers_codes
    mean = tensors.get("code_mean", np.zeros(size, np.float32)) if remembers else np.zeros(size, np.float32)
    std = tensors.get("code_std", np.ones(size, np.float32)) if remembers else np.ones(size, np.float32)
    scored = cfg.model.method.likelihood(cfg.loss, tensors)
    variance = codes.mu.var(axis=0) if len(codes.mu) else (np.ones(size, np.float32) if variational else std**2)
    if codes.logvar is not None and len(codes.mu):
        weight = 0.5 * (codes.mu**2 + np.exp(codes.logvar) - 1.0 - codes.logvar).mean(axis=0)
    else:
        weight = variance if variational else std**2
    entries = cfg.model.method.codebook(tensors)
    threshold = USED_VARIANCE if variational else 1e-4 * float(variance.max(initial=0.0))
    used = variance > threshold
    if run.status().is_active:
        used |= np.arange(size) < 16  # early in a training nothing is used yet, and the view stays as it was opened
    order = sorted(range(size), key=lambda i: (not used[i], -float(weight[i])))
    return {
        "id": run.name,
        "name": run.name,
        "title": run.name,
        "size": size,
        "shape": [cfg.model.channels, cfg.model.image_size, cfg.model.image_size],
        "variational": variational,
        "encodes": cfg.model.method.head_is_code,
        "mean": numbers(mean),
        "std": numbers(np.where(std > 1e-6, std, 1.0)),
        "kl": numbers(weight),
        "order": order,
        "used": max(1, int(used.sum())),
        "classes": label_values(cfg, lang),
        "labelTitle": label_title(cfg.model.label, lang) if cfg.model.label else "",
        "codebook": [] if entries is None else [numbers(entry) for entry in entries],
        "codePrior": packed_prior(cfg.model.method.code_prior(tensors)),
        "levels": _levels(cfg, tensors),
        "loss": {"likelihood": scored.likelihood, "sigma": scored.sigma, "beta": scored.beta},
    }


def _levels(cfg: RunConfig, tensors: Tensors) -> dict[str, Any] | None:
    """How many numbers form the upper level, and what they make likely of the others; None without levels."""
    packed = packed_prior(cfg.model.method.lower_prior(tensors))
    return None if packed is None else {"upper": cfg.model.method.upper_level(cfg.model), **packed}


def packed_prior(weights: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Weights of a prior over codes as base64 of float32 each: lists of numbers would be five times as long."""
    if weights is None:
        return None
    return {
        name: base64.b64encode(np.ascontiguousarray(value, dtype="<f4").tobytes()).decode()
        for name, value in weights.items()
    }


def used_dims(run: Run, tensors: Tensors) -> list[int]:
    """The dimensions in use, the most telling first, as the sliders of the page stand. tensors: a state dict."""
    cfg, steps = run.config(), run.snapshots()
    facts = model_facts(run, cfg, codes_of(run, cfg, steps[-1] if steps else None), tensors)
    return list(facts["order"][: facts["used"]])


def label_values(cfg: RunConfig, lang: Language = "en") -> list[str]:
    """What the values of a conditional model's label are called; empty for a model without one."""
    if cfg.model.label is None:
        return []
    try:
        return list(value_names(data.label_names(data.info(cfg.data.name), cfg.model.label), lang))
    except DataError:
        return [str(value) for value in range(cfg.model.classes)]


def examples(codes: Codes, lang: Language = "en", *, pictures: bool = True) -> dict[str, Any]:
    """Some known images with their codes, spread over the classes, first what the page opens with. pixels: base64 of (n, C, H, W) uint8.

    pictures: False leaves pixels empty, for images that may not be passed on.
    """
    if (codes.pixels is None and pictures) or len(codes.mu) == 0:
        return {"pixels": "", "mu": [], "labels": [], "captions": []}
    rows = np.arange(min(EXAMPLES, len(codes.mu)))
    if codes.labels:
        values, _ = next(iter(codes.labels.values()))
        seen: dict[int, int] = {}
        rank = []  # how many of the same class came before: the first of every class come first
        for value in values.tolist():
            rank.append(seen.get(value, 0))
            seen[value] = rank[-1] + 1
        rows = np.argsort(rank, kind="stable")[:EXAMPLES]
    first = 0 if codes.pixels is None else _to_open_with(codes.pixels[rows])
    rows = np.concatenate([rows[first : first + 1], np.delete(rows, first)])
    captions = [say(lang, "decode.example", n=int(row)) for row in rows]
    if codes.labels:
        label, (values, names) = next(iter(codes.labels.items()))
        values, kinds = families(values, names)
        told = [_kind(label, kinds[int(values[row])], lang) for row in rows]
        captions = [f"{caption} · {kind}" for caption, kind in zip(captions, told, strict=True)]
    shown = codes.pixels[rows] if pictures and codes.pixels is not None else np.zeros(0, np.uint8)
    return {
        "pixels": base64.b64encode(shown.tobytes()).decode(),
        "mu": [numbers(row) for row in codes.mu[rows]],
        "labels": [] if codes.y is None else codes.y[rows].tolist(),
        "captions": captions,
    }


def _to_open_with(pixels: NDArray[np.uint8]) -> int:
    """Which image the page opens with: the first, unless another is twice as plain; a decoder redraws plain ones best. (N, C, H, W)."""
    x = pixels.astype(np.float32)
    edges = np.abs(np.diff(x, axis=2)).mean(axis=(1, 2, 3)) + np.abs(np.diff(x, axis=3)).mean(axis=(1, 2, 3))
    plain = x.std(axis=(2, 3)).mean(axis=1) / (edges + 0.1)  # about the size in pixels of what is seen
    best = int(np.argmax(plain))
    return best if plain[best] > 2.0 * plain[0] else 0


def _kind(label: str, value: str, lang: Language) -> str:
    """What an image shows, in a few words: "ship" for a class, "hair: long" for a factor."""
    return value_names([value], lang)[0] if label == "class" else direction_name(label, value, lang)


def direction_rows(codes: Codes, lang: Language = "en") -> list[dict[str, Any]]:
    """The directions that the labels give, the clearest first."""
    return [
        {"name": d.name, "vector": numbers(d.vector), "with": d.having, "without": d.lacking}
        for d in from_labels(codes.mu, codes.labels, words=lambda label, value: direction_name(label, value, lang))
    ]


def direction_name(label: str, value: str, lang: Language) -> str:
    """A value of a label in a few words: "hair: long"; of a label that is either there or not, its own name."""
    title = label_title(label, lang)
    return say(lang, "decode.direction", label=title, value=value_names([value], lang)[0]) if value else title


def newest_weights(run: Run) -> tuple[Tensors, int | None]:
    """The newest weights of a run and the snapshot they belong to: the saved model, or while it trains the last snapshot.

    A training that has written nothing yet has no tensors; otherwise raises WeightsError when there are none, or when a run at rest
    holds numbers in its decoder that are not finite.
    """
    active = run.status().is_active
    tensors, step = _saved_weights(run, active)
    if not active and any(name.startswith("decoder.") and not np.isfinite(a).all() for name, a in tensors.items()):
        raise WeightsError(
            f"The weights of {run.name} hold numbers that are not finite (NaN or infinity), so they cannot be decoded: "
            "the training diverged. Train again with a lower learning rate."
        )
    return tensors, step


def _saved_weights(run: Run, active: bool) -> tuple[Tensors, int | None]:
    steps = run.snapshots()
    if not steps and active and run.model_file_or_none() is None:
        return {}, None
    if steps and (active or run.model_file_or_none() is None):
        return run.snapshot(steps[-1]), steps[-1]
    try:
        return read_arrays(run.model_file()), steps[-1] if steps else None
    except WeightsError:
        if not steps:
            raise
        return run.snapshot(steps[-1]), steps[-1]


def numbers(values: NDArray[Any]) -> list[float]:
    """Rounded to five significant digits: it is JSON on its way to a screen."""
    return [float(f"{value:.5g}") for value in values]
