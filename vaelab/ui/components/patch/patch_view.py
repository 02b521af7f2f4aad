"""The 384 numbers of lesson 4, one of which the reader breaks (patch.js): decoded in the browser under the finger, nothing told to Python."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from vaelab.images.field_colours import sequential_stops
from vaelab.runs.store import Run
from vaelab.ui.components.carrier import bundle_url
from vaelab.ui.components.widget import widget
from vaelab.ui.text import t

TEXTS = "learn_autoencoder"
MOST = 20.0  # the largest value that a number can be given; the codes of ordinary images stay below 18
WORDS = (
    "grid", "grid_help", "value", "value_help", "whole", "whole_help", "said", "said_whole", "broken", "change",
    "change_scale", "corner_0", "corner_1", "corner_2", "corner_3",
)  # fmt: skip


def patch_view(key: str, run: Run, pixels: NDArray[np.uint8], maps: NDArray[np.float32]) -> None:
    """Draw the code of an image, to be broken number by number. pixels: (C, H, W) uint8; maps: its code, (maps, 2, 2). Call it inside a fragment."""
    texts = {name: t(f"{TEXTS}.patch_{name}") for name in WORDS}
    data = {
        "decoder": bundle_url(run),
        "code": maps.ravel().tolist(),
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
        "shape": list(pixels.shape),
        "most": MOST,
        "stops": list(sequential_stops()),
        "text": texts | {"original": t(f"{TEXTS}.original"), "refused": t("learn_vae.refused")},
    }
    widget("patch", key, data)
