"""What the lessons' charts have in common: their height, their margin, one renderer."""

from __future__ import annotations

from typing import Any, overload

import altair as alt


@overload
def shaped(chart: alt.Chart, height: int) -> alt.Chart: ...
@overload
def shaped(chart: alt.LayerChart | alt.FacetChart, height: int) -> alt.LayerChart: ...
def shaped(chart: Any, height: int) -> Any:
    """A chart of this height, as SVG whatever the number of rows: another renderer would mount it anew."""
    return chart.properties(
        height=height, padding={"bottom": 2, "top": 5}, usermeta={"embedOptions": {"renderer": "svg"}}
    )
