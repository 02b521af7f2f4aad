"""What lies over the points of the map: the modes of a mixture prior and the arrows of damage, against hand-made mixtures and projections."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from run_writer import write_run
from safetensors.numpy import save_file
from test_latent_map import address, answer, ask, numbers
from trained import write_model

from vaelab import data
from vaelab.analysis import damage_arrows, film, inference, latents, prior_modes, projections
from vaelab.analysis.projections import Projection
from vaelab.models.latent_model import LatentModel, build
from vaelab.models.model_config import ModelConfig
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.training.snapshots import Snapshots
from vaelab.ui.components.map.layer_routes import placed
from vaelab.ui.latent.map_panel import layers_of

pytestmark = pytest.mark.usefixtures("own_models")

TURN = math.radians(30)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def run_of(model: str, **values: Any) -> Run:
    """A run of the digits whose weights are as they are drawn."""
    cfg = plan("digits", model=model, latent_dim=4, **values)
    run = write_run(f"{model}-run", cfg=cfg)
    torch.manual_seed(0)
    drawn = build(cfg.model).requires_grad_(False)
    for seed, (name, parameter) in enumerate(drawn.named_parameters()):
        if name.startswith("prior."):
            parameter.copy_(0.7 * random(*parameter.shape, seed=seed))
    write_model(run.path, cfg, drawn)
    return run


def known_of(run: Run) -> tuple[LatentModel, latents.Codes]:
    return inference.load_run(run), latents.codes(latents.query(run, "test", 1_000))


def test_a_mixture_under_a_turned_plane_has_the_ellipse_that_was_made() -> None:
    """sigma 2 and 1 along z0 and z1, seen on axes turned by 30 degrees; z2 is not seen."""
    axes = np.array([[math.cos(TURN), math.sin(TURN), 0.0], [-math.sin(TURN), math.cos(TURN), 0.0]])
    mu, sigma = np.array([[1.0, 2.0, 9.0], [0.0, 0.0, 0.0]]), np.array([[2.0, 1.0, 7.0], [0.5, 0.5, 0.5]])
    found = prior_modes.covariances(sigma, axes)
    half = [math.degrees(0.5 * math.atan2(2 * c[0, 1], c[0, 0] - c[1, 1])) for c in found]
    np.testing.assert_allclose(np.linalg.eigvalsh(found[0]), [1.0, 4.0])
    assert half[0] == pytest.approx(-30.0)  # the long axis is z0, which lies 30 degrees below the first axis
    np.testing.assert_allclose(found[1], 0.25 * np.eye(2), atol=1e-12)

    pictures = np.zeros((2, 1, 4, 4), np.uint8)
    modes = prior_modes.Modes(mu, sigma, np.array([0.25, 0.75]), pictures)
    rows = placed(modes, Projection(np.array([1.0, 1.0, 1.0]), axes))
    np.testing.assert_allclose(rows[0, :3], [math.sin(TURN), math.cos(TURN), 0.0], atol=1e-6)
    np.testing.assert_allclose(rows[0, 3:9], [found[0][0, 0], found[0][0, 1], 0, found[0][1, 1], 0, 0], atol=1e-6)
    np.testing.assert_allclose(rows[:, 9], [0.25, 0.75])


def test_draws_from_a_component_spread_as_its_ellipse_says() -> None:
    directions = np.linalg.qr(random(5, 3, seed=3).double().numpy())[0].T
    sigma = np.exp(random(1, 5, seed=4).double().numpy())
    drawn = sigma * random(200_000, 5, seed=5).double().numpy()
    np.testing.assert_allclose(prior_modes.covariances(sigma, directions)[0], np.cov(directions @ drawn.T), rtol=0.02)


def test_the_modes_are_the_components_of_the_prior() -> None:
    run = run_of("mixture-vae", settings={"components": 5})
    model, known = known_of(run)
    found = prior_modes.modes(model, known)
    state = model.state_dict()
    np.testing.assert_allclose(found.mu, state["prior.mu"])
    np.testing.assert_allclose(found.sigma, np.exp(0.5 * state["prior.logvar"].numpy()), rtol=1e-6)
    weights = np.exp(state["prior.logits"].numpy())
    np.testing.assert_allclose(found.weights, weights / weights.sum(), rtol=1e-5)
    np.testing.assert_array_equal(found.decoded, inference.decode(model, found.mu))
    assert (found.inputs, found.y) == (None, None)
    assert layers_of(run) == {"modes": {"inputs": False}}


def test_the_modes_of_a_vampprior_are_the_posteriors_of_its_pseudo_inputs() -> None:
    run = run_of("vamp-vae", settings={"pseudo_inputs": 6})
    model, known = known_of(run)
    found = prior_modes.modes(model, known)
    inputs = torch.sigmoid(model.state_dict()["prior.logits"])
    q = model.encode(inputs, None)
    np.testing.assert_allclose(found.mu, q.mean, atol=1e-6)
    np.testing.assert_allclose(found.sigma, torch.exp(0.5 * q.logvar), rtol=1e-5)
    np.testing.assert_allclose(found.weights, np.full(6, 1 / 6), rtol=1e-6)
    np.testing.assert_array_equal(found.inputs, inference.to_uint8(inputs))
    assert layers_of(run) == {"modes": {"inputs": True}}


def test_a_conditional_mixture_decodes_each_mean_with_the_label_of_the_nearest_code() -> None:
    model, known = known_of(run_of("mixture-vae", label="class", settings={"components": 4}))
    found = prior_modes.modes(model, known)
    nearest = ((known.mu[None] - found.mu[:, None]) ** 2).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(found.y, known.y[nearest])
    np.testing.assert_array_equal(found.decoded, inference.decode(model, found.mu, found.y))


@pytest.mark.parametrize("dims", ["", "2,0", "0,1,3"])
def test_the_map_asks_where_the_modes_are_in_its_projection(dims: str) -> None:
    run = run_of("mixture-vae", settings={"components": 3})
    model, known = known_of(run)
    modes = prior_modes.modes(model, known)
    asked = {"projection": "dims", "dims": dims} if dims else {"projection": "pca"}
    rows = numbers(run, "modes.bin", **asked).reshape(3, 10)
    if dims:
        axes, mean = np.eye(4)[[int(k) for k in dims.split(",")]], np.zeros(4)
    else:
        pca = projections.pca(known.mu, 3)
        axes, mean = pca.directions, pca.mean
    size = len(axes)
    np.testing.assert_allclose(rows[:, :size], (modes.mu - mean) @ axes.T, atol=1e-4)
    assert (rows[:, size:3] == 0).all()
    for row, sigma in zip(rows, modes.sigma, strict=True):
        covariance = np.zeros((3, 3))
        covariance[:size, :size] = axes @ np.diag(sigma**2) @ axes.T
        np.testing.assert_allclose(row[3:9], covariance[np.triu_indices(3)], atol=1e-4)
    np.testing.assert_allclose(rows[:, 9], modes.weights, rtol=1e-5)
    assert not answer(run, "facts.json")["standard"]  # so the map draws no rings of N(0, I)


def test_the_modes_have_pictures() -> None:
    run = run_of("vamp-vae", settings={"pseudo_inputs": 3})
    model, known = known_of(run)
    found = prior_modes.modes(model, known)
    for name, images in (("mode", found.decoded), ("pseudo", found.inputs)):
        status, body, _ = ask(address(run, f"{name}-0.png"))
        assert status == 200
        picture = np.asarray(Image.open(io.BytesIO(body)))
        np.testing.assert_array_equal(picture[:32, 64:96], images[2].transpose(1, 2, 0).repeat(3, axis=2)[..., :3])
        assert ask(address(run, f"{name}-1.png"))[0] == 409


def filmed(model: str, **values: Any) -> tuple[Run, list[LatentModel]]:
    """A run with the snapshots of three moments: 20 as an earlier version wrote it, 30 and 40 with other components of the prior each."""
    run = run_of(model, **values)
    cfg = run.config()
    writer = Snapshots(run, data.load("digits", image_size=32, channels=1), cfg, torch.device("cpu"))
    run.fixed_file.unlink()
    writer.begin(20)
    moments = []
    for step in (20, 30, 40):
        moment = inference.load_run(run)
        for seed, (name, parameter) in enumerate(moment.named_parameters()):
            if name.startswith(
                ("prior.", "head.")
            ):  # the images go elsewhere too, so that each moment has a plane of its own
                parameter.add_(0.2 * random(*parameter.shape, seed=step + seed))
        before = torch.get_rng_state()
        writer.write(moment, step)
        assert torch.equal(before, torch.get_rng_state())  # a resume stays exact
        moments.append(moment)
    old = {name: array for name, array in run.snapshot(20).items() if not name.startswith("prior_")}
    save_file(old, run.snapshot_file(20))
    return run, moments[1:]


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("mixture-vae", {"settings": {"components": 5}}),
        ("vamp-vae", {"settings": {"pseudo_inputs": 6}}),
        ("vamp-vae", {"settings": {"pseudo_inputs": 6}, "label": "class"}),
    ],
)
def test_the_film_keeps_the_modes_of_every_moment(model: str, values: dict[str, Any]) -> None:
    run, moments = filmed(model, **values)
    shown = film.film(run)
    count = next(iter(values["settings"].values()))
    assert (answer(run, "film.json")["modes"], shown.steps, shown.priors[0]) == (count, (20, 30, 40), None)
    rows = numbers(run, "film-modes.bin").reshape(3, count, 10)
    assert np.isnan(rows[0]).all()
    for k, moment in enumerate(moments, start=1):
        mu, logvar, log_weights = moment.cfg.method.components(moment)
        plane, arrays = shown.planes[k], run.snapshot(shown.steps[k])
        np.testing.assert_allclose(plane.place(arrays["probe_mu"]), shown.points[k], atol=1e-5)
        np.testing.assert_allclose(rows[k, :, :2], plane.place(mu.numpy()), atol=5e-3)  # kept in half precision
        for row, part in zip(rows[k], logvar, strict=True):
            spread = plane.directions @ np.diag(np.exp(part.numpy())) @ plane.directions.T
            np.testing.assert_allclose(row[[3, 4, 6]], spread[np.triu_indices(2)], rtol=0.01, atol=1e-3)
        np.testing.assert_allclose(rows[k, :, 9], log_weights.exp(), rtol=1e-5)
        labels = moment.cfg.method.component_labels(moment)
        decoded = inference.decode(moment, mu.numpy(), None if labels is None else labels.numpy())
        status, body, _ = ask(address(run, f"film-mode-{shown.steps[k]}-0.png"))
        picture = np.asarray(Image.open(io.BytesIO(body)))[:32, :32, 0].astype(int)
        assert status == 200
        np.testing.assert_allclose(picture, decoded[0, 0], atol=2)
        extra = sum(array.nbytes for name, array in arrays.items() if name.startswith("prior_"))
        assert extra <= count * (2 * 4 * 2 + 4 + 8)  # mu and logvar in half precision, a weight, a label
    assert not np.allclose(rows[1], rows[2])
    assert not np.allclose(shown.planes[1].directions, shown.planes[2].directions, atol=0.1)
    for name, words in (
        ("film-mode-20-0.png", "holds no components"),
        ("film-mode-7-0.png", "no snapshot of step 7"),
    ):
        status, body, _ = ask(address(run, name))
        assert (status, words in body.decode()) == (409, True)


def test_a_conditional_mixture_of_the_film_takes_the_labels_of_the_nearest_probes() -> None:
    run, moments = filmed("mixture-vae", label="class", settings={"components": 4})
    arrays, fixed = run.snapshot(40), run.fixed()
    mu = arrays["prior_mu"].astype(np.float32)
    nearest = ((arrays["probe_mu"][None] - mu[:, None]) ** 2).sum(axis=2).argmin(axis=1)
    expected = inference.decode(moments[1], mu, fixed["probe_y"][nearest])
    np.testing.assert_allclose(prior_modes.decoded_then(run, 40).astype(int), expected, atol=2)


def test_what_a_run_has_not_is_refused_in_words(digits: Run) -> None:
    assert layers_of(digits) == {}
    for name, words in (("modes.bin", "is no mixture"), ("arrows.bin", "was not trained on damaged images")):
        status, body, _ = ask(address(digits, name))
        assert (status, words in body.decode()) == (409, True)
    assert ask(address(run_of("mixture-vae"), "pseudo-0.png"))[0] == 409


def test_the_length_of_arrows_is_in_standard_deviations_of_the_codes() -> None:
    """Codes at the corners of a square of side 2 lie sqrt(2) from its middle; every arrow is 3 long."""
    mu = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    moved = mu + 3.0 * np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-0.8, 0.6]])
    assert damage_arrows.length(moved, mu, mu) == pytest.approx(3.0 / math.sqrt(2.0))


@pytest.mark.parametrize("amount", [0.0, 0.4])
def test_arrows_begin_at_the_codes_of_damaged_images(amount: float) -> None:
    run = run_of("denoising-autoencoder", settings={"damage": "holes", "amount": amount})
    model, known = known_of(run)
    found = damage_arrows.arrows(model, known, 50)
    assert (len(found.rows), found.rows[0], found.rows[-1]) == (50, 0, len(known) - 1)
    x = inference.to_unit(known.pixels[found.rows])
    share = torch.special.ndtr(torch.randn(x.shape, generator=torch.Generator().manual_seed(0))[:, :1])
    spoilt = torch.where(share < amount, torch.zeros_like(x), x)
    np.testing.assert_allclose(found.damaged, model.encode(spoilt, None).mean, atol=1e-5)
    if amount == 0.0:
        assert found.length == pytest.approx(0.0, abs=1e-4)
        np.testing.assert_allclose(found.damaged, known.mu[found.rows], atol=1e-4)
    else:
        assert found.length > 0.01


def test_the_map_asks_for_the_arrows_in_its_projection() -> None:
    run = run_of("denoising-autoencoder")
    model, known = known_of(run)
    found = damage_arrows.arrows(model, known)
    rows = numbers(run, "arrows.bin", projection="dims", dims="3,1").reshape(-1, 4)
    np.testing.assert_array_equal(rows[:, 0], found.rows)
    np.testing.assert_allclose(rows[:, 1:], np.c_[found.damaged[:, [3, 1]], np.zeros(len(rows))], atol=1e-5)
    told = answer(run, "arrows.json")
    assert (told["n"], told["length"]) == (200, pytest.approx(found.length, rel=1e-5))
    assert layers_of(run) == {"arrows": {"damage": "Gaussian noise 0.3"}}


def test_a_setting_is_told_in_words() -> None:
    damage, amount = ModelConfig(name="denoising-autoencoder").method.settings
    assert [damage.worded("salt-and-pepper", lang) for lang in ("en", "zh")] == ["salt and pepper", "椒盐噪声"]
    assert amount.worded(0.25, "zh") == "0.25"
