"""Pictures of the compared models: the same images, the same seed or the same two ends in the same places, a row for each model.

Or two of the models over one another, with a divider between them that is dragged.
"""

from __future__ import annotations

from typing import Literal, get_args

import streamlit as st

from vaelab.analysis import comparison
from vaelab.analysis.comparison import Pictures
from vaelab.config.errors import VaeLabError
from vaelab.runs.store import Run
from vaelab.ui import pictures as sheets
from vaelab.ui.compare.choose import choose
from vaelab.ui.components.divider.divider_view import Side, divider_view
from vaelab.ui.error_text import in_markdown
from vaelab.ui.text import t
from vaelab.ui.widgets import figure

Kind = Literal["reconstructions", "samples", "between"]
Layout = Literal["rows", "over"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
COUNT = 12  # images in a row
LAST = comparison.CODES - COUNT
ORIGINALS = ""  # among the names of models: the images that all of them were given


def pictures(runs: list[Run]) -> None:
    """The choice of what is shown, then a row for each model under the originals, or two of them over one another."""
    st.fragment(_view)(runs)


def _view(runs: list[Run]) -> None:
    left, middle, right = st.columns([2.2, 1.5, 1])
    with left:
        kind = choose("kind", KINDS, lambda name: t(f"compare.kind_{name}"))
    with middle:
        layout = choose("layout", LAYOUTS, lambda name: t(f"compare.layout_{name}"))
    with right:
        name = "seed" if kind == "samples" else "first"
        number = st.number_input(
            t(f"compare.{name}"), 0, LAST, 0, key=f"compare_{name}", help=t(f"compare.{name}_help", last=LAST)
        )
    images = {run.config().data.name for run in runs}
    if kind != "samples" and len(images) > 1:
        st.caption(t("compare.other_images" if layout == "rows" else "compare.other_images_over"))
    shared = len(images) == 1 and kind == "reconstructions"
    first, seed = (0, int(number)) if kind == "samples" else (int(number), 0)
    found: dict[str, Pictures] = {}
    for run in runs:
        try:
            found[run.name] = comparison.pictures(run, first, COUNT, seed)
        except VaeLabError as error:
            st.warning(f"**{run.name}**: {in_markdown(str(error))}", icon=":material/image_not_supported:")
    if layout == "over":
        _over(found, kind, shared)
    else:
        _rows(found, kind, shared)
    st.caption(t(f"compare.{kind}_how" if layout == "rows" else "compare.over_how"))


def _rows(found: dict[str, Pictures], kind: Kind, shared: bool) -> None:
    for place, (name, made) in enumerate(found.items()):
        if kind == "reconstructions" and (place == 0 or not shared):
            _row(t("compare.originals"), made.originals, f"originals_{place}")
        far = ""
        if kind == "reconstructions" and made.above is not None:
            far = t("compare.above_mean", nats=figure(float(made.above.mean())))
        _row(f"**{name}** {far}", _made(made, kind), f"made_{place}")


def _made(made: Pictures, kind: Kind) -> sheets.Pixels:
    return {"reconstructions": made.x_hat, "samples": made.samples, "between": made.between}[kind]


def _row(title: str, pixels: sheets.Pixels, key: str) -> None:
    with st.container(gap=None, key=f"compare_{key}"):
        st.markdown(title)
        st.image(sheets.strip(pixels, COUNT), output_format="PNG", alt=title.replace("*", ""))


def _over(found: dict[str, Pictures], kind: Kind, shared: bool) -> None:
    """Two sides, at first the first two models; the originals can be one of them where all models were given the same."""
    names = [*found, *([ORIGINALS] if shared and found else [])]
    if len(names) < 2:
        return
    chosen = []
    for place, (column, side) in enumerate(zip(st.columns(2), ("left", "right"), strict=True)):
        key = f"compare_{side}"
        if st.session_state.get(key) not in names:
            st.session_state[key] = names[place]
        with column:
            st.selectbox(
                t(f"compare.{side}"),
                names,
                key=key,
                format_func=lambda name: name or t("compare.originals"),
                label_visibility="collapsed",
            )
        chosen.append(_side(found, str(st.session_state[key]), kind))
    divider_view("compare_divider", *chosen)


def _side(found: dict[str, Pictures], name: str, kind: Kind) -> Side:
    if name == ORIGINALS:
        return Side(t("compare.originals"), next(iter(found.values())).originals)
    made = found[name]
    told = made.above if kind == "reconstructions" else None
    return Side(
        name,
        _made(made, kind),
        [] if told is None else [t("compare.above_one", nats=figure(float(nats))) for nats in told],
    )
