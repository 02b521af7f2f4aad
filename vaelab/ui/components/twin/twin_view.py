"""One point of lesson 5, dragged through an autoencoder's and a VAE's latent space at once (twin.js): decoded in the browser, Python hears only where it stands, for links."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.config.texts import Language, say
from vaelab.images.palette import STOPS
from vaelab.lessons.two_spaces import Disc
from vaelab.runs.store import Run
from vaelab.ui.components.carrier import bundle_url
from vaelab.ui.components.widget import widget
from vaelab.ui.text import language

TEXTS = "learn_vae"
FARTHEST = 2.0  # the strangeness that has the scale's last colour
WORDS = ("pad", "pad_help", "picture", "figure", "place", "centre", "edge", "home", "home_help")


@dataclass(frozen=True)
class Space:
    """One of the two. name: what the page calls it; field: strangeness, (S, S)."""

    run: Run
    name: str
    disc: Disc
    field: NDArray[Any]


def twin_view(key: str, spaces: Sequence[Space]) -> None:
    """Draw both spaces with one point in them. Call it inside a fragment."""
    widget("twin", key, twin_data(spaces, [bundle_url(space.run) for space in spaces], language()), keeps=True)


def twin_data(spaces: Sequence[Space], decoders: Sequence[str], lang: Language) -> dict[str, Any]:
    """What twin.js is given, in one language; also in a file without a server. decoders: addresses of their weights."""
    model = spaces[0].run.config().model
    return {
        "shape": [model.channels, model.image_size, model.image_size],
        "spaces": [_space(space, url) for space, url in zip(spaces, decoders, strict=True)],
        "farthest": FARTHEST,
        "stops": list(STOPS),
        "text": {name: say(lang, f"{TEXTS}.twin_{name}") for name in WORDS}
        | {"refused": say(lang, f"{TEXTS}.refused")},
    }


def _space(space: Space, decoder: str) -> dict[str, Any]:
    wanted = ("centre", "mean", "spread", "low", "high", "across", "up")
    # JSON knows no infinity: what is bounded by nothing is bounded by the largest float32.
    most = float(np.finfo(np.float32).max)
    return {
        "name": space.name,
        "decoder": decoder,
        "disc": {name: _packed(np.clip(getattr(space.disc, name), -most, most)) for name in wanted},
        "field": _packed(space.field),
        "side": len(space.field),
    }


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()
