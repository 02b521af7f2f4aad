"""The browser decoder's arithmetic in Node: the numbers of PyTorch on both paths, and what the engine promises beside them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import engine_cases
import pytest
import torch
from torch import nn

from vaelab.export import bundle
from vaelab.models import latent_model
from vaelab.models.layers import LEAK, Architecture, Layer, coupling, masked
from vaelab.models.model_config import ModelConfig
from vaelab.runs import store

pytestmark = pytest.mark.node

JS = Path(__file__).parent / "js"
LABELLED = ModelConfig(name="conv-vae", channels=1, latent_dim=4, label="class", classes=3)


def node(*arguments: str | Path, cases: Path | None = None) -> str:
    """What Node prints: the one that Playwright carries, so nothing else need be installed."""
    from playwright._impl._driver import compute_driver_executable

    env = dict(os.environ) | ({"VAELAB_CASES": str(cases)} if cases else {})
    command = [compute_driver_executable()[0], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_parity(folder: Path, *paths: str) -> None:
    results = json.loads(node(JS / "parity_node.mjs", folder, *paths))
    assert len(results) == len(paths) * len(json.loads((folder / "cases.json").read_text()))
    for result in results:
        assert result["path"] == result["asked"]
        assert result["worst"] <= engine_cases.TOLERANCE, result


def test_every_architecture_has_pytorchs_numbers_on_both_paths(tmp_path: Path, whole: bool) -> None:
    """Batches of 1, 16, 7 and 2; with --whole a large one too, which the shipped decoders have every time."""
    engine_cases.write_cases(tmp_path, engine_cases.architectures(tmp_path, n=80 if whole else 26))
    assert_parity(tmp_path, "wasm", "js")


def test_without_fused_multiply_add_the_numbers_are_the_same(tmp_path: Path) -> None:
    models = [engine_cases.drawn(cfg) for cfg in engine_cases.CONFIGS[::2]]
    cases = [engine_cases.write_case(tmp_path, f"case{i}", model, "decoder", 20) for i, model in enumerate(models)]
    engine_cases.write_cases(tmp_path, cases)
    assert_parity(tmp_path, "plain-simd")


@pytest.mark.parametrize("name", store.shipped())
def test_a_shipped_decoder_has_pytorchs_numbers_on_a_thousand_z(name: str, tmp_path: Path) -> None:
    model = engine_cases.shipped(store.find(name))
    decoder = engine_cases.write_case(tmp_path, "decoder", model, "decoder", 1000)
    encoder = engine_cases.write_case(tmp_path, "encoder", model, "encoder", 30)
    engine_cases.write_cases(tmp_path, [decoder, encoder])
    assert_parity(tmp_path, "wasm", "js")


# Layers as a later architecture might order them: odd sizes, every stride and padding, upsampling, activations of their own.
UNUSUAL = {
    "upsampling": [
        Layer("Linear", 5, 6 * 3 * 5), Layer("Reshape", shape=(6, 3, 5)), Layer("LeakyReLU"), Layer("Upsample", stride=2),
        Layer("ReLU"), Layer("Conv2d", 6, 7, kernel=3, padding=1), Layer("LeakyReLU"), Layer("LeakyReLU"), Layer("Conv2d", 7, 1, kernel=1), Layer("Sigmoid"),
    ],
    "odd strides": [
        Layer("Linear", 5, 4 * 9), Layer("Reshape", shape=(4, 3, 3)), Layer("ConvTranspose2d", 4, 5, kernel=5, stride=3, padding=2), Layer("ReLU"),
        Layer("ConvTranspose2d", 5, 11, kernel=3, stride=1), Layer("LeakyReLU"), Layer("ConvTranspose2d", 11, 2, kernel=1, stride=2), Layer("Sigmoid"),
    ],
    "down and up": [
        Layer("Linear", 5, 2 * 64), Layer("Reshape", shape=(2, 8, 8)), Layer("Conv2d", 2, 13, kernel=5, stride=3, padding=2), Layer("ReLU"),
        Layer("Conv2d", 13, 8, kernel=2, stride=1), Layer("Reshape", shape=(32,)), Layer("Linear", 32, 7), Layer("ReLU"), Layer("Linear", 7, 3),
    ],
    "tanh": [
        Layer("Linear", 5, 3 * 9), Layer("Tanh"), Layer("Tanh"), Layer("Reshape", shape=(3, 3, 3)), Layer("Conv2d", 3, 5, kernel=3, padding=1), Layer("ReLU"),
        Layer("Tanh"), Layer("Upsample", stride=2), Layer("Tanh"), Layer("ConvTranspose2d", 5, 2, kernel=3, stride=2, padding=1), Layer("Tanh"), Layer("ReLU"),
        Layer("Reshape", shape=(2 * 11 * 11,)), Layer("Linear", 2 * 11 * 11, 6), Layer("Tanh"),
    ],
    "black and white": [Layer("Linear", 5, 64), Layer("Sigmoid")],
    # A normalisation of the vector that came in, a sum with it, and one that wants a number before its activation.
    "sums of vectors": [
        Layer("GroupNorm", 5, 5), Layer("ReLU"), Layer("Linear", 5, 5), Layer("Add", back=4), Layer("Linear", 5, 12), Layer("LeakyReLU"), Layer("Linear", 12, 12),
        Layer("Add", back=3), Layer("ReLU"), Layer("GroupNorm", 12, 12, groups=4), Layer("Add", back=3), Layer("Linear", 12, 7),
    ],
    # Odd maps, a sum of one tensor that a convolution reads with borders and of one whose columns are dealt to two groups.
    "sums of maps": [
        Layer("Linear", 5, 6 * 15), Layer("Reshape", shape=(6, 3, 5)), Layer("GroupNorm", 6, 6, groups=2), Layer("Conv2d", 6, 6, kernel=3, padding=1), Layer("LeakyReLU"),
        Layer("Add", back=3), Layer("LeakyReLU"), Layer("Upsample", stride=2), Layer("ReLU"), Layer("Conv2d", 6, 6, kernel=3, padding=1), Layer("Add", back=2), Layer("Add", back=4),
        Layer("GroupNorm", 6, 6, groups=3), Layer("Conv2d", 6, 9, kernel=4, stride=2, padding=1), Layer("ConvTranspose2d", 9, 4, kernel=3, stride=2), Layer("GroupNorm", 4, 4),
        Layer("ReLU"), Layer("Add", back=3), Layer("Sigmoid"),
    ],
    # Both masks, odd maps, and what a masked convolution puts out read with borders, with columns dealt to two groups and as a vector.
    "masks": [
        Layer("Linear", 5, 3 * 15), Layer("Reshape", shape=(3, 3, 5)), masked(3, 6, 5, centre=False), Layer("LeakyReLU"), masked(6, 6), Layer("Add", back=3),
        Layer("Conv2d", 6, 4, kernel=4, stride=2, padding=2), masked(4, 3, 1), Layer("Reshape", shape=(18,)), Layer("Linear", 18, 7),
    ],
    # An odd vector and an even one, an activation behind, a sum with what went in, and one straight at the end.
    "couplings": [
        coupling(5, 7), Layer("ReLU"), coupling(5, 3), Layer("Add", back=4), Layer("Linear", 5, 12), Layer("Tanh"), coupling(12, 8), Layer("Tanh"),
        Layer("Reshape", shape=(3, 2, 2)), Layer("Upsample", stride=2), Layer("Conv2d", 3, 3, kernel=3, padding=1), Layer("Reshape", shape=(48,)), coupling(48, 9),
    ],
    # Codes that go in as numbers, their entries as maps with borders, an activation behind, and a palette of which a map of numbers picks.
    "codes": [
        Layer("Embedding", 7, 6), Layer("LeakyReLU"), Layer("Reshape", shape=(6, 1, 5)), Layer("ConvTranspose2d", 6, 1, kernel=3, stride=2), Layer("Tanh"), Layer("Add", back=2),
        Layer("Embedding", 3, 3), Layer("Upsample", stride=2), Layer("Sigmoid"),
    ],
    # Entries whose numbers do not lie equally far apart in the maps that they are read as.
    "entries of one number": [
        Layer("Embedding", 4, 1), Layer("Linear", 5, 5), Layer("Embedding", 9, 2), Layer("Reshape", shape=(5, 1, 2)), Layer("Conv2d", 5, 2, kernel=3, padding=1),
    ],
}  # fmt: skip
SPREAD = {"codes": 4.0, "entries of one number": 2.0, "black and white": 60.0}  # logits up to 100 either way


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_layers(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = UNUSUAL[name]
    cfg = ModelConfig(name="linear-vae", latent_dim=5)
    monkeypatch.setattr(bundle, "architecture", lambda _: Architecture((), (), tuple(layers)))
    torch.manual_seed(3)
    net = latent_model.WithSums(
        *(nn.Flatten() if len(layer.shape) == 1 else latent_model._module(layer) for layer in layers)
    )
    for norm in net:
        if isinstance(norm, nn.GroupNorm):
            norm.weight.data.normal_(mean=1.0, std=0.3)
            norm.bias.data.normal_()
    z = SPREAD.get(name, 1.0) * torch.randn(50, 5)
    weights = {f"decoder.{key}": value.numpy() for key, value in net.state_dict().items()}
    (tmp_path / "case.bundle").write_bytes(bundle.browser_bundle(cfg, weights))
    engine_cases._floats(tmp_path / "case.input", z)
    with torch.no_grad():
        engine_cases._floats(tmp_path / "case.expected", net(z).flatten(1))
    engine_cases.write_cases(tmp_path, [{"name": "case", "n": 50, "batches": engine_cases.BATCHES}])
    assert_parity(tmp_path, "wasm", "js")


@torch.no_grad()
def _layer_outputs(model: latent_model.LatentModel, part: bundle.Part, row: torch.Tensor) -> list[list[float]]:
    """Every layer's output for one example, flat."""
    label = row[:, row.shape[1] - model.cfg.classes :]
    found = []
    h = row if part == "decoder" else row[:, : row.shape[1] - model.cfg.classes].reshape(1, *model.image_shape)
    for layer in model.decoder if part == "decoder" else model.features:
        h = layer(h)
        found.append(h.flatten().tolist())
    if part == "encoder":
        h = torch.cat([h.flatten(1), label], dim=1)
        for layer in model.head:
            h = layer(h)
            found.append(h.flatten().tolist())
    return found


def test_what_the_engine_promises_beside_its_numbers(tmp_path: Path) -> None:
    first, second = engine_cases.drawn(LABELLED), engine_cases.drawn(LABELLED, seed=5)
    other = engine_cases.drawn(ModelConfig(name="autoencoder"))
    for name, model, part in (
        ("first", first, "decoder"),
        ("second", second, "decoder"),
        ("other", other, "decoder"),
        ("encoder", first, "encoder"),
    ):
        engine_cases.write_case(tmp_path, name, model, part, 64)
        row = engine_cases.input_of(model, part, 64)[:1]
        (tmp_path / f"{name}.layers").write_text(json.dumps(_layer_outputs(model, part, row)))
    output = node("--test", JS / "engine.test.mjs", cases=tmp_path)
    assert "fail 0" in output, output


def test_leaky_relu_has_the_slope_of_pytorch() -> None:
    for layer, slope in ((Layer("LeakyReLU"), LEAK), (Layer("LeakyReLU", slope=0.2), 0.2)):
        assert latent_model._module(layer).negative_slope == bundle._numbers(layer)["slope"] == slope
