"""Several models side by side: figures, differing settings, curves on one axis, the same images in the same places."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_writer import write_run
from trained import write_model

from vaelab import data
from vaelab.analysis import comparison, inference
from vaelab.config.errors import DataError
from vaelab.models.architecture import architecture
from vaelab.runs import store
from vaelab.runs.files import write_json
from vaelab.runs.plan import plan
from vaelab.ui.charts import comparison as charts


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


def test_only_settings_that_differ_are_told() -> None:
    first, second = plan("digits", latent_dim=4), plan("digits", latent_dim=8, beta=2.0)
    assert comparison.differing([first, replace(first, id="another", version="9")]) == {}
    assert comparison.differing([first, second]) == {"model.latent_dim": (4, 8), "loss.beta": (1.0, 2.0)}


def test_a_setting_that_one_method_has_is_told_as_absent_in_the_other() -> None:
    found = comparison.differing(
        [plan("digits", model="conv-vae", latent_dim=4), plan("digits", model="info-vae", latent_dim=4)]
    )
    assert all(len(values) == 2 for values in found.values())
    own = [name for name, values in found.items() if None in values]
    assert own
    assert all(name.startswith("model.") for name in own)


def test_figures_of_a_run_are_those_of_its_newest_measurement() -> None:
    run = write_run("a", cfg=plan("digits", latent_dim=4), idle_dims=1)
    found = comparison.figures(run)
    assert (found.loss, found.recon, found.kl, found.above) == (7.0, 6.0, 1.0, 4.5)
    assert (found.active, found.dims) == (3, 4)
    assert found.parameters == architecture(run.config().model).params
    assert found.seconds == 75.0


def test_figures_of_a_shipped_model_are_those_of_its_card() -> None:
    run = store.find("pixel-faces-conv-vae")
    card = json.loads((run.path / "metrics.json").read_text())
    found = comparison.figures(run)
    assert (found.loss, found.kl) == (card["test"]["loss"], card["test"]["kl"])
    assert found.above == pytest.approx(card["test"]["loss"] - card["test"]["floor"])
    assert (found.epochs, found.seconds) == (card["epochs"], card["seconds"])
    assert comparison.figures(store.find("pixel-faces-autoencoder")).kl is None


def test_a_curve_along_each_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run("a", cfg=plan("digits", latent_dim=4, batch_size=50, epochs=4), rows=8)
    write_json(run.status_file, run.status().to_dict() | {"total_steps": 16})  # four steps make an epoch
    step = np.arange(1.0, 9.0)
    # 180 images in batches of 50: the fourth of an epoch has 30
    monkeypatch.setattr(comparison.data, "count", lambda name, size: (180, 20))
    along = {axis: comparison.curve(run, "recon", axis)[0] for axis in comparison.AXES}
    seen = along["images"][0]
    assert seen.tolist() == [50, 100, 150, 180, 230, 280, 330, 360]
    for axis, scale in (("step", 1.0), ("epoch", 0.25), ("seconds", 1.0)):
        x, y = along[axis]  # type: ignore[index]
        assert np.allclose(x, scale * step)
        assert np.allclose(y, 90.0 / step)
    (_, above), (test_x, test_above) = comparison.curve(run, "above", "step")
    assert np.allclose(above, 100.0 / step - 2.5)  # the held-out floor
    assert (test_x.tolist(), test_above.tolist()) == ([8.0], [4.5])
    (x, _), _ = comparison.curve(run, "no-such-term", "step")
    assert len(x) == 0


def test_the_same_images_stand_in_the_same_places() -> None:
    cfgs = {"a": plan("digits", latent_dim=4), "b": plan("digits", model="autoencoder", latent_dim=6)}
    runs = [write_model(store.runs_root() / name, cfg) for name, cfg in cfgs.items()]
    for run in runs:
        found = comparison.pictures(run, 3, 5, seed=1)
        test = data.load("digits", image_size=32, channels=run.config().model.channels, limit=1).test.pixels
        model = inference.load_run(run)
        assert np.array_equal(found.originals, test[3:8])
        assert np.array_equal(found.x_hat, inference.reconstruct(model, test[3:8]))
        assert np.array_equal(found.samples, inference.sample(model, 5, seed=1))
        assert np.array_equal(
            found.between[[0, -1]], inference.reconstruct(model, test[3:5])
        )  # a walk ends at its ends
        assert found.above is not None
        assert (found.above > 0).all()


@pytest.mark.parametrize("first", [-1, 296, 10_000])
def test_images_that_are_not_there_are_refused(first: int) -> None:
    run = write_model(store.runs_root() / "a", plan("digits", latent_dim=4))
    with pytest.raises(DataError, match="a has 297 images to compare, got number"):
        comparison.pictures(run, first, 4, seed=0)


def test_rows_of_the_charts() -> None:
    line = (np.arange(3.0), np.arange(3.0) ** 2)
    rows = charts.curve_rows({"a": (line, (line[0][:1], line[1][:1])), "b": (line, (line[0][:0], line[1][:0]))})
    assert rows.groupby(["model", "split"]).size().to_dict() == {("a", "test"): 1, ("a", "train"): 3, ("b", "train"): 3}
    assert charts.curve_rows({}).columns.tolist() == ["x", "value", "model", "split"]
    points = {"a": np.zeros((2, 2)), "b": np.ones((2, 2))}
    mapped = charts.map_rows(points, np.array([1, 0]), ["x", "y"])
    assert mapped.loc[mapped["model"] == "b", "label"].tolist() == ["y", "x"]
    assert mapped["image"].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("name", ["pixel-faces-conv-vae", "shapes-conv-vae-labelled"])
def test_a_shipped_model_tells_its_kl_at_the_moments_of_its_film(name: str) -> None:
    run = store.find(name)
    (train, _), (x, y) = comparison.curve(run, "kl", "step")
    assert len(train) == 0
    assert x.tolist() == [float(step) for step in run.snapshots()]
    card = run.evaluation()
    assert card is not None
    assert y[-1] == pytest.approx(card["test"]["kl"], rel=0.03)  # of 256 of the images that the card measures
    _, (epochs, again) = comparison.curve(run, "kl", "epoch")
    assert epochs[-1] == card["epochs"]
    assert again.tolist() == y.tolist()


def test_a_shipped_model_without_a_film_tells_its_end_alone() -> None:
    run = store.find("cifar10-linear-vae")
    card = run.evaluation()
    assert card is not None
    for axis, at in (("step", 15_630), ("epoch", 10), ("seconds", 269.2), ("images", 500_000)):
        _, (x, y) = comparison.curve(run, "above", axis)  # type: ignore[arg-type]
        assert x.tolist() == [at]
        assert y.tolist() == [card["test"]["loss"] - card["test"]["floor"]]


def test_a_shipped_autoencoder_has_no_kl_to_draw() -> None:
    _, (x, _) = comparison.curve(store.find("pixel-faces-autoencoder"), "kl", "step")
    assert len(x) == 0
