"""The named data sets against known answers: counts, splits, pixels, factors, and what absent or broken files say."""

from __future__ import annotations

import colorsys
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from idx_files import write_idx

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.data import cifar, idx, shapes
from vaelab.data.embedded import colour_name, value_name

ROOT = Path(__file__).resolve().parents[1]
HERE = ("pixel-faces", "fashion-mnist-10k", "digits", "shapes")


def test_names_are_the_promised_ones() -> None:
    assert set(data.names()) == {*HERE, "cifar10", "mnist", "mnist-static", "mnist-dynamic", "fashion-mnist"}


@pytest.mark.parametrize("name", HERE)
def test_every_embedded_set_matches_its_description(name: str) -> None:
    info = data.info(name)
    assert data.is_available(name)
    loaded = data.load(name)
    assert loaded.info == info
    for images, count in ((loaded.train, info.train_images), (loaded.test, info.test_images)):
        assert images.pixels.shape == (count, info.channels, 32, 32)
        assert images.pixels.dtype == np.uint8
        assert (images.labels is None) == (not info.classes)
        if images.labels is not None:
            assert set(np.unique(images.labels)) == set(range(len(info.classes)))
        assert images.factors.keys() == info.factors.keys()
        for factor, values in images.factors.items():
            assert values.dtype == np.int64
            assert values.min() >= 0
            assert values.max() < len(info.factors[factor])
    assert loaded.skipped == ()
    assert info.licence
    assert info.source


def entropy_floor(pixels: np.ndarray) -> float:
    """Mean entropy of the pixels as Bernoulli probabilities, per image, in nats (the smallest possible BCE)."""
    x = np.arange(256) / 255
    with np.errstate(divide="ignore", invalid="ignore"):
        table = -np.nan_to_num(x * np.log(x)) - np.nan_to_num((1 - x) * np.log1p(-x))
    return float(table[pixels].sum() / len(pixels))


def test_pixel_faces_floor() -> None:
    assert entropy_floor(data.load("pixel-faces", limit=1).test.pixels) == pytest.approx(1356.6, abs=0.05)


def test_pixel_faces_factors_match_pixels() -> None:
    """The top left corner shows the background whose colour its name gives; no image is in both splits."""
    faces = data.load("pixel-faces")
    names = data.label_names(faces.info, "background")
    values = data.labels_of(faces.test, "background")
    for i in range(0, 2000, 50):
        colour = "#" + "".join(f"{v:02x}" for v in faces.test.pixels[i, :, 0, 0])
        assert names[values[i]].endswith(colour)
    assert len(faces.info.factors) == 13
    assert faces.info.factors["beard"][:2] == ("none", "beard 1")
    assert "pixel art" in faces.info.description
    train = {image.tobytes() for image in faces.train.pixels[:, :, ::2, ::2]}
    assert len(train) == 18_000
    assert not any(image.tobytes() in train for image in faces.test.pixels[:, :, ::2, ::2])


def test_readable_value_names() -> None:
    assert colour_name("#009bbd") == "blue #009bbd"
    assert colour_name("#4b4b4b") == "dark grey #4b4b4b"
    assert value_name("hair", "long01") == "long 1"
    assert value_name("eyes", "variant12") == "eyes 12"
    assert value_name("glasses", "none") == "none"


def test_fashion_subset_is_balanced_and_padded() -> None:
    fashion = data.load("fashion-mnist-10k")
    assert np.bincount(fashion.train.labels).tolist() == [900] * 10
    assert np.bincount(fashion.test.labels).tolist() == [100] * 10
    border = np.ones((32, 32), dtype=bool)
    border[2:30, 2:30] = False
    assert fashion.train.pixels[..., border].max() == 0
    assert 72 < fashion.train.pixels[..., 2:30, 2:30].mean() < 74  # 0.2860 * 255 = 72.9 is the published mean


def test_digits_are_scikit_learns() -> None:
    digits = data.load("digits")
    assert digits.train.labels[:10].tolist() == list(range(10))
    assert digits.train.pixels.max() == 255
    tiles = digits.train.pixels.reshape(-1, 8, 4, 8, 4)
    assert (tiles == tiles[:, :, :1, :, :1]).all()  # every published pixel became 4x4


def test_shapes_factors_match_pixels() -> None:
    """The pixel at the centre has the hue, and the mass the place and size, that the factors say."""
    loaded = data.load("shapes").test
    hue, x, y = (loaded.factors[name] for name in ("hue", "x", "y"))
    column, row = 8 + 3 * x, 8 + 3 * y
    centre = loaded.pixels[np.arange(len(loaded)), :, row, column]
    expected = np.rint(255 * np.array([colorsys.hsv_to_rgb(i / 8, 1, 1) for i in range(8)]))
    np.testing.assert_array_equal(centre, expected[hue])
    area = (loaded.pixels.max(axis=1) / 255).sum(axis=(1, 2))
    square = loaded.factors["shape"] == shapes.SHAPES.index("square")
    for size, radius in enumerate(shapes.RADII):
        chosen = area[square & (loaded.factors["size"] == size)]
        assert chosen == pytest.approx(2 * radius**2, rel=0.05)  # a square of circumradius r, drawn with 8x8 subpixels
    ellipse = loaded.factors["shape"] == shapes.SHAPES.index("ellipse")
    chosen = area[ellipse & (loaded.factors["size"] == 2)]
    assert chosen == pytest.approx(np.pi * 8.0 * 4.0, rel=0.02)
    np.testing.assert_array_equal(loaded.labels, loaded.factors["shape"])


def test_shapes_hold_every_combination_once() -> None:
    loaded = data.load("shapes")
    rows = np.concatenate([np.stack(list(s.factors.values()), axis=1) for s in (loaded.train, loaded.test)])
    assert len(np.unique(rows, axis=0)) == len(rows) == 13_824
    images = np.concatenate([loaded.train.pixels, loaded.test.pixels])
    assert len({image.tobytes() for image in images}) == 13_824


def test_shapes_at_64_are_drawn_at_64() -> None:
    small, large = data.load("shapes", limit=50), data.load("shapes", image_size=64, limit=50)
    np.testing.assert_array_equal(small.train.labels, large.train.labels)
    halved = large.train.pixels.reshape(50, 3, 32, 2, 32, 2).mean(axis=(3, 5))
    assert np.abs(halved - small.train.pixels).max() <= 24  # antialiasing of an edge pixel
    assert (np.repeat(np.repeat(small.train.pixels, 2, 2), 2, 3) != large.train.pixels).any()


def test_same_call_same_images_and_callers_own_them() -> None:
    for name in ("digits", "shapes"):
        first, second = data.load(name), data.load(name)
        np.testing.assert_array_equal(first.test.pixels, second.test.pixels)
        first.test.pixels[:] = 7
        assert not (data.load(name).test.pixels == 7).all()


def test_limit_cuts_train_only() -> None:
    loaded = data.load("digits", limit=12)
    assert len(loaded.train) == loaded.info.train_images == len(loaded.train.labels) == 12
    assert len(loaded.test) == 297
    assert len(data.load("shapes", limit=10**9).train) == 12_288
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(DataError, match="limit"):
            data.load("digits", limit=wrong)


def test_channels_and_size() -> None:
    grey = data.load("fashion-mnist-10k", limit=5).train.pixels
    rgb = data.load("fashion-mnist-10k", limit=5, channels=3, image_size=64).train.pixels
    assert rgb.shape == (5, 3, 64, 64)
    np.testing.assert_array_equal(rgb[:, 2, ::2, ::2], grey[:, 0])
    faces = data.load("pixel-faces", limit=5).train.pixels
    luminance = data.load("pixel-faces", limit=5, channels=1).train.pixels
    np.testing.assert_allclose(luminance[:, 0], np.tensordot(faces, [0.299, 0.587, 0.114], ([1], [0])), atol=0.51)
    with pytest.raises(DataError, match="image_size"):
        data.load("digits", image_size=50)
    with pytest.raises(DataError, match="channels"):
        data.load("digits", channels=2)


def test_labels_by_name() -> None:
    info = data.info("shapes")
    images = data.load("shapes", limit=3).train
    assert data.label_names(info, "class") == data.label_names(info, "shape") == shapes.SHAPES
    np.testing.assert_array_equal(data.labels_of(images, "hue"), images.factors["hue"])
    for wrong in (lambda: data.label_names(info, "beard"), lambda: data.labels_of(images, "beard")):
        with pytest.raises(DataError, match=r"it has|they have"):
            wrong()
    with pytest.raises(DataError, match="no label 'class'"):
        data.label_names(data.info("pixel-faces"), "class")


def test_unknown_and_absent_sets_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path))
    with pytest.raises(DataError, match="did you mean mnist"):
        data.load("mnits")
    for name in ("cifar10", "mnist", "mnist-static", "mnist-dynamic", "fashion-mnist"):
        assert not data.is_available(name)
        assert data.info(name).train_images >= 50_000
        with pytest.raises(DataError, match=f"datasets --download {name}"):
            data.load(name)


def test_idx_files_raw_or_gzipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path))
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (20, 28, 28)), rng.integers(0, 10, 20)
    write_idx(raw / "train-images-idx3-ubyte", images)
    write_idx(raw / "train-labels-idx1-ubyte.gz", labels)
    write_idx(raw / "t10k-images-idx3-ubyte.gz", images[:5])
    assert not data.is_available("mnist")
    write_idx(raw / "t10k-labels-idx1-ubyte", labels[:5])
    assert data.is_available("mnist")
    loaded = data.load("mnist", limit=7)
    np.testing.assert_array_equal(loaded.train.pixels[:, 0, 2:30, 2:30], images[:7])
    np.testing.assert_array_equal(loaded.train.labels, labels[:7])
    np.testing.assert_array_equal(loaded.test.labels, labels[:5])

    whole = (raw / "train-images-idx3-ubyte").read_bytes()
    for broken in (whole[:-1], whole[:3], b"PK\x03\x04" + whole[4:], whole[:4] + b"\xff" * 12 + whole[16:]):
        (raw / "train-images-idx3-ubyte").write_bytes(broken)
        with pytest.raises(DataError, match="train-images-idx3-ubyte"):
            data.load("mnist")
    (raw / "train-images-idx3-ubyte").write_bytes(whole)
    write_idx(raw / "train-labels-idx1-ubyte.gz", labels[:19])
    with pytest.raises(DataError, match="one label each"):
        idx.read_split(raw, "train")


class Explosive:
    """Unpickling it would make a file: the proof that nothing is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


def cifar_batch(images: np.ndarray, labels: list[int], extra: bytes = b"") -> bytes:
    """The opcodes of a published batch: Python 2's pickle protocol 2 of {"labels": [...], "data": ndarray}."""
    key = lambda text: b"U" + bytes([len(text)]) + text  # noqa: E731
    ints = b"".join(b"K" + bytes([n]) for n in labels)
    array = b"cnumpy.core.multiarray\n_reconstruct\n" + key(b"b") + b"\x89"  # NEWFALSE: not in Fortran order
    return (
        b"\x80\x02}(" + extra + key(b"labels") + b"](" + ints + b"e" + key(b"data") + array
        + b"T" + struct.pack("<i", images.size) + images.tobytes() + b"u."
    )  # fmt: skip


def test_cifar_is_read_without_unpickling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path))
    folder = tmp_path / cifar.FOLDER
    folder.mkdir()
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (6, 4, 3, 32, 32), dtype=np.uint8)
    labels = rng.integers(0, 10, (6, 4)).tolist()
    bomb = pickle.dumps(Explosive(tmp_path / "exploded"), protocol=2)[2:-1]
    for i, name in enumerate((*cifar.TRAIN_BATCHES, cifar.TEST_BATCH)):
        (folder / name).write_bytes(cifar_batch(images[i], labels[i], extra=bomb))
    loaded = data.load("cifar10")
    np.testing.assert_array_equal(loaded.train.pixels, images[:5].reshape(-1, 3, 32, 32))
    np.testing.assert_array_equal(loaded.train.labels, np.reshape(labels[:5], -1))
    np.testing.assert_array_equal(loaded.test.pixels, images[5])
    assert len(data.load("cifar10", limit=6).train) == 6
    assert not (tmp_path / "exploded").exists()

    whole = (folder / "test_batch").read_bytes()
    for broken in (whole[:-100], whole[:20], b"", b"not a pickle", cifar_batch(images[0], [1, 2, 3])):
        (folder / "test_batch").write_bytes(broken)
        with pytest.raises(DataError, match="test_batch is not a whole CIFAR-10 batch"):
            data.load("cifar10", limit=1)


def test_data_imports_neither_torch_nor_streamlit() -> None:
    code = (
        "import sys, vaelab.data, vaelab.images.files; vaelab.data.load('shapes', limit=1);"
        "print([m for m in ('torch', 'torchvision', 'streamlit', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def present(name: str) -> bool:
    return bool(os.environ.get("VAELAB_DATA")) and data.is_available(name)


@pytest.mark.fulldata
@pytest.mark.skipif(not present("cifar10"), reason="CIFAR-10 is not in VAELAB_DATA")
def test_full_cifar10_has_the_published_mean() -> None:
    loaded = data.load("cifar10")
    mean = loaded.train.pixels.mean(axis=(0, 2, 3)) / 255
    np.testing.assert_allclose(mean, (0.4914, 0.4822, 0.4465), atol=5e-5)
    assert np.bincount(loaded.train.labels).tolist() == [5_000] * 10
    assert np.bincount(loaded.test.labels).tolist() == [1_000] * 10
    assert loaded.train.labels[:5].tolist() == [6, 9, 9, 4, 1]  # frog, truck, truck, deer, automobile


@pytest.mark.fulldata
@pytest.mark.skipif(not (present("mnist") and present("fashion-mnist")), reason="MNIST is not in VAELAB_DATA")
def test_full_mnist_and_fashion_have_the_published_means() -> None:
    for name, mean in (("mnist", 0.1307), ("fashion-mnist", 0.2860)):
        loaded = data.load(name)
        assert loaded.train.pixels[..., 2:30, 2:30].mean() / 255 == pytest.approx(mean, abs=5e-5)
        assert (len(loaded.train), len(loaded.test)) == (60_000, 10_000)
