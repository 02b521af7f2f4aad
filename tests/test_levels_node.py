"""Both levels of a ladder VAE's code in the browser, against the module that was trained."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from test_engine_node import JS, node

from vaelab.analysis.decoder_facts import packed_prior
from vaelab.models.latent_model import LatentModel
from vaelab.models.model_config import ModelConfig
from vaelab.models.two_levels import LowerPrior

pytestmark = pytest.mark.node
UPPER, SIZE = 3, 8


@pytest.fixture(scope="module")
def model() -> LatentModel:
    torch.manual_seed(0)
    cfg = ModelConfig(name="ladder-vae", image_size=16, channels=1, latent_dim=SIZE, settings=(("upper", UPPER),))
    model = LatentModel(cfg).eval()
    for parameter in model.get_submodule("prior").parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def test_the_lower_level_follows_as_torch_says(model: LatentModel, tmp_path: Any) -> None:
    prior = model.get_submodule("prior")
    assert isinstance(prior, LowerPrior)
    tensors = {name: value.numpy() for name, value in model.state_dict().items()}
    packed = packed_prior(model.cfg.method.lower_prior(tensors))
    assert packed is not None
    z, eps, to, temperature = torch.randn(SIZE), torch.randn(SIZE), 1.7, 0.6
    cases = {"levels": {"upper": UPPER, **packed}, "z": z.tolist(), "eps": eps.tolist()}
    (tmp_path / "cases.json").write_text(json.dumps(cases | {"to": to, "temperature": temperature}))
    answer = {
        name: torch.tensor(value)
        for name, value in json.loads(node(JS / "levels_node.mjs", tmp_path / "cases.json")).items()
    }

    moved = z.clone()
    moved[0] = to
    with torch.no_grad():
        before, after = prior(z[:UPPER]), prior(moved[:UPPER])
        deviation = (z[UPPER:] - before.mu) / torch.exp(0.5 * before.logvar)
        joined = torch.cat([moved[:UPPER], after.mu + torch.exp(0.5 * after.logvar) * deviation])
        drawn = model.cfg.method.codes_of_noise(model, eps[None], temperature)[0]
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(answer["mu"], before.mu, **close)
    torch.testing.assert_close(answer["sigma"], torch.exp(0.5 * before.logvar), **close)
    torch.testing.assert_close(answer["joined"], joined, **close)
    torch.testing.assert_close(answer["led"], torch.cat([joined[:-1], z[-1:]]), **close)  # the last one is locked
    torch.testing.assert_close(answer["placed"], moved, **close)
    torch.testing.assert_close(answer["alone"], moved, **close)
    torch.testing.assert_close(answer["lower"], torch.cat([z[:-1], torch.tensor([to])]), **close)
    torch.testing.assert_close(answer["drawn"], drawn, **close)
    assert float((answer["random"] - z).abs().min()) > 0


def test_a_snapshot_and_a_code_of_one_level_have_no_lower_prior(model: LatentModel) -> None:
    assert model.cfg.method.lower_prior({"decoder.0.weight": 0}) is None
    assert ModelConfig().method.lower_prior({}) is None
