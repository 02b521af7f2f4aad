"""Figures from plain arrays. Altair's charts are updated in place when their rows alone change.

A chart that ticks must keep its specification and change only its data: everything that moves (floor, dial changes,
limits of the axes) is therefore a row of the data, and no domain is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import altair as alt
import numpy as np
import pandas as pd

from vaelab.images import palette
from vaelab.images.palette import Role, Theme
from vaelab.ui.charts.thinning import Array, steps_and, thin

LEGEND = 90  # pixels of a scatter's names, beside it
NAMES: dict[str, dict[str, Any]] = {
    "right": {"orient": "right", "offset": 8, "labelLimit": LEGEND - 26},
    "bottom": {"orient": "bottom", "columns": 3, "labelLimit": 72},
}
LABELLED = 24  # bars that have room for their names
# Of an axis: no word while there is no number yet, powers of ten where a diverging training would need twenty digits.
NUMBER = "isValid(datum.value) ? format(datum.value, abs(datum.value) < 1e6 ? '~r' : '.0e') : ''"
STEPS = "isValid(datum.value) ? format(datum.value, '~s') : ''"
DIAL_LINES = 3  # changes made soon after each other are named below each other

TERMS: dict[str, Role] = {"loss": "total", "recon": "decoder", "kl": "encoder"}


def curve_rows(metrics: Sequence[Mapping[str, Any]], events: Sequence[Mapping[str, Any]], term: str) -> pd.DataFrame:
    """The data of `curve`: a frame of step, value, series (train, test, floor, dial) and label.

    metrics and events are rows of metrics.jsonl; term is loss, recon, kl or a method's own. The floor is drawn for
    the reconstruction term and for the total, which cannot fall below it either.
    """
    frames = [_series(metrics, term, "train"), _series(metrics, f"test_{term}", "test")]
    if term in ("loss", "recon"):
        for key in ("test_floor", "floor"):
            found = [row[key] for row in metrics if row.get(key) is not None]
            if found:
                frames.append(pd.DataFrame({"step": [0.0], "value": [found[-1]], "series": "floor", "label": ""}))
                break
    dials = [row for row in events if row.get("event") == "dial"]
    if dials:
        labels = _dial_labels(dials, metrics)
        steps = [float(row["step"]) for row in dials]
        frames.append(pd.DataFrame({"step": steps, "value": np.nan, "series": "dial", "label": labels}))
    return pd.concat(frames, ignore_index=True).astype({"step": float, "value": float, "series": str, "label": str})


def _series(metrics: Sequence[Mapping[str, Any]], key: str, series: str) -> pd.DataFrame:
    steps, values = thin(*steps_and(metrics, key))
    return pd.DataFrame({"step": steps, "value": values, "series": series, "label": ""})


def _dial_labels(dials: Sequence[Mapping[str, Any]], metrics: Sequence[Mapping[str, Any]]) -> list[str]:
    """What each change set to another value than before it; a line break moves it below the one before."""
    labels = []
    now: Mapping[str, Any] = metrics[0] if metrics else {}
    for k, row in enumerate(dials):
        known = [
            (sign, row[key], now.get(key)) for key, sign in (("beta", "β"), ("lr", "lr")) if row.get(key) is not None
        ]
        changed = [f"{sign} {new:g}" for sign, new, old in known if new != old]
        labels.append("\n" * (k % DIAL_LINES) + ", ".join(changed or [f"{sign} {new:g}" for sign, new, _ in known]))
        now = row
    return labels


def curve(
    rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], term: str, height: int = 190, role: Role | None = None
) -> alt.LayerChart:
    """One term of the loss over the steps: training solid, held-out dashed, floor dotted, dial changes as vertical rules.

    rows comes from `curve_rows`; texts holds the words step, nats, train, test, floor. role: of a method's own term, whose unit
    its own words tell.
    """
    line = palette.colour(role or TERMS[term], theme)
    grey = palette.colour("prior", theme)
    x = alt.X(
        "step:Q",
        title=None,
        # A method's own curve stands below one that has the same numbers.
        axis=alt.Axis(tickCount=5, tickMinStep=1, grid=False, labelExpr=STEPS, labels=role is None, ticks=role is None),
        scale=alt.Scale(nice=False),
    )
    ticks = 5 if role is None else 3
    y = alt.Y(
        "value:Q", title=None, axis=alt.Axis(tickCount=ticks, labelExpr=NUMBER), scale=alt.Scale(zero=term == "kl")
    )
    base = alt.Chart(rows)
    unit = f"{{}} ({texts['nats']})" if role is None else "{}"

    def only(series: str) -> alt.Chart:
        return base.transform_filter(alt.datum.series == series)

    def hint(series: str) -> list[alt.Tooltip]:
        return [
            alt.Tooltip("step:Q", title=texts["step"], format=".0f"),
            alt.Tooltip("value:Q", title=unit.format(texts[series]), format=".2f" if role is None else ".4~g"),
        ]

    train = only("train").mark_line(color=line, strokeWidth=1.8, clip=True).encode(x=x, y=y, tooltip=hint("train"))
    test = (
        only("test")
        .mark_line(color=line, strokeWidth=1.6, strokeDash=[5, 3], point=alt.OverlayMarkDef(color=line, size=22))
        .encode(x=x, y=y, tooltip=hint("test"))
    )
    floor = only("floor").mark_rule(color=grey, strokeDash=[2, 3]).encode(y=y, tooltip=hint("floor")[1:])
    dial = only("dial").mark_rule(color=palette.colour("z", theme), strokeWidth=1, opacity=0.8).encode(x=x)
    named = (
        only("dial")
        .mark_text(
            align="left", baseline="top", dx=3, fontSize=10, lineBreak="\n", color=palette.text_colour("z", theme)
        )
        .encode(x=x, y=alt.value(2), text="label:N")
    )
    return fixed(alt.layer(floor, dial, named, train, test), height)


def fixed(chart: alt.LayerChart | alt.FacetChart, height: int) -> alt.LayerChart:
    """A chart of this height without the wide lower margin that Streamlit adds.

    One renderer whatever the number of rows: Streamlit changes it at 2,000 and would mount the chart again.
    """
    shown = chart.properties(height=height, padding={"bottom": 2}, usermeta={"embedOptions": {"renderer": "svg"}})
    return cast(alt.LayerChart, shown)


def kl_bar_rows(kl_per_dim: Array, active: Array) -> pd.DataFrame:
    """The data of `kl_bars`, largest first. kl_per_dim: (Z,) nats per image; active: (Z,) bool."""
    order = np.argsort(-kl_per_dim, kind="stable")
    return pd.DataFrame(
        {"dim": [f"z{k}" for k in order], "kl": kl_per_dim[order].astype(float), "active": active[order].astype(bool)}
    )


def kl_bars(rows: pd.DataFrame, theme: Theme, texts: Mapping[str, str], dims: int, height: int = 110) -> alt.LayerChart:
    """KL of every latent dimension, sorted; dimensions that carry nothing are grey. texts: dim, nats; dims: how many bars."""
    bars = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=alt.X(
                "dim:N",
                # By the values themselves: a chart that is updated in place keeps the order in which names first came.
                sort=alt.EncodingSortField("kl", order="descending"),
                title=None,
                axis=alt.Axis(labels=dims <= LABELLED, ticks=False, labelAngle=0, labelOverlap=True),
            ),
            y=alt.Y("kl:Q", title=None, axis=alt.Axis(tickCount=4, labelExpr=NUMBER)),
            color=alt.condition(
                "datum.active", alt.value(palette.colour("encoder", theme)), alt.value(palette.colour("prior", theme))
            ),
            tooltip=[
                alt.Tooltip("dim:N", title=texts["dim"]),
                alt.Tooltip("kl:Q", title=f"KL ({texts['nats']})", format=".3f"),
            ],
        )
    )
    return fixed(alt.layer(bars), height)


def scatter_rows(points: Array, labels: Array | None, names: Sequence[str]) -> pd.DataFrame:
    """The data of `latent_scatter`. points: (P, 2) latent units; labels: (P,) indices into names, or None.

    Two invisible corners keep both axes on the same symmetric range, at least the prior's two standard deviations.
    """
    reach = max(2.5, float(np.ceil(np.abs(points).max(initial=0.0) * 2) / 2))
    classes = [""] * len(points) if labels is None else [names[k] for k in labels]
    frame = pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "label": classes, "kind": "point"})
    corners = pd.DataFrame({"x": [-reach, reach], "y": [-reach, reach], "label": "", "kind": "corner"})
    turns = np.linspace(0.0, 2.0 * np.pi, 49)
    rings = [
        pd.DataFrame({"x": r * np.cos(turns), "y": r * np.sin(turns), "label": "", "kind": f"ring{r}"}) for r in (1, 2)
    ]
    return pd.concat([frame, corners, *rings], ignore_index=True)


def latent_scatter(
    rows: pd.DataFrame,
    theme: Theme,
    texts: Mapping[str, str],
    names: Sequence[str],
    side: int = 230,
    names_at: str = "right",
) -> alt.LayerChart:
    """The latent means of the probe images on a plane, coloured by class, over the prior's 1 and 2 sigma circles.

    names_at: "right", where the plot and what stands below it keep their places when the names come, or "bottom".
    """
    axis = alt.Axis(tickCount=5, title=None, labelExpr=NUMBER)
    x, y = alt.X("x:Q", axis=axis), alt.Y("y:Q", axis=axis)
    base = alt.Chart(rows)
    rings = [
        base.transform_filter(alt.datum.kind == f"ring{r}")
        .transform_window(turn="row_number()")
        .mark_line(color=palette.colour("prior", theme), strokeWidth=1, strokeDash=[3, 3])
        .encode(x=x, y=y, order="turn:Q")
        for r in (1, 2)
    ]
    # Clipped: a corner at the very end of an axis would make the picture larger than that of the chart beside it.
    corners = base.transform_filter(alt.datum.kind == "corner").mark_point(opacity=0, tooltip=None, clip=True)
    corners = corners.encode(x=x, y=y)
    points = base.transform_filter(alt.datum.kind == "point").mark_circle(size=18, opacity=0.75, clip=True)
    if names:
        colours = [palette.class_colours(theme)[k % 10] for k in range(len(names))]
        # A hint says the others: too many, too long, or told apart only by a colour code that would be cut off.
        short = len(names) <= 10 and not any(len(name) > 11 or "#" in name for name in names)
        legend = alt.Legend(title=None, symbolSize=40, labelFontSize=11, **NAMES[names_at])
        paint: Any = alt.Color(
            "label:N", scale=alt.Scale(domain=list(names), range=colours), legend=legend if short else None
        )
        hint = [alt.Tooltip("label:N", title=texts["class"])]
    else:
        paint, hint = alt.value(palette.colour("mu", theme)), []
    hint += [alt.Tooltip("x:Q", format=".2f"), alt.Tooltip("y:Q", format=".2f")]
    chart = alt.layer(*rings, corners, points.encode(x=x, y=y, color=paint, tooltip=hint))
    # The square is the plot itself, so that both axes have one scale.
    size = alt.AutoSizeParams(type="pad", contains="content")
    square: alt.LayerChart = fixed(chart, side).properties(width=side, autosize=size)
    return square
