"""The matrix of latent dimensions by known factors, as a heat map whose cells can be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import altair as alt
import numpy.typing as npt
import pandas as pd

from vaelab.images import palette
from vaelab.images.palette import Theme

Array = npt.NDArray[Any]
CELL, LEFT = 26, 90  # pixels of a cell's height, and of the names at its left
CHOSEN = "cell"  # the selection's name


def matrix_rows(share: Array, dims: Sequence[int], factors: Sequence[str]) -> pd.DataFrame:
    """The data of `matrix`. share: (Z, K), 0 to 1, of a factor's entropy that a dimension tells; dims: rows of it, in order."""
    rows = [
        {"dim": f"z{z}", "factor": factor, "share": float(share[z, k]), "z": int(z), "k": k}
        for z in dims
        for k, factor in enumerate(factors)
    ]
    return pd.DataFrame(rows)


def matrix(
    rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], dims: tuple[str, ...], factors: tuple[str, ...]
) -> alt.LayerChart:
    """Dimensions across, factors down; the colour is the share, the chosen cell is framed. texts: dim, factor, share."""
    chosen = alt.selection_point(name=CHOSEN, fields=["z", "k"], on="click", empty=False)
    base = alt.Chart(rows).encode(
        x=alt.X(
            "dim:N",
            sort=list(dims),
            title=None,
            axis=alt.Axis(orient="top", labelAngle=0, labelOverlap=False, labelFontSize=10, ticks=False, domain=False),
        ),
        y=alt.Y(
            "factor:N",
            sort=list(factors),
            title=None,
            axis=alt.Axis(ticks=False, domain=False, labelLimit=LEFT, minExtent=LEFT),
        ),
    )
    ink, ground = palette.colour("z", theme), palette.surface("surface", theme)
    cells = base.mark_rect(
        cornerRadius=2, stroke=palette.surface("background", theme), strokeWidth=2, aria=False
    ).encode(
        color=alt.Color("share:Q", scale=alt.Scale(domain=[0.0, _top(rows)], range=[ground, ink]), legend=None),
        tooltip=[
            alt.Tooltip("dim:N", title=texts["dim"]),
            alt.Tooltip("factor:N", title=texts["factor"]),
            alt.Tooltip("share:Q", title=texts["share"], format=".1%"),
        ],
    )
    frame = (
        base.transform_filter(chosen)
        .mark_rect(filled=False, stroke=palette.colour("mu", theme), strokeWidth=3, cornerRadius=2, aria=False)
        .encode()
    )
    chart = alt.layer(cells.add_params(chosen), frame).properties(height=CELL * len(factors), padding={"bottom": 2})
    return cast(alt.LayerChart, chart)


def _top(rows: pd.DataFrame) -> float:
    """The end of the colour scale: the largest share, a tenth at least, so that noise does not look like much."""
    return max(0.1, float(rows["share"].max()))
