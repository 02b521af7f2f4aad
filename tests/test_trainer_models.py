"""The training loop with every kind of model, with data and checkpoints that do not suit, and what it leaves behind."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from small_training import CPU, images, numbers, settings, stop_at, train, weights

from vaelab import data
from vaelab.config.errors import ConfigError, WeightsError
from vaelab.config.settings import LossConfig, OptimConfig
from vaelab.models.losses import kl_divergence, recon_loss
from vaelab.models.model_config import ModelConfig
from vaelab.runs.recorder import Recorder
from vaelab.runs.slim import thin
from vaelab.runs.store import create_run
from vaelab.training import snapshots, trainer
from vaelab.training.batches import ImageSet, Noise
from vaelab.training.first_weights import new_model
from vaelab.training.measures import HeldOut


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    torch.set_num_threads(1)  # a sum of few numbers is not worth a second thread


def test_a_batch_larger_than_the_set_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"batch_size must be at most .* 204, got 205"):
        train(settings(optim=OptimConfig(batch_size=205)))


def test_images_and_labels_must_suit_the_model() -> None:
    with pytest.raises(ConfigError, match="1 x 32 x 32 for this model, got 3 x 32 x 32"):
        ImageSet(images(3).train, ModelConfig(channels=1), CPU)
    few = images(3).train
    many = data.Images(pixels=few.pixels, labels=few.labels * 5 if few.labels is not None else None)
    with pytest.raises(ConfigError, match="above every label 'class' of the data, got 2 with a label 5"):
        ImageSet(many, ModelConfig(label="class", classes=2), CPU)


@pytest.mark.parametrize(
    ("file", "spoil", "complaint"),
    [
        ("model.safetensors", lambda a: a.pop("head.0.bias") is None, "lacks the tensor head.0.bias"),
        ("model.safetensors", lambda a: a.update({"head.0.bias": np.full(128, np.nan, np.float32)}), "NaN"),
        ("optimiser.safetensors", lambda a: a.update({"head.0.bias.exp_avg": np.zeros(3, np.float32)}), "shape"),
        ("optimiser.safetensors", None, "whole safetensors file"),
        ("state.json", None, "must say where training stood"),
    ],
)
def test_a_foreign_or_broken_checkpoint_is_one_sentence(file: str, spoil: Any, complaint: str) -> None:
    cfg = settings()
    run, _ = train(cfg, act=stop_at(1))
    checkpoint = run.latest_checkpoint()
    assert checkpoint is not None
    if spoil is None:
        (checkpoint / file).write_text(json.dumps({"step": "x"}))
    else:
        arrays = load_file(checkpoint / file)
        spoil(arrays)
        save_file(arrays, checkpoint / file)
    with pytest.raises(WeightsError, match=complaint):
        train(cfg, run)


# Models and measurements


@pytest.mark.parametrize("name", ["autoencoder", "conv-vae", "conditional"])
def test_every_kind_of_model_trains_resumes_and_is_shown(name: str) -> None:
    model = {
        "autoencoder": ModelConfig(name="autoencoder"),
        "conv-vae": ModelConfig(channels=1, latent_dim=4),
        "conditional": ModelConfig(channels=1, latent_dim=2, label="class", classes=2),
    }[name]
    cfg = settings(model=model, optim=OptimConfig(batch_size=51, epochs=2))
    run, _ = train(cfg, act=stop_at(3))
    train(cfg, run)
    straight, _ = train(cfg)
    assert numbers(run) == numbers(straight)
    last, shown, fixed = run.metrics()[-1], run.snapshot(8), run.fixed()
    if name == "autoencoder":
        assert last["kl"] == last["test_kl"] == 0.0
        assert "kl_per_dim" not in last
        assert "probe_logvar" not in shown
        assert np.allclose(shown["code_mean"], shown["probe_mu"].mean(axis=0), atol=1e-5)
        assert np.array_equal(weights(run)["code_std"], shown["code_std"])
    else:
        assert len(last["kl_per_dim"]) == model.latent_dim
        assert not shown["code_mean"].any()
    assert ("sample_y" in fixed) == ("originals_y" in fixed) == ("probe_y" in fixed) == (name == "conditional")
    if name == "conditional":
        assert fixed["sample_y"].tolist() == [0, 1] * 12


def test_conv_vae_starts_with_the_average_colour() -> None:
    cfg = settings(model=ModelConfig(latent_dim=4), optim=OptimConfig(batch_size=204, epochs=1))
    run, _ = train(cfg, act=stop_at(1))
    mean = images().train.pixels.mean(axis=(0, 2, 3)) / 255
    bias = run.snapshot(0)["decoder.7.bias"]
    assert np.allclose(1 / (1 + np.exp(-bias)), mean, atol=1e-3)


def test_training_and_evaluation_give_the_same_number_on_the_same_batch() -> None:
    """One batch holds the whole set, and the held-out images are the same images with the same noise."""
    cfg = settings(optim=OptimConfig(batch_size=40, epochs=1), loss=LossConfig(beta=2.0))
    squares = images(train=40, test=0).train
    dataset = data.Dataset(info=data.info("digits"), train=squares, test=squares)
    model = new_model(cfg.model, cfg.seed)
    held_out = HeldOut(dataset, cfg, 40, CPU).measure(model, beta=2.0)
    x = torch.from_numpy(squares.pixels).float() / 255
    logits, q = model(x, None, Noise(3, cfg.seed, CPU).eps(0, 40, "held-out"))
    recon, kl = recon_loss(logits, x, cfg.loss).mean().item(), kl_divergence(q.mu, q.logvar).mean().item()
    assert held_out["test_recon"] == pytest.approx(recon, rel=1e-6)
    assert held_out["test_kl"] == pytest.approx(kl, rel=1e-5)
    assert held_out["test_loss"] == pytest.approx(recon + 2.0 * kl, rel=1e-6)
    assert held_out["test_floor"] == pytest.approx(held_out["floor"], rel=1e-6)
    assert HeldOut(dataset, cfg, 40, CPU).measure(model, beta=2.0) == held_out

    run = create_run(cfg)
    trainer.fit(model, dataset, cfg, Recorder(run), CPU)
    first = run.metrics()[0]
    same = new_model(cfg.model, cfg.seed)
    # The order within the batch differs: compare the noise-free term.
    logits, q = same(x, None, Noise(3, cfg.seed, CPU).eps(1, 40))
    assert first["kl"] == pytest.approx(kl_divergence(q.mu, q.logvar).mean().item(), rel=1e-5)


def test_thinning_keeps_the_ends_and_covers_the_run() -> None:
    assert thin([0, 1, 2], keep=3) == []
    assert thin([], keep=3) == []
    kept: list[int] = []
    for step in range(0, 5000, 7):  # one after the other, as they are written
        kept.append(step)
        kept = sorted(set(kept) - set(thin(kept, snapshots.KEPT)))
    assert len(kept) == snapshots.KEPT
    assert (kept[0], kept[-1]) == (0, 4998)
    assert max(b - a for a, b in pairwise(kept)) < 600
    assert len([step for step in kept if step < 500]) >= 8
