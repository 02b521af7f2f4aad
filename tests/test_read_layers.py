"""A plain nn.Module's decode is read into layers that a browser runs, and only where these do the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_cases import write_case, write_cases
from test_engine_node import assert_parity
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab.config.errors import WeightsError
from vaelab.export.bundle import browser_bundle, is_closed, macs, supported
from vaelab.models import registry
from vaelab.models.folding import with_made
from vaelab.models.latent_model import LatentModel
from vaelab.models.layers import SIGMOID, Layer, Made
from vaelab.models.model_config import ModelConfig
from vaelab.models.own_module import OwnModule
from vaelab.models.read_layers import read

IMAGE = (1, 8, 8)
Decode = Any


class Plain(nn.Module):
    """A decode of layers one after another, in the ways that tutorials write it."""

    def __init__(self, latent_dim: int = 3) -> None:
        super().__init__()
        self.encoder = nn.Linear(256, 2 * latent_dim)
        self.fc = nn.Linear(latent_dim, 64)
        self.norm = nn.GroupNorm(2, 4)
        self.up = nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1)
        self.paint = nn.Sequential(nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2), nn.Conv2d(3, 1, 3, padding=1))
        self.drop = nn.Dropout(0.5)

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.encoder(x.flatten(1)).chunk(2, dim=1)

    def decode(self, z: Tensor) -> Tensor:
        h = torch.tanh(self.fc(z)).view(z.size(0), 4, 4, 4)
        h = F.relu(self.up(self.drop(self.norm(h))))
        return torch.sigmoid(self.paint(h))


class Flat(nn.Module):
    """Pixels in a row, and what comes before their sigmoid."""

    logits = True

    def __init__(self, latent_dim: int = 3) -> None:
        super().__init__()
        self.enc = nn.Linear(64, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim, 5), nn.ReLU(), nn.Linear(5, 64))

    def encode(self, x: Tensor) -> Tensor:
        return self.enc(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.dec(z)


def of(*parts: nn.Module, decode: Decode = None) -> nn.Module:
    """A module whose decode is parts one after another, or a function of z and them."""

    class Made(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nn.Sequential(*parts)

        def decode(self, z: Tensor) -> Tensor:
            return self.parts(z) if decode is None else decode(z, *self.parts)

    return Made()


def kinds(module: nn.Module, *, logits: bool = False, image: tuple[int, int, int] = IMAGE) -> list[str]:
    return [layer.kind for _, layer in read(module, 3, image, logits=logits, prefix="own.")]


def test_what_a_decode_does_is_read_with_the_names_of_its_weights() -> None:
    found = read(Plain(), 3, (1, 16, 16), logits=False, prefix="own.")
    assert found == (
        ("own.fc", Layer("Linear", 3, 64)),
        ("", Layer("Tanh")),
        ("", Layer("Reshape", shape=(4, 4, 4))),
        ("own.norm", Layer("GroupNorm", 4, 4, groups=2)),
        ("own.up", Layer("ConvTranspose2d", 4, 3, 4, 2, 1)),
        ("", Layer("ReLU")),
        ("own.paint.0", Layer("LeakyReLU", slope=0.2)),
        ("own.paint.1", Layer("Upsample", stride=2)),
        ("own.paint.2", Layer("Conv2d", 3, 1, 3, 1, 1)),
        ("", SIGMOID),
    )
    assert kinds(Flat(), logits=True) == ["Linear", "ReLU", "Linear", "Reshape", "Sigmoid"]
    assert kinds(Flat()) == [], "pixels without a sigmoid are no pixels in [0, 1]"


def dense() -> tuple[nn.Module, nn.Module]:
    return nn.Linear(3, 64), nn.Sigmoid()


VIEWS = {
    "by the batch's size": lambda z, fc, end: end(fc(z)).view(z.shape[0], 1, 8, 8),
    "by -1": lambda z, fc, end: end(fc(z).reshape(z.size(0), 1, 8, -1)),
    "with numbers in a tuple": lambda z, fc, end: end(fc(z).view((z.size()[0], 64))),
    "by unflatten": lambda z, fc, end: end(fc(z).unflatten(1, (1, 8, 8))),
    "flat again": lambda z, fc, end: end(torch.flatten(fc(z).view(-1, 4, 4, 4), 1)),
}


@pytest.mark.parametrize("decode", VIEWS.values(), ids=VIEWS)
def test_changes_of_shape_are_read_however_they_are_written(decode: Decode) -> None:
    assert {"Linear", "Sigmoid"} <= set(kinds(of(*dense(), decode=decode))) <= {"Linear", "Sigmoid", "Reshape"}


class Doubled(nn.Linear):
    def forward(self, h: Tensor) -> Tensor:
        return 2 * super().forward(h)


def hooked() -> nn.Module:
    """A trace does not see what a hook does."""
    module = of(*dense())
    module.parts[0].register_forward_hook(lambda part, given, out: out + 1)  # type: ignore[union-attr, operator]
    return module


OTHERS = {
    "another activation": of(nn.Linear(3, 64), nn.SiLU(), nn.Sigmoid()),
    "a normalisation that asks the batch": of(
        nn.Linear(3, 64), nn.BatchNorm1d(64, track_running_stats=False), nn.Sigmoid()
    ),
    "a layer of one's own": of(Doubled(3, 64), nn.Sigmoid()),
    "a sum of two branches": of(*dense(), decode=lambda z, fc, end: end(fc(z) + fc(z))),
    "a sum with itself": of(*dense(), decode=lambda z, fc, end: end((h := fc(z)) + h)),
    "a sum with a number": of(*dense(), decode=lambda z, fc, end: end(fc(z) + 1.0)),
    "another line after tanh": of(*dense(), decode=lambda z, fc, end: (torch.tanh(fc(z)) + 1) / 3),
    "a layer after that line": of(*dense(), decode=lambda z, fc, end: end((torch.tanh(fc(z)) + 1) / 2)),
    "a line without tanh": of(*dense(), decode=lambda z, fc, end: (end(fc(z)) + 1) / 2),
    "a number over it": of(*dense(), decode=lambda z, fc, end: 2 / (torch.tanh(fc(z)) + 1)),
    "a sum of two shapes": of(
        nn.Linear(3, 1), nn.Linear(1, 64), nn.Sigmoid(), decode=lambda z, a, b, end: end((h := a(z)) + b(h))
    ),
    "a skip over what changes in place": of(
        nn.Linear(3, 64),
        nn.Linear(64, 64),
        nn.Sigmoid(),
        decode=lambda z, a, b, end: end((h := a(z)) + b(torch.relu_(h))),
    ),
    "a choice": of(*dense(), decode=lambda z, fc, end: end(fc(z)) if z.sum() > 0 else end(-fc(z))),
    "half of z": of(nn.Linear(2, 64), nn.Sigmoid(), decode=lambda z, fc, end: end(fc(z[:, :2]))),
    "two sigmoids": of(nn.Linear(3, 64), nn.Sigmoid(), nn.Sigmoid()),
    "transposed pixels": of(*dense(), decode=lambda z, fc, end: end(fc(z)).view(-1, 1, 8, 8).transpose(2, 3)),
    "a hook": hooked(),
}


@pytest.mark.parametrize("module", OTHERS.values(), ids=OTHERS)
def test_anything_else_is_left_to_the_server(module: nn.Module) -> None:
    assert kinds(module) == []


class Block(nn.Module):
    """A residual block as tutorials write it: no bias where batch normalisation shifts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 1)
        self.other = nn.BatchNorm2d(width, eps=1e-3, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.second(F.relu(self.norm(self.first(x))))
        return F.relu(x + self.other(h))


class Course(nn.Module):
    """Batch normalisation after each kind of layer and after an activation, skip connections, output_padding, no bias."""

    def __init__(self, latent_dim: int = 3) -> None:
        super().__init__()
        self.encoder = nn.Linear(256, 2 * latent_dim)
        self.fc = nn.Sequential(
            nn.Linear(latent_dim, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.BatchNorm1d(64)
        )
        self.block = Block(4)
        self.up = nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.LeakyReLU(0.2)
        self.late = nn.BatchNorm2d(6)
        self.paint = nn.ConvTranspose2d(6, 1, 2, stride=2, bias=False)

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.encoder(x.flatten(1)).chunk(2, dim=1)

    def decode(self, z: Tensor) -> Tensor:
        h = self.block(self.fc(z).view(-1, 4, 4, 4))
        h = self.late(self.act(self.norm(self.up(h))))
        h = h + torch.tanh(h)
        return torch.sigmoid(self.paint(h))


def test_batch_normalisation_skips_and_output_padding_become_layers() -> None:
    found = read(Course(), 3, (1, 16, 16), logits=False, prefix="own.")
    assert [name for name, layer in found if layer.tensors] == [
        "own.fc.0+own.fc.1", "+own.fc.3", "own.block.first+own.block.norm", "own.block.second+own.block.other",
        "own.up+own.norm", "+own.late", "own.paint+",
    ]  # fmt: skip
    layers = [layer for _, layer in found]
    assert [layer.kind for layer in layers] == [
        "Linear", "ReLU", "Linear", "Reshape", "Conv2d", "ReLU", "Conv2d", "Add", "ReLU",
        "ConvTranspose2d", "LeakyReLU", "Conv2d", "Tanh", "Add", "ConvTranspose2d", "Sigmoid",
    ]  # fmt: skip
    assert (layers[7].back, layers[13].back) == (4, 2)
    up = layers[9]
    assert (up.kernel, up.stride, up.padding, up.made and up.made.grown) == (4, 2, 1, 1)
    assert (layers[11].kernel, layers[11].inputs, layers[6].made and layers[6].made.eps) == (1, 6, 1e-3)


@pytest.mark.parametrize(
    "decode",
    [
        lambda z, fc, end: (torch.tanh(fc(z)) + 1) / 2,
        lambda z, fc, end: (0.5 * torch.tanh(fc(z)) + 0.5).view(-1, 1, 8, 8),
        lambda z, fc, end: torch.tanh(fc(z)).view(-1, 1, 8, 8).add(1).mul(0.5),
    ],
)
def test_pixels_between_minus_one_and_one_are_a_sigmoid_of_twice_as_much(decode: Decode) -> None:
    module = of(*dense(), decode=decode)
    found = read(module, 3, IMAGE, logits=False, prefix="own.")
    assert [name for name, layer in found if layer.tensors] == ["own.parts.0+*2"]
    assert [layer.kind for _, layer in found if layer.kind != "Reshape"] == ["Linear", "Sigmoid"]


def test_the_plain_vae_of_pytorch_vae_is_read_whole() -> None:
    path = Path(__file__).resolve().parents[1] / "docs" / "examples" / "vanilla_vae.py"
    found: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), found)
    layers = [layer for _, layer in read(found["VanillaVAE"](16), 16, (3, 64, 64), logits=False, prefix="own.")]
    assert [layer.kind for layer in layers] == [
        "Linear",
        "Reshape",
        *["ConvTranspose2d", "LeakyReLU"] * 5,
        "Conv2d",
        "Sigmoid",
    ]


def test_a_normalisation_stays_apart_where_what_comes_before_it_goes_elsewhere_too() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.norm = nn.Linear(3, 64), nn.BatchNorm1d(64)

        def decode(self, z: Tensor) -> Tensor:
            h = self.fc(z)
            return torch.sigmoid(h + self.norm(h))

    assert kinds(Twice()) == ["Linear", "Linear", "Add", "Reshape", "Sigmoid"]


def test_a_normalised_convolution_is_folded_as_it_is_computed_by_hand() -> None:
    """3 x + 1, of mean 2 and variance 4 less the 0.5 of eps, is scaled by 5 and shifted by 7: (3 x - 1) / 2 * 5 + 7."""
    layer = Layer("Conv2d", 1, 1, kernel=1, made=Made("a", norm="n", eps=0.5))
    tensors = {"a.weight": [[[[3.0]]]], "a.bias": [1.0], "n.running_mean": [2.0], "n.running_var": [3.5]}
    tensors |= {"n.weight": [5.0], "n.bias": [7.0]}
    arrays = {name: np.array(value, np.float16) for name, value in tensors.items()}
    found = with_made([("a+n", layer)], arrays)
    assert (found["a+n.weight"].item(), found["a+n.bias"].item()) == (7.5, 4.5)
    with pytest.raises(WeightsError, match=r"lack the tensor n\.running_var"):
        with_made([("a+n", layer)], {name: value for name, value in arrays.items() if name != "n.running_var"})


@pytest.fixture(scope="module")
def course() -> Iterator[LatentModel]:
    """Trained, as far as its normalisations go: what they remember of batches is drawn."""
    registry.networks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._networks, "course", OwnModule(Course))
        torch.manual_seed(1)
        model = LatentModel(ModelConfig(name="linear-vae", network="course", image_size=16, channels=1, latent_dim=3))
        state = {name: torch.randn(value.shape) for name, value in model.state_dict().items() if value.dim() == 1}
        kept = {name: 0.5 + value.abs() if "running_var" in name else value for name, value in state.items()}
        model.load_state_dict(model.state_dict() | kept)
        yield model.eval().requires_grad_(False)


@pytest.mark.node
def test_a_browser_makes_the_images_of_a_course_that_normalises_and_skips(course: LatentModel, tmp_path: Path) -> None:
    assert supported(course.cfg) is None
    write_cases(tmp_path, [write_case(tmp_path, "decoder", course, "decoder", 20)])
    assert_parity(tmp_path)


def test_onnx_normalises_and_skips_as_the_course_does(course: LatentModel) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from vaelab.export.onnx_graph import onnx_model

    tensors = {name: value.numpy() for name, value in course.state_dict().items()}
    z = torch.randn(5, 3)
    session = runtime.InferenceSession(onnx_model(course.cfg, tensors, "decoder"))
    np.testing.assert_allclose(session.run(None, {"z": z.numpy()})[0], course.decode(z), atol=1e-5)


@pytest.fixture(scope="module")
def plain() -> Iterator[LatentModel]:
    registry.networks()  # found before one is put among them
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry._networks, "plain", OwnModule(Plain))
        cfg = ModelConfig(name="linear-vae", network="plain", image_size=16, channels=1, latent_dim=3)
        torch.manual_seed(0)
        yield LatentModel(cfg).eval()


@pytest.mark.node
def test_a_browser_makes_the_images_that_the_module_makes(plain: LatentModel, tmp_path: Path) -> None:
    cfg = plain.cfg
    assert not is_closed(cfg)
    assert supported(cfg) is None
    assert is_closed(cfg, "encoder")
    assert macs(cfg) == 3 * 64 + 2 * 64 + 4 * 3 * 16 * 16 + 3 * 9 * 256
    write_cases(tmp_path, [write_case(tmp_path, "decoder", plain, "decoder", 20)])
    assert_parity(tmp_path)


def test_onnx_holds_the_decoder_alone(plain: LatentModel) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    from vaelab.config.errors import ExportError
    from vaelab.export.onnx_graph import onnx_model

    tensors = {name: value.numpy() for name, value in plain.state_dict().items()}
    z = torch.randn(5, 3)
    session = runtime.InferenceSession(onnx_model(plain.cfg, tensors, "decoder"))
    with torch.no_grad():
        np.testing.assert_allclose(session.run(None, {"z": z.numpy()})[0], plain.decode(z), atol=1e-5)
    with pytest.raises(ExportError, match="add --part decoder"):
        onnx_model(plain.cfg, tensors, "model")


def test_a_bundle_of_an_encoder_that_nobody_declared_is_refused(plain: LatentModel) -> None:
    tensors = {name: value.numpy() for name, value in plain.state_dict().items()}
    assert browser_bundle(plain.cfg, tensors)
    with pytest.raises(WeightsError, match="nobody declared"):
        browser_bundle(plain.cfg, tensors, "encoder")
