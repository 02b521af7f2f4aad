"""One z for all compared models: sliders and a pad whose z moves every picture at once."""

from __future__ import annotations

import math
from typing import Literal, cast, get_args

import streamlit as st

from vaelab.analysis import comparison
from vaelab.analysis.decoder_facts import newest_weights
from vaelab.config.errors import VaeLabError
from vaelab.images import palette
from vaelab.runs.store import Run
from vaelab.ui import pictures as sheets
from vaelab.ui import share
from vaelab.ui.compare.choose import choose
from vaelab.ui.components.chorus.chorus_view import Pairing, Voice, chorus_view
from vaelab.ui.components.decoder.decoder_view import server_reason
from vaelab.ui.error_text import in_markdown
from vaelab.ui.text import t
from vaelab.ui.widgets import theme

Begin = Literal["centre", "image"]
BEGINS: tuple[Begin, ...] = get_args(Begin)
REACH = 3.0  # standard deviations: the ends of a slider
MOST = 64  # numbers of z that an address holds


def one_z(runs: list[Run]) -> None:
    """Where the models begin, then their pictures with what moves them."""
    st.fragment(_view)(runs)


def _view(runs: list[Run]) -> None:
    same = len({run.config().data.name for run in runs}) == 1
    begin: Begin = "centre"
    number = 0
    left, middle, right = st.columns([2.2, 1, 2], vertical_alignment="bottom")
    with left:
        if same:
            begin = choose("begin", BEGINS, lambda name: t(f"compare.begin_{name}"))
        else:
            st.caption(t("compare.other_images_z"))
    with middle:
        if begin == "image":
            last = comparison.CODES - 1
            number = st.number_input(
                t("compare.which"), 0, last, 0, key="compare_which", help=t("compare.which_help", last=last)
            )
    colours = palette.class_colours(theme())
    voices, told = [], False
    for run, colour in zip(runs, colours, strict=False):
        try:
            if why := _why_not(run):
                st.warning(f"**{run.name}**: {why}", icon=":material/image_not_supported:")
                continue
            if begin == "centre":
                voices.append(Voice(run, colour))
                continue
            with st.spinner(t("compare.encoding"), show_time=True):
                codes = comparison.codes(run)
            at = min(int(number), len(codes) - 1)
            voices.append(Voice(run, colour, codes.mu[at], 0 if codes.y is None else int(codes.y[at])))
            if not told and codes.pixels is not None:
                told = True
                with right:
                    st.image(sheets.strip(codes.pixels[at][None], 1), output_format="PNG", alt=t("compare.original"))
        except VaeLabError as error:
            st.warning(f"**{run.name}**: {in_markdown(str(error))}", icon=":material/image_not_supported:")
    if not voices:
        return
    start, by = _asked()
    sung = chorus_view("compare_chorus", voices, f"{begin} {number}", start, by)
    if sung:
        st.query_params.update({"z": ",".join(f"{value:g}" for value in sung["z"][:MOST]), "pairs": sung["by"]})
    st.caption(t("compare.one_z_how"))


def _why_not(run: Run) -> str | None:
    """Why one z cannot move this model in the browser, a sentence; None when it can. Raises WeightsError when it has no weights yet."""
    if reason := server_reason(run):
        return reason
    tensors, _ = newest_weights(run)
    if run.config().model.method.codebook(tensors) is not None:
        return t("compare.no_one_z")
    return None


def _asked() -> tuple[list[float], Pairing]:
    """z and pairing as the address has them; what is no number there is left out, and said."""
    by = cast(Pairing, share.one_of("pairs", get_args(Pairing), "number"))
    text = st.query_params.get("z", "")
    try:
        values = [float(part) for part in text.split(",") if part][:MOST]
    except ValueError:
        values = [math.nan]
    if not all(map(math.isfinite, values)):
        st.warning(t("compare.bad_z"), icon=":material/link_off:")
        st.query_params.pop("z", None)
        return [], by
    return [max(-REACH, min(REACH, value)) for value in values], by
