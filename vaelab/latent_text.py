"""A latent vector as text, for an address or a command: short enough to be copied, whatever its size."""

from __future__ import annotations

import base64
import binascii
import math

import numpy as np

LONG = 64  # more numbers than this are packed: with commas, an autoencoder's 384 would be 2 kB of every message
PACKED = "f16:"  # half floats, little-endian, as URL-safe base64


def write(z: list[float]) -> str:
    """z as "1,-0.26,0", two decimals; above 64 numbers as "f16:" and base64, good to three digits."""
    if len(z) <= LONG:
        return ",".join(f"{round(value, 2):g}" for value in z)
    return PACKED + base64.urlsafe_b64encode(np.array(z, "<f2").tobytes()).decode().rstrip("=")


def read(text: str, size: int) -> list[float] | None:
    """The numbers of a text that `write` made, or of any with commas; None unless there are `size` finite ones."""
    try:
        numbers = _unpacked(text) if text.startswith(PACKED) else [float(part) for part in text.split(",")]
    except (ValueError, binascii.Error):
        return None
    return numbers if len(numbers) == size and all(math.isfinite(number) for number in numbers) else None


def _unpacked(text: str) -> list[float]:
    code = text.removeprefix(PACKED)
    values: list[float] = np.frombuffer(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)), "<f2").tolist()
    return values
