"""Charts and pictures that are drawn again and again: a specification is made once, and only the rows travel.

Building an Altair chart costs a tenth of a second, mostly in checking its specification against Vega-Lite's; a chart that
ticks twice a second, or follows a slider, cannot spend that.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import streamlit as st
from PIL import Image
from streamlit.dataframe_util import convert_anything_to_arrow_bytes
from streamlit.delta_generator import DeltaGenerator

from vaelab.images.palette import Theme
from vaelab.ui import styles
from vaelab.ui.pictures import Pixels
from vaelab.ui.widgets import theme

if TYPE_CHECKING:  # half a second of imports, which a page without a chart need not wait for
    import altair as alt
    import pandas as pd

ROWS = "rows"
NUMBERS = 34  # pixels below a plot whose height is its own, for the numbers of its axis and half of one above it
Build = Callable[..., "alt.LayerChart"]


class Table(NamedTuple):
    """The rows of a chart as they travel, for everybody who looks at the same: names of the columns, and an Arrow stream."""

    columns: tuple[str, ...]
    content: bytes

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Table:
        """A frame's rows."""
        return cls(tuple(rows.columns), convert_anything_to_arrow_bytes(rows))


def ticking_chart(
    build: Build,
    rows: pd.DataFrame | Table,
    texts: Mapping[str, str],
    *,
    key: str,
    alt_text: str,
    width: Literal["stretch", "content"] = "stretch",
    has_place: bool = False,
    **sizes: Any,
) -> None:
    """Draw build(rows, theme=, texts=, **sizes), one layered chart whose layers share the rows; its encodings name their types.

    has_place: `rooms` has kept its place free.
    """
    columns = rows.columns if isinstance(rows, Table) else tuple(rows.columns)
    spec = json.loads(_spec(build, columns, theme(), tuple(texts.items()), tuple(sizes.items())))
    spec |= {"data": {"name": ROWS}, "datasets": {ROWS: rows.content if isinstance(rows, Table) else rows}}
    # The place is kept free until the browser has the script that draws, and where a number at the end of an axis ends the picture.
    room = spec["height"] + (NUMBERS if spec.get("autosize", {}).get("type") == "pad" else 0)
    with place(key, None if has_place else room, width):
        st.vega_lite_chart(spec=spec, key=key, width=width, alt=alt_text)


def place(key: str, room: int | None, width: Literal["stretch", "content"] = "stretch") -> DeltaGenerator:
    """Where a chart stands, or what stands in for it before its first rows: at least so many pixels high; None where `rooms` has said it."""
    if room is not None:
        rooms({key: room})
    return st.container(key=f"{key}_place", width=width)  # a chart that answers no click has no class of its own


def rooms(heights: Mapping[str, int]) -> None:
    """Keep the places of several charts free, by their keys, in pixels: once, outside of what ticks, which is then lighter by a message each."""
    st.html("".join(styles.rule(f"{key}_place", min_height=f"{height}px") for key, height in heights.items()))


@lru_cache(maxsize=128)
def _spec(
    build: Build,
    columns: tuple[str, ...],
    shade: Theme,
    texts: tuple[tuple[str, str], ...],
    sizes: tuple[tuple[str, Any], ...],
) -> str:
    """The specification without its rows, as JSON."""
    import pandas as pd

    chart = build(pd.DataFrame(columns=list(columns)), theme=shade, texts=dict(texts), **dict(sizes))
    spec = chart.to_dict(validate=False)
    assert "data" in spec, "the layers of a ticking chart must share one frame"
    for name in ("data", "datasets", "config"):  # config: Altair's own look, which Streamlit replaces
        spec.pop(name, None)
    _silence(spec)
    return json.dumps(spec)


def _silence(spec: dict[str, Any]) -> None:
    """Marks without roles of their own: the chart's alternative text says what it is. Streamlit keeps no config that says so for all."""
    for layer in spec.get("layer", []):
        _silence(layer)
    if "mark" in spec:
        mark = spec["mark"]
        spec["mark"] = {**({"type": mark} if isinstance(mark, str) else mark), "aria": False}


def still(sheet: Pixels, alt_text: str) -> None:
    """A small picture, (H, W, 3 or 4) uint8, inside the page itself.

    As a file of its own it may be replaced before a busy browser has fetched it.
    """
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, format="PNG", compress_level=1)
    st.image(f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}", alt=alt_text)
