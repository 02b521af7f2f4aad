"""Which trained model a page shows: one picker for Decode, Latent space and Your image, and one memory of the choice."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from vaelab.runs import store
from vaelab.runs.store import Run
from vaelab.ui.access import seen
from vaelab.ui.names import escaped
from vaelab.ui.text import t
from vaelab.ui.widgets import MODEL, choose_run

FIRST = "pixel-faces-conv-vae"  # shown to who comes without a choice: every dimension of it can be seen at a glance


def shipped() -> dict[str, Run]:
    """The shipped models, the first one to show first."""
    return {name: store.find(name) for name in sorted(store.shipped(), key=lambda name: (name != FIRST, name))}


def words(run: Run) -> str:
    """A model's name in a list. Not its state: the browser answers with these words, which must not change."""
    return f"{run.name} · {t('common.shipped')}" if run.is_shipped else run.name


def chosen(known: dict[str, Run]) -> str:
    """The model of the address, else of the session, else the first; says so when the address names one that cannot be shown.

    ?run= and ?model= mean the same, and ?run= is what the address keeps.
    """
    asked = st.query_params.get("run") or st.query_params.get("model")
    wanted = asked or st.session_state.get(MODEL) or st.session_state.get("run_name")
    name = wanted if wanted in known else next(iter(known))
    if wanted and wanted not in known:
        if wanted not in (run.name for run in seen.list_runs()):
            st.warning(t("common.no_model_run", name=escaped(wanted), shown=name))
        elif asked:
            st.warning(t("common.no_weights_run", name=escaped(wanted), shown=name))
    return name


def keep(run: Run) -> None:
    """Show this model from now on: on every page, and in the address as ?run=."""
    st.query_params.pop("model", None)
    if not run.is_shipped:
        choose_run(run)
    elif st.query_params.get("run") != run.name:
        st.query_params["run"] = run.name
    st.session_state[MODEL] = run.name


def pick_model(known: dict[str, Run], page: str, *, on_change: Callable[[Run], None] = keep, label: bool = True) -> Run:
    """The list of models, standing at the one that is shown.

    page: whose words it takes; on_change: what a choice does; label: above the list, else inside it.
    """
    name = chosen(known)
    key = f"{page}_pick"
    title = t(f"{page}.model")
    st.session_state[key] = name
    st.selectbox(
        title,
        list(known),
        key=key,
        format_func=lambda name: (
            words(known[name]) if label else t("common.named", name=title, value=words(known[name]))
        ),
        on_change=lambda: on_change(known[st.session_state[key]]),
        help=t(f"{page}.model_help"),
        label_visibility="visible" if label else "collapsed",
    )
    keep(known[name])
    return known[name]
