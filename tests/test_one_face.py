"""The one picture that goes through the lessons: the same in all of them, and its numbers are the shipped model's."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from vaelab.analysis import inference
from vaelab.lessons.one_step import Training, configuration
from vaelab.models.losses import bernoulli_recon
from vaelab.runs import store
from vaelab.ui.learn import autoencoder_layers, code, graphs_vae, one_face, reparam_path, vae


def test_lessons_4_5_6_and_9_show_the_same_picture():
    picture = one_face.pixels()
    assert picture.shape == (3, 32, 32)
    np.testing.assert_array_equal(autoencoder_layers.pixels_of("face"), picture)
    assert next(iter(autoencoder_layers.IMAGES)) == "face", "it is there before anything is chosen"
    np.testing.assert_array_equal(vae.faces.__wrapped__()[2][0], picture)
    np.testing.assert_array_equal(one_face.one_face.__wrapped__().x, picture)


def test_its_code_is_that_of_the_shipped_model():
    face = one_face.one_face.__wrapped__()
    with np.load(store.find(one_face.MODEL).path / "latents.npz", allow_pickle=False) as stored:
        np.testing.assert_allclose(face.mu, stored["mu"][0], atol=2e-3)
        np.testing.assert_allclose(face.sigma, np.exp(0.5 * stored["logvar"][0]), atol=2e-3)
    np.testing.assert_allclose(face.z, face.mu + face.sigma * face.eps, rtol=1e-6)
    assert np.abs(face.x_hat.astype(float) - face.x).mean() < 20


def test_lesson_8_runs_its_line_for_the_face_and_new_noise_is_another_picture(monkeypatch):
    monkeypatch.setattr(reparam_path, "one_face", one_face.one_face.__wrapped__)
    state = {"reparam_seed": 3}
    monkeypatch.setattr(reparam_path.st, "session_state", state)
    first = reparam_path._face()
    mu, sigma, eps, z = (
        float(part.replace("−", "-"))
        for part in re.search(r"(−?[\d.]+) \+ (−?[\d.]+) · \((−?[\d.]+)\) = (−?\d+\.\d+)", first).groups()
    )
    assert mu + sigma * eps == pytest.approx(z, abs=0.02)
    state["reparam_seed"] = 4
    pictures = [re.findall(r'src="([^"]+)"', said) for said in (first, reparam_path._face())]
    assert pictures[0][0] == pictures[1][0]
    assert pictures[0][1] != pictures[1][1]


def test_lesson_7_knows_only_bounds_of_the_face():
    found, face = one_face._bound(), one_face.one_face.__wrapped__()
    kl = 0.5 * (face.mu**2 + face.sigma**2 - 1 - 2 * np.log(face.sigma)).sum()
    model, x = inference.load_run(store.find(one_face.MODEL)), inference.to_unit(one_face.pixels()[None])
    with torch.no_grad():
        z = torch.from_numpy(face.mu + face.sigma * np.random.default_rng(5).standard_normal((400, 16)).astype("f4"))
        recon = bernoulli_recon(model.decode_logits(z), x.expand(400, -1, -1, -1)).mean().item()
    assert found.elbo == pytest.approx(-recon - kl, abs=1.5)  # two sets of draws
    assert found.estimate > found.elbo
    assert 1 < found.counting < one_face.DRAWS


@pytest.mark.parametrize("node", list(graphs_vae.NODES))
def test_every_node_of_the_vae_says_what_it_is_for_the_face(node, monkeypatch):
    monkeypatch.setattr(graphs_vae, "one_face", one_face.one_face.__wrapped__)
    said = graphs_vae._face(node)
    assert said.count("<img") == 1
    numbers = {"mu": "mu", "sigma": "sigma", "eps": "eps", "z": "z"}
    if node in numbers:
        first = getattr(one_face.one_face.__wrapped__(), numbers[node])[0]
        assert f"{first:+.2f}".lstrip("+").replace("-", "−") in said


def test_the_face_of_lesson_9_is_learned_though_it_is_in_no_batch():
    training = Training(configuration(images=256))
    picture = one_face.pixels()

    def error() -> float:
        return float(np.abs(training.reconstruct(picture).astype(float) - picture).mean())

    training.take()
    before = error()
    for _ in range(150):
        training.take(look=False)
    assert error() < 0.9 * before
    assert code.one_face is one_face
