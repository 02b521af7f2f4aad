"""Models written for other programs say the same there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from trained import write_model

from vaelab.analysis import inference
from vaelab.config.errors import ExportError
from vaelab.config.settings import DataConfig
from vaelab.export import formats
from vaelab.models.latent_model import build
from vaelab.models.model_config import ModelConfig
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run

MODELS: list[dict[str, Any]] = [
    {"name": "autoencoder"},
    {"name": "linear-vae"},
    {"name": "conv-vae", "channels": 1, "latent_dim": 5},
    {"name": "conv-vae", "image_size": 64, "label": "class", "classes": 10},
    {"name": "conv-vae", "network": "resnet", "image_size": 28, "channels": 1, "label": "class", "classes": 10},
]


@pytest.fixture(params=MODELS, ids=str)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    shape = ModelConfig.from_dict(request.param)
    return write_model(tmp_path / "model", RunConfig(data=DataConfig(image_size=shape.image_size), model=shape))


@pytest.fixture
def linear(tmp_path: Path) -> Run:
    return write_model(tmp_path / "linear", RunConfig(model=ModelConfig(name="linear-vae")))


def test_onnx_computes_what_torch_computes(run: Run, tmp_path: Path) -> None:
    model, cfg = inference.load_run(run), run.config().model
    generator = torch.Generator().manual_seed(0)
    x, z = torch.rand(3, *model.image_shape, generator=generator), torch.randn(3, cfg.latent_dim, generator=generator)
    y = torch.tensor([0, 4, 9]) if cfg.classes else None
    q = model.encode(x, y)
    expected = {
        "model": {"mu": q.mean, "x_hat": model.decode(q.mean, y)},
        "encoder": {"mu": q.mean},
        "decoder": {"x_hat": model.decode(z, y)},
    }
    if model.has_posterior:
        expected["model"]["logvar"] = expected["encoder"]["logvar"] = q.logvar  # type: ignore[union-attr]
    for part in formats.PARTS:
        file = formats.write(run, "onnx", tmp_path / f"{part}.onnx", part=part)
        session = onnxruntime.InferenceSession(file)
        feed = {"z": z.numpy()} if part == "decoder" else {"x": x.numpy()}
        feed |= {"y": y.numpy()} if y is not None else {}
        outputs = [output.name for output in session.get_outputs()]
        assert set(outputs) == set(expected[part])
        for name, found in zip(outputs, session.run(None, feed), strict=True):
            np.testing.assert_allclose(found, expected[part][name].numpy(), atol=1e-5, err_msg=f"{part} {name}")


def test_safetensors_and_state_dict_hold_every_tensor(linear: Run, tmp_path: Path) -> None:
    expected = inference.load_run(linear).state_dict()
    file = formats.write(linear, "safetensors", tmp_path / "model.safetensors")
    with safe_open(file, "pt") as tensors:
        assert set(tensors.keys()) == set(expected)
        assert all(torch.equal(tensors.get_tensor(name), expected[name]) for name in expected)
        assert ModelConfig.from_dict(json.loads(tensors.metadata()["model"])) == linear.config().model
    state = torch.load(formats.write(linear, "state-dict", tmp_path / "model.pt"), weights_only=True)
    model = build(linear.config().model)
    model.load_state_dict(state)
    assert torch.equal(model.decode(torch.ones(1, 16)), inference.load_run(linear).decode(torch.ones(1, 16)))


def test_nothing_is_left_of_a_file_that_could_not_be_written(linear: Run, tmp_path: Path) -> None:
    for format in set(formats.FORMATS) - {"tensorboard"}:
        with pytest.raises(ExportError, match="cannot be written"):
            formats.write(linear, format, tmp_path / "absent" / "model")
        with pytest.raises(ExportError, match="is there already" if format in formats.FOLDERS else "is a folder"):
            formats.write(linear, format, tmp_path)
    kept = tmp_path / "kept.onnx"
    kept.write_bytes(b"earlier")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "onnx", None)
        with pytest.raises(ExportError, match="pip install onnx"):
            formats.write(linear, "onnx", kept)
    assert kept.read_bytes() == b"earlier"
    assert not list(tmp_path.rglob("*.part"))


def test_wrong_questions_are_refused(linear: Run, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="folder, safetensors, state-dict, onnx, tensorboard, html; got 'pickle'"):
        formats.write(linear, "pickle", tmp_path / "x")
    with pytest.raises(ExportError, match="part must be one of"):
        formats.write(linear, "onnx", tmp_path / "x", part="head")
    with pytest.raises(ExportError, match="needs the format onnx"):
        formats.write(linear, "safetensors", tmp_path / "x", part="decoder")
