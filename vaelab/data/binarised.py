"""Grey images as black and white ones: each pixel is white with the probability that its grey value says.

MNIST is usually modelled so (Salakhutdinov & Murray 2008). The fixed sample of Larochelle & Murray 2011 is a file of its own; ours
is drawn from the grey images with SEED, so a small difference to figures on that file is expected.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np

from vaelab.data.types import Images, Pixels
from vaelab.images.fitting import fit_channels

Split = Literal["train", "test"]

SEED = 2011  # of the fixed sample
STREAMS: dict[Split, int] = {"train": 0, "test": 1}
LEVELS = 2**16  # of a threshold: a probability is off by at most 1 / LEVELS
CHUNK = 2048  # images at once: a bounded peak of memory


def fixed_sample(grey: Pixels, split: Split) -> Pixels:
    """One sample of every image, the same at each call: (N, 1, H, W) in 0-255 -> the same shape, 0 or 255.

    The first n of more images are sampled as n images are. H and W must be even, as every size of a training is.
    """
    # The raw numbers of this generator are the same in every version of numpy; what a Generator makes of them may change.
    bits = np.random.PCG64([SEED, STREAMS[split]])
    found = np.empty_like(grey)
    chances = np.ceil(np.arange(256) * (LEVELS / 255)).astype(np.uint32)  # of LEVELS; exact for 0 and 255
    for start in range(0, len(grey), CHUNK):
        part = grey[start : start + CHUNK]
        raw = bits.random_raw(part.size // 4).astype("<u8").view("<u2")  # four thresholds from each number
        found[start : start + CHUNK] = np.where(raw.reshape(part.shape) < chances[part], 255, 0)
    return found


def binarised(images: Images, split: Split, channels: int, *, anew: bool) -> Images:
    """Grey images, (N, 1, H, W), as their fixed sample in so many equal channels; anew: with their `chances`, for a sample at each step."""
    pixels = fit_channels(fixed_sample(images.pixels, split), channels)
    return dataclasses.replace(images, pixels=pixels, chances=images.pixels if anew else None)
