"""The 384 numbers of lesson 4, one of which the reader breaks (patch.js): decoded in the browser under the finger, Python hears only where it stands, for links."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.config.texts import Language, say
from vaelab.images.palette import STOPS
from vaelab.runs.store import Run
from vaelab.ui.components.carrier import bundle_url
from vaelab.ui.components.widget import widget
from vaelab.ui.text import language

TEXTS = "learn_autoencoder"
MOST = 20.0  # the largest value that a number can be given; the codes of ordinary images stay below 18
WORDS = (
    "grid", "grid_help", "value", "value_help", "whole", "whole_help", "said", "said_whole", "broken", "change",
    "change_scale", "corner_0", "corner_1", "corner_2", "corner_3",
)  # fmt: skip


def patch_view(key: str, run: Run, pixels: NDArray[np.uint8], maps: NDArray[np.float32]) -> None:
    """Draw the code of an image, to be broken number by number. pixels: (C, H, W) uint8; maps: its code, (maps, 2, 2). Call it inside a fragment."""
    widget("patch", key, patch_data(bundle_url(run), pixels, maps, language()), keeps=True)


def patch_data(decoder: str, pixels: NDArray[np.uint8], maps: NDArray[np.float32], lang: Language) -> dict[str, Any]:
    """What patch.js is given, in one language; also in a file without a server. decoder: address of its weights."""
    return {
        "decoder": decoder,
        "code": maps.ravel().tolist(),
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
        "shape": list(pixels.shape),
        "most": MOST,
        "stops": list(STOPS),
        "text": {name: say(lang, f"{TEXTS}.patch_{name}") for name in WORDS}
        | {"original": say(lang, f"{TEXTS}.original"), "refused": say(lang, "learn_vae.refused")},
    }
