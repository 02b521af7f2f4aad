"""Lesson 4: sizes and counts against torch's own layers, every way back against every padding, activations against hooks."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from vaelab.analysis import inference
from vaelab.lessons import feature_maps, layer_sizes
from vaelab.lessons.activations import layer_by_layer, passage
from vaelab.lessons.layer_sizes import KERNELS, PADDINGS, STRIDES, exact_size, padding_for, trouble_with, walk
from vaelab.models.latent_model import build
from vaelab.models.layers import Layer
from vaelab.models.model_config import ModelConfig

SIZES = (1, 2, 3, 7, 16, 32)
KINDS = ("Conv2d", "ConvTranspose2d")


def settings():
    return itertools.product(KINDS, KERNELS, STRIDES, PADDINGS, SIZES)


def torch_size(layer: Layer, size: int) -> int | None:
    """What torch makes of it; None where it refuses. The layer computes nothing: shapes alone."""
    module = getattr(nn, layer.kind)(1, 1, layer.kernel, layer.stride, layer.padding, device="meta")
    try:
        return module(torch.empty(1, 1, size, size, device="meta")).shape[-1] or None
    except RuntimeError:
        return None


def test_sizes_are_those_of_torch():
    seen = {"kernel": 0, "fraction": 0, "nothing": 0, None: 0}
    for kind, kernel, stride, padding, size in settings():
        layer = Layer(kind, 1, 1, kernel, stride, padding)
        trouble, found = trouble_with(layer, size), torch_size(layer, size)
        seen[trouble] += 1
        if trouble in ("kernel", "nothing"):
            assert found is None, (layer, size)
        elif trouble == "fraction":  # torch leaves out the rest of the last window without a word
            assert found == math.floor(exact_size(layer, size))
        else:
            assert found == exact_size(layer, size) == layer.output_shape((1, size, size))[1]
    assert all(seen.values()), seen


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inputs", [1, 3, 12])
@pytest.mark.parametrize("outputs", [1, 24])
def test_counts_are_those_of_torch(kind, inputs, outputs):
    for kernel in KERNELS:
        module = getattr(nn, kind)(inputs, outputs, kernel, device="meta")
        assert Layer(kind, inputs, outputs, kernel).params == sum(p.numel() for p in module.parameters())


def test_the_reference():
    rows = walk(layer_sizes.reference_layers())
    assert [row.leaves for row in rows] == [16, 8, 4, 2, 4, 8, 16, 32]
    assert [row.layer.outputs for row in rows] == [12, 24, 48, 96, 48, 24, 12, 3]
    assert [row.layer.params for row in rows] == [588, 4632, 18480, 73824, 73776, 18456, 4620, 579]
    assert sum(row.layer.params for row in rows) == 194_955
    assert layer_sizes.with_settings(layer_sizes.reference_settings()) == layer_sizes.reference_layers()


def test_behind_an_impossible_layer_nothing_is_known():
    changed = list(layer_sizes.reference_settings())
    changed[1] = (5, 2, 1)  # (16 + 2 - 5) / 2 is not whole
    rows = walk(layer_sizes.with_settings(changed))
    assert [row.trouble for row in rows] == [None, "fraction", *[None] * 6]
    assert [row.leaves for row in rows] == [16, *[None] * 7]
    changed[1] = (7, 1, 0)
    changed[2] = (7, 4, 0)
    changed[3] = (7, 1, 1)
    assert [row.trouble for row in walk(layer_sizes.with_settings(changed))][:4] == [None, None, "fraction", None]


def test_backwards_finds_the_padding_that_torch_needs():
    found = 0
    for kind, kernel, stride, size in itertools.product(KINDS, KERNELS, STRIDES, SIZES):
        for wanted in (1, 2, 4, 5, 16, 32, 64):
            layer = Layer(kind, 1, 1, kernel, stride)
            fits = []
            for padding in range(kernel):
                tried = Layer(kind, 1, 1, kernel, stride, padding)
                if trouble_with(tried, size) is None and torch_size(tried, size) == wanted:
                    fits.append(padding)
            assert fits == ([] if padding_for(layer, size, wanted) is None else [padding_for(layer, size, wanted)])
            found += len(fits)
    assert found > 100


def test_the_answer_to_the_question():
    """No padding halves 32 with a 3x3 kernel and stride 2; with 4x4 it is 1, there and back."""
    assert padding_for(Layer("Conv2d", 3, 12, 3, 2), 32, 16) is None
    assert padding_for(Layer("Conv2d", 3, 12, 4, 2), 32, 16) == 1
    assert padding_for(Layer("ConvTranspose2d", 12, 3, 4, 2), 16, 32) == 1


def test_activations_are_those_of_the_forward_pass():
    torch.manual_seed(0)
    model = build(ModelConfig(name="autoencoder")).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    heard: list[torch.Tensor] = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.ReLU):
            module.register_forward_hook(lambda _module, _input, output: heard.append(output))
    x = inference.to_unit(pixels[None])
    with torch.no_grad():
        code = model.encode(x).mean
        logits = model.decode_logits(code)
        heard_once = [*heard, torch.sigmoid(logits)]
        maps = layer_by_layer(model, pixels)
    assert len(maps) == 17
    assert np.array_equal(maps[0], x[0].numpy())
    for shown, layer in zip(maps[1:], heard_once, strict=True):
        assert np.array_equal(shown, layer[0].numpy())
    assert np.array_equal(maps[8].ravel(), code[0].numpy())
    assert maps[8].size == 384


def test_the_loss_is_the_binary_cross_entropy_and_its_floor_the_entropy():
    model = inference.load("cifar10-autoencoder")
    pixels = np.random.default_rng(1).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    seen = passage(model, pixels)
    x, p = pixels / 255.0, seen.maps[-1].astype(float)
    expected = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum()
    assert seen.recon == pytest.approx(expected, rel=1e-5)
    inner = x[(x > 0) & (x < 1)]
    assert seen.floor == pytest.approx(-(inner * np.log(inner) + (1 - inner) * np.log(1 - inner)).sum(), rel=1e-5)
    assert seen.floor < seen.recon
    assert np.array_equal(seen.x_hat, np.rint(p * 255).astype(np.uint8))


def test_a_sheet_shows_every_value_once():
    maps = np.arange(4 * 2 * 2, dtype=float).reshape(4, 2, 2)
    factor, columns = feature_maps.layout(4, 2, 100, 30)
    picture = feature_maps.sheet(maps, "light", 100, 30)
    assert (factor, columns) == (11, 4)
    shown = picture[::factor, :, :][:2, :, :3]
    scale = feature_maps.scale_of(maps)
    assert not scale.signed
    expected = feature_maps.colours(maps, scale, "light")
    for k in range(4):
        left = k * (2 * factor + feature_maps.GAP)
        assert np.array_equal(shown[:, left : left + 2 * factor : factor], expected[k])
    assert picture[..., 3].sum() == 255 * 16 * factor**2
    signed = feature_maps.scale_of(maps - 3)
    assert (signed.low, signed.high, signed.signed) == (-12.0, 12.0, True)
