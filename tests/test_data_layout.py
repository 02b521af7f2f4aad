"""A tree of images means the same as a folder and as a zip, whatever its shape; small sets train without a word about batches."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaelab import data
from vaelab.config.errors import ConfigError, DataError, RunError
from vaelab.data.layout import understand
from vaelab.runs.plan import plan
from vaelab.runs.store import list_runs
from vaelab.workers import launch

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


def picture(value: int, size: tuple[int, int] = (32, 32)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def as_folder(files: dict[str, bytes], root: Path) -> str:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return f"folder:{root}"


def as_zip(files: dict[str, bytes]) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.import_zip(buffer.getvalue(), "set.zip")


CLASSES = {f"{label}/{i}.png": picture(100 * row + i) for row, label in enumerate(("cats", "dogs")) for i in range(10)}
SPLIT = {f"{split}/{name}": content for split in ("train", "test") for name, content in CLASSES.items()}
TREES: dict[str, tuple[dict[str, bytes], tuple[str, ...], tuple[int, int], tuple[str, ...]]] = {
    # files: classes, (train, test), held out from
    "flat": ({f"{i}.png": picture(i) for i in range(20)}, (), (18, 2), ()),
    "classes": (CLASSES, ("cats", "dogs"), (18, 2), ()),
    "a top folder": ({f"set/{name}": content for name, content in CLASSES.items()}, ("cats", "dogs"), (18, 2), ()),
    "two top folders": ({f"a/b/{name}": content for name, content in CLASSES.items()}, ("cats", "dogs"), (18, 2), ()),
    "a top folder, flat": ({f"set/{i}.png": picture(i) for i in range(20)}, (), (18, 2), ()),
    "train and test": (SPLIT, ("cats", "dogs"), (20, 20), ("test",)),
    "Train and VAL": (
        {name.replace("train", "Train").replace("test", "VAL"): content for name, content in SPLIT.items()},
        ("cats", "dogs"),
        (20, 20),
        ("VAL",),
    ),
    "a top folder around a split": ({f"x/{name}": content for name, content in SPLIT.items()}, ("cats", "dogs"), (20, 20), ("test",)),
    "a split without classes": ({f"{s}/{i}.png": picture(i) for s in ("train", "valid") for i in range(6)}, (), (6, 6), ("valid",)),
    "deeper": (
        {f"{c}/{day}/{i}.png": picture(i) for c in ("cats", "dogs") for day in ("mon", "tue") for i in range(5)},
        ("cats", "dogs"),
        (18, 2),
        (),
    ),
    "classes called train and bus": ({f"{c}/{i}.png": picture(i) for c in ("train", "bus") for i in range(10)}, ("bus", "train"), (18, 2), ()),
}  # fmt: skip


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("way", ["folder", "zip"])
def test_a_tree_is_read_the_same_way_as_folder_and_zip(tree: str, way: str, tmp_path: Path) -> None:
    files, classes, (train, test), splits = TREES[tree]
    name = as_folder(files, tmp_path / "set") if way == "folder" else as_zip(files)
    loaded = data.load(name)
    assert loaded.info.classes == classes
    assert (len(loaded.train), len(loaded.test)) == (train, test) == data.count(name)
    assert bool(loaded.info.held_out_from) == bool(splits)
    if way == "folder":
        assert loaded.info.held_out_from == splits
    if "cats" in classes and tree != "deeper":
        for images in (loaded.train, loaded.test):
            assert images.labels is not None
            np.testing.assert_array_equal(images.labels, images.pixels[:, 0, 0, 0] >= 100)


def test_the_held_out_images_are_those_of_the_split(tmp_path: Path) -> None:
    files = {f"train/{i}.png": picture(i) for i in range(8)} | {f"test/{i}.png": picture(200 + i) for i in range(5)}
    loaded = data.load(as_folder(files, tmp_path / "set"))
    assert sorted(loaded.test.pixels[:, 0, 0, 0].tolist()) == [200, 201, 202, 203, 204]
    assert sorted(loaded.train.pixels[:, 0, 0, 0].tolist()) == [*range(8)]


def test_a_file_beside_a_split_makes_all_of_it_classes() -> None:
    layout = understand([("train",), ("test",), ()])
    assert (layout.classes, layout.held_out) == (("test", "train", "no sub-folder"), None)


def test_links_lead_nowhere_else_and_devices_are_not_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    as_folder({"secret.png": picture(255)}, outside)
    root = tmp_path / "set"
    name = as_folder({f"{i}.png": picture(i) for i in range(4)}, root)
    (root / "file.png").symlink_to(outside / "secret.png")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root)
    (root / "inside.png").symlink_to(root / "0.png")
    os.mkfifo(root / "pipe.png")
    (root / "device.png").symlink_to("/dev/zero")
    loaded = data.load(name)
    seen = np.concatenate([loaded.train.pixels, loaded.test.pixels])[:, 0, 0, 0]
    assert sorted(seen.tolist()) == [0, 0, 1, 2, 3]


def test_a_small_set_trains_on_all_it_has_unless_a_number_is_asked_for(tmp_path: Path) -> None:
    name = as_folder({f"{i}.png": picture(i) for i in range(12)}, tmp_path / "set")
    assert plan(name).optim.batch_size == 11
    assert plan("pixel-faces").optim.batch_size == 128
    assert plan("pixel-faces", limit=40).optim.batch_size == 40
    with pytest.raises(ConfigError, match="at most the 11 training images"):
        plan(name, batch_size=12)
    run = launch.start(plan(name, epochs=1, device="cpu"))
    assert run.config().optim.batch_size == 11
    with contextlib.suppress(RunError):  # it may have ended
        launch.stop(run)


def test_broken_files_do_not_count_and_nothing_is_made_when_a_start_is_refused(tmp_path: Path) -> None:
    files = {f"{i}.png": picture(i) for i in range(11)}
    whole = picture(9, (200, 200))
    broken = {"cut.png": whole[: len(whole) // 2], "empty.png": b"", "text.png": b"words", "notes.txt": b"words"}
    name = as_folder(files | broken, tmp_path / "set")
    with pytest.raises(ConfigError, match="at most the 10 training images"):
        plan(name, batch_size=11)
    assert plan(name).optim.batch_size == 10
    assert not list_runs()
    assert data.load(name).skipped == ("cut.png", "empty.png", "notes.txt", "text.png")
    (tmp_path / "set" / "cut.png").unlink()
    as_folder({"new.png": picture(77)}, tmp_path / "set")
    assert plan(name).optim.batch_size == 11


def test_a_split_without_an_image_to_train_on_is_refused(tmp_path: Path) -> None:
    name = as_folder({"train/a.png": b"no image", "test/b.png": picture(1), "test/c.png": picture(2)}, tmp_path / "set")
    with pytest.raises(DataError, match="at least one image to train on"):
        plan(name)


def test_the_command_line_says_what_it_took_and_names_what_it_left_out(tmp_path: Path) -> None:
    files = {f"train/{c}/{i}.png": picture(i) for c in ("a", "b") for i in range(6)}
    files |= {f"val/{c}/{i}.png": picture(i) for c in ("a", "b") for i in range(3)}
    files |= {f"train/a/bad{i:02d}.png": b"no image" for i in range(12)}
    name = as_folder(files, tmp_path / "set")
    done = subprocess.run(
        [sys.executable, "-m", "vaelab", "train", "--dataset", name, "--epochs", "1", "--name", "own", "--quiet", "--json", "--device", "cpu"],
        cwd=ROOT, capture_output=True, text=True, check=True, env={**os.environ, "VAELAB_RUNS": str(tmp_path / "runs")},
    )  # fmt: skip
    assert "18 images, 2 classes, 6 held out from `val`" in done.stdout
    assert "train/a/bad09.png and 2 more" in done.stdout
    told = json.loads(done.stdout.splitlines()[-1])["images"]
    assert told["skipped"] == [f"train/a/bad{i:02d}.png" for i in range(12)]
    log = (tmp_path / "runs" / "own" / "worker.log").read_text()
    assert all(f"bad{i:02d}.png" in log for i in range(12))
