"""A model from Python: plain arrays in and out, the examples of its words, and what it refuses."""

from __future__ import annotations

import doctest
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from trained import write_model

import vaelab
from vaelab import api, data
from vaelab.analysis import inference, walks
from vaelab.config.errors import ConfigError, DataError, ExportError
from vaelab.data import kept
from vaelab.runs import store
from vaelab.runs.plan import plan

FACES = "pixel-faces-conv-vae"


@pytest.fixture(scope="module")
def faces() -> api.Model:
    return vaelab.load(FACES)


@pytest.fixture(scope="module")
def pixels(faces: api.Model) -> Any:
    return faces.images(limit=8)[0]


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("module", [vaelab, api], ids=["vaelab", "vaelab.api"])
def test_the_examples_do_what_they_say(module: ModuleType, faces: api.Model, pixels: Any, tmp_path: Path) -> None:
    known = {"vaelab": vaelab, "np": np, "model": faces, "pixels": pixels, "folder": tmp_path}
    parts = doctest.DocTestFinder(exclude_empty=True).find(module, module.__name__)
    # One page of examples, read from top to bottom: what one names, the next ones use.
    runner = doctest.DocTestRunner()
    for part in sorted(parts, key=lambda part: part.lineno or 0):
        part.globs = known
        runner.run(part, clear_globs=False)
    assert runner.summarize(verbose=False).attempted > 0
    assert runner.summarize(verbose=False).failed == 0


def test_it_answers_what_torch_answers(faces: api.Model, pixels: Any) -> None:
    q = faces.module.encode(inference.to_unit(pixels))
    np.testing.assert_array_equal(faces.encode(pixels), q.mean.numpy())
    mu, logvar = faces.posterior(pixels)
    np.testing.assert_array_equal(logvar, q.logvar.numpy())  # type: ignore[union-attr]
    with torch.no_grad():
        expected = inference.to_uint8(faces.module.decode(torch.from_numpy(mu)))
    np.testing.assert_array_equal(faces.decode(mu), expected)
    np.testing.assert_array_equal(faces.reconstruct(pixels), expected)
    np.testing.assert_array_equal(faces.sample(5, seed=3), inference.sample(faces.module, 5, seed=3))


def test_floats_and_a_single_image_are_taken_too(faces: api.Model, pixels: Any) -> None:
    np.testing.assert_array_equal(faces.encode(pixels / 255.0), faces.encode(pixels))
    np.testing.assert_array_equal(faces.encode(pixels[0]), faces.encode(pixels[:1]))
    assert faces.decode(np.zeros(16).tolist()).shape == (1, 3, 32, 32)


def test_its_figures_are_those_of_the_command(faces: api.Model) -> None:
    images, labels = faces.images(limit=50)
    expected = inference.evaluate(store.find(FACES), limit=50, device="cpu")
    assert faces.evaluate(limit=50) == expected
    assert faces.evaluate(images, labels) == expected
    assert faces.evaluate(images[:8], importance_samples=4)["nll"] > 0


def test_a_walk_keeps_its_distance_from_the_origin() -> None:
    a, b = np.array([3.0, 0.0, 0.0], np.float32), np.array([0.0, 3.0, 0.0], np.float32)
    arc, line = walks.between(a, b, 5), walks.between(a, b, 5, "linear")
    np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 3.0, rtol=1e-6)
    np.testing.assert_allclose(arc[2], [4.5**0.5, 4.5**0.5, 0.0], rtol=1e-6)
    np.testing.assert_allclose(line[2], [1.5, 1.5, 0.0])
    for ends in (arc, line):
        np.testing.assert_allclose(ends[[0, -1]], [a, b], atol=1e-6)
    np.testing.assert_allclose(walks.between(a, 2 * a, 3)[1], 1.5 * a)  # parallel: no arc
    np.testing.assert_allclose(walks.between(a, 0 * a, 3)[1], 0.5 * a)


def test_a_traversal_moves_one_number_at_a_time(faces: api.Model) -> None:
    z = faces.sample_z(1, seed=5)[0]
    grid = faces.traverse(z, dims=[2, 7], steps=3, reach=2.0)
    moved = np.repeat(z[None], 3, axis=0)
    moved[:, 7] = [-2.0, 0.0, 2.0]
    np.testing.assert_array_equal(grid[1], faces.decode(moved))


def test_an_autoencoder_is_moved_in_the_spread_of_its_codes() -> None:
    model = vaelab.load("pixel-faces-autoencoder")
    assert model.z_std.std() > 0
    path = walks.along(model.z_mean, [5], model.z_mean, model.z_std, 3, 3.0)
    np.testing.assert_allclose(path[0, 2, 5], model.z_mean[5] + 3 * model.z_std[5], rtol=1e-6)
    np.testing.assert_array_equal(model.traverse(dims=[5], steps=3)[0], model.decode(path[0]))


def test_labels_are_numbers_or_names() -> None:
    model = vaelab.load("shapes-conv-vae-labelled")
    z = model.sample_z(2)
    green = model.labels.index("green")
    assert (model.decode(z, "green") == model.decode(z, green)).all()
    assert (model.decode(z, ["green", "blue"])[1] == model.decode(z, "blue")[1]).all()
    images, labels = model.images(limit=4)
    assert model.encode(images, labels).shape == (4, 8)
    for wrong in (None, "purplish", 99, -1, 1.5, ["green"] * 3):
        with pytest.raises(ConfigError, match="labels must be"):
            model.decode(z, wrong)


def test_what_does_not_fit_is_refused_in_a_sentence(faces: api.Model, pixels: Any) -> None:
    with pytest.raises(ConfigError, match=r"shape \(N, 3, 32, 32\), got \(8, 32, 32, 3\)"):
        faces.encode(pixels.transpose(0, 2, 3, 1))
    with pytest.raises(ConfigError, match="uint8 from 0 to 255 or floats"):
        faces.encode(pixels.astype(np.int32))
    for value in (np.nan, 1.5, -0.1):
        with pytest.raises(ConfigError, match="must be finite and lie from 0 to 1"):
            faces.encode(np.full((1, 3, 32, 32), value))
    with pytest.raises(ConfigError, match="labels must be left out"):
        faces.decode(np.zeros(16), 3)
    with pytest.raises(ConfigError, match="a must be one code of 16 numbers"):
        faces.interpolate(np.zeros(15), np.zeros(16))
    with pytest.raises(ConfigError, match="kind must be"):
        faces.interpolate(np.zeros(16), np.ones(16), kind="curved")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="dims must be"):
        faces.traverse(dims=[16])
    for steps in (0, 1):
        with pytest.raises(ConfigError, match="steps must be 2"):
            faces.traverse(steps=steps)
        with pytest.raises(ConfigError, match="steps must be 2"):
            faces.interpolate(np.zeros(16), np.ones(16), steps)
    with pytest.raises(ExportError, match="must end in"):
        faces.export("faces.pickle")


@pytest.mark.usefixtures("own_models")
def test_training_further_begins_with_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))
    write_model(tmp_path / "runs" / "first", plan("digits", "conv-vae", latent_dim=4, limit=64))
    first = vaelab.load("first")
    rows: list[Any] = []
    before = {name: tensor.clone() for name, tensor in first.module.state_dict().items()}
    second = first.train(epochs=1, lr=1e-5, name="second", on_row=rows.append)
    cfg = second.config
    assert (second.name, cfg.optim.lr, cfg.optim.epochs, cfg.data.limit) == ("second", 1e-5, 1, 64)
    assert rows
    for name, tensor in first.module.state_dict().items():
        assert torch.equal(tensor, before[name]), name  # it stays as it is
        if name.startswith(("features", "head", "decoder")):
            assert (second.module.state_dict()[name] - tensor).abs().max() < 1e-3, name  # a step or two of 1e-5
    assert not torch.equal(second.module.state_dict()["decoder.0.weight"], before["decoder.0.weight"])
    assert second.run.events()[0]["event"] == "start"


@pytest.mark.usefixtures("own_models")
def test_training_on_arrays_keeps_them_as_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))
    write_model(tmp_path / "runs" / "plain", plan("digits", "conv-vae", latent_dim=4))
    write_model(tmp_path / "runs" / "told", plan("digits", "conv-vae", latent_dim=4, label="class"))
    digits = data.load("digits").train
    plain = vaelab.load("plain").train(digits.pixels[:40], name="taught")
    name = plain.config.data.name
    loaded = data.load(name, channels=1)
    assert {image.tobytes() for image in loaded.train.pixels} <= {image.tobytes() for image in digits.pixels[:40]}
    assert (len(loaded.train), len(loaded.test)) == (36, 4)
    assert plain.evaluate()["images"] == 4
    told = vaelab.load("told").train(digits.pixels[:200], digits.labels[:200], name="taught-classes")  # type: ignore[index]
    assert data.info(told.config.data.name).classes == told.labels
    with pytest.raises(ConfigError, match="must name all 10 classes"):
        vaelab.load("told").train(digits.pixels[:3], digits.labels[:3], name="few")  # type: ignore[index]
    with pytest.raises(DataError, match="is there already"):
        kept.keep(digits.pixels[:4], None, (), Path(name.removeprefix("folder:")), "again")
    with pytest.raises(DataError, match="must be 2 to"):
        kept.keep(digits.pixels[:1], None, (), tmp_path / "one", "one")


def test_a_notebook_shows_the_living_decoder_in_a_frame_of_its_own(
    faces: api.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = faces._repr_html_()
    assert shown.startswith("<iframe ")
    assert 'sandbox="allow-scripts allow-downloads"' in shown
    assert shown.count('"') % 2 == 0
    assert "<script" not in shown  # all of it is escaped
    assert "&lt;!doctype html&gt;" in shown
    monkeypatch.setattr("vaelab.export.one_file.MOST_BYTES", 1000)
    told = faces._repr_html_()
    assert "would make a file of" in told
    assert "&lt;Model pixel-faces-conv-vae" in told


def test_the_light_package_imports_neither_numpy_nor_torch() -> None:
    import subprocess
    import sys

    code = (
        "import sys, vaelab; assert not {'numpy', 'torch'} & set(sys.modules); assert vaelab.Model.__name__ == 'Model'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError):
        _ = vaelab.nothing_of_the_kind  # type: ignore[attr-defined]
