"""Data sets that need no download: two that travel with the package and scikit-learn's digits."""

from __future__ import annotations

import colorsys
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from vaelab.config.errors import DataError
from vaelab.data.paths import ASSETS
from vaelab.data.types import Images

PIXEL_FACES_TRAIN = 18_000
DIGITS_TRAIN = 1_500

# The file's factor to our name; in the file's order.
FACE_FACTORS = {
    "hair": "hair",
    "hairColor": "hair_colour",
    "skinColor": "skin_colour",
    "eyes": "eyes",
    "eyesColor": "eye_colour",
    "mouth": "mouth",
    "mouthColor": "mouth_colour",
    "clothing": "clothing",
    "clothingColor": "clothing_colour",
    "beard": "beard",
    "glasses": "glasses",
    "glassesColor": "glasses_colour",
    "primaryBackgroundColor": "background",
}


def _open(path: Path) -> NpzFile:
    """An asset; without pickle. Raises DataError when the installed package lacks it."""
    try:
        archive = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path.name} of the package is missing or broken ({error}); install or check out again"
        ) from error
    assert isinstance(archive, NpzFile)
    return archive


def colour_name(code: str) -> str:
    """A word for a colour, with its code: "#009bbd" -> "blue #009bbd". code: "#rrggbb"."""
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    degrees = 360 * hue
    if saturation < 0.12:
        word = "grey"
    elif 15 < degrees < 50 and lightness > 0.72:
        return f"beige {code}"
    elif degrees < 50 and (saturation < 0.6 or lightness < 0.25):
        word = "brown"
    else:
        bounds = ((15, "red"), (42, "orange"), (70, "yellow"), (165, "green"), (255, "blue"), (315, "purple"))
        word = next((name for bound, name in bounds if degrees < bound), "red")
    shade = "dark " if lightness < 0.3 else "light " if lightness > 0.75 else ""
    return f"{shade}{word} {code}"


def value_name(factor: str, code: str) -> str:
    """A readable name of one value: "long01" -> "long 1", "variant03" of beard -> "beard 3", "none" -> "none"."""
    if code.startswith("#"):
        return colour_name(code)
    kind, number = code.rstrip("0123456789"), code[len(code.rstrip("0123456789")) :]
    kind = factor if kind == "variant" else kind
    return f"{kind} {int(number)}" if number else kind


@lru_cache(maxsize=1)
def face_factors() -> Mapping[str, tuple[str, ...]]:
    """The 13 factors of pixel-faces and the names of their values."""
    with _open(ASSETS / "pixel_faces_16.npz") as archive:
        values: dict[str, list[str]] = json.loads(str(archive["factor_values"]))
    return {name: tuple(value_name(name, v) for v in values[raw]) for raw, name in FACE_FACTORS.items()}


@lru_cache(maxsize=1)
def pixel_faces() -> tuple[Images, Images]:
    """(train, test): 18,000 and 2,000 of 16x16 RGB, no classes, 13 factors."""
    with _open(ASSETS / "pixel_faces_16.npz") as archive:
        pixels = archive["images"].transpose(0, 3, 1, 2)
        order = [str(name) for name in archive["factor_names"]]
        columns = archive["factors"].astype(np.int64)
    factors = {name: columns[:, order.index(raw)] for raw, name in FACE_FACTORS.items()}
    whole = Images(pixels=np.ascontiguousarray(pixels), factors=factors)
    return whole.take(slice(0, PIXEL_FACES_TRAIN)), whole.take(slice(PIXEL_FACES_TRAIN, None))


@lru_cache(maxsize=1)
def fashion_10k() -> tuple[Images, Images]:
    """(train, test): 9,000 and 1,000 of 28x28 grey, 10 classes in equal parts."""
    with _open(ASSETS / "fashion_mnist_10k.npz") as archive:
        train, test = (
            Images(pixels=archive[f"{split}_images"][:, None], labels=archive[f"{split}_labels"].astype(np.int64))
            for split in ("train", "test")
        )
    return train, test


@lru_cache(maxsize=1)
def digits() -> tuple[Images, Images]:
    """(train, test): the first 1,500 and the last 297 of scikit-learn's 8x8 grey digits, 10 classes.

    The published order keeps each writer's digits together, so the test digits are mostly by other writers.
    """
    from sklearn.datasets import load_digits  # a second of imports that only this data set needs

    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]  # published as 0-16
    whole = Images(pixels=pixels, labels=bunch.target.astype(np.int64))
    return whole.take(slice(0, DIGITS_TRAIN)), whole.take(slice(DIGITS_TRAIN, None))
