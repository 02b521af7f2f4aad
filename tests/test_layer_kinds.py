"""Masked convolution, embedding of codes and affine coupling: what each computes, what it costs, what is said of a mistake, and a network of them."""

from __future__ import annotations

from pathlib import Path

import engine_cases
import numpy as np
import onnxruntime
import pytest
import torch
from small_training import settings
from test_engine_node import assert_parity

from vaelab import data
from vaelab.config.errors import ConfigError
from vaelab.export import bundle
from vaelab.export.onnx_graph import onnx_model
from vaelab.models.architecture import architecture
from vaelab.models.latent_model import LatentModel, _module, build
from vaelab.models.layer_modules import CouplingLayer, Embedding, look_up
from vaelab.models.layers import SIGMOID, Architecture, Layer, Shape, coupling, masked, shapes
from vaelab.models.model_config import ModelConfig
from vaelab.runs import memory
from vaelab.training.batches import ImageSet
from vaelab.training.first_weights import start_at_mean_image


@pytest.fixture
def painter(monkeypatch: pytest.MonkeyPatch) -> LatentModel:
    """A small model of the example's network, of an odd number of latent dimensions."""
    return engine_cases.own_palette(monkeypatch)


@pytest.fixture
def palette(painter: LatentModel) -> ModelConfig:
    return painter.cfg


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize("kernel", [3, 5])
def test_a_place_sees_those_before_it_row_by_row(kernel: int, centre: bool) -> None:
    """By the Jacobian: the output at place k depends on the input at j exactly where j comes before k, within the kernel."""
    torch.manual_seed(0)
    layer = _module(masked(2, 3, kernel, centre=centre))
    jacobian = torch.autograd.functional.jacobian(layer, torch.randn(1, 2, 4, 5))
    depends = (jacobian.abs() > 0).any(dim=5).any(dim=1).reshape(4 * 5, 4 * 5)
    half = kernel // 2
    for k, out in enumerate(np.ndindex(4, 5)):
        for j, place in enumerate(np.ndindex(4, 5)):
            near = all(abs(a - b) <= half for a, b in zip(out, place, strict=True))
            assert depends[k, j] == (near and (j < k or (centre and j == k))), (out, place)


def test_a_code_is_the_entry_of_the_nearest_number() -> None:
    torch.manual_seed(0)
    layer = _module(Layer("Embedding", 4, 3))
    assert isinstance(layer, Embedding)
    numbers = torch.tensor([[0.0, 2.0, 3.0], [-7.0, 1.5, 99.0], [0.49, 0.5, 2.4]])
    codes = torch.tensor([[0, 2, 3], [0, 2, 3], [0, 1, 2]])
    expected = torch.nn.functional.embedding(codes, layer.weight)  # (B, P, D)
    torch.testing.assert_close(layer(numbers), expected.transpose(1, 2).flatten(1), rtol=0, atol=0)
    as_map = layer(numbers.reshape(1, 1, 3, 3))
    torch.testing.assert_close(as_map, look_up(codes[None], layer.weight), rtol=0, atol=0)
    assert as_map.shape == (1, 3, 3, 3)


def test_a_code_learns_which_way_the_better_entry_lies() -> None:
    layer = _module(Layer("Embedding", 5, 1))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0], [1.0], [4.0], [9.0], [16.0]]))
    numbers = torch.tensor([[2.2, 0.0, 4.0, -3.0]], requires_grad=True)
    layer(numbers).sum().backward()
    # From the entry below to the one above, halved; at the ends the one that there is.
    assert numbers.grad is not None
    assert numbers.grad.tolist() == [[4.0, 0.5, 3.5, 0.5]]
    assert layer.weight.grad.flatten().tolist() == [2.0, 0.0, 1.0, 0.0, 1.0]


@pytest.mark.parametrize("size", [2, 5, 6])
def test_a_couplings_volume_and_way_back(size: int) -> None:
    """log |det J| as autograd's Jacobian says; two of them move every number, one leaves the first half."""
    torch.manual_seed(size)
    first, second = (_module(coupling(size, hidden=7)).double() for _ in range(2))
    assert isinstance(first, CouplingLayer)
    assert isinstance(second, CouplingLayer)
    z = torch.randn(1, size, dtype=torch.double)
    jacobian = torch.autograd.functional.jacobian(first, z)[0, :, 0]
    moved, log_det = super(CouplingLayer, first).forward(z)
    torch.testing.assert_close(log_det[0], jacobian.det().abs().log())
    torch.testing.assert_close(first(z), moved, rtol=0, atol=0)
    torch.testing.assert_close(first.inverse(moved), z)
    torch.testing.assert_close(moved.flip(-1)[:, : size // 2], z[:, : size // 2], rtol=0, atol=0)
    assert (second(moved) != z).all()


@pytest.mark.parametrize(
    ("layer", "start"),
    [(masked(3, 4, 5), (3, 6, 6)), (Layer("Embedding", 7, 3), (5,)), (Layer("Embedding", 7, 3), (1, 4, 4)), (coupling(5, 8), (5,))],
)  # fmt: skip
def test_a_kind_declares_its_shape_and_weights(layer: Layer, start: Shape) -> None:
    module = _module(layer)
    assert shapes((layer,), start) == [tuple(module(torch.rand(2, *start)).shape[1:])]
    assert {name: tuple(value.shape) for name, value in module.state_dict().items()} == layer.tensors
    assert sum(value.numel() for value in module.parameters()) == layer.params


MISTAKES: list[tuple[Layer, Shape, str]] = [
    (Layer("MaskedConv2d", 2, 2, kernel=4, padding=1), (2, 4, 4), "must have an odd kernel of at least 1, stride 1 and half .*, got kernel 4, stride 1"),
    (masked(2, 2, 1, centre=False), (2, 4, 4), "must have an odd kernel of at least 3"),
    (Layer("MaskedConv2d", 2, 2, kernel=3, padding=1, stride=2), (2, 4, 4), "got kernel 3, stride 2, padding 1"),
    (masked(3, 2), (2, 4, 4), r"must take 3 maps, got numbers of shape \(2, 4, 4\)"),
    (Layer("Embedding", 0, 3), (5,), "must have at least one entry of at least one number, got 0 entries of 3"),
    (Layer("Embedding", 4, 3), (2, 4, 4), r"must take a vector or one map of code numbers, got numbers of shape \(2, 4, 4\)"),
    (coupling(4, 8), (5,), r"must take a vector of at least 2 numbers, .* got \(5,\) for inputs=4"),
    (coupling(1, 8), (1,), "must take a vector of at least 2"),
    (Layer("Coupling", 4, 4), (4,), "hidden=0"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "start", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence(layer: Layer, start: Shape, sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"layer 1, an? {layer.kind}, .*{sentence}"):
        shapes((Layer("ReLU"), layer), start)


def test_the_work_and_the_memory_of_the_network_are_counted(palette: ModelConfig) -> None:
    """By hand: two couplings of 8 numbers through 32 units, a dense layer, a doubling, half a 3x3 kernel and its middle, and the picking one."""
    couplings = 2 * (4 * 32 + 32 * 8 + 8)
    dense, doubling = 8 * 64 * 16, 64 * 32 * 16 * 16
    painted, picked = 32 * 32 * 5 * 64, 32 * 9 * 64
    assert bundle.macs(palette) == couplings + dense + doubling + painted + picked
    layers = architecture(palette)
    model = build(palette)
    assert layers.params == sum(value.numel() for value in model.parameters())
    decoder = [value.numel() for name, value in model.named_parameters() if name.startswith("decoder.")]
    assert bundle.weight_count(palette) == sum(decoder)


def test_what_a_coupling_keeps_within_counts_as_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand units more, for each of 500 images, beside what their weights take."""
    cfg = settings()
    needed, weights = [], []
    for hidden in (8, 1008):
        layers = Architecture((), (), (coupling(3, hidden), SIGMOID))
        monkeypatch.setattr(memory, "architecture", lambda _, layers=layers: layers)
        needed.append(memory.needed_mb(cfg, 0))
        weights.append(memory.COPIES * layers.params * 4)
    assert (needed[1] - needed[0]) * 2**20 - (weights[1] - weights[0]) == pytest.approx(500 * 1000 * 4)


@torch.no_grad()
def test_it_decodes_in_the_browser_as_in_torch(painter: LatentModel, tmp_path: Path) -> None:
    assert bundle.supported(painter.cfg) is None
    rows = engine_cases.input_of(painter, "decoder", 26)
    colours = engine_cases.answer_of(painter, "decoder", rows).reshape(26, 3, 256).transpose(1, 2).flatten(0, 1)
    assert len(colours.unique(dim=0)) > 12  # of 16
    write = engine_cases.write_case
    engine_cases.write_cases(tmp_path, [write(tmp_path, part, painter, part, 26) for part in bundle.HALVES])
    assert_parity(tmp_path, "wasm", "js")


def test_onnx_says_the_same(painter: LatentModel) -> None:
    tensors = {name: value.numpy() for name, value in painter.state_dict().items()}
    session = onnxruntime.InferenceSession(onnx_model(painter.cfg, tensors, "decoder"))
    z, y = torch.randn(4, 5, generator=torch.Generator().manual_seed(2)), torch.tensor([0, 2, 1, 0])
    (found,) = session.run(None, {"z": z.numpy(), "y": y.numpy()})
    np.testing.assert_allclose(found, painter.decode(z, y).detach().numpy(), atol=1e-4)


def test_a_palette_begins_around_the_average_colour(palette: ModelConfig) -> None:
    pixels = np.zeros((4, 3, 16, 16), np.uint8)
    pixels[:, 0], pixels[:, 1] = 51, 204
    model = build(palette)
    start_at_mean_image(
        model, ImageSet(data.Images(pixels=pixels, labels=np.arange(4) % 3), palette, torch.device("cpu"))
    )
    entries = model.decoder[-2]
    assert isinstance(entries, Embedding)
    mean = torch.sigmoid(entries.weight.mean(dim=0))
    torch.testing.assert_close(mean, torch.tensor([0.2, 0.8, 0.001]), atol=1e-3, rtol=0)
    assert (entries.weight.diff(dim=0) > 0).all()
    codes = model.decoder[:-2](torch.randn(4, 8))
    assert 6 < codes.mean() < 9


def test_the_last_layer_is_a_sigmoid(palette: ModelConfig) -> None:
    assert architecture(palette).decoder[-1] == SIGMOID
