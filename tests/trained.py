"""Models on disk for tests: a folder with config.json and model.safetensors, as weights/ has them."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from vaelab.models.latent_model import LatentModel, build
from vaelab.runs.files import write_json
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run


def write_model(folder: Path, cfg: RunConfig, model: LatentModel | None = None) -> Run:
    """A finished run with a model, by default a freshly drawn one (seed 0)."""
    if model is None:
        torch.manual_seed(0)
        model = build(cfg.model)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", cfg.to_dict())
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors")
    return Run(folder)
