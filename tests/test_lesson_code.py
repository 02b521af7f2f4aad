"""Lesson 9: the steps shown are those of trainer.fit, the terms those of vaelab.models.losses and torch.distributions."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.distributions import Bernoulli, Normal, kl_divergence

from vaelab.config.settings import LossConfig
from vaelab.lessons import one_step
from vaelab.lessons.one_step import Training, configuration, dataset, peek
from vaelab.models import losses
from vaelab.runs.recorder import Recorder
from vaelab.runs.store import create_run
from vaelab.training import trainer
from vaelab.training.first_weights import new_model
from vaelab.ui.learn import code

SMALL = configuration(images=80, epochs=2)  # batches of 32, 32 and 16: six steps
OF_EACH = {model: configuration(model, images=80, epochs=2) for model in code.MODELS}


@pytest.fixture(scope="module")
def first():
    return Training(SMALL).take()


@pytest.fixture(scope="module", params=list(OF_EACH))
def stepped(request):
    training = Training(OF_EACH[request.param])
    for _ in range(6):
        training.take()
    return training


def stops_of(training: Training):
    """The first step with its whole tensors."""
    x, _ = training.images.take(training.shuffle.rows(1, training.cadence.batch(1)))
    eps = training.noise.eps(1, len(x))
    tensors: dict[str, torch.Tensor] = {}
    for name, found in one_step.one_step(training.model, training.optimizer, x, eps, 1.0):
        prefix = f"{name}:" if name in code.WEIGHTS else ""
        tensors |= {f"{prefix}{key}": value.detach().clone() for key, value in found.items()}
    return x, tensors


def test_six_steps_are_those_of_the_trainer(stepped, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    cfg = stepped.cfg
    run = create_run(cfg)
    recorder = Recorder(run)
    model = new_model(cfg.model, cfg.seed)
    outcome = trainer.fit(model, dataset(80), cfg, recorder, torch.device("cpu"))
    recorder.close(outcome.state, outcome.message)
    assert outcome.state == "finished"
    trained = load_file(run.model_file())
    ours = stepped.model.state_dict()
    assert trained.keys() == ours.keys()
    for name, tensor in trained.items():
        assert torch.equal(tensor, ours[name]), name
    rows = run.metrics()
    assert [row["step"] for row in rows] == [step.number for step in stepped.steps] == [1, 2, 3, 4, 5, 6]
    for row, step in zip(rows, stepped.steps, strict=True):
        assert (step.recon, step.kl, step.loss) == pytest.approx((row["recon"], row["kl"], row["loss"]), rel=1e-6)
        assert step.epoch == row["epoch"]


def test_the_same_seed_gives_the_same_steps(first):
    assert Training(SMALL).take().stops == first.stops


def test_only_the_last_step_is_kept_whole(stepped):
    assert stepped.steps[-1].stops
    assert len(stepped.steps[-1].x) == one_step.SHOWN
    for step in stepped.steps[:-1]:
        assert step.stops == ()
        assert step.x.size == step.x_hat.size == 0
        assert step.x.base is None, "a view would keep the whole array"


def test_the_terms_are_those_of_the_losses_and_of_the_distributions():
    x, found = stops_of(Training(SMALL))
    q = Normal(found["mu"], found["sigma"])
    assert torch.allclose(found["kl_per_dim"], kl_divergence(q, Normal(0.0, 1.0)), atol=1e-6)
    assert torch.equal(found["kl"], losses.kl_divergence(found["mu"], found["logvar"]))
    assert torch.equal(found["recon"], losses.recon_loss(found["logits"], x, LossConfig()))
    p = Bernoulli(logits=found["logits"], validate_args=False)
    assert torch.allclose(found["recon"], -p.log_prob(x).flatten(1).sum(dim=1), rtol=1e-5)
    assert torch.allclose(found["sigma"].square(), found["logvar"].exp(), rtol=1e-5)
    assert torch.allclose(found["z"], found["mu"] + found["sigma"] * found["eps"])
    assert torch.allclose(found["loss"], (found["recon"] + found["kl"]).mean())


def test_gradients_are_slopes_and_the_update_is_adams():
    training = Training(SMALL)
    fresh = {name: p.detach().clone() for name, p in training.model.named_parameters()}
    _, found = stops_of(training)
    for name, old in fresh.items():
        gradient = found[f"backward:{name}"]
        # Adam's first step (Kingma & Ba 2015, algorithm 1): lr * g / (|g| + eps)
        expected = -1e-3 * gradient / (gradient.abs() + 1e-8)
        assert torch.allclose(found[f"update:{name}"], expected, atol=2e-6), name
        assert torch.equal(dict(training.model.named_parameters())[name].detach(), old + found[f"update:{name}"])
    # the slope of one bias of the encoder's last layer, by moving it a little
    moved = []
    for step in (-0.01, 0.01):
        other = Training(SMALL)
        with torch.no_grad():
            dict(other.model.named_parameters())["head.2.bias"][3] += step
        moved.append(float(stops_of(other)[1]["loss"]))
    slope = (moved[1] - moved[0]) / 0.02
    assert float(found["backward:head.2.bias"][3]) == pytest.approx(slope, rel=0.05, abs=0.05)


def test_a_peek_says_what_the_tensor_holds():
    tensor = torch.tensor([[3.0, -4.0], [0.0, 1.0], [2.0, 2.0]])
    seen = peek("t", tensor)
    assert (seen.shape, seen.dtype, seen.first) == ((3, 2), "float32", (3.0, -4.0, 0.0, 1.0))
    assert (seen.low, seen.high) == (-4.0, 3.0)
    assert (seen.mean, seen.norm) == pytest.approx((4 / 6, np.sqrt(34)))
    assert peek("s", torch.tensor(2.5)).shape == ()


def test_every_part_has_its_lines_and_its_tensors(stepped, first):
    parts = code.parts()
    assert tuple(parts) == tuple(name for name, _ in first.stops)
    assert set(parts) == set(code.ROLES)
    lines = [line for part in parts.values() for line in part]
    assert "loss.backward()" in lines
    assert "recon = bernoulli_recon(logits, x)" in lines
    assert len(lines) == len(set(lines)) == 13
    assert parts["update"][-1] == "optimizer.step()"
    for name, peeks in first.stops:
        made = " ".join(parts[name])
        if name not in code.WEIGHTS:
            assert any(peek.name in made for peek in peeks), name
    weights = {name for name, _ in stepped.model.named_parameters()}
    assert {p.name for p in dict(stepped.steps[-1].stops)["backward"]} == weights


def test_the_loss_falls():
    training = Training()
    for _ in range(25):
        training.take()
    early = np.mean([step.loss for step in training.steps[:5]])
    late = np.mean([step.loss for step in training.steps[-5:]])
    assert late < early - 20


@pytest.mark.parametrize(("model", "left_out"), [("linear-vae", 0), ("conv-vae", 8)])
def test_the_table_of_weights_has_room_for_its_lines(model, left_out, monkeypatch):
    monkeypatch.setattr(code, "t", lambda key, **values: f"{key.split('.')[1]} {values or ''}")
    peeks = dict(Training(OF_EACH[model]).take().stops)["update"]
    table = code._weights(peeks, "update")
    assert table.count("<tr>") - 1 == len(peeks) - left_out <= code.LINES
    assert (f"'n': {left_out}" in table) == bool(left_out)


def test_another_model_begins_a_training_of_its_own(monkeypatch):
    state = {"code_model": "linear-vae"}
    monkeypatch.setattr(code.st, "session_state", state)
    linear = code.training()
    assert code.training() is linear
    state["code_model"] = "conv-vae"
    assert code.training().cfg.model.name == "conv-vae"
    assert len(code.training().steps) == 1
