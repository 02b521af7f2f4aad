"""What every answer about a map is made of: the run that the address names, arrays, pictures."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from vaelab.config.errors import VaeLabError
from vaelab.runs.store import Run
from vaelab.ui.components.routes import run_of
from vaelab.ui.pictures import strip

SHEET = 256  # pictures in one sheet, 16 in a row


class NotFound(VaeLabError):
    """The address names nothing."""


def run_in_address(request: Request) -> Run:
    """The run, where whoever asks can see it. Raises NotFound."""
    run = run_of(request)
    if run is None:
        raise NotFound(f"there is no run {request.path_params['run']} any more; choose another one")
    return run


def binary(values: NDArray[Any], headers: dict[str, str]) -> Response:
    """Numbers as little-endian float32."""
    content = np.ascontiguousarray(values, dtype="<f4").tobytes()
    return Response(content, media_type="application/octet-stream", headers={"Content-Encoding": "identity", **headers})


def png(pixels: NDArray[np.uint8], headers: dict[str, str]) -> Response:
    """(h, w, 3 or 4) uint8 as a PNG file, packed lightly: it is sent once and kept by the browser."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=3)
    return Response(buffer.getvalue(), media_type="image/png", headers=headers)


def sheet(pixels: NDArray[np.uint8], request: Request, headers: dict[str, str]) -> Response:
    """The k-th 256 of (N, C, H, W) pictures, k in the address. Raises NotFound beyond the last."""
    k = request.path_params["k"]
    part = pixels[k * SHEET : (k + 1) * SHEET]
    if not len(part):
        raise NotFound(f"there is no sheet {k} of these pictures")
    return png(strip(part, 16, cell=1, gap=0)[..., :3], headers)
