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

from vaelab.export.bundle import browser_bundle, is_closed, macs, supported
from vaelab.models import registry
from vaelab.models.latent_model import LatentModel
from vaelab.models.layers import SIGMOID, Layer
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
    "batch normalisation": of(nn.Linear(3, 64), nn.BatchNorm1d(64), nn.Sigmoid()),
    "a layer of one's own": of(Doubled(3, 64), nn.Sigmoid()),
    "no bias": of(nn.Linear(3, 64, bias=False), nn.Sigmoid()),
    "output_padding": of(
        nn.Linear(3, 16), nn.Unflatten(1, (1, 4, 4)), nn.ConvTranspose2d(1, 1, 3, 2, 1, output_padding=1), nn.Sigmoid()
    ),
    "a skip connection": of(*dense(), decode=lambda z, fc, end: end(fc(z) + fc(z))),
    "a choice": of(*dense(), decode=lambda z, fc, end: end(fc(z)) if z.sum() > 0 else end(-fc(z))),
    "half of z": of(nn.Linear(2, 64), nn.Sigmoid(), decode=lambda z, fc, end: end(fc(z[:, :2]))),
    "two sigmoids": of(nn.Linear(3, 64), nn.Sigmoid(), nn.Sigmoid()),
    "transposed pixels": of(*dense(), decode=lambda z, fc, end: end(fc(z)).view(-1, 1, 8, 8).transpose(2, 3)),
    "a hook": hooked(),
}


@pytest.mark.parametrize("module", OTHERS.values(), ids=OTHERS)
def test_anything_else_is_left_to_the_server(module: nn.Module) -> None:
    assert kinds(module) == []


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
    from vaelab.config.errors import WeightsError

    tensors = {name: value.numpy() for name, value in plain.state_dict().items()}
    assert browser_bundle(plain.cfg, tensors)
    with pytest.raises(WeightsError, match="nobody declared"):
        browser_bundle(plain.cfg, tensors, "encoder")
