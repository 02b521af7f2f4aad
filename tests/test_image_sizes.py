"""Every size that images may have: the layers fit, images are brought to it, and a training that cannot fit is refused with the number."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from vaelab import data
from vaelab.config.errors import ConfigError
from vaelab.config.settings import IMAGE_SIZES
from vaelab.images.fitting import fit_size
from vaelab.models.architecture import architecture
from vaelab.models.layers import shapes
from vaelab.models.model_config import ModelConfig
from vaelab.runs import memory
from vaelab.runs.memory import check_memory, needed_mb
from vaelab.runs.plan import plan
from vaelab.runs.store import create_run
from vaelab.workers import launch, train_worker


@pytest.fixture(autouse=True)
def runs_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


@pytest.mark.parametrize(
    ("name", "network"), [("autoencoder", ""), ("linear-vae", ""), ("conv-vae", ""), ("conv-vae", "resnet")]
)
@pytest.mark.parametrize("size", IMAGE_SIZES)
def test_the_layers_lead_to_the_code_and_back_to_the_image(name: str, network: str, size: int) -> None:
    cfg = ModelConfig(name=name, network=network, image_size=size)
    layers, image = architecture(cfg), (3, size, size)
    flat = math.prod(shapes(layers.features, image)[-1] if layers.features else image)
    assert flat == (layers.head[0].inputs if layers.head else cfg.latent_dim)
    assert shapes(layers.decoder, (cfg.latent_dim,))[-1] == image


@pytest.mark.parametrize("size", [12, 30, 260, 32.0, True, "32"])
def test_another_size_is_refused(size: object) -> None:
    with pytest.raises(ConfigError, match="a multiple of 4 from 16 to 256"):
        ModelConfig.from_dict({"image_size": size})


def test_digits_keep_their_own_size_and_others_are_padded_first() -> None:
    digit = np.arange(28 * 28, dtype=np.uint32).reshape(1, 1, 28, 28).astype(np.uint8)
    assert fit_size(digit, 28) is not None
    np.testing.assert_array_equal(fit_size(digit, 28), digit)
    np.testing.assert_array_equal(fit_size(digit, 56), digit.repeat(2, axis=2).repeat(2, axis=3))
    np.testing.assert_array_equal(fit_size(digit, 32)[:, :, 2:-2, 2:-2], digit)
    assert not fit_size(digit, 32)[:, :, :2].any()


def test_faces_at_their_native_size_are_the_painted_pixels() -> None:
    small = data.load("pixel-faces", image_size=16, limit=8).train.pixels
    large = data.load("pixel-faces", image_size=32, limit=8).train.pixels
    np.testing.assert_array_equal(small.repeat(2, axis=2).repeat(2, axis=3), large)


@pytest.mark.parametrize(
    ("dataset", "size"), [("pixel-faces", 16), ("digits", 28), ("shapes", 48), ("pixel-faces", 128)]
)
def test_a_training_runs_at_any_size(dataset: str, size: int) -> None:
    cfg = plan(dataset, image_size=size, epochs=1, batch_size=32, limit=64, device="cpu")
    run = create_run(cfg)
    assert train_worker.run_here(run).state == "finished"
    step = run.snapshots()[-1]
    assert run.snapshot(step)["samples"].shape[-2:] == (size, size)


def test_a_training_that_cannot_fit_is_refused_with_the_number(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = plan("pixel-faces", image_size=256, batch_size=2048)
    needed = needed_mb(cfg, 10_000)
    # 2 floats for each output of 2,048 images, and the images twice: worked out by hand for the largest layer alone
    assert needed > (2 * 2048 * 8 * 256**2 * 4 + 2 * 10_000 * 3 * 256**2) / 2**20
    monkeypatch.setattr(memory, "has_mb", lambda: 2048.0)
    with pytest.raises(ConfigError, match=rf"about {needed / 1024:.1f} GiB of memory, and this computer has 2\.0 GiB"):
        check_memory(cfg, 10_000)
    with pytest.raises(ConfigError, match="GiB of memory"):
        launch.start(cfg)
    check_memory(plan("digits"), 1_797)
