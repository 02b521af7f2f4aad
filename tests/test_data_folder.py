"""A user's own images: classes, skipped files, the fixed split, the cache, and what a wrong folder says."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.data import folder as folders
from vaelab.data.layout import LOOSE


@pytest.fixture(autouse=True)
def _own_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))


def paint(path: Path, value: int, size: tuple[int, int] = (32, 32)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (value, 0, 0)).save(path)


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    """20 cats of red 0-19, 10 dogs of red 100-109; junk, hidden files and a folder in a folder beside them."""
    root = tmp_path / "zoo"
    for i in range(20):
        paint(root / "cats" / f"{i:02d}.png", i)
    for i in range(10):
        paint(root / "dogs" / f"{i:02d}.jpg.png", 100 + i)
    (root / "dogs" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (root / "dogs" / "notes.txt").write_text("no image")
    paint(root / "dogs" / "deeper" / "a.png", 110)
    paint(root / "dogs" / ".hidden.png", 9)
    paint(root / "__MACOSX" / "a.png", 9)
    (root / "empty").mkdir()
    return root


def test_folders_are_classes_and_junk_is_counted(zoo: Path) -> None:
    loaded = data.load(f"folder:{zoo}")
    assert loaded.info.classes == ("cats", "dogs")
    assert loaded.skipped == ("dogs/broken.png", "dogs/notes.txt")
    assert (len(loaded.train), len(loaded.test)) == (28, 3)
    assert loaded.train.pixels.shape == (28, 3, 32, 32)
    red = np.concatenate([loaded.train.pixels, loaded.test.pixels])[:, 0, 0, 0]
    labels = np.concatenate([loaded.train.labels, loaded.test.labels])
    np.testing.assert_array_equal(labels, red >= 100)
    assert sorted(red.tolist()) == [*range(20), *range(100, 111)]
    info = data.info(f"folder:{zoo}")
    assert (info.classes, info.channels, info.title, info.origin) == (("cats", "dogs"), 3, "zoo", "folder")
    assert data.is_available(f"folder:{zoo}")


def test_split_is_fixed_and_limit_cuts_train(zoo: Path) -> None:
    name = f"folder:{zoo}"
    first, second = data.load(name), data.load(name, limit=5, image_size=64, channels=1)
    np.testing.assert_array_equal(first.test.labels, second.test.labels)
    np.testing.assert_array_equal(first.train.labels[:5], second.train.labels)
    assert second.train.pixels.shape == (5, 1, 64, 64)
    assert len(second.test) == 3


def test_loose_files_have_no_class(tmp_path: Path, zoo: Path) -> None:
    for i in range(2):
        paint(tmp_path / "loose" / f"{i}.png", i, (40, 20))
    loaded = data.load(f"folder:{tmp_path / 'loose'}")
    assert loaded.train.labels is None
    assert loaded.info.classes == ()
    assert (len(loaded.train), len(loaded.test)) == (1, 1)
    paint(zoo / "stray.png", 200)
    mixed = data.load(f"folder:{zoo}")
    assert mixed.info.classes == ("cats", "dogs", LOOSE)
    everything = np.concatenate([mixed.train.pixels, mixed.test.pixels])[:, 0, 0, 0]
    assert np.concatenate([mixed.train.labels, mixed.test.labels])[everything == 200].tolist() == [2]


def test_cache_notices_a_change(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"folder:{zoo}"
    before = data.load(name)
    cached = list((data.data_root() / "cache").iterdir())
    assert len(cached) == 1
    decode = folders._decode_all
    monkeypatch.setattr(folders, "_decode_all", lambda *a: pytest.fail("decoded again"))
    np.testing.assert_array_equal(data.load(name).train.pixels, before.train.pixels)
    monkeypatch.setattr(folders, "_decode_all", decode)
    paint(zoo / "cats" / "99.png", 250)
    assert len(data.load(name).train) == 29
    cached[0].write_bytes(b"broken")
    assert len(data.load(name).train) == 29
    assert len(list((data.data_root() / "cache").iterdir())) == 1


def test_cap_draws_from_every_class(zoo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_IMAGES", 16)
    loaded = data.load(f"folder:{zoo}")
    assert len(loaded.train) + len(loaded.test) + len(loaded.skipped) == 16
    assert set(loaded.train.labels) == {0, 1}


def test_wrong_folders_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").mkdir()
    for i in range(3):
        (tmp_path / "text" / f"{i}.png").write_text("no image")
    (tmp_path / "one").mkdir()
    paint(tmp_path / "one" / "a.png", 1)
    for path, sentence in (("empty", "holds no images"), ("text", "got 0 among 3"), ("one", "got 1 among 1")):
        with pytest.raises(DataError, match=sentence):
            data.load(f"folder:{tmp_path / path}")
    for name in ("folder:", f"folder:{tmp_path / 'absent'}", f"folder:{tmp_path / 'one' / 'a.png'}", "folder:\0"):
        with pytest.raises(DataError, match="folder"):
            data.load(name)
    assert not data.is_available(f"folder:{tmp_path / 'absent'}")


@pytest.mark.parametrize("broken", ["not json", "[]", '{"title": 1}', '{"title": "t", "labels": [], "skipped": 0}'])
def test_a_broken_names_file_is_ignored(zoo: Path, broken: str) -> None:
    (zoo / folders.NAMES_FILE).write_text(broken)
    assert data.info(f"folder:{zoo}").classes == ("cats", "dogs")


def test_nothing_is_written_beside_the_images(zoo: Path) -> None:
    before = sorted(os.walk(zoo))
    data.load(f"folder:{zoo}")
    assert sorted(os.walk(zoo)) == before
