"""Exports of more than one file: a folder that is loaded again with the same figures, and event files that TensorBoard reads."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_shell import TINY, Shell
from PIL import Image
from trained import write_model

import vaelab
from vaelab import data
from vaelab.analysis import inference
from vaelab.config.errors import ExportError
from vaelab.export import formats, hub_folder
from vaelab.images.files import png
from vaelab.runs import store
from vaelab.runs.plan import plan
from vaelab.runs.store import Run

SAME = 1e-3  # of a figure: what a model may lose on its way out and in again


def head(readme: Path) -> dict[str, Any]:
    """The head of a card: a key a line, its value in JSON."""
    _, told, _ = readme.read_text(encoding="utf-8").split("---\n", 2)
    return {key: json.loads(value) for key, value in (line.split(": ", 1) for line in told.splitlines())}


def test_a_folder_is_a_model_again_with_the_same_figures(trained: Path, tmp_path: Path) -> None:
    run = Run(trained)
    written = formats.write(run, "folder", tmp_path / "given")
    again = vaelab.load(written)
    expected = inference.evaluate(run, device="cpu")
    assert again.evaluate() == pytest.approx(expected, rel=SAME)
    assert again.config.model == run.config().model
    assert again.run.evaluation() == {"test": pytest.approx(expected, rel=SAME)}
    np.testing.assert_array_equal(again.sample(4, seed=2), inference.sample(inference.load_run(run), 4, seed=2))
    with np.load(written / "latents.npz") as codes:
        np.testing.assert_array_equal(codes["mu"], again.encode(data.load("digits").test.pixels))
    with Image.open(written / "samples.png") as image:
        assert image.size == (8 * 32 * 2, 8 * 32 * 2)


def test_its_card_tells_machines_and_people_the_same(trained: Path, tmp_path: Path) -> None:
    written = formats.write(Run(trained), "folder", tmp_path / "given")
    told = head(written / "README.md")
    assert (told["library_name"], told["datasets"]) == ("vaelab", ["digits"])
    (result,) = told["model-index"][0]["results"]
    expected = inference.evaluate(Run(trained), device="cpu")
    text = (written / "README.md").read_text(encoding="utf-8")
    for metric in result["metrics"]:
        assert metric["value"] == pytest.approx(expected[metric["type"]], rel=SAME)
        assert f"| {metric['type']} | {metric['value']:,.2f} |" in text
    assert 'vaelab.load("given")' in text
    assert data.info("digits").licence in text


def test_the_hub_reads_the_card(trained: Path, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    written = formats.write(Run(trained), "folder", tmp_path / "given")
    card = hub.ModelCard.load(written / "README.md").data
    assert card.library_name == "vaelab"
    assert {result.metric_type for result in card.eval_results} == set(hub_folder.FIGURES)


def test_a_shipped_model_keeps_the_figures_of_its_own_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where its images are not installed."""
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "nothing"))
    shipped = store.find("cifar10-conv-vae")
    again = Run(formats.write(shipped, "folder", tmp_path / "given"))
    assert again.evaluation() == shipped.evaluation()
    assert (again.path / "latents.npz").read_bytes() == (shipped.path / "latents.npz").read_bytes()


@pytest.mark.usefixtures("own_models")
def test_the_place_of_a_persons_own_images_stays_at_home(tmp_path: Path) -> None:
    photos = tmp_path / "secret-place" / "photos"
    photos.mkdir(parents=True)
    for k in range(20):
        (photos / f"{k}.png").write_bytes(png(np.full((3, 32, 32), 10 * k, np.uint8)))
    run = write_model(tmp_path / "runs" / "own", plan(f"folder:{photos}", "conv-vae", batch_size=4))
    written = formats.write(run, "folder", tmp_path / "given")
    for file in written.iterdir():
        assert b"secret-place" not in file.read_bytes(), file.name
    assert vaelab.load(written).config.data.name == "folder:photos"
    with np.load(written / "latents.npz") as codes:
        assert "thumbnails" not in codes.files
    assert "datasets" not in head(written / "README.md")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the packages that read and write event files
@pytest.mark.usefixtures("own_models")
def test_tensorboard_reads_every_curve_picture_and_code(tmp_path: Path, shell: Shell) -> None:
    if "CI" not in os.environ:
        pytest.importorskip("tensorboard", reason="pip install -r requirements-dev.txt")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    shell("train", *TINY, "--epochs", "2", "--run-dir", tmp_path / "runs" / "tiny", "--quiet")
    run = store.find("tiny")
    told = shell.json("export", "tiny", "--format", "tensorboard", "-o", tmp_path / "events")
    assert told["bytes"] == sum(path.stat().st_size for path in (tmp_path / "events").rglob("*") if path.is_file())
    events = EventAccumulator(str(tmp_path / "events"), size_guidance={"scalars": 0, "images": 0}).Reload()
    rows = run.metrics()
    for curve, name in (("train/recon", "recon"), ("train/kl", "kl"), ("test/loss", "test_loss")):
        wanted = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
        assert wanted
        assert [event.step for event in events.Scalars(curve)] == [step for step, _ in wanted]
        np.testing.assert_allclose(
            [event.value for event in events.Scalars(curve)], [value for _, value in wanted], rtol=1e-6
        )
    seconds = [event.wall_time for event in events.Scalars("train/loss")]
    np.testing.assert_allclose(np.diff(seconds), np.diff([row["seconds"] for row in rows if "loss" in row]), atol=1e-3)
    assert events.Scalars("kl_per_dim/z3")[-1].value == pytest.approx(rows[-1]["kl_per_dim"][3], rel=1e-6)
    expected = inference.evaluate(run, device="cpu")
    for name in expected:
        assert events.Scalars(f"evaluation/{name}")[0].value == pytest.approx(expected[name], rel=SAME)
    for name in ("samples", "originals above, reconstructions below"):
        assert [image.step for image in events.Images(name)] == run.snapshots()
    from google.protobuf import text_format

    config = text_format.Parse((tmp_path / "events" / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (codes,) = config.embeddings
    mu = np.loadtxt(tmp_path / "events" / codes.tensor_path, delimiter="\t")
    test = data.load("digits").test
    np.testing.assert_allclose(mu, inference.encode(inference.load_run(run), test.pixels)[0], rtol=1e-5, atol=1e-6)
    labels = (tmp_path / "events" / codes.metadata_path).read_text().split()
    assert labels == [str(label) for label in test.labels]  # type: ignore[union-attr]
    assert list(codes.sprite.single_image_dim) == [32, 32]
    with Image.open(tmp_path / "events" / codes.sprite.image_path) as sprite:
        first = np.asarray(sprite.convert("L"))[:32, :32]
    np.testing.assert_allclose(first, test.pixels[0, 0], atol=1)


@pytest.mark.usefixtures("own_models")
def test_without_tensorboard_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_model(tmp_path / "runs" / "one", plan("digits", "conv-vae"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ExportError, match="pip install tensorboard"):
        formats.write(run, "tensorboard", tmp_path / "events")
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]  # nothing half-made


@pytest.mark.parametrize(
    "prepare", [lambda path: path.write_text("mine"), lambda path: (path.mkdir(), (path / "mine").touch())]
)
def test_what_is_there_already_stays(trained: Path, tmp_path: Path, prepare: Callable[[Path], object]) -> None:
    prepare(tmp_path / "given")
    with pytest.raises(ExportError, match="is there already"):
        formats.write(Run(trained), "folder", tmp_path / "given")
    assert (tmp_path / "given").exists()
    assert len(list(tmp_path.iterdir())) == 1
