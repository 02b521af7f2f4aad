"""A model as a folder in the manner of Hugging Face: settings, weights, figures, codes, samples, and a card whose head machines read.

The folder is one that `vaelab.load`, every command and the app take by its path; uploaded as it is, it is a model repository.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.data.catalog import REDISTRIBUTABLE
from vaelab.data.folder import PREFIX
from vaelab.images import files
from vaelab.models.architecture import architecture
from vaelab.runs.files import write_json
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run

SAMPLES = 64
FIGURES = ("loss", "recon", "kl", "floor")  # of metrics.json that the head of the card names
TASK = "unconditional-image-generation"


def fill(run: Run, folder: Path, name: str) -> None:
    """Write everything into a folder that is there and empty. name: what the card calls it.

    Images of the data set go along as thumbnails of latents.npz where their licence lets them be passed on, and a person's own folder
    is named by its last part alone. Raises RunError, WeightsError.
    """
    from vaelab.analysis import inference
    from vaelab.export import card, formats

    cfg = at_home(run.config())
    model = inference.load_run(run)
    write_json(folder / "config.json", cfg.to_dict())
    formats.write_model(model, "safetensors", folder / "model.safetensors")
    y = None if cfg.model.label is None else np.arange(SAMPLES) % cfg.model.classes
    pixels = inference.sample(model, SAMPLES, seed=cfg.seed, y=y)
    (folder / "samples.png").write_bytes(files.png(files.grid(pixels, scale=2)))
    metrics = run.evaluation() or {}
    try:
        metrics.setdefault("test", inference.evaluate(run, device="cpu"))
        np.savez_compressed(folder / "latents.npz", **card.latents(run))
    except DataError:  # without the images: what the run has kept goes along
        kept = run.path / "latents.npz"
        if kept.is_file():
            (folder / "latents.npz").write_bytes(kept.read_bytes())
    if metrics:
        write_json(folder / "metrics.json", metrics)
    (folder / "README.md").write_text(_card(name, cfg, metrics), encoding="utf-8")


def at_home(cfg: RunConfig) -> RunConfig:
    """The config without the place of a person's own images."""
    if not cfg.data.name.startswith(PREFIX):
        return cfg
    shown = PREFIX + PurePath(cfg.data.name.removeprefix(PREFIX)).name
    return dataclasses.replace(cfg, data=dataclasses.replace(cfg.data, name=shown))


def _card(name: str, cfg: RunConfig, metrics: dict[str, Any]) -> str:
    """README.md: a head in YAML, then what a person reads."""
    model, test = cfg.model, metrics.get("test", {})
    title, source, licence = _images(cfg)
    colour = "RGB" if model.channels == 3 else "grey"
    size = f"{model.image_size}x{model.image_size}, {colour}"
    rows = "\n".join(f"| {key} | {test[key]:,.2f} |" for key in FIGURES if key in test)
    figures = (
        f"\nTest images: {test['images']:,}. Means per image, in nats, summed over pixels and latent dimensions; beta {cfg.loss.beta:g}.\n"
        f"\n| term | nats |\n|---|---|\n{rows}\n"
        if test
        else "\nThe test images were not at hand, so it is not measured here.\n"
    )
    return f"""---
{_head(name, cfg, title, test)}
---

# {name}

A `{model.name}` ({model.method.paper}) of {architecture(model).params:,} weights with {model.latent_dim} latent dimensions, trained on {title} ({size}).

![{SAMPLES} samples, seed {cfg.seed}](samples.png)

```python
import vaelab

model = vaelab.load("{name}")  # the path of this folder
model.sample(8)                # (8, {model.channels}, {model.image_size}, {model.image_size}) uint8
```
{figures}
`model.safetensors` holds float32 tensors under the names of `state_dict()`; `config.json` every setting of the training.

Images: {source}
Their licence: {licence}
"""


def _head(name: str, cfg: RunConfig, title: str, test: dict[str, Any]) -> str:
    """The head: a key a line, each value in JSON, which YAML reads as well."""
    about: dict[str, Any] = {
        "library_name": "vaelab",
        "pipeline_tag": TASK,
        "tags": ["vaelab", "autoencoder", *(["vae"] if cfg.model.has_posterior else []), cfg.model.name],
    }
    known = cfg.data.name in data.names()
    if known:
        about["datasets"] = [cfg.data.name]
    if test:
        task = {
            "task": {"type": TASK},
            "dataset": {"name": title, "type": cfg.data.name if known else "own", "split": "test"},
            "metrics": [
                {"type": key, "name": f"{key}, nats per image", "value": float(test[key])}
                for key in FIGURES
                if key in test
            ],
        }
        about["model-index"] = [{"name": name, "results": [task]}]
    return "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in about.items())


def _images(cfg: RunConfig) -> tuple[str, str, str]:
    """Title, source and licence of the images."""
    try:
        info = data.info(cfg.data.name)
    except DataError:
        return cfg.data.name.removeprefix(PREFIX), "the owner's own files", "the owner's to know"
    passed_on = " (thumbnails in latents.npz)" if cfg.data.name in REDISTRIBUTABLE else ""
    return info.title, info.source, f"{info.licence}{passed_on}"
