"""Cards of trained models: how one is written, and that the shipped ones say what evaluate says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vaelab import data
from vaelab.analysis import inference
from vaelab.analysis.film import film
from vaelab.config.errors import RunError
from vaelab.data.catalog import REDISTRIBUTABLE
from vaelab.export.bundle import browser_bundle, number_bytes
from vaelab.export.card import LATENT_IMAGES, write_card
from vaelab.export.shipped_film import MOST, add_film
from vaelab.models.architecture import architecture
from vaelab.runs import store
from vaelab.runs.files import read_arrays
from vaelab.runs.plan import plan, train_command
from vaelab.workers import train_worker

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = store.shipped()
TERMS = ("recon", "kl", "loss", "floor")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.Run:
    """A conv-vae that is about to be trained on 64 digits."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    return store.create_run(plan("digits", latent_dim=3, epochs=1, batch_size=32, limit=64, device="cpu"), "tiny")


def test_a_card_holds_the_model_its_figures_and_codes(run: store.Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="a card is made from a finished run"):
        write_card(run, tmp_path / "card")
    assert train_worker.run_here(run).state == "finished"
    metrics = write_card(run, tmp_path / "card")
    card = store.Run(tmp_path / "card")
    assert card.evaluation() == metrics
    assert card.config() == run.config()
    assert metrics["test"] == inference.evaluate(card)
    assert metrics["test"]["recon"] == pytest.approx(
        inference.evaluate(run)["recon"], rel=1e-3
    )  # of weights not rounded
    given, kept = inference.load_run(run).state_dict(), read_arrays(card.model_file())
    for key, tensor in given.items():
        rounded = tensor.half() if key.startswith("decoder.") else tensor
        np.testing.assert_array_equal(kept[key], rounded.numpy())
        assert kept[key].dtype == rounded.numpy().dtype
    assert (metrics["train_images"], metrics["epochs"], metrics["steps"]) == (64, 1, 2)
    with np.load(card.path / "latents.npz") as codes:
        test = data.load("digits").test
        mu, logvar = inference.encode(inference.load_run(run), test.pixels)
        assert logvar is not None
        np.testing.assert_array_equal(codes["mu"], mu)
        np.testing.assert_array_equal(codes["logvar"], logvar)
        np.testing.assert_array_equal(codes["labels"], test.labels)
        np.testing.assert_array_equal(codes["thumbnails"], test.pixels)
    text = (card.path / "README.md").read_text(encoding="utf-8")
    assert train_command(run.config()) in text
    assert data.info("digits").licence in text


def test_a_film_keeps_as_many_moments_as_fit_without_their_decoders(run: store.Run, tmp_path: Path) -> None:
    card = store.Run(tmp_path / "card")
    with pytest.raises(RunError, match="keeps no snapshots"):
        add_film(run, card.path)
    train_worker.run_here(run)
    write_card(run, card.path)
    assert add_film(run, card.path) == len(run.snapshots())
    shown, whole = film(card), film(run)
    assert shown.steps == whole.steps
    np.testing.assert_array_equal(shown.samples, whole.samples)
    np.testing.assert_array_equal(shown.points, whole.points)
    assert not any(name.startswith("decoder.") for name in card.snapshot(shown.steps[-1]))
    size = sum(file.stat().st_size for file in card.snapshots_dir.rglob("*.safetensors"))
    assert add_film(run, card.path, size) == len(shown.steps)
    with pytest.raises(RunError, match=r"at most 100 bytes, and its first and last moment alone have [0-9,]+; ship"):
        add_film(run, card.path, 100)
    assert card.snapshots() == list(shown.steps)  # what was there is left


def test_what_fits_has_the_first_and_the_last_moment(run: store.Run, tmp_path: Path) -> None:
    train_worker.run_here(run)
    first = run.snapshot_file(run.snapshots()[0])
    for step in (3, 5, 8, 13):
        run.snapshot_file(step).parent.mkdir()
        run.snapshot_file(step).write_bytes(first.read_bytes())
    everything = add_film(run, tmp_path / "card")
    files = list((tmp_path / "card" / "snapshots").glob("*/*"))
    frame = sum(file.stat().st_size for file in files) // len(files)
    most = run.fixed_file.stat().st_size + 3 * frame + 100
    assert add_film(run, tmp_path / "card", most) == 3 < everything
    kept = store.Run(tmp_path / "card").snapshots()
    assert (kept[0], kept[-1], len(kept)) == (run.snapshots()[0], run.snapshots()[-1], 3)


def test_the_script_lists_the_trainings_of_all_shipped_models() -> None:
    arguments = [sys.executable, str(ROOT / "scripts" / "train_weights.py"), "--list"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    listed = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert set(listed) == set(SHIPPED)
    for name, command in listed.items():
        metrics = store.find(name).evaluation()
        assert metrics is not None
        assert metrics["command"] == command, name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_agrees_with_its_own_files(name: str) -> None:
    run = store.Run(store.weights_root() / name)
    cfg, metrics = run.config(), run.evaluation()
    assert metrics is not None
    text = (run.path / "README.md").read_text(encoding="utf-8")
    for term in TERMS:
        assert f"| {metrics['test'][term]:,.2f} |" in text, term
    assert metrics["weights"] == architecture(cfg.model).params
    assert metrics["command"] == train_command(cfg)
    assert metrics["command"] in text
    with np.load(run.path / "latents.npz") as codes:
        assert codes["mu"].shape == (min(LATENT_IMAGES, metrics["test"]["images"]), cfg.model.latent_dim)
        assert np.isfinite(codes["mu"]).all()
        assert ("thumbnails" in codes) == (cfg.data.name in REDISTRIBUTABLE)
    assert not inference.load_run(run).training


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_decoder_travels_in_16_bits(name: str) -> None:
    run = store.find(name)
    content = browser_bundle(run.config().model, read_arrays(run.model_file()))
    assert number_bytes(content) == 2, f"python scripts/train_weights.py --halve {name}"


def test_the_shipped_models_are_small() -> None:
    assert sum(file.stat().st_size for file in store.weights_root().rglob("*") if file.is_file()) < 40e6


def _is_full(name: str) -> bool:
    return data.info(store.find(name).config().data.name).origin == "download"


@pytest.mark.parametrize("name", [name for name in SHIPPED if not _is_full(name)])
def test_the_figures_of_a_card_come_out_again(name: str) -> None:
    _check_figures(name)


ALWAYS = ("cifar10-linear-vae", "mnist-conv-vae")  # the others take a quarter of a minute each: with --whole


@pytest.mark.fulldata
@pytest.mark.parametrize(
    "name",
    [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.slow) for name in SHIPPED if _is_full(name)],
)
def test_the_figures_of_a_card_come_out_again_on_the_full_set(name: str) -> None:
    source = store.find(name).config().data.name
    if not (os.environ.get("VAELAB_DATA") and data.is_available(source)):
        pytest.skip(f"{source} is not in VAELAB_DATA")
    _check_figures(name)


def _check_figures(name: str) -> None:
    run = store.find(name)
    metrics = run.evaluation()
    assert metrics is not None
    again = inference.evaluate(run, device="cpu")
    for term in TERMS:
        assert again[term] == pytest.approx(metrics["test"][term], rel=1e-3, abs=1e-9), term
    assert again["images"] == metrics["test"]["images"]


def test_the_shipped_models_are_as_good_as_they_must_be() -> None:
    def loss(name: str) -> float:
        metrics = store.find(name).evaluation()
        assert metrics is not None
        return float(metrics["test"]["loss"])

    assert loss("cifar10-linear-vae") < 1_853
    assert loss("cifar10-conv-vae") < loss("cifar10-linear-vae") - 25
    assert loss("pixel-faces-conv-vae") < 1_436


def test_three_shipped_models_have_films_that_end_with_what_they_draw_today() -> None:
    with_film = [run for name in SHIPPED if (run := store.Run(store.weights_root() / name)).snapshots()]
    assert len(with_film) >= 3
    for run in with_film:
        assert run.config().data.name in REDISTRIBUTABLE
        assert sum(file.stat().st_size for file in run.snapshots_dir.rglob("*.safetensors")) <= MOST
        shown = film(run)
        assert len(shown.steps) >= 8
        y = run.fixed().get("originals_y")
        drawn = inference.reconstruct(inference.load_run(run), shown.originals, y)
        # The film was drawn with a decoder of 32 bits, the shipped one has 16.
        assert np.abs(shown.recon[-1].astype(int) - drawn.astype(int)).max() <= 1
