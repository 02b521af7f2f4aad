"""Noise that becomes codes (ways.js): points on a plane moved by a slider of time, some of them decoded beside it, all in the browser."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.export import bundle
from vaelab.runs.store import Run
from vaelab.ui.components.carrier import bundle_url
from vaelab.ui.components.widget import widget
from vaelab.ui.text import t

WORDS = ("plane", "codes", "moving", "decoded", "pictures", "time", "time_help", "play", "pause", "at", "refused")


@dataclass(frozen=True)
class Ways:
    """What ways.js draws. codes: (N, 2) of images on the plane; groups: (N,) their class or -1; inks: colours of the classes.

    places: (F, P, 2) of what moves, at times evenly from 0 to 1; z: (F, S, Z) of the first S, as they are decoded; y: (S,) labels
    or None.
    """

    codes: NDArray[Any]
    groups: NDArray[Any]
    inks: Sequence[str]
    places: NDArray[Any]
    z: NDArray[Any]
    y: NDArray[np.int64] | None = None


def ways_view(key: str, run: Run, ways: Ways, stamp: str) -> None:
    """Draw them. stamp: names this content; the browser unpacks anew when it changes. A model that only the server decodes has no pictures."""
    model = run.config().model
    decoder = bundle_url(run) if bundle.supported(model) is None else None
    widget("ways", key, ways_data(ways, stamp, decoder, (model.channels, model.image_size, model.image_size)))


def ways_of_model(key: str, decoder: bytes, shape: tuple[int, int, int], ways: Ways, stamp: str) -> None:
    """The same for a model that is no run: its decoder's bundle travels with the data."""
    address = f"data:application/octet-stream;base64,{base64.b64encode(decoder).decode()}"
    widget("ways", key, ways_data(ways, stamp, address, shape))


def ways_data(ways: Ways, stamp: str, decoder: str | None, shape: tuple[int, int, int]) -> dict[str, Any]:
    """What ways.js is given. decoder: the address of its bundle."""
    return {
        "stamp": stamp,
        "codes": _packed(ways.codes),
        "groups": [int(group) for group in ways.groups],
        "inks": list(ways.inks),
        "frames": len(ways.places),
        "places": _packed(ways.places),
        "shown": ways.z.shape[1],
        "z": _packed(ways.z),
        "y": None if ways.y is None else [int(label) for label in ways.y],
        "decoder": decoder,
        "shape": list(shape),
        "text": {name: t(f"latent_flow.view_{name}") for name in WORDS},
    }


def _packed(values: NDArray[Any]) -> str:
    """base64 of little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()
