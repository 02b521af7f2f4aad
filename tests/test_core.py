"""Configs, losses and models against known answers."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from vaelab.config.errors import ConfigError, VaeLabError
from vaelab.config.settings import DataConfig, LossConfig, OptimConfig, ScheduleConfig
from vaelab.models import losses
from vaelab.models.architecture import architecture
from vaelab.models.latent_model import build
from vaelab.models.layers import Layer, shapes
from vaelab.models.model_config import ModelConfig
from vaelab.models.posteriors import GaussianPosterior, PointPosterior
from vaelab.runs.run_config import RunConfig
from vaelab.training.schedules import beta_at

CONDITIONAL: dict[str, Any] = {"label": "class", "classes": 10}


# --- configs ---------------------------------------------------------------------------------------------------------


def test_a_run_config_survives_json() -> None:
    cfg = RunConfig(
        data=DataConfig(name="shapes", image_size=64, limit=100),
        model=ModelConfig(latent_dim=5, image_size=64, **CONDITIONAL),
        loss=LossConfig(likelihood="gaussian", beta=0.5, sigma=0.2),
        schedule=ScheduleConfig(kind="cyclic", warmup=0.1),
        optim=OptimConfig(lr=3e-4, batch_size=7, epochs=2),
        seed=9,
        device="cpu",
        version="0.1.0",
    )
    assert RunConfig.from_dict(json.loads(json.dumps(cfg.to_dict()))) == cfg


def test_every_setting_has_a_sentence_of_help() -> None:
    for kind in (DataConfig, ModelConfig, LossConfig, ScheduleConfig, OptimConfig, RunConfig):
        for name in kind.__dataclass_fields__:
            assert kind.help(name).endswith("."), f"{kind.__name__}.{name}"


@pytest.mark.parametrize(
    ("kind", "values", "named"),
    [
        (DataConfig, {"name": ""}, "data.name"),
        (DataConfig, {"name": 3}, "name"),
        (DataConfig, {"image_size": 50}, "data.image_size"),
        (DataConfig, {"limit": 0}, "data.limit"),
        (DataConfig, {"limit": 1.5}, "data.limit"),
        (ModelConfig, {"name": "gan"}, "name"),
        (ModelConfig, {"latent_dim": 0}, "model.latent_dim"),
        (ModelConfig, {"latent_dim": 257}, "model.latent_dim"),
        (ModelConfig, {"latent_dim": True}, "model.latent_dim"),
        (ModelConfig, {"latent_dim": "16"}, "model.latent_dim"),
        (ModelConfig, {"image_size": 31}, "model.image_size"),
        (ModelConfig, {"channels": 2}, "model.channels"),
        (ModelConfig, {"name": "linear-vae", "channels": 1}, "model.channels"),
        (ModelConfig, {"name": "linear-vae", **CONDITIONAL}, "model.label"),
        (ModelConfig, {"label": "class"}, "model.classes"),
        (ModelConfig, {"classes": 10}, "model.classes"),
        (ModelConfig, {"label": "class", "classes": 1}, "model.classes"),
        (LossConfig, {"likelihood": "poisson"}, "likelihood"),
        (LossConfig, {"beta": math.nan}, "loss.beta"),
        (LossConfig, {"beta": -0.1}, "loss.beta"),
        (LossConfig, {"beta": math.inf}, "loss.beta"),
        (LossConfig, {"beta": "1"}, "loss.beta"),
        (LossConfig, {"sigma": 0.0}, "loss.sigma"),
        (ScheduleConfig, {"kind": "cosine"}, "kind"),
        (ScheduleConfig, {"warmup": 0.0}, "schedule.warmup"),
        (ScheduleConfig, {"warmup": 1.5}, "schedule.warmup"),
        (OptimConfig, {"lr": 0.0}, "optim.lr"),
        (OptimConfig, {"lr": math.nan}, "optim.lr"),
        (OptimConfig, {"batch_size": 0}, "optim.batch_size"),
        (OptimConfig, {"batch_size": 32.0}, "optim.batch_size"),
        (OptimConfig, {"epochs": 0}, "optim.epochs"),
        (RunConfig, {"seed": -1}, "seed"),
        (RunConfig, {"device": "tpu"}, "device"),
        (RunConfig, {"data": {"image_size": 64}}, "model.image_size"),
        (RunConfig, {"data": 5}, "RunConfig.data"),
        (RunConfig, {"optim": {"momentum": 0.9}}, "momentum"),
        (RunConfig, {"optimizer": {}}, "optimizer"),
    ],
)
def test_a_bad_value_is_refused_by_name(kind: type, values: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        kind.from_dict(values)  # type: ignore[attr-defined]
    assert isinstance(caught.value, VaeLabError | ValueError)
    assert "\n" not in str(caught.value)


def test_the_latent_size_of_the_autoencoder_is_its_own() -> None:
    assert ModelConfig(name="autoencoder", latent_dim=16).latent_dim == 384
    assert ModelConfig(name="autoencoder", image_size=64).latent_dim == 96 * 4 * 4


# --- losses ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and pixels, (4, 3, 8, 8) each, in float64."""
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4, 3, 8, 8, generator=generator, dtype=torch.float64)
    return logits, torch.rand(4, 3, 8, 8, generator=generator, dtype=torch.float64)


def test_bernoulli_recon_is_bce_on_the_sigmoid(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, x = pair
    expected = F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none").flatten(1).sum(dim=1)
    torch.testing.assert_close(losses.bernoulli_recon(logits, x), expected)


def test_bernoulli_recon_of_binary_pixels_is_their_log_probability(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, x = pair[0], pair[1].round()
    expected = -Bernoulli(logits=logits).log_prob(x).flatten(1).sum(dim=1)
    torch.testing.assert_close(losses.bernoulli_recon(logits, x), expected)


def test_logits_stay_exact_where_the_sigmoid_is_rounded_to_one() -> None:
    logits, x = torch.full((1, 1, 2, 2), 200.0), torch.zeros(1, 1, 2, 2)
    assert torch.sigmoid(logits).eq(1).all(), "the case needs a saturated sigmoid"
    assert F.binary_cross_entropy(torch.sigmoid(logits), x, reduction="sum") == 400.0  # torch cuts log(0) at -100
    assert losses.bernoulli_recon(logits, x).item() == 800.0
    assert torch.isinf(-torch.log(1 - torch.sigmoid(logits))).all()


def test_gaussian_recon_is_the_normal_density(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, x = pair
    expected = -Normal(torch.sigmoid(logits), 0.3).log_prob(x).flatten(1).sum(dim=1)
    torch.testing.assert_close(losses.gaussian_recon(logits, x, 0.3), expected)
    torch.testing.assert_close(losses.recon_loss(logits, x, LossConfig(likelihood="gaussian", sigma=0.3)), expected)


def test_kl_matches_torch_and_closed_forms() -> None:
    generator = torch.Generator().manual_seed(1)
    mu, logvar = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64)
    expected = kl_divergence(Normal(mu, torch.exp(0.5 * logvar)), Normal(torch.zeros_like(mu), 1.0))
    torch.testing.assert_close(losses.kl_per_dim(mu, logvar), expected)
    torch.testing.assert_close(losses.kl_divergence(mu, logvar), expected.sum(dim=1))
    assert losses.kl_divergence(torch.zeros(1, 3), torch.zeros(1, 3)).item() == 0.0
    assert losses.kl_divergence(torch.tensor([[3.0]]), torch.zeros(1, 1)).item() == 4.5


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_no_decoder_gets_below_the_floor(likelihood: str, pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, x = pair
    cfg = LossConfig.from_dict({"likelihood": likelihood})
    floor = losses.floor(x, cfg)
    assert (losses.recon_loss(logits, x, cfg) > floor).all()
    torch.testing.assert_close(losses.recon_loss(torch.logit(x), x, cfg), floor)  # reached at x_hat = x


def test_the_floor_of_half_grey_is_one_bit_a_pixel_and_of_black_and_white_nothing() -> None:
    grey, binary = torch.full((1, 1, 4, 4), 0.5), torch.tensor([0.0, 1.0]).repeat(8).view(1, 1, 4, 4)
    assert losses.floor(grey, LossConfig()).item() == pytest.approx(16 * math.log(2))
    assert losses.floor(binary, LossConfig()).item() == 0.0


def test_log_normal_is_the_normal_density() -> None:
    z, mu, logvar = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = Normal(mu, torch.exp(0.5 * logvar)).log_prob(z).sum(dim=-1)
    torch.testing.assert_close(losses.log_normal(z, mu, logvar), expected)


def test_active_units_counts_dimensions_that_vary() -> None:
    mu = torch.zeros(100, 4)
    mu[:, 1] = torch.linspace(-1, 1, 100)
    mu[:, 2] = 5.0  # far from 0, but the same for every image
    mu[::2, 3] = 0.1  # variance 0.0025
    assert losses.active_units(mu) == 1


# --- KL warm-up ------------------------------------------------------------------------------------------------------


def test_beta_grows_as_its_schedule_says() -> None:
    constant, linear, cyclic = (
        ScheduleConfig.from_dict({"kind": kind, "warmup": 0.5}) for kind in ("constant", "linear", "cyclic")
    )
    assert [beta_at(step, 8, 2.0, constant) for step in (1, 8)] == [2.0, 2.0]
    assert [beta_at(step, 8, 2.0, linear) for step in (1, 2, 4, 8)] == [0.5, 1.0, 2.0, 2.0]
    assert [beta_at(step, 8, 2.0, cyclic) for step in range(1, 9)] == [0.0, 1.0, 2.0, 2.0, 0.0, 1.0, 2.0, 2.0]


# --- models ----------------------------------------------------------------------------------------------------------

MODELS: list[dict[str, Any]] = [
    {"name": "autoencoder"},
    {"name": "autoencoder", "image_size": 64},
    {"name": "linear-vae"},
    {"name": "linear-vae", "latent_dim": 2, "image_size": 64},
    {"name": "conv-vae", "channels": 1},
    {"name": "conv-vae", "latent_dim": 7, "image_size": 64},
    {"name": "conv-vae", **CONDITIONAL},
]


@pytest.mark.parametrize(("name", "params"), [("autoencoder", 194_955), ("linear-vae", 795_936)])
def test_the_reference_models_have_the_published_number_of_weights(name: str, params: int) -> None:
    cfg = ModelConfig.from_dict({"name": name})
    assert architecture(cfg).params == params
    assert sum(p.numel() for p in build(cfg).parameters()) == params


@pytest.mark.parametrize("values", MODELS, ids=str)
def test_declared_layers_are_the_modules_that_run(values: dict[str, Any]) -> None:
    cfg = ModelConfig.from_dict(values)
    model, layers = build(cfg), architecture(cfg)
    x = torch.rand(2, *model.image_shape)
    label = torch.zeros(2, cfg.classes)
    flat = torch.cat([_run(model.features, layers.features, x).flatten(1), label], dim=1)
    _run(model.head, layers.head, flat)
    image = _run(model.decoder, layers.decoder, torch.zeros(2, cfg.latent_dim + cfg.classes))
    assert image.shape == x.shape
    assert sum(p.numel() for p in model.parameters()) == layers.params


def _run(modules: torch.nn.Sequential, layers: tuple[Layer, ...], value: torch.Tensor) -> torch.Tensor:
    """Each module in turn, its output shape and weights compared with the declaration."""
    declared = shapes(layers, tuple(value.shape[1:]))
    for module, layer, shape in zip(modules, layers, declared, strict=True):
        value = module(value)
        assert tuple(value.shape[1:]) == shape, layer
        assert sum(p.numel() for p in module.parameters()) == layer.params, layer
        assert type(module).__name__ == {"Reshape": "Unflatten"}.get(layer.kind, layer.kind)
    return value


@pytest.mark.parametrize("values", MODELS, ids=str)
def test_shapes_and_ranges_of_a_model(values: dict[str, Any]) -> None:
    cfg = ModelConfig.from_dict(values)
    model = build(cfg)
    x = torch.rand(3, *model.image_shape)
    y = torch.tensor([0, 3, 9]) if cfg.classes else None
    q = model.encode(x, y)
    assert q.mean.shape == q.kl_per_dim().shape == (3, cfg.latent_dim)
    assert q.kl().shape == (3,)
    assert isinstance(q, PointPosterior if cfg.name == "autoencoder" else GaussianPosterior)
    images = model.decode(q.mean, y)
    assert images.shape == x.shape
    assert images.min() >= 0
    assert images.max() <= 1
    torch.testing.assert_close(images, torch.sigmoid(model.decode_logits(q.mean, y)))
    draws = [model.sample(3, generator=torch.Generator().manual_seed(4), y=y) for _ in range(2)]
    assert torch.equal(*draws)


def test_a_sample_moves_by_the_standard_deviation_and_not_by_the_variance() -> None:
    q = GaussianPosterior(torch.tensor([[1.0]]), torch.tensor([[math.log(4.0)]]))
    assert q.sample(torch.tensor([[1.0]])).item() == pytest.approx(3.0)
    draws = GaussianPosterior(torch.zeros(20_000, 1), torch.full((20_000, 1), math.log(4.0))).sample(
        generator=torch.Generator().manual_seed(0)
    )
    assert draws.std().item() == pytest.approx(2.0, rel=0.03)


def test_the_autoencoder_samples_around_its_codes() -> None:
    model = build(ModelConfig(name="autoencoder"))
    codes = 5.0 + 2.0 * torch.randn(500, 384, generator=torch.Generator().manual_seed(0))
    model.remember_codes(codes)
    z = model.sample_z(4000, generator=torch.Generator().manual_seed(1))
    assert z.mean().item() == pytest.approx(5.0, abs=0.05)
    assert z.std().item() == pytest.approx(2.0, rel=0.05)


def test_labels_are_asked_for_and_refused() -> None:
    conditional, plain = build(ModelConfig(**CONDITIONAL)), build(ModelConfig())
    x = torch.rand(2, 3, 32, 32)
    with pytest.raises(ConfigError, match="one class from 0 to 9 for each of 2 images, got none"):
        conditional.encode(x)
    with pytest.raises(ConfigError, match="left out"):
        plain.encode(x, torch.tensor([0, 1]))
    z = torch.zeros(2, 16)
    images = conditional.decode(z, torch.tensor([0, 1]))
    assert not torch.equal(images[0], images[1]), "the label must reach the decoder"
