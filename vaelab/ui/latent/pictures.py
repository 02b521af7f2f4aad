"""The inspector's pictures as HTML: two images to compare, the nearest ones beside them, and what a group is made of.

Where the column is wide enough both images are in focus; where it is not, one of them is, and a click on the other
swaps them in the same place, without a rerun.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from vaelab.ui import html

Pixels = NDArray[np.uint8]

FOCUS = 256  # pixels of an image in focus
ASIDE = 96  # of the other one where both do not fit
SMALL = 48
GAP = 8
BOTH = 2 * FOCUS + GAP  # width of a column that holds both in focus

_STYLE = f"""
.vl {{ container-type: inline-size; }}
.vl .look {{ display: grid; grid-template: "large aside" auto "large near" 1fr / {FOCUS}px {ASIDE}px; gap: 0 {GAP}px; }}
.vl label {{ position: relative; cursor: zoom-in; grid-area: aside; }}
.vl label:has(:checked) {{ grid-area: large; cursor: default; }}
.vl input {{ position: absolute; opacity: 0; }}
.vl label img {{ width: var(--aside); height: var(--aside); border-radius: 4px; }}
.vl label:has(:checked) img {{ width: var(--focus); height: var(--focus); }}
.vl label:has(:focus-visible) img {{ outline: 2px solid var(--vl-z); outline-offset: 2px; }}
.vl .words {{ display: block; font-size: 13px; line-height: 1.3; padding: 2px 0 4px; }}
.vl label:not(:has(:checked)) .words {{ min-height: calc(2.6em + 6px); }}
.vl .decoder {{ color: var(--vl-decoder-text); }}
.vl .near {{ grid-area: near; display: flex; flex-direction: column-reverse; justify-content: flex-end; }}
.vl .near .words {{ font-size: 12.5px; white-space: nowrap; align-self: flex-end; }}
.vl .near .words span {{ display: inline-block; }}
.vl .near div {{ display: flex; flex-wrap: wrap; }}
.vl .near img {{ width: {SMALL}px; height: {SMALL}px; }}
@container (min-width: {BOTH}px) {{
  .vl .look {{ grid-template: "large second" auto "near near" auto / {FOCUS}px {FOCUS}px; }}
  .vl label, .vl label:has(:checked) {{ grid-area: large; cursor: default; }}
  .vl label + label, .vl label + label:has(:checked) {{ grid-area: second; }}
  .vl label img {{ width: var(--focus); height: var(--focus); }}
  .vl label:not(:has(:checked)) .words {{ min-height: 0; }}
  .vl .near {{ display: block; }} .vl .near .words {{ white-space: normal; }}
}}
"""

_MAKEUP = """
.vl .row { display: grid; grid-template-columns: minmax(64px, 34%) 1fr 84px; gap: 8px; align-items: center; height: 22px; font-size: 13px; }
.vl .row span:first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.vl .row i { display: block; height: 9px; border-radius: 2px; }
.vl .row .n { text-align: right; font-size: 12.5px; white-space: nowrap; }
"""


def look(
    left: tuple[Pixels, str], right: tuple[Pixels, str], near: tuple[Sequence[Pixels], str, str] | None, enlarge: str
) -> str:
    """An image and what the decoder makes of it, each (C, H, W) with its words; near: the nearest images, and two pieces of words.

    enlarge: what a click on the smaller one does.
    """
    size = left[0].shape[-1]
    sizes = f"--focus:{-(-FOCUS // size) * size}px;--aside:{max(1, ASIDE // size) * size}px"
    both = "".join(
        f'<label class="{name}" title="{escape(enlarge, quote=True)}">'
        f'<input type="radio" name="latent-look"{" checked" if name == "total" else ""} aria-label="{escape(words, quote=True)}">'
        f'{html.img(pixels, "", words)}<span class="words {name}">{escape(words)}</span></label>'
        for name, (pixels, words) in (("total", left), ("decoder", right))
    )
    beside = ""
    if near is not None:
        images = "".join(html.img(pixels, "", "") for pixels in near[0])
        beside = f'<div class="near"><span class="words muted"><span>{escape(near[1])}</span> <span>{escape(near[2])}</span></span><div>{images}</div></div>'
    return html.stage(f'<div class="look" style="{sizes}">{both}{beside}</div>', _STYLE)


def makeup(rows: Sequence[tuple[str, float, str, str]]) -> str:
    """Bars of what is inside a lasso: (name, share of what is inside, its colour, its figures) each."""
    longest = max((share for _, share, _, _ in rows), default=1.0)
    lines = "".join(
        f'<div class="row"><span title="{escape(name, quote=True)}">{escape(name)}</span>'
        f'<i style="background:{colour};width:{100 * share / longest:.1f}%"></i><span class="n">{escape(figures)}</span></div>'
        for name, share, colour, figures in rows
    )
    return html.stage(lines, _MAKEUP)
