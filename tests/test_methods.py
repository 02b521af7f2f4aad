"""Every method in every place: it trains, resumes bit for bit, is measured, decodes in the browser, and answers about an image."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import images, numbers, settings, stop_at, train, weights

from vaelab import data
from vaelab.analysis import inference, inspection, latents, uses
from vaelab.config.settings import OptimConfig
from vaelab.export.bundle import browser_bundle, supported
from vaelab.models import registry
from vaelab.models.model_config import ModelConfig
from vaelab.models.presets import presets
from vaelab.models.words import Words

METHODS = tuple(name for name, preset in presets().items() if name == preset.method)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    torch.set_num_threads(1)


def config(name: str, **more: object) -> ModelConfig:
    known = presets()[name]
    channels = registry.network(known.network).channels[0]
    return ModelConfig(name=name, channels=channels, latent_dim=6, **more)  # type: ignore[arg-type]


def words_of(method: str) -> list[Words]:
    known = registry.method(method)
    listed = [known.words, *known.curves.values(), *known.pictures.values()]
    return [*listed, *(setting.words for setting in known.settings)]


@pytest.mark.parametrize("name", registry.methods())
def test_a_method_says_its_paper_and_itself_in_both_languages(name: str) -> None:
    method = registry.method(name)
    assert any(character.isdigit() for character in method.paper)
    for words in words_of(name):
        assert words.title
        assert words.help.endswith(".")
        assert words.help_zh.endswith("。")
        assert not words.title_zh.isascii() or words.title_zh == words.title
    for setting in method.settings:
        assert len(setting.choice_words) == len(setting.choices)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_works_in_every_place(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = settings(model=config(name), optim=OptimConfig(batch_size=51, epochs=2))
    run, outcome = train(cfg, act=stop_at(3))
    assert outcome.state == "stopped"
    train(cfg, run)
    straight, outcome = train(cfg)
    assert outcome.state == "finished"
    assert numbers(run) == numbers(straight)  # a resumed training gives the same numbers, bit for bit
    for key, tensor in weights(straight).items():
        assert np.array_equal(weights(run)[key], tensor), key
    method, last, shown = cfg.model.method, straight.metrics()[-1], straight.snapshot(8)
    assert set(method.curves) <= set(last)
    assert {f"test_{curve}" for curve in method.curves} <= set(last)
    assert ("kl_per_dim" in last) == (method.has_posterior and method.kl_by_dimension)
    for picture in method.pictures:
        assert shown[picture].dtype == np.uint8
        assert shown[picture].shape[1:] == shown["recon"].shape[1:]
    assert shown["recon"].std() > 0

    dataset = images(cfg.model.channels)
    monkeypatch.setattr(data, "load", lambda *_, **__: dataset)
    importance = 8 if method.has_posterior else 0
    found = inference.evaluate(straight, importance_samples=importance)
    assert all(math.isfinite(value) for value in found.values())
    assert set(method.curves) <= set(found)
    again = inference.evaluate(straight, importance_samples=importance)
    assert found == again

    model = inference.load_run(straight)
    assert supported(cfg.model) is None
    tensors = {key: tensor.numpy() for key, tensor in model.state_dict().items()}
    assert browser_bundle(cfg.model, tensors).startswith(b"VAEBUNDL")
    assert (supported(cfg.model, "encoder") is None) == method.head_is_code
    one = dataset.test.pixels[0]
    said = inspection.inspect_image(model, one, None, cfg.loss)
    assert np.isfinite(said.mu).all()
    assert math.isfinite(said.bound)
    assert (said.logvar is None) == (not method.has_posterior)
    assert uses.variations(model, one, 3, 1.0).shape == (3, *one.shape)
    assert np.array_equal(uses.variations(model, one, 1, 0.0)[0], uses.decode_code(model, said.mu))
    codes = latents.codes(latents.query(straight, "test", 40))
    assert np.isfinite(codes.mu).all()
    assert (codes.kl_per_dim is not None) == method.has_normal_kl
    sampled = inference.sample(model, 5, seed=1)
    assert np.array_equal(sampled, inference.sample(model, 5, seed=1))
    assert not np.array_equal(sampled, inference.sample(model, 5, seed=2))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_a_label_where_its_network_does(name: str) -> None:
    if not config(name).built_with.takes_label:
        pytest.skip("its usual network takes no label")
    cfg = settings(model=config(name, label="class", classes=2), optim=OptimConfig(batch_size=102, epochs=1))
    run, outcome = train(cfg)
    assert outcome.state == "finished"
    assert math.isfinite(run.metrics()[-1]["loss"])


@pytest.mark.parametrize("name", METHODS)
def test_training_lowers_the_loss(name: str) -> None:
    cfg = settings(model=config(name), optim=OptimConfig(batch_size=34, epochs=4, lr=3e-3))
    run, _ = train(cfg)
    rows = run.metrics()
    assert rows[-1]["loss"] < rows[0]["loss"]
