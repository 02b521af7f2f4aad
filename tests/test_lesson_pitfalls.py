"""Lesson 10: what each mistake does, against a known answer."""

import math

import numpy as np
import pytest
import torch

from vaelab.lessons import pitfalls
from vaelab.lessons.pitfall_lanes import LANES, active, drawn_spread, smallest_loss
from vaelab.lessons.race import LaneFrame, RaceFrame
from vaelab.lessons.small_images import PIXELS, small_digits
from vaelab.lessons.small_vae import SmallVae, build
from vaelab.models.losses import bernoulli_recon
from vaelab.models.posteriors import GaussianPosterior
from vaelab.ui.learn.pitfalls import EPOCH, PITFALLS, SIDES, body_of, check_words, epoch_losses, reported
from vaelab.ui.learn.race_charts import curve_rows, race_curves

torch.set_num_threads(1)


def trained(name, side, steps=120):
    """A lane's model after a short training on digits, and the test images as it sees them."""
    lane = next(lane for lane in LANES[name]() if lane.name == side)
    model = build(lane, PIXELS, seed=0)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    generator = torch.Generator().manual_seed(0)
    images = small_digits()
    train = lane.prepare(torch.from_numpy(images.train))
    for step in range(steps):
        rows = torch.randint(len(train), (64,), generator=generator)
        terms = lane.terms(model, train[rows], torch.randn(64, lane.latents, generator=generator), step / steps)
        optimiser.zero_grad()
        terms.loss.backward()
        optimiser.step()
    return model.requires_grad_(False), lane.prepare(torch.from_numpy(images.test))


def test_the_wrong_sigma_is_the_square_of_the_right_one():
    logvar = torch.tensor([[math.log(0.04), 0.0, math.log(4.0)]])
    q = GaussianPosterior(torch.zeros(1, 3), logvar)
    eps = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        pitfalls.sample_right(q, eps).std(dim=0), torch.tensor([0.2, 1.0, 2.0]), rtol=0.02, atol=0
    )
    torch.testing.assert_close(
        pitfalls.sample_wrong(q, eps).std(dim=0), torch.tensor([0.04, 1.0, 4.0]), rtol=0.02, atol=0
    )
    torch.testing.assert_close(pitfalls.sample_right(q, eps[:1]), q.sample(eps[:1]))


def test_the_spread_tells_which_sigma_was_used():
    model = SmallVae(PIXELS, 3)
    with torch.no_grad():
        model.encoder[-1].weight.zero_()
        model.encoder[-1].bias.copy_(torch.tensor([0.0, 0.0, 0.0, *[math.log(0.09)] * 3]))
        x = torch.rand(20, PIXELS)
        assert drawn_spread(model, x, pitfalls.sample_right)["check"] == pytest.approx(1.0, abs=0.03)
        assert drawn_spread(model, x, pitfalls.sample_wrong)["check"] == pytest.approx(0.3, abs=0.01)


def test_cross_entropy_has_no_floor_below_zero():
    """At a target of -1 the loss of a logit -a is about -a: no value of the loss is the smallest."""
    x = pitfalls.pixels_wrong(torch.zeros(1, PIXELS))
    assert (x == -1.0).all()
    losses = [bernoulli_recon(torch.full((1, PIXELS), -size), x).item() for size in (1.0, 10.0, 100.0, 1000.0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(-1000.0 * PIXELS)
    right = bernoulli_recon(torch.full((1, PIXELS), -1000.0), pitfalls.pixels_right(torch.zeros(1, PIXELS)))
    assert right.item() == pytest.approx(0.0, abs=1e-6)


def test_training_on_minus_one_to_one_falls_below_zero():
    model, x = trained("pixels", "wrong")
    assert smallest_loss(model, x)["check"] < -100.0
    model, x = trained("pixels", "right")
    assert smallest_loss(model, x)["check"] > 0.0


def test_the_mean_makes_beta_the_number_of_pixels():
    """Its gradient is that of recon + D * KL, divided by D."""
    model, eps = SmallVae(PIXELS, 4), torch.randn(8, 4)
    x = torch.rand(8, PIXELS)

    def gradient(reduce, beta):
        model.zero_grad()
        q = model.encode(x)
        (reduce(model.decode_logits(q.sample(eps)), x) + beta * q.kl().mean()).backward()
        return torch.cat([p.grad.flatten() for p in model.parameters()])

    wrong = gradient(pitfalls.recon_wrong, 1.0)
    torch.testing.assert_close(PIXELS * wrong, gradient(pitfalls.recon_right, float(PIXELS)), rtol=1e-4, atol=1e-5)
    logits = torch.zeros(8, PIXELS)
    assert pitfalls.recon_wrong(logits, x).item() == pytest.approx(math.log(2))
    assert pitfalls.recon_right(logits, x).item() == pytest.approx(PIXELS * math.log(2))


@pytest.mark.parametrize("name", ["reduction", "collapse"])
def test_a_heavy_kl_term_leaves_no_active_dimension(name):
    model, x = trained(name, "wrong", steps=300)
    assert active(model, x)["check"] == 0
    assert model.encode(x).kl().mean().item() < 0.1
    model, x = trained(name, "right", steps=300)
    assert active(model, x)["check"] >= 3
    assert model.encode(x).kl().mean().item() > 1.0


def test_warm_up_grows_from_zero_to_one():
    assert [pitfalls.beta_right(share) for share in (0.0, 0.125, 0.25, 1.0)] == [0.0, 0.5, 1.0, 1.0]
    assert pitfalls.beta_wrong(0.0) == pitfalls.beta_wrong(1.0) > 1.0


def test_a_reset_inside_the_loop_reports_the_last_batch():
    batches = [40.0, 30.0, 20.0, 27.0]
    assert pitfalls.report_wrong(batches) == batches[-1]
    assert pitfalls.report_right(batches) == pytest.approx(np.mean(batches))


def test_an_epoch_is_reported_at_its_end():
    losses = np.arange(2.5 * EPOCH)[: 2 * EPOCH + 5]
    assert [len(epoch) for epoch in epoch_losses({"loss": losses})] == [EPOCH, EPOCH]
    right, wrong = (reported({"loss": losses}, side)["loss"] for side in ("right", "wrong"))
    assert set(wrong) == {EPOCH - 1.0, 2 * EPOCH - 1.0}
    assert set(right) == {(EPOCH - 1) / 2, EPOCH + (EPOCH - 1) / 2}
    assert not len(reported({}, "right")["loss"])


def test_the_figure_of_a_printed_loss_is_its_typical_miss():
    """The last batch of an epoch lies 3 above its mean in one and 4 below it in the next: 3.5 on average of squares."""
    epochs = [[20.0] * (EPOCH - 1) + [20.0 + d * EPOCH / (EPOCH - 1)] for d in (3.0, -4.0)]
    curves = {"loss": np.concatenate(epochs)}
    lanes = tuple(LaneFrame(side, curves, *[np.zeros(0)] * 3, None, {}) for side in SIDES)
    frame = RaceFrame("running", 2 * EPOCH, 10 * EPOCH, None, lanes=lanes)
    wrong, right = (check_words("report", side, frame, k) for k, side in enumerate(SIDES))
    assert f"{math.sqrt(12.5):.3f}" in wrong
    assert "0.000" in right


def test_a_loss_that_runs_away_is_drawn_by_powers_of_ten():
    """On a plain axis it would leave the chart within a few steps and leave it empty."""
    texts = {word: word for word in ("step", "nats", "loss", "recon", "kl")}
    kinds = {}
    for name, pitfall in PITFALLS.items():
        rows = curve_rows({"loss": np.array([40.0, -1e9])}, ("loss",), 10)
        chart = race_curves(rows, "light", texts, pitfall.domain).to_dict()
        scale = chart["layer"][-1]["encoding"]["y"]["scale"]
        kinds[name] = (scale.get("type"), scale["domain"][0] <= -1e9)
    assert kinds.pop("pixels") == ("symlog", True)
    assert set(kinds.values()) == {(None, False)}


@pytest.mark.parametrize("name", list(PITFALLS))
def test_both_lines_are_shown_as_they_stand(name):
    wrong, right = (body_of("lessons.pitfalls", f"{PITFALLS[name].code}_{side}") for side in SIDES)
    assert wrong != right
    assert "return" in wrong
    assert '"""' not in wrong
    assert not wrong.startswith(" ")
    assert [lane.name for lane in LANES[name]()] == list(SIDES)
