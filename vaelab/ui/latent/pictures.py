"""The inspector's pictures as HTML: two images to compare, the nearest ones beside them, and what a group is made of.

Where the column is wide enough both images are in focus; where it is not, one of them is, and a click on the other
swaps them in the same place, without a rerun.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from vaelab.ui import tags

Pixels = NDArray[np.uint8]

# Pixels, as latent.css has them.
FOCUS = 256  # an image in focus
ASIDE = 96  # the other one where both do not fit


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
        f'{tags.img(pixels, "", words)}<span class="words {name}">{escape(words)}</span></label>'
        for name, (pixels, words) in (("total", left), ("decoder", right))
    )
    beside = ""
    if near is not None:
        images = "".join(tags.img(pixels, "", "") for pixels in near[0])
        beside = f'<div class="near"><span class="words muted"><span>{escape(near[1])}</span> <span>{escape(near[2])}</span></span><div>{images}</div></div>'
    return tags.stage(f'<div class="look" style="{sizes}">{both}{beside}</div>')


def makeup(rows: Sequence[tuple[str, float, str, str]]) -> str:
    """Bars of what is inside a lasso: (name, share of what is inside, its colour, its figures) each."""
    longest = max((share for _, share, _, _ in rows), default=1.0)
    lines = "".join(
        f'<div class="row"><span title="{escape(name, quote=True)}">{escape(name)}</span>'
        f'<i style="background:{colour};width:{100 * share / longest:.1f}%"></i><span class="n">{escape(figures)}</span></div>'
        for name, share, colour, figures in rows
    )
    return tags.stage(lines)
