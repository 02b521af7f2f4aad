"""What the browser decoder reads: layout, checks and the limit of its size."""

from __future__ import annotations

import json
import struct
import subprocess
import sys

import engine_cases
import numpy as np
import pytest

from vaelab.config.errors import WeightsError
from vaelab.export import bundle
from vaelab.models.architecture import architecture
from vaelab.models.layers import Architecture, Layer
from vaelab.models.model_config import ModelConfig

CONDITIONAL = ModelConfig(name="conv-vae", channels=1, label="class", classes=10, latent_dim=3)


def tensors(cfg: ModelConfig) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in engine_cases.drawn(cfg).state_dict().items()}


def read(data: bytes) -> tuple[dict, np.ndarray]:
    """Header and numbers, read from the format's description alone."""
    assert data[:8] == b"VAEBUNDL"
    version, length = struct.unpack("<II", data[8:16])
    assert version == 1
    assert (16 + length) % 16 == 0
    header = json.loads(data[16 : 16 + length])
    assert bundle.number_bytes(data) == {"float32": 4, "float16": 2}[header["dtype"]]
    return header, np.frombuffer(data[16 + length :], dtype={"float32": "<f4", "float16": "<f2"}[header["dtype"]])


@pytest.mark.parametrize("cfg", engine_cases.CONFIGS, ids=lambda cfg: f"{cfg.name}-{cfg.image_size}-{cfg.channels}")
@pytest.mark.parametrize("part", ["decoder", "encoder"])
def test_every_weight_lies_where_the_header_says(cfg: ModelConfig, part: bundle.Part) -> None:
    weights = tensors(cfg)
    header, floats = read(bundle.browser_bundle(cfg, weights, part))
    assert header["floats"] == len(floats)
    learned = [layer for layer in header["layers"] if "weight" in layer]
    for layer in learned:
        for kind in ("weight", "bias"):
            expected = weights[f"{layer['name']}.{kind}"].ravel()
            np.testing.assert_array_equal(floats[layer[kind] : layer[kind] + len(expected)], expected)
    prefixes = ("decoder",) if part == "decoder" else ("features", "head")
    assert {layer["name"] for layer in learned} == {
        n.removesuffix(".bias") for n in weights if n.startswith(prefixes) and n.endswith(".bias")
    }


def test_inputs_and_outputs_of_a_conditional_model() -> None:
    decoder, _ = read(bundle.browser_bundle(CONDITIONAL, tensors(CONDITIONAL), "decoder"))
    encoder, _ = read(bundle.browser_bundle(CONDITIONAL, tensors(CONDITIONAL), "encoder"))
    assert (decoder["inputs"], decoder["outputs"], decoder["classes"]) == (3 + 10, 32 * 32, 10)
    assert (encoder["inputs"], encoder["outputs"], encoder["shape"]) == (32 * 32 + 10, 2 * 3, [1, 32, 32])
    assert [layer["kind"] for layer in encoder["layers"]].count("Label") == 1


def test_half_precision_is_taken_where_it_loses_nothing_and_nowhere_else() -> None:
    weights = tensors(CONDITIONAL)
    exact = {name: value.astype(np.float16).astype(np.float32) for name, value in weights.items()}
    header, small = read(bundle.browser_bundle(CONDITIONAL, exact))
    whole_header, whole = read(bundle.browser_bundle(CONDITIONAL, exact, precision="float32"))
    assert (header["dtype"], whole_header["dtype"]) == ("float16", "float32")
    np.testing.assert_array_equal(small.astype(np.float32), whole)
    exact["decoder.0.bias"][-1] = np.float32(1 + 2**-12)  # between two halves
    assert read(bundle.browser_bundle(CONDITIONAL, exact))[0]["dtype"] == "float32"
    exact["decoder.0.bias"][-1] = 1e5  # beyond them
    assert read(bundle.browser_bundle(CONDITIONAL, exact))[0]["dtype"] == "float32"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    weights = tensors(CONDITIONAL)
    weights["decoder.0.weight"][1, 2] = value
    with pytest.raises(WeightsError, match=r"decoder\.0\.weight holds 1 numbers that are not finite"):
        bundle.browser_bundle(CONDITIONAL, weights)
    bundle.browser_bundle(CONDITIONAL, weights, "encoder")  # the other half is sound


def test_weights_of_another_model_are_refused() -> None:
    weights = tensors(CONDITIONAL)
    with pytest.raises(WeightsError, match=r"decoder\.0\.weight must have the shape \(1536, 16\), got \(1536, 13\)"):
        bundle.browser_bundle(ModelConfig(name="conv-vae", channels=1), weights)
    whole = weights | {"decoder.0.bias": weights["decoder.0.bias"].astype(np.int64)}
    with pytest.raises(WeightsError, match=r"decoder\.0\.bias must hold floating-point numbers, got int64"):
        bundle.browser_bundle(CONDITIONAL, whole)
    del weights["decoder.0.bias"]
    with pytest.raises(WeightsError, match=r"lack the tensor decoder\.0\.bias"):
        bundle.browser_bundle(CONDITIONAL, weights)


def test_work_of_one_image() -> None:
    # 16 -> 128 -> 3072; and 384 numbers as 96 maps of 2x2 through four doublings with 4x4 kernels
    assert bundle.macs(ModelConfig(name="linear-vae")) == 16 * 128 + 128 * 3072
    doublings = ((96, 48, 2), (48, 24, 4), (24, 12, 8), (12, 3, 16))
    assert bundle.macs(ModelConfig(name="autoencoder")) == sum(16 * a * b * side**2 for a, b, side in doublings)


def test_expected_frames_a_second() -> None:
    """2.68 million multiply-adds, 64 images in a grid; two dimensions make a grid of 16; no screen shows more than 60."""
    cfg = ModelConfig(name="conv-vae")
    one, quick, grid, quick_grid = bundle.frame_rates(cfg)
    assert (one, quick, quick_grid) == (60, 60, 60)
    assert grid == pytest.approx(5e9 / (64 * 2_678_784))
    large = ModelConfig(name="conv-vae", network="resnet", image_size=256, latent_dim=2)
    slow, quick = 5e9 / (16 * bundle.macs(large)), 25e9 / (16 * bundle.macs(large))
    assert quick < 60
    assert bundle.frame_rates(large) == pytest.approx((60, 60, slow, quick))


def test_models_are_supported_unless_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    for cfg in engine_cases.CONFIGS:
        assert bundle.supported(cfg, "decoder") is None
        assert (bundle.supported(cfg, "encoder") is None) == cfg.method.head_is_code
    cfg = ModelConfig(name="conv-vae")
    heavy = Architecture((), (), (*architecture(cfg).decoder[:-1], Layer("Conv2d", 3, 3, kernel=129, padding=64)))
    monkeypatch.setattr(bundle, "architecture", lambda _: heavy)
    assert "156 million multiply-adds" in (bundle.supported(cfg) or "")


def test_no_torch_is_imported() -> None:
    code = "import sys, vaelab.export.bundle; assert 'torch' not in sys.modules and 'streamlit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
