"""The residual network: its layers do what they declare, a batch has one loss in training and in evaluation, and a resume is exact."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from engine_cases import drawn
from small_training import settings, stop_at, train, weights

from vaelab.config.errors import ConfigError
from vaelab.config.settings import OptimConfig
from vaelab.export.bundle import macs
from vaelab.models.latent_model import WithSums, _module, build
from vaelab.models.layers import LEAK, NORM_EPS, Layer, normalise, residual, shapes
from vaelab.models.model_config import ModelConfig

RESNET = ModelConfig(name="conv-vae", network="resnet", latent_dim=3)


@torch.no_grad()
def test_a_residual_block_adds_what_two_normalised_convolutions_say() -> None:
    torch.manual_seed(0)
    block = WithSums(*map(_module, residual(16, 16)))
    x = torch.randn(3, 16, 5, 5)
    for norm in (block[0], block[3]):
        norm.weight.normal_()
        norm.bias.normal_()

    def half(h: torch.Tensor, norm: torch.nn.Module, conv: torch.nn.Module) -> torch.Tensor:
        groups = h.reshape(3, 2, 8 * 25)
        mean, var = groups.mean(dim=2, keepdim=True), groups.var(dim=2, keepdim=True, unbiased=False)
        h = ((groups - mean) / (var + NORM_EPS).sqrt()).reshape(h.shape)
        h = h * norm.weight[None, :, None, None] + norm.bias[None, :, None, None]
        return torch.nn.functional.conv2d(torch.where(h > 0, h, LEAK * h), conv.weight, conv.bias, padding=1)

    expected = x + half(half(x, block[0], block[2]), block[3], block[5])
    torch.testing.assert_close(block(x), expected, atol=1e-4, rtol=1e-4)


def test_groups_have_eight_channels_where_that_divides_them() -> None:
    assert [normalise(channels).groups for channels in (64, 24, 8, 12)] == [8, 3, 1, 1]


@torch.no_grad()
def test_an_image_has_one_loss_in_training_and_evaluation_whatever_is_beside_it() -> None:
    model, cfg = drawn(RESNET), settings(model=RESNET)
    x, eps = torch.rand(6, 3, 32, 32), torch.randn(6, 3)

    def recon(rows: slice) -> torch.Tensor:
        return model.cfg.method.terms(model, x[rows], None, eps[rows], cfg.loss)["recon"]

    evaluated = recon(slice(None))
    alone = torch.cat([recon(slice(k, k + 1)) for k in range(6)])
    torch.testing.assert_close(model.train() and recon(slice(None)), evaluated, rtol=0, atol=0)
    torch.testing.assert_close(alone, evaluated, rtol=1e-5, atol=0)


def test_it_is_the_convolutional_network_with_blocks_that_begin_with_nothing() -> None:
    """The same weights in the layers that both have: before any step both decode alike."""
    torch.manual_seed(1)
    plain, blocks = build(ModelConfig(name="conv-vae", latent_dim=3)), build(RESNET)
    for part in ("features", "head", "decoder"):
        theirs = [layer for layer in getattr(plain, part) if list(layer.parameters())]
        ours = [
            m
            for m in getattr(blocks, part)
            if isinstance(m, torch.nn.Linear | torch.nn.ConvTranspose2d) or getattr(m, "stride", 0) == (2, 2)
        ]
        for a, b in zip(theirs, ours, strict=True):
            b.load_state_dict(a.state_dict())
    x, z = torch.rand(2, 3, 32, 32), torch.randn(2, 3)
    with torch.no_grad():
        torch.testing.assert_close(blocks.encode(x).mean, plain.encode(x).mean)
        torch.testing.assert_close(blocks.decode(z), plain.decode(z))


def test_work_of_one_image() -> None:
    """conv's, and before each of its three doublings a block of half the width within: 2 for a normalised number, 1 for an added one."""
    blocks = sum((2 * 9 * a * a // 2 + 2 * (a + a // 2) + a) * side**2 for a, side in ((96, 4), (48, 8), (24, 16)))
    assert macs(RESNET) == macs(ModelConfig(name="conv-vae", latent_dim=3)) + blocks


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ((Layer("Add", back=2),), "layer 0, an Add, must look back 2 to 1 layers"),
        ((Layer("ReLU"), Layer("Add", back=3)), r"layer 1, an Add, must look back 2 to 2 layers \(2: to what went in first\), got 3"),
        ((Layer("Linear", 4, 5), Layer("Add", back=2)), r"must add numbers of one shape, got \(4,\) from 2 layers back and \(5,\)"),
        ((Layer("GroupNorm", 4, 4, groups=3),), "layer 0, a GroupNorm, must take the 4 channels .* got 4 channels in 3 groups"),
        ((Layer("GroupNorm", 8, 8),), "must take the 4 channels that come to it"),
    ],
)  # fmt: skip
def test_a_sum_or_a_normalisation_that_does_not_fit_is_named(layers: tuple[Layer, ...], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        shapes(layers, (4,))


def test_a_stopped_training_goes_on_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    cfg = settings(model=RESNET, optim=OptimConfig(batch_size=40, epochs=2))
    straight, _ = train(cfg)
    resumed, outcome = train(cfg, act=stop_at(3))
    assert outcome.state == "stopped"
    train(cfg, run=resumed)
    for name, value in weights(straight).items():
        np.testing.assert_array_equal(value, weights(resumed)[name], err_msg=name)
