"""Turn a finished run into a folder of weights/: the model, its figures, codes of test images and a card to read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from vaelab import data
from vaelab.analysis import anomaly, inference
from vaelab.config.errors import RunError
from vaelab.data.catalog import REDISTRIBUTABLE
from vaelab.export import formats
from vaelab.models.architecture import architecture
from vaelab.runs import store
from vaelab.runs.files import write_json
from vaelab.runs.plan import train_command
from vaelab.runs.run_config import RunConfig
from vaelab.runs.slim import halve_decoder

LATENT_IMAGES = 1_000


def write_card(run: store.Run, folder: Path) -> dict[str, Any]:
    """Write config.json, model.safetensors, metrics.json, latents.npz and README.md; returns what metrics.json holds.

    The decoder is rounded to half precision, half the bytes for every visitor's browser, and the figures are of the rounded one. Raises RunError for a run that has not finished or a folder that cannot be written, DataError, WeightsError.
    """
    status = run.status()
    if status.state != "finished":
        raise RunError(f"the run {run.name} is {status.state}; a card is made from a finished run (resume it first)")
    cfg = run.config()
    metrics: dict[str, Any] = {
        "command": train_command(cfg),
        "train_images": _train_images(cfg),
        "epochs": cfg.optim.epochs,
        "steps": status.step,
        "seconds": round(status.seconds, 1),
        "device": status.device,
        "weights": architecture(cfg.model).params,
    }
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        formats.write(run, "safetensors", folder / "model.safetensors")
        write_json(folder / "config.json", cfg.to_dict())
        metrics = _rounded(folder) | metrics
        np.savez_compressed(folder / "latents.npz", **latents(run))
        _write_words(folder, cfg, metrics)
    return metrics


def halve(folder: Path) -> dict[str, Any]:
    """Round the decoder of a folder in weights/ to half precision and measure its test images anew; what metrics.json holds then.

    The anomaly score is not measured: add_anomaly. Raises RunError, DataError, WeightsError.
    """
    run = store.Run(folder)
    metrics = run.evaluation()
    if metrics is None:
        raise RunError(f"{folder} must hold a metrics.json (write the card of a finished run first)")
    with _writing(folder):
        metrics |= _rounded(folder)
        _write_words(folder, run.config(), metrics)
    return metrics


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Raises RunError for what the disk refuses meanwhile."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"the card cannot be written to {folder} ({error}); choose a folder that can be written"
        ) from error


def _write_words(folder: Path, cfg: RunConfig, metrics: dict[str, Any]) -> None:
    """metrics.json, and README.md which says the same to people."""
    write_json(folder / "metrics.json", metrics)
    (folder / "README.md").write_text(card_text(folder.name, cfg, metrics), encoding="utf-8")


def _rounded(folder: Path) -> dict[str, Any]:
    """Round the decoder of the model in a folder, as far as its weights let: bits of its numbers, and figures of its test images."""
    bits = 16 if halve_decoder(folder / "model.safetensors") else 32
    return {"test": inference.evaluate(store.Run(folder)), "decoder_bits": bits}


def add_anomaly(folder: Path, limit: int | None = None) -> dict[str, Any]:
    """Measure how test images score (vaelab.analysis.anomaly) and put it into metrics.json and README.md of a folder in weights/.

    A step of its own because it decodes every test image four times, and may need a second data set. limit: the first N
    images. Returns what metrics.json keeps under "anomaly". Raises RunError, DataError, WeightsError.
    """
    run = store.Run(folder)
    metrics = run.evaluation()
    if metrics is None:
        raise RunError(f"{folder} must hold a metrics.json (write the card of a finished run first)")
    metrics["anomaly"] = anomaly.for_card(run, limit)
    with _writing(folder):
        _write_words(folder, run.config(), metrics)
    return dict(metrics["anomaly"])


def latents(run: store.Run) -> dict[str, Any]:
    """Codes of the first 1,000 test images: mu, logvar (N, Z) float32, labels (N,), factor_NAME (N,), thumbnails.

    logvar is absent for an autoencoder, labels for a set without classes, thumbnails (N, C, H, W) uint8 where the
    licence does not let images be passed on.
    """
    cfg = run.config()
    dataset = data.load(
        cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=cfg.data.limit
    )
    test = dataset.test
    pixels = test.pixels[:LATENT_IMAGES]
    y = None if cfg.model.label is None else data.labels_of(test, cfg.model.label)[:LATENT_IMAGES]
    mu, logvar = inference.encode(inference.load_run(run), pixels, y)
    arrays: dict[str, Any] = {"mu": mu}
    if logvar is not None:
        arrays["logvar"] = logvar
    if test.labels is not None:
        arrays["labels"] = test.labels[:LATENT_IMAGES]
    arrays |= {f"factor_{name}": values[:LATENT_IMAGES] for name, values in test.factors.items()}
    if cfg.data.name in REDISTRIBUTABLE:
        arrays["thumbnails"] = pixels
    return arrays


def card_text(name: str, cfg: RunConfig, metrics: dict[str, Any]) -> str:
    """The card of a model in Markdown: what it is, the command that trains it, its figures, the licence of its images."""
    info = data.info(cfg.data.name)
    test = metrics["test"]
    size = cfg.model.image_size
    colour = "RGB" if cfg.model.channels == 3 else "grey"
    rows = [
        ("loss", test["loss"]),
        ("recon", test["recon"]),
        ("kl", test["kl"]),
        ("floor (entropy of the pixels; no decoder gets below)", test["floor"]),
        ("loss above the floor", test["loss"] - test["floor"]),
    ]
    rounded = ", of which the decoder's are kept in 16 bits" if metrics.get("decoder_bits") == 16 else ""
    table = "\n".join(f"| {label} | {value:,.2f} |" for label, value in rows)
    thumbnails = "thumbnails included" if cfg.data.name in REDISTRIBUTABLE else "without the images themselves"
    return f"""# {name}

A `{cfg.model.name}` of {metrics["weights"]:,} weights{rounded}, with {cfg.model.latent_dim} latent dimensions, trained on
{metrics["train_images"]:,} images of {info.title} ({size}x{size}, {colour}) for {cfg.optim.epochs} epochs
({metrics["steps"]:,} steps of {cfg.optim.batch_size} images, {metrics["seconds"]:,.0f} s on {metrics["device"]}).

Train it again, or measure it:

```
{metrics["command"]}
python -m vaelab evaluate {name}
```

Test images: {test["images"]:,}. Means per image, in nats, summed over pixels and latent dimensions; beta {cfg.loss.beta:g}.

| term | nats |
|---|---|
{table}

Active latent dimensions: {test["active_units"]} of {cfg.model.latent_dim}.
{_anomaly_text(metrics.get("anomaly"), name, cfg.data.name)}
`latents.npz` holds the codes of the first {min(LATENT_IMAGES, test["images"]):,} test images ({thumbnails}).

Images: {info.source}
Their licence: {info.licence}
"""


def _train_images(cfg: RunConfig) -> int:
    total = data.info(cfg.data.name).train_images
    return total if cfg.data.limit is None else min(total, cfg.data.limit)


def _anomaly_text(measured: dict[str, Any] | None, name: str, inside: str) -> str:
    """The paragraph on the anomaly score; empty where it was not measured."""
    if measured is None:
        return ""
    scored, draws = measured["quantiles"][anomaly.SCORE], measured["draws"]
    is_point = draws == 1  # an autoencoder's code
    terms = "recon - floor in nats" if is_point else f"recon + kl - floor in nats, {draws} fixed draws of z"
    text = f"""
Anomaly score ({terms}): median {scored[len(scored) // 2]:,.1f} over
{measured["images"]:,} test images, 1st and 99th percentile {scored[1]:,.1f} and {scored[-2]:,.1f}.
"""
    if "against" not in measured:
        return text
    other, areas = measured["against"], measured["against"]["auroc"]
    return f"""{text}
Its test images against {other["images"]:,} of {other["dataset"]}: AUROC {areas[anomaly.SCORE]:.4f} (0.5 is guessing, 1 separates
them all). Not less the floor, recon + kl has {areas["bound"]:.4f}, recon {areas["recon"]:.4f}, kl {areas["kl"]:.4f}: they order images by the
entropy of their pixels, whichever set the model knows. Measure it again:

```
python -c "from vaelab.analysis.anomaly import auroc; print(auroc('{name}', '{inside}', '{other["dataset"]}'))"
```
"""
