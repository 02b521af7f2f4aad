"""Pieces of HTML that stages are put together from: pixelated pictures, tables of figures. shell.css has their rules.

One element a stage, so that an update changes what it shows and moves nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from vaelab.images.files import png
from vaelab.ui.pictures import sheet_png


def stage(body: str, name: str = "") -> str:
    """The HTML of a stage. name: its class, below which the sheet of its page has rules of its own; sizes are set there."""
    return f'<div class="vl {name}">{body}</div>' if name else f'<div class="vl">{body}</div>'


def img(pixels: NDArray[np.uint8], name: str, words: str) -> str:
    """A pixelated picture of class `name`; its size on the screen is set by the stylesheet. pixels: (C, H, W) or (H, W, 3 or 4) uint8."""
    return f'<img class="pixelated {name}" alt="{escape(words, quote=True)}" src="{_inside(pixels)}">'


def img_at(address: str, before: NDArray[np.uint8], words: str) -> str:
    """A picture that the browser fetches from an address of ours, over a stand-in of the same size. before: (H, W, 4) uint8."""
    height, width = before.shape[:2]
    style = f"display:block;max-width:100%;height:auto;background:url({_inside(before)}) 0 0/100% 100%"
    return f'<img src="{escape(address, quote=True)}" width="{width}" height="{height}" alt="{escape(words, quote=True)}" style="{style}">'


def _inside(pixels: NDArray[np.uint8]) -> str:
    """The address of a picture that travels inside the page. pixels: (C, H, W) or (H, W, 3 or 4) uint8."""
    data = sheet_png(pixels) if pixels.shape[-1] == 4 else png(pixels)
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = (), here: int | None = None
) -> str:
    """A table of ready HTML cells. numbers: columns set in figures and to the right; here: the row that is marked."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}{' class=n' if k in numbers else ''}>{cell}</{tag}>" for k, cell in enumerate(cells))

    body = "".join(f"<tr{' class=here' if k == here else ''}>{line(row, 'td')}</tr>" for k, row in enumerate(rows))
    return f"<table><thead><tr>{line(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"
