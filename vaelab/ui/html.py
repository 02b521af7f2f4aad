"""Pieces of HTML that stages are put together from: pixelated pictures, tables of figures, the theme's colours as variables.

One element a stage, so that an update changes what it shows and moves nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vaelab.images.files import png
from vaelab.images.palette import css_variables
from vaelab.ui.widgets import theme

# The class of every stage built here; sizes that fit 1280 and 1920 pixels are set by the lessons themselves.
_STYLE = """
.vl { color: var(--vl-text); font-size: 14px; line-height: 1.45; }
.vl img { image-rendering: pixelated; display: block; }
.vl .muted { color: var(--vl-muted); }
.vl table { border-collapse: collapse; width: 100%; }
.vl th { font-weight: 400; color: var(--vl-muted); text-align: left; }
.vl th, .vl td { padding: 2px 8px 2px 0; border: 0; border-bottom: 1px solid var(--vl-border); white-space: nowrap; }
.vl .n { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 13px; font-variant-numeric: tabular-nums; }
.vl td.n, .vl th.n { text-align: right; }
.vl th.n { font-family: inherit; }
.vl tr.here td { background: var(--vl-surface); font-weight: 600; }
"""


def stage(body: str, style: str = "") -> str:
    """The HTML of a stage with our colours as --vl-ROLE in the theme that the browser shows. style: CSS rules below .vl."""
    return f'<style>{_STYLE}.vl{{{css_variables(theme())}}}{style}</style><div class="vl">{body}</div>'


def img(pixels: NDArray[np.uint8], name: str, words: str) -> str:
    """A picture of class `name`; its size on the screen is set by the stylesheet. pixels: (C, H, W) or (H, W, 3 or 4) uint8."""
    if pixels.shape[-1] == 4:
        from io import BytesIO

        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, format="PNG")
        data = buffer.getvalue()
    else:
        data = png(pixels)
    return f'<img class="{name}" alt="{escape(words, quote=True)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = (), here: int | None = None
) -> str:
    """A table of ready HTML cells. numbers: columns set in figures and to the right; here: the row that is marked."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}{' class=n' if k in numbers else ''}>{cell}</{tag}>" for k, cell in enumerate(cells))

    body = "".join(f"<tr{' class=here' if k == here else ''}>{line(row, 'td')}</tr>" for k, row in enumerate(rows))
    return f"<table><thead><tr>{line(head, 'th')}</tr></thead><tbody>{body}</tbody></table>"
