"""Train some together: a few trainings that differ in one setting, started with one button and compared at once."""

from __future__ import annotations

from typing import Any

import streamlit as st

from vaelab import data
from vaelab.analysis.comparison import MOST
from vaelab.config.errors import VaeLabError
from vaelab.models.model_config import ModelConfig
from vaelab.models.presets import presets
from vaelab.runs.sweep import combinations
from vaelab.ui import doing
from vaelab.ui.classroom.limits_view import limits_in_words
from vaelab.ui.error_text import in_markdown
from vaelab.ui.text import listed, t
from vaelab.ui.train.settings import dataset_name

ERROR = "compare_error"  # in the session: why the last start was refused
OPEN = "compare_together"  # in the session: whether the settings are shown
# What may vary, and the values to choose from; others can be typed where they are numbers.
VARIED: dict[str, tuple[Any, ...]] = {
    "beta": (0.0, 0.25, 1.0, 2.0, 4.0, 8.0),
    "latent_dim": (2, 4, 8, 16, 32),
    "model": (),
    "lr": (3e-4, 1e-3, 3e-3, 1e-2),
    "warmup": ("constant", "linear", "cyclic"),
}
FIRST: dict[str, tuple[Any, ...]] = {
    "beta": (1.0, 4.0),
    "latent_dim": (2, 16),
    "model": (next(iter(presets())), ModelConfig.name),
    "lr": (1e-3, 1e-2),
    "warmup": ("constant", "linear"),
}


def together() -> None:
    """The button, and behind it the settings."""
    with st.popover(
        t("compare.together"),
        icon=":material/library_add:",
        help=t("compare.together_help"),
        key=OPEN,
        on_change="rerun",  # so that a start can close it
    ):
        st.markdown(t("compare.together_how"))
        sets = [name for name in data.names() if data.is_available(name)]
        dataset = st.selectbox(t("train.label_dataset"), sets, key="together_dataset", format_func=dataset_name)
        varied = st.selectbox(
            t("compare.vary"),
            list(VARIED),
            key="together_vary",
            format_func=lambda name: t(f"train.label_{name}"),
            help=t("compare.vary_help"),
        )
        names = list(presets())
        options = names if varied == "model" else [_text(value) for value in VARIED[varied]]
        values = st.multiselect(
            t("compare.values"),
            options,
            [_text(value) for value in FIRST[varied]],
            key=f"together_{varied}",
            max_selections=MOST,
            accept_new_options=varied not in ("model", "warmup"),
            help=t("compare.values_help", most=MOST),
        )
        fixed: dict[str, Any] = {"dataset": dataset}
        if varied != "model":
            usual = names.index(ModelConfig.name)
            fixed["model"] = st.selectbox(t("train.label_model"), names, usual, key="together_model")
        fixed["epochs"] = st.number_input(
            t("train.label_epochs"), 1, 1000, 5, key="together_epochs", help=t("train.help_epochs")
        )
        st.button(
            t("compare.start", count=len(values)),
            key="together_start",
            icon=":material/play_arrow:",
            type="primary",
            disabled=len(values) < 2,
            help=t("compare.start_help"),
            on_click=_start,
            args=(fixed, varied, values),
        )
        limits_in_words()
    if refusal := st.session_state.pop(ERROR, None):
        st.error(refusal, icon=":material/error:")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _start(fixed: dict[str, Any], varied: str, values: list[str]) -> None:
    """Start them and show them; a refusal is told beside the button, and nothing has begun."""
    try:
        kind: Any = {"beta": float, "lr": float, "latent_dim": int}.get(varied, str)
        chosen = list(dict.fromkeys(kind(value) for value in values))
        runs = doing.train_all(combinations(fixed, {varied: chosen}))
    except ValueError:
        st.session_state[ERROR] = t("compare.not_a_number", values=listed(values))
    except VaeLabError as error:
        st.session_state[ERROR] = in_markdown(str(error))
    else:
        st.session_state["compare_models"] = [run.name for run in runs]
        st.session_state["compare_view"] = "figures"
        st.session_state[OPEN] = False
