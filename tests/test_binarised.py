"""Black and white MNIST: the chances of a pixel, the fixed sample, and the new one of each step of a training."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from idx_files import write_mnist
from small_training import CPU, stop_at, train, weights

from vaelab import data
from vaelab.data import binarised, downloads
from vaelab.models.model_config import ModelConfig
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig
from vaelab.training.batches import ImageSet, Noise

FULL = os.environ.get("VAELAB_DATA", "")  # before a test points it elsewhere
BOTH = ("mnist-static", "mnist-dynamic")
GREY = (0, 1, 64, 128, 200, 254, 255)


@pytest.fixture(autouse=True)
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Image i has the grey value i modulo 7 of GREY all over."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path))
    write_mnist(tmp_path, _even(210), _even(70))


def _even(images: int) -> np.ndarray:
    return np.broadcast_to(np.array(GREY, np.uint8)[np.arange(images) % len(GREY), None, None], (images, 28, 28))


def _shares(pixels: np.ndarray) -> list[float]:
    """How much of the images of each grey value is white."""
    assert set(np.unique(pixels)) <= {0, 255}
    return [float(pixels[i :: len(GREY)].mean() / 255) for i in range(len(GREY))]


@pytest.mark.parametrize("name", BOTH)
def test_a_pixel_is_white_as_often_as_it_is_bright(name: str) -> None:
    loaded = data.load(name, image_size=28)
    assert loaded.info.name == name
    for images in (loaded.train, loaded.test):
        assert images.pixels.shape[1:] == (1, 28, 28)
        shares = _shares(images.pixels)
        assert (shares[0], shares[-1]) == (0.0, 1.0)
        pixels = images.pixels[:: len(GREY)].size
        for share, grey in zip(shares, GREY, strict=True):
            spread = (grey / 255 * (1 - grey / 255) / pixels) ** 0.5
            assert abs(share - grey / 255) <= 5 * spread
        assert images.labels is not None


def test_the_sample_is_fixed_and_a_limit_or_channels_do_not_change_it() -> None:
    once = data.load("mnist-static", image_size=32)
    for again in (data.load("mnist-static", image_size=32), data.load("mnist-dynamic", image_size=32)):
        np.testing.assert_array_equal(again.train.pixels, once.train.pixels)
        np.testing.assert_array_equal(again.test.pixels, once.test.pixels)
    few = data.load("mnist-static", limit=9, channels=3)
    np.testing.assert_array_equal(few.train.pixels[:, 2], once.train.pixels[:9, 0])
    assert (once.train.pixels[: len(once.test)] != once.test.pixels).any()  # each split has draws of its own
    assert once.train.chances is None
    assert data.load("mnist-dynamic").test.chances is None


def test_the_sample_is_the_one_that_figures_were_measured_on() -> None:
    """PCG64 promises its numbers for every version of numpy; these were drawn when the table of docs/models.md was."""
    grey = np.arange(256, dtype=np.uint8).repeat(4).reshape(1, 1, 32, 32)
    digest = hashlib.md5(binarised.fixed_sample(grey, "test").tobytes()).hexdigest()
    assert digest == "8744beb56a185d9e8ea0211e6c89cb3a"


def test_they_are_made_from_the_files_of_mnist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert all(data.is_available(name) for name in BOTH)
    assert downloads.plan("mnist-static") == downloads.plan("mnist")
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "nothing"))
    assert not any(data.is_available(name) for name in BOTH)


@pytest.mark.parametrize(
    "cfg", [ModelConfig(name="conv-vae", channels=1, latent_dim=3), ModelConfig(name="linear-vae", latent_dim=3)]
)
def test_each_step_draws_anew_and_can_be_drawn_again(cfg: ModelConfig) -> None:
    loaded = data.load("mnist-dynamic", channels=cfg.channels)
    images, noise = ImageSet(loaded.train, cfg, CPU), Noise(3, seed=4, device=CPU)
    rows = torch.arange(70)
    first, _ = images.draw(rows, noise, 1, slice(None))
    other, _ = images.draw(rows, noise, 2, slice(None))
    again, _ = images.draw(rows, Noise(3, seed=4, device=CPU), 1, slice(None))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (70, cfg.channels, 32, 32)
    assert torch.equal(first[:, :1].expand_as(first), first)  # all channels of a pixel are one draw
    for step in (first, other):
        shares = _shares((255 * step[:, :, 2:30, 2:30]).numpy())
        np.testing.assert_allclose(shares, np.array(GREY) / 255, atol=0.03)
    part, _ = images.draw(rows, Noise(3, seed=4, device=CPU), 1, slice(20, 50))
    assert torch.equal(part, first[20:50])  # a device that holds a part of the batch sees what one device would
    fixed, _ = images.take(rows)
    assert torch.equal(fixed, torch.from_numpy(loaded.train.pixels[:70]).float() / 255)


def _plan(name: str) -> RunConfig:
    return plan(name, "linear-vae", latent_dim=3, image_size=28, epochs=1, batch_size=10, seed=2, device="cpu")


def test_a_resumed_training_on_new_samples_equals_the_uninterrupted_one() -> None:
    anew = data.load("mnist-dynamic", image_size=28, channels=3)
    whole, _ = train(_plan("mnist-dynamic"), dataset=anew)
    halved, outcome = train(_plan("mnist-dynamic"), act=stop_at(9), dataset=anew)
    assert outcome.state == "stopped"
    train(_plan("mnist-dynamic"), halved, dataset=anew)
    for name, tensor in weights(whole).items():
        np.testing.assert_array_equal(tensor, weights(halved)[name])
    once, _ = train(_plan("mnist-static"), dataset=data.load("mnist-static", image_size=28, channels=3))
    assert any((tensor != weights(once)[name]).any() for name, tensor in weights(whole).items())


@pytest.mark.fulldata
@pytest.mark.skipif(not FULL, reason="MNIST is not in VAELAB_DATA")
def test_full_mnist_in_black_and_white(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", FULL)
    if not data.is_available("mnist"):
        pytest.skip("MNIST is not in VAELAB_DATA")
    loaded = data.load("mnist-static", image_size=28)
    digests = [hashlib.md5(images.pixels.tobytes()).hexdigest() for images in (loaded.train, loaded.test)]
    assert digests == ["826ba7bd7f3b65210b34af5804b5ffc5", "0af8828090106d26c4acf1bc6f44c7b6"]
