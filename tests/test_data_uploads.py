"""Zips of images from strangers: classes and names survive, bombs and tricks do not, and nothing is half done."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.data import uploads
from vaelab.images.files import open_image


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def image(value: int, kind: str = "PNG", size: tuple[int, int] = (40, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, 0, 0)).save(buffer, kind)
    return buffer.getvalue()


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def everything_under(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*")) if root.exists() else []


def test_a_zip_becomes_a_data_set_with_its_class_names(root: Path) -> None:
    files = {f"pets/Katzen & Kätzchen/{i}.png": image(i) for i in range(6)}
    files |= {f"pets/犬/{i}.jpg": image(200, "JPEG", (300, 500)) for i in range(5)}
    files |= {"pets/犬/readme.txt": b"no image", "__MACOSX/pets/犬/._0.jpg": b"junk", "pets/.DS_Store": b"junk"}
    name = data.import_zip(zipped(files), "My *<pets>*.zip")
    loaded = data.load(name)
    assert name.startswith("folder:")
    assert loaded.info.classes == ("Katzen Kätzchen", "犬")
    assert loaded.info.title == "My pets"
    assert loaded.skipped == ("readme.txt",)
    assert len(loaded.train) + len(loaded.test) == 11
    red = loaded.train.pixels[:, 0].mean(axis=(1, 2))
    np.testing.assert_array_equal(loaded.train.labels, red > 100)
    assert data.uploaded() == (name,)
    written = everything_under(root / "uploads")
    assert sum(p.endswith(".png") for p in written) == 11
    assert not any(word in " ".join(written) for word in ("pets", "犬", "Katzen"))
    sizes = {open_image(p.read_bytes()).size for p in (root / "uploads").rglob("*.png")}
    assert sizes == {(40, 40), (256, 256)}


def test_one_shared_folder_is_no_class_and_the_same_zip_is_kept_once() -> None:
    packed = zipped({f"photos/{i}.png": image(i) for i in range(3)})
    name = data.import_zip(packed, "a.zip")
    assert data.info(name).classes == ()
    assert data.import_zip(packed, "b.zip") == name
    assert len(data.uploaded()) == 1


def test_paths_that_climb_out_and_links_write_nothing_outside(root: Path) -> None:
    files = {"../../evil/1.png": image(1), "/abs/2.png": image(2), "..\\win\\3.png": image(3), "C:\\x\\4.png": image(4)}
    buffer = io.BytesIO(zipped(files))
    with zipfile.ZipFile(buffer, "a") as archive:
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    name = data.import_zip(buffer.getvalue(), "../../name.zip")
    assert len(data.load(name).train) == 3
    assert sorted(p.name for p in root.parent.iterdir()) == ["data"]
    assert not any(p.is_symlink() for p in root.rglob("*"))
    names = json.loads(next((root / "uploads").rglob(".names.json")).read_text())
    assert names["title"] == "name"
    assert ".." not in names["labels"].values()


def overlapping_bomb(copies: int) -> bytes:
    """A directory whose entries all point at one file of 20 MB of zeros."""
    packed = bytearray(zipped({"a.png": bytes(20 * 10**6)}))
    start = packed.index(b"PK\x01\x02")
    end = packed.index(b"PK\x05\x06")
    entry, tail = bytes(packed[start:end]), bytearray(packed[end:])
    tail[8:12] = copies.to_bytes(2, "little") * 2
    tail[12:16] = (len(entry) * copies).to_bytes(4, "little")
    return bytes(packed[:start]) + entry * copies + bytes(tail)


def locked() -> bytes:
    packed = bytearray(zipped({"a.png": image(1), "b.png": image(2)}))
    position = -1
    while (position := packed.find(b"PK\x01\x02", position + 1)) >= 0:
        packed[position + 8] |= 1  # the flag of an encrypted file
    return bytes(packed)


WRONG = {
    "not a zip": (lambda: b"GIF89a", "is none, or is broken"),
    "empty file": (lambda: b"", "is none, or is broken"),
    "cut": (lambda: zipped({"a.png": image(1), "b.png": image(2)})[:-40], "is none, or is broken"),
    "empty zip": (lambda: zipped({}), "got 0 among 0"),
    "no images": (lambda: zipped({"a.txt": b"x", "b.zip": zipped({"a": b"b"})}), "got 0 among 2"),
    "one image": (lambda: zipped({"a.png": image(1)}), "got 1 among 1"),
    "bomb": (lambda: zipped({f"{i}.png": bytes(10**7) for i in range(2)}), "got 0 among 2"),
    "overlapping bomb": (lambda: overlapping_bomb(100), "at most 1 GB, got 2.0 GB"),
    "too many": (lambda: zipped({"a": b""}) + b"PK\x01\x02" * 50_000, "at most 20,000 files"),
    "password": (locked, "password"),
    "broken members": (lambda: zipped({f"{i}.png": image(i)[:60] for i in range(3)}), "got 0 among 3"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_zips_leave_one_sentence_and_nothing_else(kind: str, root: Path) -> None:
    make, sentence = WRONG[kind]
    with pytest.raises(DataError, match=sentence) as caught:
        data.import_zip(make(), "x.zip")
    assert "\n" not in str(caught.value)
    assert everything_under(root / "uploads") == []
    assert data.uploaded() == ()


def test_limits_are_checked_before_unpacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "open_image", lambda *a, **k: pytest.fail("decoded"))
    files = {f"{label}/{i}.png": image(i) for label in "abc" for i in range(2)}
    for limit, value, sentence in (
        ("MAX_FILES", 5, "at most 5 files"),
        ("MAX_LABELS", 2, "folders of images"),
        ("MAX_UNPACKED", 100, "unpack"),
        ("MAX_ZIP_BYTES", 100, "MB"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(uploads, limit, value)
            with pytest.raises(DataError, match=sentence):
                data.import_zip(zipped(files), "x.zip")


def test_names_become_plain_words() -> None:
    assert uploads.clean_name("<img src=x onerror=alert(1)>") == "img src x onerror alert(1)"
    assert uploads.clean_name("**bold** [link](http://x)") == "bold link (http x)"
    assert uploads.clean_name("\u202e\0\n") == "images"
    assert len(uploads.clean_name("a" * 500)) == 60
