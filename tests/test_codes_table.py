"""Codes as a table: the figures of evaluate, the names of files, three formats that hold the same, the button on the map."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from app_page import opened
from cli_shell import Shell
from PIL import Image
from sklearn.decomposition import PCA
from trained import write_model

from vaelab import data
from vaelab.analysis import inference, latents
from vaelab.config.errors import ConfigError, DataError
from vaelab.export import codes
from vaelab.runs import store
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.ui.text import strings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


@pytest.fixture
def run() -> Run:
    return write_model(store.runs_root() / "a", plan("digits", latent_dim=4))


def numbers(frame: pd.DataFrame, stem: str) -> Any:
    return frame[[name for name in frame if name.startswith(f"{stem}_")]].to_numpy()


@pytest.mark.parametrize("model", ["conv-vae", "autoencoder", "vq-vae", "ladder-vae", "iwae", "vamp-vae"])
def test_means_are_those_of_evaluate(model: str) -> None:
    run = write_model(store.runs_root() / "a", plan("digits", model=model))
    frame, measured = codes.codes_of(run, "digits"), inference.evaluate(run)
    assert len(frame) == measured["images"]
    assert frame["recon"].mean() == pytest.approx(measured["recon"], rel=1e-5)
    if run.config().model.has_posterior:
        assert frame["kl"].mean() == pytest.approx(measured["kl"], rel=1e-4, abs=1e-5)
    else:
        assert "kl" not in frame
    dims = run.config().model.latent_dim
    assert numbers(frame, "mu").shape == (len(frame), dims)


def test_codes_labels_and_names_are_those_of_the_images(run: Run) -> None:
    frame = codes.codes_of(run, "digits", "all", 1_505)
    whole = data.load("digits", image_size=32, channels=1)
    pixels = np.concatenate([whole.train.pixels, whole.test.pixels])[:1_505]
    mu, logvar = inference.encode(inference.load_run(run), pixels)
    assert np.allclose(numbers(frame, "mu"), mu, atol=1e-5)
    assert np.allclose(numbers(frame, "logvar"), logvar, atol=1e-5)
    assert frame["name"].tolist()[:2] == ["train-0", "train-1"]
    assert frame["name"].tolist()[-1] == f"test-{1_504 - len(whole.train)}"
    assert frame["class"].tolist()[:5] == [whole.info.classes[k] for k in whole.train.labels[:5]]


def test_a_folder_keeps_the_names_of_its_files(run: Run, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for name in ("cats/a.png", "cats/b.png", "dogs/c.png", "dogs/d.png", "dogs/e.png"):
        file = tmp_path / "pets" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (20, 24), dtype=np.uint8)).save(file)
    frame = codes.codes_of(run, f"folder:{tmp_path / 'pets'}", "all")
    assert sorted(frame["name"]) == ["cats/a.png", "cats/b.png", "dogs/c.png", "dogs/d.png", "dogs/e.png"]
    assert all(name.startswith(kind) for name, kind in zip(frame["name"], frame["class"], strict=True))
    whole = data.load(f"folder:{tmp_path / 'pets'}", image_size=32, channels=1)
    row = whole.test.files[0]
    mu, _ = inference.encode(inference.load_run(run), whole.test.pixels[:1])
    assert np.allclose(numbers(frame[frame["name"] == row], "mu"), mu, atol=1e-5)


def test_three_formats_hold_the_same(run: Run, tmp_path: Path) -> None:
    frame = codes.codes_of(run, "digits", limit=20, pca=True)
    for form in codes.FORMATS:
        codes.write(frame, tmp_path / f"codes.{form}")
    csv, parquet = pd.read_csv(tmp_path / "codes.csv"), pd.read_parquet(tmp_path / "codes.parquet")
    assert list(csv) == list(parquet) == list(frame)
    pd.testing.assert_frame_equal(parquet, frame, check_dtype=False)
    assert np.allclose(numbers(csv, "mu"), numbers(frame, "mu"))
    with np.load(tmp_path / "codes.npz", allow_pickle=False) as arrays:
        assert arrays["mu"].shape == (20, 4)
        assert np.allclose(arrays["mu"], numbers(frame, "mu"))
        assert arrays["name"].tolist() == frame["name"].tolist()
        assert np.allclose(arrays["recon"], frame["recon"])
    assert not list(tmp_path.glob("*.part"))


def test_pca_is_scikit_learns_up_to_signs(run: Run) -> None:
    frame = codes.codes_of(run, "digits", pca=True)
    points = PCA(2).fit_transform(numbers(frame, "mu").astype(float))
    ours = frame[["pca_x", "pca_y"]].to_numpy()
    assert np.allclose(np.abs(ours), np.abs(points), atol=1e-3)


def test_what_cannot_be_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"codes.txt must end in .csv, .npz or .parquet, got '.txt'"):
        codes.format_of(tmp_path / "codes.txt")
    with pytest.raises(DataError, match="t-SNE needs at least 4 images, got 3"):
        codes.codes_of(run, "digits", limit=3, tsne=True)


@pytest.mark.usefixtures("places")
def test_the_command_line_writes_a_table(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "codes.csv"
    answer = shell.json("encode", "shapes-conv-vae", "shapes", "-o", file, "--limit", "30", "--pca", "--tsne")
    assert (answer["images"], answer["path"]) == (30, str(file))
    frame = pd.read_csv(file)
    assert {"name", "hue", "mu_0", "logvar_9", "recon", "kl", "pca_x", "tsne_y"} <= set(frame)
    assert "codes.txt must end in" in shell.refuses("encode", "shapes-conv-vae", "shapes", "-o", tmp_path / "codes.txt")
    assert "add -o codes.csv" in shell.refuses("encode", "shapes-conv-vae", "shapes")


def test_the_table_of_a_map_and_of_a_selection() -> None:
    wanted = latents.query(store.find("shapes-conv-vae"), "test", 1_000)
    known = latents.codes(wanted)
    assert "x" in known.labels  # a factor of the shapes, which the place on the map must leave alone
    points = known.mu[:, [2, 3]]
    frame = codes.of_map(known, points)
    assert len(frame) == len(known)
    assert np.allclose(frame[["map_x", "map_y"]].to_numpy(), points)
    rows = np.array([5, 9])
    part = codes.of_map(known, points, rows)
    assert part["name"].tolist() == ["5", "9"]
    assert np.allclose(part["kl"], known.kl_per_dim[rows].sum(axis=1))
    assert "map_x" not in codes.of_map(known, None)


def test_the_page_offers_the_codes() -> None:
    app = opened("latent", run="mnist-conv-vae")
    assert not app.error
    assert app.segmented_control(key="latent_codes_format").options == ["CSV", "NPZ", "Parquet"]


@pytest.mark.browser
def test_the_button_gives_what_the_map_shows(new_page: Any, digits_app: str) -> None:
    words = strings("en", "latent")
    page = new_page()
    page.goto(f"{digits_app}/latent?run=digits-run")
    page.locator(".map-legend").wait_for()
    page.get_by_role("button", name=words["codes_download"]).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=words["codes_all"].format(n=297)).click()
    frame = pd.read_csv(io.BytesIO(Path(download.value.path()).read_bytes()))
    assert len(frame) == 297
    assert {"name", "class", "mu_0", "logvar_3", "kl", "map_x", "map_y"} <= set(frame)
