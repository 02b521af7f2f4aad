"""Pictures of the compared models: the same images, the same seed or the same two ends in the same places, a row for each model."""

from __future__ import annotations

from typing import Literal, get_args

import streamlit as st

from vaelab.analysis import comparison
from vaelab.config.errors import VaeLabError
from vaelab.runs.store import Run
from vaelab.ui import pictures as sheets
from vaelab.ui.compare.choose import choose
from vaelab.ui.error_text import in_markdown
from vaelab.ui.text import t
from vaelab.ui.widgets import figure

Kind = Literal["reconstructions", "samples", "between"]
KINDS: tuple[Kind, ...] = get_args(Kind)
COUNT = 12  # images in a row
LAST = comparison.CODES - COUNT


def pictures(runs: list[Run]) -> None:
    """The choice of what is shown, then a row for each model under the originals."""
    st.fragment(_view)(runs)


def _view(runs: list[Run]) -> None:
    left, right = st.columns([2, 1])
    with left:
        kind = choose("kind", KINDS, lambda name: t(f"compare.kind_{name}"))
    with right:
        name = "seed" if kind == "samples" else "first"
        number = st.number_input(
            t(f"compare.{name}"), 0, LAST, 0, key=f"compare_{name}", help=t(f"compare.{name}_help", last=LAST)
        )
    images = {run.config().data.name for run in runs}
    if kind != "samples" and len(images) > 1:
        st.caption(t("compare.other_images"))
    shared = len(images) == 1 and kind == "reconstructions"
    for place, run in enumerate(runs):
        try:
            first, seed = (0, int(number)) if kind == "samples" else (int(number), 0)
            found = comparison.pictures(run, first, COUNT, seed)
        except VaeLabError as error:
            st.warning(f"**{run.name}**: {in_markdown(str(error))}", icon=":material/image_not_supported:")
            continue
        if kind == "reconstructions" and (place == 0 or not shared):
            _row(t("compare.originals"), found.originals, f"originals_{place}")
        if kind == "reconstructions":
            far = "" if found.above is None else t("compare.above_mean", nats=figure(float(found.above.mean())))
            _row(f"**{run.name}** {far}", found.x_hat, f"made_{place}")
        else:
            _row(f"**{run.name}**", found.samples if kind == "samples" else found.between, f"made_{place}")
    st.caption(t(f"compare.{kind}_how"))


def _row(title: str, pixels: sheets.Pixels, key: str) -> None:
    with st.container(gap=None, key=f"compare_{key}"):
        st.markdown(title)
        st.image(sheets.strip(pixels, COUNT), output_format="PNG", alt=title.replace("*", ""))
