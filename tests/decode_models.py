"""Run folders with models that need no training: principal components written as a linear-vae, and drawn weights.

A pair of ReLU units passes a number on unchanged (max(a, 0) - max(-a, 0) = a), so linear-vae holds a linear map exactly.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from vaelab import data
from vaelab.config.settings import DataConfig
from vaelab.models.model_config import ModelConfig
from vaelab.runs.run_config import RunConfig

Z = 16
HIDDEN = 128
PIXELS = 3 * 32 * 32
Tensors = dict[str, NDArray[Any]]


def _write(folder: Path, cfg: RunConfig, tensors: Tensors, latents: Tensors | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(cfg.to_dict()))
    save_file(tensors, folder / "model.safetensors")
    if latents is not None:
        np.savez(folder / "latents.npz", **latents)
    return folder


def principal_faces(folder: Path, images: int = 500, used: int = 10) -> Path:
    """A linear-vae of pixel-faces: mu are the first principal components, scaled to the prior; 6 of 16 dimensions unused."""
    faces = data.load("pixel-faces", channels=3, limit=1).test.pixels[:images]
    x = faces.reshape(len(faces), -1).astype(np.float32) / 255.0
    logits = np.log((0.05 + 0.9 * x) / (0.95 - 0.9 * x))
    centre = x.mean(axis=0)
    _, _, axes = np.linalg.svd(x - centre, full_matrices=False)
    axes = axes[:used]
    codes = (x - centre) @ axes.T
    scale = codes.std(axis=0)
    mu = codes / scale
    decoder, *_ = np.linalg.lstsq(np.c_[mu, np.ones(len(mu))], logits, rcond=None)

    head0, head2 = np.zeros((HIDDEN, PIXELS), np.float32), np.zeros((2 * Z, HIDDEN), np.float32)
    bias0, bias2 = np.zeros(HIDDEN, np.float32), np.zeros(2 * Z, np.float32)
    dec0, dec2 = np.zeros((HIDDEN, Z), np.float32), np.zeros((PIXELS, HIDDEN), np.float32)
    for i in range(used):
        row = axes[i] / scale[i]
        head0[2 * i], head0[2 * i + 1] = row, -row
        bias0[2 * i], bias0[2 * i + 1] = -row @ centre, row @ centre
        head2[i, 2 * i], head2[i, 2 * i + 1] = 1.0, -1.0
        bias2[Z + i] = np.log(0.02 * (i + 1))
        dec0[2 * i, i], dec0[2 * i + 1, i] = 1.0, -1.0
        dec2[:, 2 * i], dec2[:, 2 * i + 1] = decoder[i], -decoder[i]
    tensors: Tensors = {
        "head.0.weight": head0, "head.0.bias": bias0, "head.2.weight": head2, "head.2.bias": bias2,
        "decoder.0.weight": dec0, "decoder.0.bias": np.zeros(HIDDEN, np.float32),
        "decoder.2.weight": dec2, "decoder.2.bias": decoder[-1].astype(np.float32),
        "code_mean": np.zeros(Z, np.float32), "code_std": np.ones(Z, np.float32),
    }  # fmt: skip
    wide = np.zeros((len(mu), Z), np.float32)
    wide[:, :used] = mu
    logvar = np.broadcast_to(bias2[Z:], wide.shape).astype(np.float32)
    cfg = RunConfig(data=DataConfig(name="pixel-faces"), model=ModelConfig(name="linear-vae", latent_dim=Z))
    return _write(folder, cfg, tensors, {"mu": wide, "logvar": logvar})


def drawn(folder: Path, cfg: ModelConfig, dataset: str = "pixel-faces", *, spoil: bool = False) -> Path:
    """A model with random weights, large enough that z shows. spoil: one weight of the decoder is NaN."""
    import torch

    from vaelab.models.latent_model import build

    torch.manual_seed(0)
    tensors = {
        name: tensor.numpy() * (3.0 if "weight" in name else 1.0) for name, tensor in build(cfg).state_dict().items()
    }
    if spoil:
        name = next(name for name in tensors if name.startswith("decoder.") and name.endswith("weight"))
        tensors[name].flat[0] = np.nan
    return _write(folder, RunConfig(data=DataConfig(name=dataset, image_size=cfg.image_size), model=cfg), tensors)
