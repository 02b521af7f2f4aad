"""Bundles, inputs and PyTorch's answers in a folder, for the JavaScript engine to be compared with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from vaelab.export.bundle import Part, browser_bundle, supported
from vaelab.models import registry
from vaelab.models.latent_model import LatentModel, build, last_weights
from vaelab.models.model_config import ModelConfig
from vaelab.runs.store import Run

TOLERANCE = 1e-5
BATCHES = (1, 16, 7, 2, 64, 3, 23)  # sizes of consecutive runs, so that every number of lanes is used

# Every architecture at both sizes, grey and RGB, with and without a label, and latent sizes that fill no vector.
CONFIGS = (
    ModelConfig(name="autoencoder"),
    ModelConfig(name="autoencoder", image_size=64),
    ModelConfig(name="autoencoder", image_size=28),
    ModelConfig(name="linear-vae"),
    ModelConfig(name="linear-vae", image_size=64, latent_dim=3),
    ModelConfig(name="conv-vae"),
    ModelConfig(name="conv-vae", image_size=16, channels=1, latent_dim=2),
    ModelConfig(name="conv-vae", image_size=28),
    ModelConfig(name="conv-vae", network="paint", image_size=48),
    ModelConfig(name="conv-vae", image_size=100, channels=1),
    ModelConfig(name="conv-vae", channels=1, label="class", classes=10, latent_dim=3),
    ModelConfig(name="conv-vae", image_size=64, channels=1, latent_dim=17),
    ModelConfig(name="conv-vae", image_size=64, label="class", classes=7, latent_dim=256),
    ModelConfig(name="conv-vae", network="resnet"),
    ModelConfig(name="conv-vae", network="resnet", image_size=28, channels=1, label="class", classes=10, latent_dim=3),
    ModelConfig(name="conv-vae", network="resnet", image_size=100, latent_dim=17),
    ModelConfig(name="linear-vae", network="tanh", image_size=28, channels=1, latent_dim=50),
    ModelConfig(name="linear-vae", network="tanh", image_size=16, label="class", classes=3, latent_dim=5),
    ModelConfig(name="linear-vae", network="wide", image_size=28, channels=1, latent_dim=40),
    ModelConfig(name="vq-vae", channels=1),  # a convolution of stride 1 in the decoder
)


PALETTE = Path(__file__).resolve().parents[1] / "docs" / "examples" / "palette.py"


def own_palette(monkeypatch: pytest.MonkeyPatch) -> LatentModel:
    """The network of one's own in docs/examples, known until the test ends: couplings, a masked convolution, an embedding.

    Codes go over all its entries, and with this seed none of 26 images lies within 0.001 of where another entry begins: rounding is not continuous.
    """
    registry.networks()
    for known in ("_networks", "_modules"):
        monkeypatch.setattr(registry, known, dict(getattr(registry, known)))
    monkeypatch.setattr(registry, "_own", set(registry._own))
    name = registry.named(f"{PALETTE}:Palette", remember=False)
    model = drawn(
        ModelConfig(name="conv-vae", network=name, image_size=16, latent_dim=5, label="class", classes=3), seed=37
    )
    picks = last_weights(model.decoder)
    with torch.no_grad():
        picks.weight.mul_(20.0)
        assert isinstance(picks.bias, torch.Tensor)
        picks.bias.fill_(7.3)
    return model


def drawn(cfg: ModelConfig, seed: int = 0) -> LatentModel:
    """A model with drawn weights; biases too, which training starts at zero."""
    torch.manual_seed(seed)
    model = build(cfg).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("bias"):
                value.normal_(std=0.1)
            elif value.ndim == 1:  # the scale of a normalisation
                value.normal_(mean=1.0, std=0.1)
    return model


def shipped(run: Run) -> LatentModel:
    """A model of weights/."""
    model = build(run.config().model).eval()
    model.load_state_dict(load_file(run.model_file()))
    return model


def bundle_of(model: LatentModel, part: Part) -> bytes:
    return browser_bundle(model.cfg, {name: value.numpy() for name, value in model.state_dict().items()}, part)


def input_of(model: LatentModel, part: Part, n: int, seed: int = 1) -> torch.Tensor:
    """(n, inputs): z from the prior (around an autoencoder's codes) or images, the one-hot label behind."""
    generator = torch.Generator().manual_seed(seed)
    if part == "decoder":
        x = model.sample_z(n, generator=generator)
    else:
        x = torch.rand(n, *model.image_shape, generator=generator).flatten(1)
    classes = model.cfg.classes
    if classes:
        y = torch.randint(0, classes, (n,), generator=generator)
        x = torch.cat([x, torch.nn.functional.one_hot(y, classes).float()], dim=1)
    return x


@torch.no_grad()
def answer_of(model: LatentModel, part: Part, rows: torch.Tensor) -> torch.Tensor:
    """(n, outputs) as PyTorch computes it."""
    classes = model.cfg.classes
    x = rows[:, : rows.shape[1] - classes]
    y = rows[:, rows.shape[1] - classes :].argmax(dim=1) if classes else None
    if part == "decoder":
        return model.decode(x, y).flatten(1)
    q = model.encode(x.reshape(len(x), *model.image_shape), y)
    return torch.cat([q.mu, q.logvar], dim=1) if model.has_posterior else q.mean


def write_case(folder: Path, name: str, model: LatentModel, part: Part, n: int) -> dict[str, object]:
    """NAME.bundle, NAME.input and NAME.expected; returns the case's entry for cases.json."""
    rows = input_of(model, part, n)
    (folder / f"{name}.bundle").write_bytes(bundle_of(model, part))
    _floats(folder / f"{name}.input", rows)
    _floats(folder / f"{name}.expected", answer_of(model, part, rows))
    return {"name": name, "n": n, "batches": BATCHES}


def write_cases(folder: Path, cases: Iterable[dict[str, object]]) -> None:
    (folder / "cases.json").write_text(json.dumps(list(cases)))


def _floats(path: Path, values: torch.Tensor) -> None:
    path.write_bytes(np.ascontiguousarray(values.numpy(), dtype="<f4").tobytes())


def architectures(folder: Path, n: int) -> list[dict[str, object]]:
    """A case for each half of each of CONFIGS that the browser runs."""
    parts: tuple[Part, ...] = ("decoder", "encoder")
    return [
        write_case(
            folder,
            f"{cfg.name}-{cfg.network}-{cfg.image_size}-{cfg.channels}-{cfg.classes}-{part}",
            drawn(cfg),
            part,
            n,
        )
        for cfg in CONFIGS
        for part in parts
        if supported(cfg, part) is None
    ]
