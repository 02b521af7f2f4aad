"""A latent vector as text, for an address or a command: short enough to be copied, whatever its size."""

from __future__ import annotations

import base64
import binascii
import math

import numpy as np

LONG = 64  # more numbers than this are packed: with commas, an autoencoder's 384 would be 2 kB of every message
PACKED = "i8:"  # then the step between values, a colon, and the values in steps, one byte each, as URL-safe base64
STEPS = 127


def write(z: list[float]) -> str:
    """z as "1,-0.26,0", two decimals; above 64 numbers as "i8:STEP:BASE64", to 1/254 of the largest."""
    if len(z) <= LONG:
        return ",".join(f"{round(value, 2):g}" for value in z)
    values = np.asarray(z, dtype=float)
    step = float(f"{max(float(np.abs(values).max()), 1e-6) / STEPS:.4g}")
    packed = np.clip(np.rint(values / step), -STEPS, STEPS).astype(np.int8).tobytes()
    return f"{PACKED}{step:g}:{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def read(text: str, size: int) -> list[float] | None:
    """The numbers of a text that `write` made, or of any with commas; None unless there are `size` finite ones."""
    try:
        numbers = _unpacked(text) if text.startswith(PACKED) else [float(part) for part in text.split(",")]
    except (ValueError, binascii.Error):
        return None
    return numbers if len(numbers) == size and all(math.isfinite(number) for number in numbers) else None


def _unpacked(text: str) -> list[float]:
    step, code = text.removeprefix(PACKED).split(":")
    packed = np.frombuffer(base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)), np.int8)
    values: list[float] = (packed * float(step)).tolist()
    return values
