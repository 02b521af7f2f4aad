"""Published figures: their protocols, the schedules that they fall by, log p(x) over many images, and the command."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli_shell import Shell
from engine_cases import drawn
from idx_files import write_mnist

from vaelab.analysis import inference, likelihood
from vaelab.analysis.protocols import PROTOCOLS, protocol
from vaelab.cli.progress import Progress
from vaelab.config.errors import ConfigError
from vaelab.config.settings import LossConfig, OptimConfig
from vaelab.models.architecture import architecture
from vaelab.models.latent_model import LatentModel, last_weights
from vaelab.models.losses import log_normal
from vaelab.models.model_config import ModelConfig
from vaelab.runs import store
from vaelab.training.schedules import lr_at
from vaelab.training.step import optimizer_for

SHORT = ("reproduce", "burda-vae", "--epochs", 2, "--batch-size", 5, "--device", "cpu", "--quiet")


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 and 70 digits of noise in the place of MNIST."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path))
    draw = np.random.default_rng(0)
    write_mnist(tmp_path, draw.integers(0, 256, (60, 28, 28)), draw.integers(0, 256, (70, 28, 28)))


def test_the_rate_of_burda_falls_after_3_to_the_i_epochs() -> None:
    """3,280 epochs of 3,000 steps: 1, 3, 9, ... 2,187 epochs at 0.001 * 10^(-i/7)."""
    steps = [3**i * 3000 for i in range(8)]
    total = sum(steps)
    assert total == 3280 * 3000
    for i, last in enumerate(np.cumsum(steps).tolist()):
        assert lr_at(last, total, 1e-3, "stairs") == pytest.approx(1e-3 * 10 ** (-i / 7))
        if i < 7:
            assert lr_at(last + 1, total, 1e-3, "stairs") == pytest.approx(1e-3 * 10 ** (-(i + 1) / 7))


def test_milestones_fall_where_they_say_and_a_shorter_training_goes_through_all() -> None:
    falls = [
        step
        for step in range(2, 2001)
        if lr_at(step, 2000, 1.0, "milestones") < lr_at(step - 1, 2000, 1.0, "milestones")
    ]
    assert falls == [201, 351, 501, 751, 1001]
    for rate in ("stairs", "milestones"):
        assert lr_at(1, 40, 1.0, rate) == 1.0
        assert lr_at(40, 40, 1.0, rate) == pytest.approx(lr_at(10**6, 10**6, 1.0, rate)) == pytest.approx(0.1)


def test_a_held_cosine_is_a_shorter_cosine_and_then_a_rate_that_stays() -> None:
    held = [lr_at(step, 4000, 1.0, "cosine-hold") for step in range(1, 4001)]
    assert held[:3000] == [lr_at(step, 3000, 1.0, "cosine") for step in range(1, 3001)]
    assert held[2999] == pytest.approx(0.02)
    assert set(held[3000:]) == {0.002}


def test_every_protocol_is_a_training_and_burdas_is_what_the_paper_says() -> None:
    for known in PROTOCOLS.values():
        cfg = known.config(seed=3)
        assert cfg.seed == 3
        if known.unit == "nats":
            assert (cfg.data.image_size, cfg.model.channels) == (28, 1)
            assert cfg.loss.likelihood == "bernoulli"
    cfg = protocol("burda-iwae-50").config()
    assert (cfg.data.name, cfg.model.latent_dim, cfg.model.value("draws")) == ("mnist-dynamic", 50, 50)
    assert cfg.optim == OptimConfig(lr=1e-3, batch_size=20, epochs=3280, rate="stairs", epsilon=1e-4)
    layers = architecture(cfg.model)
    assert [(layer.kind, layer.inputs, layer.outputs) for layer in layers.head if layer.params] == [
        ("Linear", 784, 200),
        ("Linear", 200, 200),
        ("Linear", 200, 100),
    ]
    assert [layer.kind for layer in layers.decoder] == [
        "Linear",
        "Tanh",
        "Linear",
        "Tanh",
        "Linear",
        "Reshape",
        "Sigmoid",
    ]
    larger = protocol("burda-vae").config(batch_size=80, epochs=10)
    assert (larger.optim.lr, larger.optim.epochs) == (pytest.approx(2e-3), 10)
    with pytest.raises(ConfigError, match="did you mean burda-vae"):
        protocol("burda-vea")


def test_adam_takes_the_epsilon_of_the_settings() -> None:
    cfg = protocol("burda-vae").config()
    adam = optimizer_for(drawn(cfg.model), cfg, torch.device("cpu"))
    assert adam.param_groups[0]["eps"] == 1e-4


# --- log p(x) of many images -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits() -> tuple[LatentModel, np.ndarray, torch.Tensor]:
    """A model with two latent numbers, 120 black and white images, drawn by it and spoilt ever more, and their -log p(x) by summing over the plane."""
    model = drawn(
        ModelConfig(name="linear-vae", network="tanh", channels=1, image_size=16, latent_dim=2)
    ).requires_grad_(False)
    last_weights(model.decoder).bias.sub_(2.0)  # white is rare
    generator = torch.Generator().manual_seed(5)
    x = torch.bernoulli(model.decode(torch.randn(120, 2, generator=generator)), generator=generator)
    spoilt = torch.rand(x.shape, generator=generator) < torch.linspace(0, 0.5, 120)[:, None, None, None]
    x = torch.where(spoilt, torch.ones(()), x)  # some images are much less likely than others
    axis = torch.linspace(-6, 6, 121)
    z = torch.cartesian_prod(axis, axis)
    logits = model.decode_logits(z).flatten(1).double()
    joint = (
        logits @ x.flatten(1).double().T + (log_normal(z) - torch.nn.functional.softplus(logits).sum(dim=1))[:, None]
    )
    exact = -(torch.logsumexp(joint, dim=0) + math.log(0.1**2))
    return model, (255 * x).byte().numpy(), exact


def test_log_p_of_all_images_is_the_integral(digits: tuple[LatentModel, np.ndarray, torch.Tensor]) -> None:
    model, pixels, exact = digits
    *_, last = likelihood.estimates(model, pixels, LossConfig(), 3000)
    assert (last.images, last.of, last.error) == (120, 120, 0.0)
    assert last.nll == pytest.approx(float(exact.mean()), abs=0.02)
    assert last.bound > last.nll + 0.05


def test_some_images_tell_of_all_within_the_error(digits: tuple[LatentModel, np.ndarray, torch.Tensor]) -> None:
    model, pixels, exact = digits
    away = []
    for seed in range(4):
        (found,) = likelihood.estimates(model, pixels, LossConfig(), 1000, 40, seed=seed)
        assert found.images == 40
        assert found.error < 0.2 * float(exact.std()) / math.sqrt(40)  # the mean of 40 images alone says less
        away.append((found.nll - float(exact.mean())) / found.error)
    assert max(map(abs, away)) < 4.0
    with pytest.raises(ConfigError, match="at least 1"):
        next(likelihood.estimates(model, pixels, LossConfig(), 0))


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_list_tells_every_figure(shell: Shell) -> None:
    printed = shell("reproduce", "--list")
    for nats in ("86.76", "85.54", "84.78", "89.78", "89.90", "85.79", "85.57", "84.58", "84.74"):
        assert nats in printed
    assert {entry["name"] for entry in shell.json("reproduce", "--list")["protocols"]} == set(PROTOCOLS)
    assert "burda-iwae-50" in shell.refuses("reproduce")
    assert "did you mean pythae-vamp" in shell.refuses("reproduce", "pythae-vap")


def test_ours_is_printed_beside_theirs_with_the_budget(shell: Shell, mnist: None) -> None:
    printed = shell(*SHORT, "--samples", 20)
    run = store.find("reproduce-burda-vae-2-epochs-batch-5")
    assert run.status().state == "finished"
    for words in (
        "86.76",
        "Burda et al. 2016, table 1",
        "2 epochs, of 3,280",
        "seed 0",
        "20 samples",
        "the schedule of 3,280 epochs in 2",
    ):
        assert words in printed
    told = shell.json(*SHORT, "--samples", 20, "--images", 50)  # measured again, not trained again
    assert run.status().step == 24
    assert (told["images"], told["test_images"], told["epochs"]) == (50, 70, 2)
    assert told["published"] == [{"who": "Burda et al. 2016, table 1", "nats": 86.76}]
    exact = inference.evaluate(run, importance_samples=2000)["nll"]
    whole = shell.json(*SHORT, "--samples", 2000)
    assert whole["nll"] == pytest.approx(exact, abs=0.5)


def test_ctrl_c_keeps_what_there_is_and_the_command_goes_on(
    shell: Shell, mnist: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    loud = SHORT[:-1]
    with monkeypatch.context() as patch:
        patch.setattr(
            Progress, "show", lambda self, row: signal.raise_signal(signal.SIGINT) if row["step"] == 8 else None
        )
        told = shell.json(*loud)
    assert (told["state"], told["step"]) == ("stopped", 8)
    assert shell.json(*loud, "--minutes", 0, "--samples", 5)["epochs"] == pytest.approx(2 * 8 / 24, abs=0.01)
    nll, calls = inference.nll, 0

    def interrupted(*arguments: Any, **named: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls > likelihood.BOUND_DRAWS + 1:  # of the second part
            raise KeyboardInterrupt
        return nll(*arguments, **named)

    monkeypatch.setattr(likelihood, "nll", interrupted)
    told = shell.json(*SHORT, "--samples", 5)
    assert (told["images"], told["epochs"]) == (likelihood.PART, 2)
    assert told["error"] > 0.0


def test_the_time_that_is_given_ends_the_training_with_a_measurement(
    shell: Shell, mnist: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Progress, "show", lambda self, row: None)
    told = shell.json("reproduce", "burda-vae", "--device", "cpu", "--minutes", 0.01, "--samples", 5)
    assert 0 < told["epochs"] < 3280
    assert store.find(told["run"]).status().state == "stopped"


def test_a_run_of_other_settings_is_not_taken_for_it(shell: Shell, mnist: None) -> None:
    cfg = protocol("pythae-vae").config(epochs=2, batch_size=5)
    store.create_run(cfg, "reproduce-burda-vae-2-epochs-batch-5")
    assert "must have the settings of burda-vae" in shell.refuses(*SHORT)
