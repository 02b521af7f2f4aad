"""Lesson 5: the cloud of codes against torch.distributions, the two latent spaces, and the races behind them."""

import re
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from vaelab.lessons import race as races
from vaelab.lessons.cloud import codes_around, kl_nats, normal_density
from vaelab.lessons.race import Plan, Race, Races
from vaelab.lessons.small_images import PIXELS, as_pixels, small_digits
from vaelab.lessons.small_vae import Lane, SmallVae, build, vae_terms
from vaelab.lessons.spaces import autoencoder_terms, lanes, variational_terms
from vaelab.ui.components.carrier import FOLDER
from vaelab.ui.components.cloud import cloud_view
from vaelab.ui.learn.vae import LESSON, faces
from vaelab.ui.text import LANGUAGES, strings

torch.set_num_threads(1)


def wait_for(race: Race, *states: str, seconds: float = 240.0) -> races.RaceFrame:
    until = time.monotonic() + seconds
    while (frame := race.look()).state not in states:
        assert time.monotonic() < until, frame.state
        time.sleep(0.01)
    return frame


def test_a_cloud_has_its_mean_and_spread():
    mu, sigma = np.array([0.5, -2.0]), np.array([0.1, 1.5])
    z = codes_around(mu, sigma, np.random.default_rng(0).standard_normal((40_000, 2)))
    assert np.abs(z.mean(axis=0) - mu).max() < 4 * 1.5 / 200
    np.testing.assert_allclose(z.std(axis=0), sigma, rtol=0.02)
    np.testing.assert_array_equal(codes_around(mu, np.zeros(2), np.ones((3, 2))), np.tile(mu, (3, 1)))


def test_kl_and_density_agree_with_torch():
    mu, sigma = np.array([0.0, 0.7, -2.0]), np.array([1.0, 0.2, 1.4])
    q = torch.distributions.Normal(torch.from_numpy(mu), torch.from_numpy(sigma))
    known = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).numpy()
    np.testing.assert_allclose(kl_nats(mu, sigma), known, atol=1e-7)
    assert kl_nats(np.zeros(1), np.ones(1))[0] == 0.0
    assert np.isinf(kl_nats(np.zeros(1), np.zeros(1))[0])
    at = np.linspace(-3, 3, 7)
    known = (
        torch.distributions.Normal(torch.tensor(0.7, dtype=torch.float64), torch.tensor(0.2, dtype=torch.float64))
        .log_prob(torch.from_numpy(at))
        .exp()
        .numpy()
    )
    np.testing.assert_allclose(normal_density(at, 0.7, 0.2), known, rtol=1e-5, atol=1e-12)


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    images = small_digits()
    published = load_digits()
    assert images.train.shape == (1500, 64)
    np.testing.assert_allclose(images.test, published.data[1500:] / 16, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(images.labels, published.target[1500:])
    np.testing.assert_array_equal(as_pixels(np.array([[0.0, 1.0] * 32]))[0, 0, 0, :2], [0, 255])


def test_both_losses_are_what_they_say():
    x, eps = torch.rand(5, PIXELS), torch.randn(5, 2)
    vae = SmallVae(PIXELS, 2)
    terms = variational_terms(vae, x, eps, 0.0)
    q = vae.encode(x)
    z = q.mu + torch.exp(0.5 * q.logvar) * eps
    p = torch.sigmoid(vae.decode_logits(z))
    recon = -(x * p.log() + (1 - x) * (1 - p).log()).sum(dim=1).mean()
    kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(q.mu, torch.exp(0.5 * q.logvar)), torch.distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(terms.recon, recon)
    torch.testing.assert_close(terms.kl, kl.sum(dim=1).mean())
    torch.testing.assert_close(terms.loss, terms.recon + terms.kl)
    plain = SmallVae(PIXELS, 2, variational=False)
    first, other = (autoencoder_terms(plain, x, noise, 0.0) for noise in (eps, eps + 1.0))
    assert first.loss.item() == other.loss.item()
    assert first.kl.item() == 0.0


def test_lanes_of_one_shape_start_alike():
    one, two = (build(Lane(name, variational_terms), PIXELS, seed=3) for name in ("a", "b"))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_a_race_trains_every_lane_on_the_same_batches_and_ends():
    seen: dict[str, list[float]] = {"a": [], "b": []}

    def noting(name):
        def terms(model, x, eps, share):
            seen[name].append(float(x.sum() + eps.sum()))
            return vae_terms(model, x, eps)

        return terms

    race = Race(Plan(lambda: (Lane("a", noting("a")), Lane("b", noting("b"))), steps=60))
    race.prepare()
    ready = wait_for(race, "ready")
    assert ready.step == 0
    assert ready.lanes[0].recon.shape == (races.PICTURES, 1, 8, 8)
    race.start()
    done = wait_for(race, "finished")
    assert done.step == 60
    assert seen["a"] == seen["b"]
    assert len(seen["a"]) == 60
    a, b = done.lanes
    np.testing.assert_array_equal(a.curves["loss"], b.curves["loss"])
    assert a.curves["loss"][-5:].mean() < a.curves["loss"][:5].mean() - 5
    race.start()
    assert race.look().state == "finished"


def test_a_race_takes_one_thread_and_leaves_all_to_the_others():
    seen = set()

    def noting(model, x, eps, share):
        seen.add(torch.get_num_threads())
        return vae_terms(model, x, eps)

    torch.set_num_threads(2)
    try:
        race = Race(Plan(lambda: (Lane("a", noting),), steps=3))
        race.start(patience=60.0)
        race.pause()
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert seen == {1}, "two would wait for each other at every layer"
    assert later == [2]


def test_a_race_pauses_goes_on_and_resets():
    race = Race(Plan(lanes, steps=100_000))
    race.start()
    until = time.monotonic() + 240
    while race.look().step < 5:
        assert time.monotonic() < until
        time.sleep(0.01)
    race.pause()
    paused = race.look()
    assert paused.state == "paused"
    time.sleep(0.1)
    assert race.look().step == paused.step
    assert len(paused.lanes[0].curves["loss"]) == paused.step
    frozen, steps = race.trained("vae")
    before = frozen.decoder[0].weight.clone()
    assert steps == paused.step
    race.start()
    while race.look().step <= paused.step:
        assert time.monotonic() < until
        time.sleep(0.01)
    torch.testing.assert_close(frozen.decoder[0].weight, before)  # a copy that the training does not change
    race.reset()
    again = wait_for(race, "ready")
    assert again.step == 0
    assert not len(again.lanes[0].curves["loss"])


def test_a_race_that_nobody_looks_at_pauses_itself(monkeypatch):
    monkeypatch.setattr(races, "FORGOTTEN", 0.3)
    race = Race(Plan(lanes, steps=100_000))
    race.start()
    until = time.monotonic() + 240
    while race.is_running:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert 0 <= race.look().step < 100_000


def test_an_error_in_a_lane_is_told():
    def broken(model, x, eps, share):
        raise ValueError("no")

    race = Race(Plan(lambda: (Lane("a", broken),), steps=5))
    race.start()
    assert wait_for(race, "failed").problem == "ValueError"


def test_the_kept_races_are_few(monkeypatch):
    monkeypatch.setattr(races, "MOST_KEPT", 2)
    monkeypatch.setattr(races, "MOST_RUNNING", 1)
    kept = Races()
    plan = Plan(lanes, steps=100_000)
    first, second = kept.get("a", "x", plan), kept.get("b", "x", plan)
    assert kept.get("a", "x", plan) is first
    kept.start(first)
    kept.start(second)
    assert not first.is_running
    assert second.is_running
    monkeypatch.setattr(races, "FORGOTTEN", -1.0)  # nobody is looking
    kept.get("c", "x", plan)
    kept.get("d", "x", plan)
    assert kept.get("a", "x", plan) is not first
    assert kept.get("b", "x", plan) is not second


def test_a_race_that_is_looked_at_outlives_newer_ones(monkeypatch):
    monkeypatch.setattr(races, "MOST_KEPT", 1)
    kept, plan = Races(), Plan(lanes, steps=5)
    watched, left = kept.get("a", "x", plan), kept.get("b", "x", plan)
    left._looked -= 2 * races.FORGOTTEN
    assert kept.get("c", "x", plan) is not None
    assert kept.get("a", "x", plan) is watched
    assert kept.get("b", "x", plan) is not left


def test_a_race_that_had_to_go_is_kept_again_once_it_is_started(monkeypatch):
    """Its page holds it still: a student reads, and comes back to the button."""
    monkeypatch.setattr(races, "MOST_KEPT", 1)
    kept, plan = Races(), Plan(lanes, steps=5)
    read = kept.get("a", "x", plan)
    read._looked -= 2 * races.FORGOTTEN
    kept.get("b", "x", plan)
    kept.start(read)
    assert kept.get("a", "x", plan) is read


def test_a_reset_never_leaves_two_threads_on_the_same_models(monkeypatch):
    race = Race(Plan(lanes, steps=100_000))
    pause, threads = race.pause, []

    def started_again():
        pause()
        if not threads:
            race.start()
            threads.append(race._thread)

    monkeypatch.setattr(race, "pause", started_again)
    race.reset()
    assert threads[0] is not None
    assert not threads[0].is_alive()
    assert wait_for(race, "ready").step == 0


@pytest.mark.parametrize("number", [0, 1])
def test_the_spaces_are_two_dimensional(number):
    lane = lanes()[number]
    model = build(lane, PIXELS, seed=0)
    assert model.encode(torch.rand(3, PIXELS)).mean.shape == (3, 2)


STAGE = "from vaelab.ui.learn.vae import stage\nstage()"


@pytest.fixture
def drawn(monkeypatch) -> list[dict[str, Any]]:
    """What the browser is told to draw, run by run."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(cloud_view, "widget", lambda name, key, data, **_: found.append(data))
    return found


def kl_of(data: dict[str, Any]) -> float:
    """The KL over all dimensions, nats, of the cloud that the browser is told to draw."""
    code, spread = np.array(data["code"]), np.array(data["spread"])
    code[data["dim"]] = data["mu"]
    spread[slice(None) if data["all"] else data["dim"]] = data["sigma"]
    return float(kl_nats(code, spread).sum())


def test_another_face_or_dimension_moves_the_sliders_to_what_the_encoder_says(drawn):
    app = AppTest.from_string(STAGE, default_timeout=180).run()
    mu, sigma, _, dims = faces()
    app.button_group(key="vae_face").set_value(2).run()
    app.button_group(key="vae_dim").set_value(dims[1]).run()
    assert not app.exception
    assert (drawn[-1]["mu"], drawn[-1]["sigma"]) == drawn[-1]["encoded"]
    assert drawn[-1]["mu"] == pytest.approx(mu[2, dims[1]], abs=0.006)
    assert drawn[-1]["sigma"] == pytest.approx(sigma[2, dims[1]], abs=0.006)
    np.testing.assert_array_equal(drawn[-1]["code"], mu[2])


def test_as_encoded_means_every_dimension(drawn):
    app = AppTest.from_string(STAGE, default_timeout=180).run()
    mu, sigma, _, _ = faces()
    app.button(key="vae_encoded").click().run()
    assert not app.exception
    assert app.toggle(key="vae_all").value is False
    assert kl_of(drawn[-1]) == pytest.approx(kl_nats(mu[0], sigma[0]).sum(), abs=0.05)  # the sliders have two decimals


def test_new_noise_leaves_the_cloud_where_it_is(drawn):
    app = AppTest.from_string(STAGE, default_timeout=180).run()
    app.button(key="vae_again").click().run()
    before, after = drawn[0], drawn[-1]
    assert np.shape(after["eps"]) == (16, 16)
    assert before["eps"] != after["eps"]
    assert {name: before[name] for name in before if name != "eps"} == {
        name: after[name] for name in after if name != "eps"
    }


def test_the_other_view_forgets_neither_face_nor_what_a_button_sets(drawn):
    app = AppTest.from_string(STAGE, default_timeout=180).run()
    app.button_group(key="vae_face").set_value(2).run()
    app.button_group(key="vae_view").set_value("spaces").run()
    for name, value in LESSON.sections[0].sets.items():  # "Make it a point"
        app.session_state[name] = value
    app.run()
    assert not app.exception
    np.testing.assert_array_equal(drawn[-1]["code"], faces()[0][2])
    assert (drawn[-1]["sigma"], drawn[-1]["all"]) == (0.0, True)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"mu": 1.25, "sigma": 0.4, "seq": 3}, (1.25, 0.4, 3)),
        ({"mu": 99, "sigma": -1, "seq": 3}, (3.0, 0.0, 3)),
        ({"mu": "x", "sigma": 0.4, "seq": 3}, None),
        ({"mu": float("nan"), "sigma": 0.4, "seq": 3}, None),
        ({"mu": 1.0}, None),
        ([1], None),
        (None, None),
    ],
)
def test_what_the_browser_tells_is_taken_over_within_the_sliders(monkeypatch, told, expected):
    state = {"cloud": {"settled": told}}
    monkeypatch.setattr(cloud_view, "st", SimpleNamespace(session_state=state))
    found = cloud_view.settled("cloud")
    assert (None if found is None else (found.mu, found.sigma, found.seq)) == expected


def test_every_word_of_the_cloud_is_there_and_shown():
    source = (FOLDER / "cloud/cloud.js").read_text(encoding="utf-8")
    shown = set(re.findall(r"this\.text\.(\w+)", source)) | set(re.findall(r'\["\w+", "(\w+)"\]', source))
    shown |= {"mu", "sigma", "mu_help", "sigma_help"}  # by the name of the slider
    assert shown == {*cloud_view.WORDS, "decodings"}
    for language in LANGUAGES:
        assert {*cloud_view.WORDS, "decodings"} <= set(strings(language, cloud_view.TEXTS))


def test_sliders_end_where_python_says():
    source = (FOLDER / "cloud/cloud.js").read_text(encoding="utf-8")
    limits = re.search(r"LIMITS = \{ mu: \[(.*), (.*)\], sigma: \[(.*), (.*)\] \}", source)
    assert tuple(map(float, limits.groups())) == (*cloud_view.MU, *cloud_view.SIGMA)


def test_the_narrowest_cloud_of_the_encoder_fits_the_axis():
    source = (FOLDER / "cloud/maths.js").read_text(encoding="utf-8")
    highest = float(re.search(r"HIGHEST = ([\d.]+)", source)[1])
    _, sigma, _, dims = faces()
    narrowest = float(sigma[:, dims].min())
    assert normal_density(np.zeros(1), 0.0, narrowest)[0] <= highest
