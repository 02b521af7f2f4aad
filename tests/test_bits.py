"""Bits per dimension of a model with a codebook: every level of a pixel, every grid of codes counted one by one, and the command."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from cli_shell import Shell
from engine_cases import drawn
from scipy.stats import logistic

from vaelab.analysis import bits
from vaelab.analysis.protocols import PROTOCOLS, protocol
from vaelab.config.errors import ConfigError
from vaelab.models.architecture import architecture
from vaelab.models.latent_model import LatentModel
from vaelab.models.layers import shapes
from vaelab.models.model_config import ModelConfig
from vaelab.runs import store


@pytest.mark.parametrize("scale", [1e-3, 0.01, 0.3])
def test_the_probabilities_of_all_levels_add_up_to_one(scale: float) -> None:
    levels = torch.arange(256, dtype=torch.float64) / 255.0
    means = torch.tensor([0.0, 0.004, 0.5, 0.81, 1.0], dtype=torch.float64)
    found = bits.log_level(means[:, None], levels, scale)
    assert torch.isfinite(found).all()
    assert found.exp().sum(dim=1).tolist() == pytest.approx([1.0] * 5, abs=1e-12)
    edges = (np.arange(257) - 0.5) / 255.0
    edges[0], edges[-1] = -math.inf, math.inf
    above = np.diff(logistic.cdf(edges, loc=means.numpy()[:, None], scale=scale))
    np.testing.assert_allclose(found.exp().numpy(), above, atol=1e-12)


@pytest.fixture(scope="module")
def small() -> LatentModel:
    """16 codes at two places: 256 grids in all."""
    settings = (("codes", 16), ("code_size", 64))
    return drawn(ModelConfig(name="vq-vae", image_size=16, channels=1, settings=settings)).requires_grad_(False)


def images(n: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (n, 1, 16, 16)).astype(np.uint8)


def test_the_bound_is_one_grid_of_the_exact_sum(small: LatentModel) -> None:
    """-log p(x) by all 256 grids; that of the grid which the encoder chooses is what is counted, and lies above."""
    scale, x = 0.2, torch.from_numpy(images(5)).float() / 255.0
    book, prior = small.get_submodule("codebook"), small.get_submodule("code_prior")
    grids = torch.tensor(list(product(range(16), repeat=2)))
    z = book.flat(book.entries[grids])
    levels = torch.stack([bits.log_level(small.decode(z), one, scale).flatten(1).sum(dim=1) for one in x]).double()
    log_prior = -prior(grids).double()
    assert float(log_prior.exp().sum()) == pytest.approx(1.0, abs=1e-5)
    pixels, codes, by_prior = bits.of_images(small, x, scale)
    assert codes == pytest.approx(2 * math.log(16))
    for told, log_p in ((pixels + codes, torch.full((256,), -math.log(256.0))), (pixels + by_prior, log_prior)):
        joint = levels + log_p
        exact = -torch.logsumexp(joint, dim=1)
        assert (told.double() > exact - 1e-3).all()
        chosen = small.encode(x).codes @ torch.tensor([16, 1])
        torch.testing.assert_close(told.double(), -joint[torch.arange(5), chosen], atol=1e-2, rtol=0)


def test_the_scale_is_the_likeliest_one(small: LatentModel) -> None:
    pixels = images(60)
    x = torch.from_numpy(pixels).float() / 255.0

    def cost(scale: float) -> float:
        return float(bits.of_images(small, x, scale)[0].double().sum())

    found = bits.best_scale(small, pixels)
    assert bits.SCALES[0] < found < bits.SCALES[1]
    assert cost(found) < min(cost(1.02 * found), cost(0.98 * found))


def test_all_images_are_measured_or_some_with_an_error(small: LatentModel) -> None:
    pixels = images(120)
    *_, last = bits.estimates(small, pixels, 0.2)
    level, codes, by_prior = bits.of_images(small, torch.from_numpy(pixels).float() / 255.0, 0.2)
    bit = 256 * math.log(2.0)
    assert (last.images, last.of, last.error) == (120, 120, 0.0)
    assert last.total == pytest.approx((float(level.mean()) + codes) / bit, rel=1e-5)
    assert last.by_prior == pytest.approx(float((level + by_prior).mean()) / bit, rel=1e-5)
    (some,) = bits.estimates(small, pixels, 0.2, 40)
    assert 0.0 < some.error < 1.0
    assert abs(some.total - last.total) < 5 * some.error
    with pytest.raises(ConfigError, match="codes from a codebook, got conv-vae"):
        next(bits.estimates(drawn(ModelConfig(name="conv-vae", channels=1, image_size=16)), pixels, 0.2))


def test_the_protocol_is_that_of_the_paper() -> None:
    """250,000 steps of 128 images, 8 x 8 x 10 codes, two blocks of 256 maps; uniform codes alone are 1.875 bits per dimension."""
    known = protocol("oord-vq-vae")
    cfg = known.config()
    assert cfg.optim.epochs * 50_000 == 250_000 * cfg.optim.batch_size == 250_000 * 128
    assert (cfg.data.name, cfg.data.image_size, cfg.model.channels, cfg.optim.lr) == ("cifar10", 32, 3, 2e-4)
    layers = architecture(cfg.model)
    assert shapes(layers.features, (3, 32, 32))[-1] == (80, 8, 8)
    assert cfg.model.latent_dim == 8 * 8 * 10 * int(cfg.model.value("code_size"))
    for part in (layers.features, layers.decoder):
        assert sum(layer.kind == "Add" for layer in part) == 2
        assert {layer.outputs for layer in part if layer.kind == "Conv2d"} <= {256, 80}
    assert 640 * math.log2(int(cfg.model.value("codes"))) / 3072 == 1.875
    assert [figure.value for figure in known.published] == [4.67, 4.51, 5.14]


def test_ours_is_printed_in_bits_beside_theirs(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    known = protocol("oord-vq-vae")
    training = known.training | {"dataset": "digits", "network": "code-grid", "lr": 1e-3}
    monkeypatch.setitem(PROTOCOLS, known.name, replace(known, training=training, image_size=16))
    asked = ("reproduce", known.name, "--epochs", 2, "--device", "cpu", "--quiet")
    assert "--samples is for log p(x)" in shell.refuses(*asked, "--samples", 5)
    printed = shell(*asked)
    for words in ("bits/dim", "4.67", "4.51", "2 epochs, of 640", "for the codes, all alike"):
        assert words in printed
    told = shell.json(*asked, "--images", 100)  # measured again, not trained again
    assert store.find(told["run"]).status().state == "finished"
    assert (told["images"], told["published"][0]["bits_per_dim"]) == (100, 4.67)
    assert told["bits_per_dim"] == pytest.approx(told["pixels"] + told["codes"])
    assert told["codes"] == pytest.approx(16 * 9 / 256)
    assert told["bits_per_dim_by_prior"] < told["bits_per_dim"]
    assert told["pixels"] < 8.0  # a level at random
