"""Zips of anybody: a data set below the data folder or a sentence, and nothing written anywhere else."""

from __future__ import annotations

import contextlib
import io
import os
import random
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fuzz import everything, tries, words
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.data import uploads


def image(value: int, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (12, 9), (value, 0, 0)).save(buffer, kind)
    return buffer.getvalue()


NOISE = io.BytesIO()
Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 30, 3), dtype=np.uint8)).save(NOISE, "PNG")
CONTENTS = [image(10), image(200, "JPEG"), NOISE.getvalue(), b"", b"no image", image(10)[:40], b"\x00" * 300_000]
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
KINDS = (
    0,
    stat.S_IFREG | 0o644,
    stat.S_IFLNK | 0o777,
    stat.S_IFCHR | 0o666,
    stat.S_IFIFO | 0o666,
    stat.S_IFDIR | 0o755,
)
names = st.one_of(
    words,
    st.lists(st.one_of(words, st.sampled_from(["train", "test", "cat", "犬"])), min_size=1, max_size=4).map("/".join),
    st.sampled_from(
        [
            "/etc/cron.d/x.png",
            "C:\\x.png",
            "\\\\host\\share\\a.png",
            "a/../../x.png",
            "dev/null",
            "<b>.png",
            "a\nb.png",
            "x" * 300,
        ]
    ),
)
members = st.lists(
    st.tuples(names, st.sampled_from(CONTENTS), st.sampled_from(METHODS), st.sampled_from(KINDS)), max_size=6
)


def zipped(files: list[tuple[str, bytes, int, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content, method, kind in files:
            try:
                entry = zipfile.ZipInfo(name)
            except ValueError:
                continue
            entry.compress_type, entry.external_attr = method, kind << 16
            try:
                archive.writestr(entry, content)
            except (UnicodeEncodeError, struct.error, UserWarning, IndexError):  # what Python does not write
                continue
    return buffer.getvalue()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    (folder / "elsewhere").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_DATA", str(folder / "data"))
        patch.chdir(folder / "elsewhere")
        yield folder


def taken(content: bytes, name: str, home: Path) -> None:
    with contextlib.suppress(DataError):
        found = data.import_zip(content, name)
        assert Path(found.removeprefix("folder:")).parent == uploads.uploads_root().resolve()
        loaded = data.load(found)
        for text in (loaded.info.title, *loaded.info.classes, *loaded.skipped):
            assert not set("<>[]`\x00\n\x1b\u202e") & set(text), text
    assert everything(home / "elsewhere") == []
    assert set(os.listdir(home)) <= {"elsewhere", "data"}
    if uploads.uploads_root().exists():
        assert [name for name in os.listdir(uploads.uploads_root()) if name.startswith(".")] == []
    for path in home.rglob("*"):
        assert not path.is_symlink()
        assert path.is_dir() or path.is_file()


@tries(40, 3000)
@given(files=members, name=words)
def test_a_zip_of_anything(files: list[tuple[str, bytes, int, int]], name: str, home: Path) -> None:
    taken(zipped(files), name, home)


@tries(60, 5000)
@given(
    places=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4),
    method=st.sampled_from(METHODS),
    end=st.one_of(st.none(), st.integers(0, 3000)),
)
@example(places=[(60, 255)], method=zipfile.ZIP_LZMA, end=None)
@example(places=[(60, 255)], method=zipfile.ZIP_BZIP2, end=None)
def test_a_zip_with_other_bytes(places: list[tuple[int, int]], method: int, end: int | None, home: Path) -> None:
    content = bytearray(zipped([(f"a/{k}.png", image(k), method, 0) for k in range(4)]))[:end]
    for place, value in places:
        if content:
            content[place % len(content)] = value
    taken(bytes(content), "a.zip", home)


@tries(40, 3000)
@given(
    content=st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda rest: b"PK\x05\x06" + rest)),
    name=words,
)
def test_bytes_of_anything(content: bytes, name: str, home: Path) -> None:
    taken(content, name, home)


def test_a_file_without_a_name(home: Path) -> None:
    content = zipped([("x", image(1), zipfile.ZIP_STORED, 0), *((f"{k}.png", image(k), 0, 0) for k in range(3))])
    for at in (content.index(b"PK\x01\x02") + 28, content.index(b"PK\x03\x04") + 26):
        content = content[:at] + b"\x00" + content[at + 1 :]
    at = content.index(b"PK\x01\x02")
    taken(content[: at + 46] + content[at + 47 :], "a.zip", home)


def test_a_hundred_thousand_entries_and_what_unpacks_to_more_than_it_says(whole: bool, home: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for k in range(100_000 if whole else 21_000):
            archive.writestr(f"{k}", b"")
    with pytest.raises(DataError, match="at most 20,000 files"):
        data.import_zip(buffer.getvalue(), "many.zip")
    bomb = bytearray(zipped([(f"{k}.png", image(9) + b"\x00" * 2 * 10**7, zipfile.ZIP_DEFLATED, 0) for k in range(3)]))
    draw = random.Random(0)
    for at in (k for k in range(len(bomb) - 4) if bomb[k : k + 4] == b"PK\x01\x02"):
        struct.pack_into("<L", bomb, at + 24, draw.randrange(200))  # a small size is claimed in the directory
    taken(bytes(bomb), "bomb.zip", home)
