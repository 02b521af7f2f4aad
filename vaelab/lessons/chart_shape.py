"""What the lessons' charts have in common: their height, their margin, one renderer."""

from __future__ import annotations

from typing import cast

import altair as alt


def shaped(chart: alt.LayerChart | alt.FacetChart, height: int) -> alt.LayerChart:
    """A layered chart of this height, as SVG whatever the number of rows: another renderer would mount it anew."""
    fixed = chart.properties(
        height=height, padding={"bottom": 2, "top": 5}, usermeta={"embedOptions": {"renderer": "svg"}}
    )
    return cast(alt.LayerChart, fixed)
