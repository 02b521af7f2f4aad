"""The Compare page: which models, and the views of them: figures, pictures, one z for all, maps, sweeps."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, get_args

import streamlit as st

from vaelab.analysis import comparison
from vaelab.config.errors import VaeLabError
from vaelab.images import palette
from vaelab.runs.store import Run
from vaelab.ui import share
from vaelab.ui.access import seen
from vaelab.ui.compare import figures_view, map_view, picture_view, sweep_view, z_view
from vaelab.ui.compare.demos import demo_button, what_to_look_for
from vaelab.ui.compare.together import together
from vaelab.ui.guard import show_error
from vaelab.ui.model_picker import shipped, words
from vaelab.ui.names import as_code
from vaelab.ui.text import listed, t
from vaelab.ui.widgets import page_link, theme

View = Literal["figures", "pictures", "z", "maps", "sweep"]
VIEWS: tuple[View, ...] = get_args(View)
ICONS: dict[View, str] = {
    "figures": "show_chart",
    "pictures": "grid_view",
    "z": "tune",
    "maps": "scatter_plot",
    "sweep": "grid_on",
}
USUAL = ("pixel-faces-conv-vae", "pixel-faces-autoencoder")  # for who comes without a choice and without runs


def page() -> None:
    """Everything below the title."""
    known = comparable()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        runs = pick(known)
        together()
        demo_button("compare")
    what_to_look_for([run.name for run in runs])
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        view = pick_view()
        if view != "sweep" and len(runs) > 1:
            legend(runs)
    if view != "sweep" and len(runs) < 2:
        st.info(t("compare.choose_two"), icon=":material/compare_arrows:")
        return
    try:
        if view == "figures":
            figures_view.figures(runs)
        elif view == "pictures":
            picture_view.pictures(runs)
        elif view == "z":
            z_view.one_z(runs)
        elif view == "sweep":
            sweep_view.sweep(known)
        else:
            map_view.maps(runs)
    except VaeLabError as error:
        show_error(error)


def comparable() -> dict[str, Run]:
    """Every run whose settings can be read, the newest first, then the shipped models."""
    found = ((run, run.config_file.stat().st_mtime_ns) for run in seen.list_runs() if run.config_file.exists())
    return {run.name: run for run, stamp in found if _is_readable(str(run.path), stamp)} | shipped()


@lru_cache(maxsize=4096)
def _is_readable(path: str, stamp: int) -> bool:
    """Whether the settings can be read. stamp: their time; a thousand runs are not read again at every click."""
    try:
        Run(path).config()
    except VaeLabError:
        return False
    return True


def usual(known: dict[str, Run]) -> list[str]:
    """The two newest runs, else two shipped models that differ in one thing."""
    own = [name for name, run in known.items() if not run.is_shipped][:2]
    return own if len(own) == 2 else [*own, *(name for name in USUAL if name in known)][:2]


def pick(known: dict[str, Run]) -> list[Run]:
    """The list of models that are compared; kept in the address as ?models=A,B."""
    asked = [name for name in st.query_params.get("models", "").split(",") if name]
    absent = [name for name in asked if name not in known]
    if absent:
        st.warning(t("compare.absent", names=listed(as_code(name) for name in absent)))
    here = [name for name in asked if name in known][: comparison.MOST] or usual(known)
    st.session_state.setdefault("compare_models", here)
    st.session_state["compare_models"] = [name for name in st.session_state["compare_models"] if name in known]
    st.multiselect(
        t("compare.models"),
        list(known),
        key="compare_models",
        format_func=lambda name: words(known[name]),
        max_selections=comparison.MOST,
        help=t("compare.models_help", most=comparison.MOST),
        placeholder=t("compare.models_placeholder"),
    )
    chosen = [str(name) for name in st.session_state["compare_models"]]
    st.query_params["models"] = ",".join(chosen)
    return [known[name] for name in chosen]


def pick_view() -> View:
    """Which view is shown; kept in the address as ?view=."""
    asked = share.one_of("view", VIEWS, "figures")
    st.session_state.setdefault("compare_view", asked)
    st.segmented_control(
        t("compare.view"),
        list(VIEWS),
        key="compare_view",
        required=True,
        format_func=lambda view: f":material/{ICONS[view]}: {t(f'compare.view_{view}')}",
        label_visibility="collapsed",
        width="content",
    )
    view: View = st.session_state["compare_view"]
    st.query_params["view"] = view
    return view


def legend(runs: list[Run]) -> None:
    """The names in the colours that they have in every chart, each a link to its own page."""
    colours = palette.class_colours(theme())
    with st.container(horizontal=True, key="compare_legend", gap="medium", width="content"):
        for run, colour in zip(runs, colours, strict=False):
            with st.container(horizontal=True, gap="small", width="content", vertical_alignment="center"):
                st.html(f'<span class="compare-colour" style="background:{colour}"></span>', width="content")
                target = "decode" if run.model_file_or_none() else "train"
                page_link(target, run.name, icon=":material/open_in_new:", run=run.name)
