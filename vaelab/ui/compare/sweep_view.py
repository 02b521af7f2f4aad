"""A sweep as a heat map: one figure over two settings; a cell shows the pictures of its run."""

from __future__ import annotations

from dataclasses import asdict
from functools import lru_cache
from typing import Any, Literal, get_args

import streamlit as st

from vaelab.analysis import comparison
from vaelab.analysis.comparison import Figures
from vaelab.analysis.sweeps import Settings, Sweep, settings_of, sweeps
from vaelab.config.errors import VaeLabError
from vaelab.models import registry
from vaelab.models.presets import preset, presets
from vaelab.runs.store import Run
from vaelab.ui import pictures as sheets
from vaelab.ui.compare.choose import choose
from vaelab.ui.components.heat.heat_view import Axis, Cell, heat_view
from vaelab.ui.error_text import in_markdown
from vaelab.ui.text import has_text, language, listed, t
from vaelab.ui.train.settings import dataset_name
from vaelab.ui.widgets import clock, figure, page_link, state_text

Shown = Literal["bound", "recon", "kl", "above", "active", "seconds"]
FIGURES: tuple[Shown, ...] = get_args(Shown)
TICK = 4.0  # seconds between two looks at runs in training
COLUMNS = 6  # pictures in a row of the chosen run
NAMED = ("dataset", "model")  # of what all have in common, in the list of sweeps


def sweep(known: dict[str, Run]) -> None:
    """The list of sweeps, the heat map of one, and the pictures of the cell that is chosen. known: runs that may be shown, the newest first."""
    found = sweeps(
        (run, _settings(str(run.path), run.config_file.stat().st_mtime_ns))
        for run in known.values()
        if not run.is_shipped
    )
    if not found:
        st.info(t("compare.no_sweep"), icon=":material/grid_on:")
        st.code("vaelab sweep --dataset pixel-faces --beta 1,2,4,8 --latent-dim 2,8,32 --epochs 5", language="bash")
        return
    names = {_name(each): each for each in found}
    asked = st.query_params.get("sweep", "")
    if asked and asked not in names:
        st.warning(t("compare.absent_sweep"), icon=":material/link_off:")
    key = "compare_sweep"
    if st.session_state.get(key) not in names:
        st.session_state[key] = asked if asked in names else next(iter(names))
    left, right = st.columns([1, 1.15])
    with left:
        st.selectbox(
            t("compare.sweep"),
            list(names),
            key=key,
            format_func=lambda name: _title(names[name], found),
            help=t("compare.sweep_help"),
        )
    chosen = names[st.session_state[key]]
    st.query_params["sweep"] = st.session_state[key]
    with right:
        shown = choose("figure", FIGURES, lambda name: t(f"compare.figure_{name}"))
    live = any(run.status().is_active for run in chosen.runs)
    st.fragment(_view, run_every=TICK if live else None)(chosen, shown)


@lru_cache(maxsize=4096)
def _settings(path: str, stamp: int) -> Settings:
    """What was chosen for a run. stamp: of its settings' time; a thousand runs are not read again at every click."""
    return settings_of(Run(path).config())


def _name(each: Sweep) -> str:
    """How an address calls it: its two settings and its oldest run."""
    return ",".join((each.x, each.y, min(each.runs, key=lambda run: run.config_file.stat().st_mtime_ns).name))


def _title(each: Sweep, found: list[Sweep]) -> str:
    """beta × latent size · 12 runs · digits, conv-vae; and in what it differs from other sweeps over the same two settings."""
    varied = " × ".join(_setting(name) for name in (each.x, each.y) if name)
    rest = dict(each.rest)
    like = [dict(other.rest) for other in found if (other.x, other.y) == (each.x, each.y)]
    told = [_value(name, rest[name]) for name in NAMED if name in rest]
    told += [
        f"{_setting(name)} {_value(name, value)}"
        for name, value in rest.items()
        if name not in NAMED and len({other.get(name) for other in like}) > 1
    ]
    return t("compare.sweep_title", varied=varied, count=len(each.cells), rest=listed(told))


def _setting(name: str) -> str:
    """What a setting is called on Train; a method's own by its words there."""
    if has_text(f"train.label_{name}"):
        return t(f"train.label_{name}")
    own = (setting for known in presets() for setting in registry.method(preset(known).method).settings)
    return next((setting.words.titled(language()) for setting in own if setting.name == name), name)


def _value(name: str, value: Any) -> str:
    if name == "dataset":
        return dataset_name(value)
    if value is None or value == "":
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _view(chosen: Sweep, shown: Shown) -> None:
    runs = {run.name: run for run in chosen.runs}
    cells = [
        [_cell(chosen.cells.get((down, across)), shown) for across in range(len(chosen.xs))]
        for down in range(len(chosen.ys))
    ]
    here = str(st.session_state.get("compare_cell") or st.query_params.get("cell", ""))
    if here not in runs:
        here = _best(cells) or next(iter(runs))
    values = sorted((cell.value, cell.shown) for row in cells for cell in row if cell and cell.value is not None)
    left, right = st.columns([1, 1.15])
    with left:
        told = heat_view(
            "compare_heat",
            t(f"compare.figure_{shown}_unit"),
            Axis(_setting(chosen.x), [_value(chosen.x, value) for value in chosen.xs]),
            Axis(_setting(chosen.y) if chosen.y else "", [_value(chosen.y, value) for value in chosen.ys]),
            cells,
            here,
            (values[0][1], values[-1][1]) if values else ("", ""),
        )
        st.caption(t("compare.sweep_how"))
    if told and told in runs:
        st.session_state["compare_cell"] = here = told
    st.query_params["cell"] = here
    with right:
        _pictures(runs[here])


def _cell(run: Run | None, shown: Shown) -> Cell | None:
    if run is None:
        return None
    try:
        measured: Figures = comparison.figures(run)
        value = _bound(measured) if shown == "bound" else asdict(measured)[shown]
    except VaeLabError:
        value = None
    if value is None:
        return Cell(run.name, None, state_text(run.status().state))
    return Cell(
        run.name, float(value), clock(value) if shown == "seconds" else figure(value, 4 if shown != "active" else 1)
    )


def _bound(measured: Figures) -> float | None:
    """recon + KL, nats per image: minus the ELBO whatever beta the training had, so that runs with different ones can be compared."""
    return None if measured.recon is None else measured.recon + (measured.kl or 0.0)


def _best(cells: list[list[Cell | None]]) -> str:
    """The run with the lowest figure."""
    measured = [(cell.value, cell.name) for row in cells for cell in row if cell and cell.value is not None]
    return min(measured)[1] if measured else ""


def _pictures(run: Run) -> None:
    """Of the chosen cell: what it makes of held-out images, and samples; ways to its own page and into the comparison."""
    with st.container(horizontal=True, vertical_alignment="center"):
        page_link(
            "decode" if run.model_file_or_none() else "train", run.name, icon=":material/open_in_new:", run=run.name
        )
        chosen = list(st.session_state.get("compare_models", []))
        full = len(chosen) >= comparison.MOST
        st.button(
            t("compare.add"),
            key="compare_add",
            icon=":material/add:",
            disabled=run.name in chosen or full,
            help=t("compare.add_full" if full else "compare.add_help", most=comparison.MOST),
            on_click=_add,
            args=(run.name,),
        )
    place = st.container()  # above the sign of work, so that nothing moves down for it
    try:
        with st.spinner(t("compare.encoding"), show_time=True):
            found = comparison.pictures(run, 0, 2 * COLUMNS, 0)
    except VaeLabError as error:
        st.warning(in_markdown(str(error)), icon=":material/image_not_supported:")
        return
    with place:
        for title, pixels in (
            (t("compare.sweep_pairs"), sheets.pairs(found.originals, found.x_hat, COLUMNS)),
            (t("compare.kind_samples"), sheets.strip(found.samples, COLUMNS)),
        ):
            st.markdown(f"**{title}**")
            st.image(pixels, output_format="PNG", alt=f"{run.name}: {title}")


def _add(name: str) -> None:
    st.session_state["compare_models"] = [*st.session_state.get("compare_models", []), name]
