"""Lesson 10: what each mistake does, against a known answer."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from vaelab.lessons import pitfalls
from vaelab.lessons.pitfall_lanes import LANES, active, drawn_spread, scoring
from vaelab.lessons.race import LaneFrame, RaceFrame
from vaelab.lessons.small_images import PIXELS, small_digits
from vaelab.lessons.small_vae import Lane, SmallVae, build, vae_terms
from vaelab.models.losses import bernoulli_recon
from vaelab.models.posteriors import GaussianPosterior
from vaelab.ui.learn.pitfalls import EPOCH, LESSON, PITFALLS, SIDES, body_of, check_words, epoch_losses, reported
from vaelab.ui.learn.race_charts import curve_rows, race_curves

torch.set_num_threads(1)


def trained(name, side, steps=120):
    """A lane's model after a short training on digits, and the test images as it sees them."""
    lane = name if isinstance(name, Lane) else next(lane for lane in LANES[name]() if lane.name == side)
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
    x = pitfalls.normalized(torch.zeros(1, PIXELS))
    assert (x == -1.0).all()
    losses = [bernoulli_recon(torch.full((1, PIXELS), -size), x).item() for size in (1.0, 10.0, 100.0, 1000.0)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == pytest.approx(-1000.0 * PIXELS)
    assert pitfalls.pixels_wrong(torch.full((1, PIXELS), -1000.0), x).item() == pytest.approx(losses[-1])
    right = bernoulli_recon(torch.full((1, PIXELS), -1000.0), torch.zeros(1, PIXELS))
    assert right.item() == pytest.approx(0.0, abs=1e-6)


def test_only_the_form_that_takes_logits_is_silent():
    """The lesson says so: nn.BCELoss refuses a target of -1."""
    assert "between 0 and 1" in pitfalls.refusal(-1.0)
    assert pitfalls.refusal(0.0) == ""
    logits, target = torch.zeros(1), torch.tensor([-1.0])
    assert torch.nn.functional.binary_cross_entropy_with_logits(logits, target).isfinite()


def test_a_gaussian_cures_it_without_a_sigmoid_alone():
    """Behind a sigmoid a pixel of -1 is missed by at least 1, however low the logit; without, it is reached."""
    x = torch.full((1, PIXELS), -1.0)
    assert pitfalls.pixels_right(x, x).item() == 0.0
    through = pitfalls.pixels_right(torch.sigmoid(torch.full((1, PIXELS), -1000.0)), x)
    assert through.item() >= 2.0 * PIXELS
    sigma = 0.5
    density = torch.distributions.Normal(torch.tensor(0.3), sigma)
    output, seen = torch.full((1, PIXELS), 0.3), torch.full((1, PIXELS), -0.9)
    constant = -density.log_prob(torch.tensor(0.3))
    expected = (-density.log_prob(torch.tensor(-0.9)) - constant) * PIXELS
    torch.testing.assert_close(pitfalls.pixels_right(output, seen)[0], expected)


def test_training_on_minus_one_to_one_falls_below_zero():
    for side, low, high in (("wrong", -math.inf, -100.0), ("right", 0.0, 30.0)):
        model, x = trained("pixels", side)
        assert x.min() == -1.0
        lane = next(lane for lane in LANES["pixels"]() if lane.name == side)
        assert low < lane.measure(model, x)["check"] < high
        reached = lane.picture(model.decode_logits(model.encode(x).mu))
        if side == "right":  # dark pixels come out dark, bright ones bright: the lane really is cured
            images = small_digits().test
            assert reached[images == 0.0].mean() < 0.1
            assert reached[images == 1.0].mean() > 0.6


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


def test_both_lanes_of_the_collapse_have_the_same_beta():
    """Free bits alone decide: above the allowance both sides charge the same, and have the same gradient."""
    much = torch.full((8, 3), 0.7, requires_grad=True)
    little = torch.full((8, 3), 0.1, requires_grad=True)
    assert pitfalls.charge_wrong(much).item() == pitfalls.charge_right(much).item() == pytest.approx(4.0 * 3 * 0.7)
    grads = [torch.autograd.grad(charge(much), much)[0] for charge in (pitfalls.charge_wrong, pitfalls.charge_right)]
    torch.testing.assert_close(*grads)
    assert torch.autograd.grad(pitfalls.charge_right(little), little)[0].abs().max() == 0.0
    assert torch.autograd.grad(pitfalls.charge_wrong(little), little)[0].min() > 0.0


def test_warm_up_does_not_cure_this_collapse():
    """The lesson says so: with the same final beta of 4 a warm-up ends where the constant beta does."""

    def warmed(model, x, eps, share):
        return vae_terms(model, x, eps, 4.0 * min(1.0, share / 0.25))

    model, x = trained(Lane("warmed", warmed, 8), None, steps=500)
    assert active(model, x)["check"] == 0


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


def test_the_best_sigma_cures_it_too_and_the_cures_lead_to_their_methods():
    """Free bits against a collapse, and sigma from the errors themselves in place of 0.5: as sharp in pixels of [-1, 1]."""

    def of_the_best_sigma(output, x):
        squares = (output - x) ** 2
        variance = squares.mean().detach()
        return (squares / (2 * variance) + 0.5 * torch.log(2 * math.pi * variance)).sum(dim=1)

    assert {s.key: s.methods for s in LESSON.sections if s.methods} == {
        "pixels": ("sigma-vae",),
        "collapse": ("vae-free-bits",),
    }
    guessed = next(lane for lane in LANES["pixels"]() if lane.name == "right")
    model, x = trained(replace(guessed, terms=scoring(of_the_best_sigma)), "right", steps=300)
    before, _ = trained(guessed, "right", steps=300)
    missed = [(m.decode_logits(m.encode(x).mu) - x).square().mean().item() for m in (model, before)]
    assert missed[0] < missed[1] < 0.25
    assert active(model, x)["check"] >= active(before, x)["check"] >= 3
