"""Measuring and using a trained model: evaluate, nll, encode, decode, load."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from trained import write_model

import vaelab
from vaelab import data
from vaelab.analysis import inference
from vaelab.config.errors import ConfigError, RunError, WeightsError
from vaelab.config.settings import DataConfig, LossConfig
from vaelab.models.latent_model import build
from vaelab.models.losses import floor, log_normal, recon_loss
from vaelab.models.model_config import ModelConfig
from vaelab.models.posteriors import GaussianPosterior
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.training.measures import elbo_terms

DIGITS = DataConfig(name="digits")
GREY = ModelConfig(channels=1, latent_dim=4)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """An untrained conv-vae of grey digits."""
    return write_model(tmp_path / "digits", RunConfig(data=DIGITS, model=GREY, device="cpu"))


# --- evaluate --------------------------------------------------------------------------------------------------------


def test_evaluate_is_the_training_loss_of_the_same_batch(run: Run) -> None:
    result = inference.evaluate(run, limit=40, seed=3)
    test = data.load("digits", channels=1).test
    x, model = inference.to_unit(test.pixels[:40]), inference.load_run(run)
    eps = torch.randn(40, 4, generator=torch.Generator().manual_seed(3))
    recon, kl_per_dim = elbo_terms(model, x, None, eps, LossConfig())
    assert result["images"] == 40
    assert result["recon"] == pytest.approx(recon.mean().item(), rel=1e-6)
    assert result["kl"] == pytest.approx(kl_per_dim.sum(dim=1).mean().item(), rel=1e-5)
    assert result["loss"] == pytest.approx(result["recon"] + result["kl"])
    assert result["floor"] == pytest.approx(floor(x, LossConfig()).mean().item(), rel=1e-6)
    assert result["floor"] < result["recon"]
    assert 0 <= result["active_units"] <= 4
    assert "nll" not in result


def test_evaluate_depends_on_the_seed_and_not_on_the_batches(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = inference.evaluate(run, limit=50)
    monkeypatch.setattr(inference, "BATCH", 7)
    assert inference.evaluate(run, limit=50) == pytest.approx(whole, rel=1e-6)
    assert inference.evaluate(run, limit=50, seed=1)["recon"] != whole["recon"]


def test_evaluate_measures_the_training_images_when_asked(run: Run) -> None:
    train = data.load("digits", channels=1).train
    expected = floor(inference.to_unit(train.pixels[:20]), LossConfig()).mean().item()
    assert inference.evaluate(run, "train", limit=20)["floor"] == pytest.approx(expected, rel=1e-6)


def test_the_loss_weighs_the_kl_term_with_the_runs_own_beta(tmp_path: Path) -> None:
    cfg = RunConfig(data=DIGITS, model=GREY, loss=LossConfig(beta=4.0), device="cpu")
    result = inference.evaluate(write_model(tmp_path / "beta", cfg), limit=10)
    assert result["loss"] == pytest.approx(result["recon"] + 4.0 * result["kl"])


def test_a_conditional_model_is_measured_with_its_labels(tmp_path: Path) -> None:
    shape = ModelConfig(channels=1, latent_dim=4, label="class", classes=10)
    run = write_model(tmp_path / "conditional", RunConfig(data=DIGITS, model=shape, device="cpu"))
    result = inference.evaluate(run, limit=12, importance_samples=2)
    assert math.isfinite(result["loss"])
    assert math.isfinite(result["nll"])


def test_an_autoencoder_has_no_kl_and_no_density(tmp_path: Path) -> None:
    run = write_model(tmp_path / "ae", RunConfig(data=DIGITS, model=ModelConfig(name="autoencoder"), device="cpu"))
    result = inference.evaluate(run, limit=10)
    assert result["kl"] == 0.0
    assert result["loss"] == result["recon"]
    with pytest.raises(ConfigError, match="an autoencoder has not"):
        inference.evaluate(run, importance_samples=10)
    with pytest.raises(ConfigError, match="an autoencoder has none"):
        inference.nll(inference.load_run(run), torch.zeros(1, 3, 32, 32), None, LossConfig(), 5)


@pytest.mark.parametrize(("argument", "value"), [("split", "validation"), ("importance_samples", -1)])
def test_a_wrong_question_is_refused(run: Run, argument: str, value: object) -> None:
    with pytest.raises(ConfigError, match=argument):
        inference.evaluate(run, **{argument: value})


# --- nll by importance sampling --------------------------------------------------------------------------------------


class LinearGaussian:
    """x = w z + noise of standard deviation s, z ~ N(0, 1), one pixel: p(x) = N(0, w^2 + s^2) exactly."""

    w, s = 1.5, 0.5
    x = torch.tensor([[-2.0], [0.3], [1.7]], dtype=torch.float64)

    def nll(self) -> torch.Tensor:
        return -log_normal(self.x, 0.0, math.log(self.w**2 + self.s**2))

    def posterior(self) -> GaussianPosterior:
        variance = 1.0 / (1.0 + self.w**2 / self.s**2)
        return GaussianPosterior(variance * self.w / self.s**2 * self.x, torch.full_like(self.x, math.log(variance)))

    def recon_at(self, z: torch.Tensor) -> torch.Tensor:
        return -log_normal(self.x.expand_as(z), self.w * z, 2.0 * math.log(self.s))


def test_nll_is_exact_with_a_single_draw_from_the_true_posterior() -> None:
    case = LinearGaussian()
    found = inference.importance_nll(case.posterior(), case.recon_at, 1, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, case.nll())


def test_nll_approaches_the_closed_form_from_a_wrong_posterior_and_from_above() -> None:
    case = LinearGaussian()
    true = case.posterior()
    wrong = GaussianPosterior(true.mu + 0.2, true.logvar + 0.7)
    generator = torch.Generator().manual_seed(0)
    many = inference.importance_nll(wrong, case.recon_at, 20_000, generator=generator, rows=3000)
    torch.testing.assert_close(many, case.nll(), atol=0.01, rtol=0)
    few = [inference.importance_nll(wrong, case.recon_at, 1, generator=generator) for _ in range(2000)]
    elbo = torch.stack(few).mean(dim=0)  # with one draw it is the negative ELBO, on average KL(q, true) too high
    gap = 0.5 * (math.exp(0.7) + 0.2**2 / true.logvar.exp() - 1.0 - 0.7).squeeze(1)
    torch.testing.assert_close(elbo - case.nll(), gap, atol=0.05, rtol=0)


def test_nll_of_a_vae_matches_the_integral_over_its_two_latents() -> None:
    torch.manual_seed(1)
    model = build(ModelConfig(channels=1, latent_dim=2)).eval()
    x, loss = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(2)), LossConfig()
    axis = torch.linspace(-5, 5, 41)
    z = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        logits = model.decode_logits(z)
        log_joint = torch.stack(
            [log_normal(z) - recon_loss(logits, image.expand(len(z), 1, 32, 32), loss) for image in x]
        ).double()
    cell = math.log((10 / 40) ** 2)
    expected = -(torch.logsumexp(log_joint, dim=1) + cell)
    found = inference.nll(model, x, None, loss, 1500, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(found.double(), expected, atol=0.1, rtol=0)


# --- encode, decode, sample ------------------------------------------------------------------------------------------


def test_encode_and_decode_are_the_models_own(run: Run) -> None:
    model = inference.load_run(run)
    pixels = data.load("digits", channels=1).test.pixels[:9]
    mu, logvar = inference.encode(model, pixels, batch=4)
    q = model.encode(torch.from_numpy(pixels).float() / 255)
    assert isinstance(q, GaussianPosterior)
    assert logvar is not None
    np.testing.assert_allclose(mu, q.mu.numpy(), atol=1e-5)
    np.testing.assert_allclose(logvar, q.logvar.numpy(), atol=1e-5)
    images = inference.decode(model, mu, batch=2)
    assert images.dtype == np.uint8
    assert np.abs(images - 255 * model.decode(q.mu).numpy()).max() <= 0.51  # rounded to the nearest level
    assert np.array_equal(images, inference.reconstruct(model, pixels))


def test_the_code_of_an_autoencoder_has_no_logvar() -> None:
    model = build(ModelConfig(name="autoencoder")).eval()
    mu, logvar = inference.encode(model, np.zeros((2, 3, 32, 32), np.uint8))
    assert mu.shape == (2, 384)
    assert logvar is None


def test_sample_repeats_with_its_seed(run: Run) -> None:
    model = inference.load_run(run)
    first, again, other = (inference.sample(model, 5, seed=seed) for seed in (1, 1, 2))
    assert first.shape == (5, 1, 32, 32)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_wrong_shapes_are_refused(run: Run) -> None:
    model = inference.load_run(run)
    with pytest.raises(ConfigError, match=r"shape \(1, 32, 32\)"):
        inference.encode(model, np.zeros((1, 3, 32, 32), np.uint8))
    with pytest.raises(ConfigError, match="4 numbers"):
        inference.decode(model, np.zeros((1, 5), np.float32))
    with pytest.raises(ConfigError, match="finite"):
        inference.decode(model, np.full((1, 4), np.nan, np.float32))


# --- load ------------------------------------------------------------------------------------------------------------


def test_a_loaded_model_is_ready_and_leaves_the_random_state_alone(run: Run) -> None:
    before = torch.get_rng_state()
    model = vaelab.load(str(run.path)).module
    assert torch.equal(torch.get_rng_state(), before)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())
    torch.manual_seed(0)
    for name, tensor in build(GREY).state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_a_run_that_does_not_exist_is_named() -> None:
    with pytest.raises(RunError, match="no run 'nowhere'"):
        inference.load("nowhere")


def _spoil(run: Run, how: str) -> None:
    file = run.path / "model.safetensors"
    tensors = load_file(file)
    if how == "truncated":
        file.write_bytes(file.read_bytes()[:100])
        return
    if how == "of another model":
        tensors = dict(build(ModelConfig(name="linear-vae")).state_dict())
    elif how == "with a tensor missing":
        del tensors["decoder.0.bias"]
    elif how == "with one too many":
        tensors["extra"] = torch.zeros(1)
    elif how == "of another latent size":
        tensors["code_mean"] = torch.zeros(5)
    elif how == "of whole numbers":
        tensors["head.0.bias"] = tensors["head.0.bias"].to(torch.int64)
    elif how == "with NaN":
        tensors["head.0.bias"][1] = math.nan
    save_file(tensors, file)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "cannot be read as safetensors"),
        ("of another model", "lacks the tensor features.0.weight"),
        ("with a tensor missing", "lacks the tensor decoder.0.bias"),
        ("with one too many", "holds the tensor extra"),
        ("of another latent size", r"code_mean must have the shape \(4,\), got \(5,\)"),
        ("of whole numbers", "head.0.bias must hold floating-point numbers, got int64"),
        ("with NaN", "head.0.bias holds NaN"),
    ],
)
def test_unusable_weights_are_refused_by_name(run: Run, how: str, message: str) -> None:
    _spoil(run, how)
    with pytest.raises(WeightsError, match=message):
        inference.load_run(run)
