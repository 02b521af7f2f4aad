"""How alike two images are: PSNR and SSIM, as papers report them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import DataError

Floats = NDArray[np.float64]

WINDOW = 11  # pixels; with sigma 1.5 and the two constants, the values of Wang et al. 2004
WINDOW_SIGMA = 1.5
K1, K2 = 0.01, 0.03
PEAK = 255.0


def _pair(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[Floats, Floats]:
    if a.shape != b.shape or a.ndim != 3:
        raise DataError(f"two images of one shape (C, H, W) are needed, got {a.shape} and {b.shape}")
    return a.astype(np.float64), b.astype(np.float64)


def psnr(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in dB, infinite for equal images. a, b: (C, H, W) uint8. Raises DataError."""
    x, y = _pair(a, b)
    error = float(np.square(x - y).mean())
    return math.inf if error == 0.0 else 10.0 * math.log10(PEAK**2 / error)


def ssim(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean structural similarity, at most 1 (equal). a, b: (C, H, W) uint8, both sides at least 11. Raises DataError.

    Wang, Bovik, Sheikh & Simoncelli 2004, equation 13: Gaussian window of 11x11 with sigma 1.5, only where it lies
    wholly inside the image; population moments; averaged over the channels. Written here because scikit-image would
    be one more dependency for thirty lines.
    """
    x, y = _pair(a, b)
    if min(x.shape[1:]) < WINDOW:
        raise DataError(f"SSIM needs images of at least {WINDOW}x{WINDOW} pixels, got {x.shape[2]}x{x.shape[1]}")
    c1, c2 = (K1 * PEAK) ** 2, (K2 * PEAK) ** 2
    mean_x, mean_y = _blur(x), _blur(y)
    var_x = _blur(x * x) - mean_x**2
    var_y = _blur(y * y) - mean_y**2
    covariance = _blur(x * y) - mean_x * mean_y
    above = (2.0 * mean_x * mean_y + c1) * (2.0 * covariance + c2)
    below = (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return float((above / below).mean())


def _blur(x: Floats) -> Floats:
    """Gaussian average in every window that lies inside. (C, H, W) -> (C, H - 10, W - 10)."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / WINDOW_SIGMA) ** 2)
    weights /= weights.sum()
    rows: Floats = np.lib.stride_tricks.sliding_window_view(x, WINDOW, axis=1) @ weights
    blurred: Floats = np.lib.stride_tricks.sliding_window_view(rows, WINDOW, axis=2) @ weights
    return blurred
