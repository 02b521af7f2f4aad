"""The prior over codes that a browser draws from, against the module that was trained."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from test_engine_node import JS, node

from vaelab.analysis.decoder_facts import packed_prior
from vaelab.models.latent_model import LatentModel
from vaelab.models.model_config import ModelConfig

pytestmark = pytest.mark.node
CODES, PLACES = 12, 16


@pytest.fixture(scope="module")
def model() -> LatentModel:
    torch.manual_seed(0)
    return LatentModel(ModelConfig(name="vq-vae", image_size=16, channels=1, settings=(("codes", CODES),))).eval()


def test_chances_costs_and_draws_are_those_of_torch(model: LatentModel, tmp_path: Any) -> None:
    prior = model.get_submodule("code_prior")
    tensors = {name: value.numpy() for name, value in model.state_dict().items()}
    codes = torch.randint(CODES, (3, PLACES))
    uniform = torch.rand(4, PLACES).double().clamp(1e-4, 1 - 1e-4)
    packed = packed_prior(model.cfg.method.code_prior(tensors))
    assert packed is not None
    cases = {"weights": packed, "codes": codes.tolist(), "uniform": uniform.tolist(), "temperature": 0.7}
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    answer = json.loads(node(JS / "prior_node.mjs", tmp_path / "cases.json"))
    with torch.no_grad():
        torch.testing.assert_close(torch.tensor(answer["nats"]), prior(codes), rtol=1e-5, atol=1e-4)
        assert sum(answer["first"]) == pytest.approx(1.0)
        one = [float(prior(torch.tensor([[k]]))) for k in range(CODES)]
        torch.testing.assert_close(torch.tensor(answer["first"]), torch.exp(-torch.tensor(one)), rtol=1e-5, atol=1e-6)
        assert answer["drawn"] == prior.draw(uniform.float(), 0.7).tolist()
        assert answer["likeliest"] == prior.draw(torch.full((1, PLACES), 0.5), 0.0)[0].tolist()
    drawn = answer["drawn"][0]
    assert answer["random"] == [*drawn, *(-code for code in drawn)], (
        "the numbers of an entry lie as far apart as there are places"
    )
    assert answer["ends"] == [0, 0, 2, 2]


def test_a_snapshot_has_no_prior_to_draw_from(model: LatentModel) -> None:
    """Nor has a method without codes: the panel then is not there."""
    assert model.cfg.method.code_prior({"decoder.0.weight": 0}) is None
    assert packed_prior(None) is None
    assert ModelConfig().method.code_prior({}) is None


def test_codes_that_were_painted_or_drawn_stand_while_their_vectors_move() -> None:
    """What lesson 12's view remembers: entries, all of them or those drawn so far."""
    found = json.loads(node(JS / "standing_node.mjs"))
    assert found["z"] == [2, 0, 1, 1, 5, 0, -1, -1]
    assert found["whole"] == found["stale"] == found["moved"] == [2, 0, 1, 1]
    assert found["part"] == [2, 1]
    assert found["painted"] == 2
    assert found["fits"] == [True, True, False, False, False, False]
