"""How weights travel: bytes sorted by their place in a number, then packed. What is alike in numbers, sign and exponent, then lies together.

Huffman codes alone: looking for repetitions finds none in weights, takes five times as long and makes them larger.
"""

from __future__ import annotations

import zlib

import numpy as np

PLANES = "vaelab-planes"  # the answer's header that holds `width`; engine/source.js puts the bytes back in order
GZIP = 31  # zlib's window of 32 kB in gzip's frame


def packed(content: bytes, width: int) -> bytes:
    """A whole bundle as gzip, all first bytes of its numbers before all second ones. width: bytes of a number; it must divide the length."""
    planes = np.frombuffer(content, np.uint8).reshape(-1, width).T
    packer = zlib.compressobj(wbits=GZIP, memLevel=9, strategy=zlib.Z_HUFFMAN_ONLY)
    return packer.compress(planes.tobytes()) + packer.flush()
