"""A new training: what is chosen on the left, what it means on the right, and the button that starts it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vaelab import data
from vaelab.config.errors import ConfigError
from vaelab.data import DatasetInfo
from vaelab.models import registry
from vaelab.runs.run_config import RunConfig
from vaelab.ui import doing
from vaelab.ui.classroom.limits_view import limits_in_words
from vaelab.ui.compare.demos import demo_button
from vaelab.ui.error_text import in_markdown
from vaelab.ui.guard import show_error
from vaelab.ui.text import language, t
from vaelab.ui.train import preview, settings
from vaelab.ui.widgets import choose_run


def new_training(side: DeltaGenerator, wide: DeltaGenerator) -> None:
    """Draw both columns and start the training when asked to. Raises DataError for images that cannot be used."""
    wide = wide.container(key="new_training")
    with side:
        dataset = settings.choose_dataset()
    if dataset is None:
        wide.info(t("train.own_how"), icon=":material/photo_library:")
        return
    info = data.info(dataset)
    with wide:
        demo_button("train")
        preview.dataset_card(info)
    with side:
        for problem in registry.problems():
            st.warning(in_markdown(problem, language()), icon=":material/extension_off:")
        cfg = _settings(dataset, info)
        _start_button(cfg, ready=data.is_available(dataset))
    with wide:
        if cfg is not None:
            preview.plan_figures(cfg, info)
        size = 32 if cfg is None else cfg.data.image_size
        with st.container(key=f"preview_{size}"):
            preview.image_preview(dataset, info, size)


def _settings(dataset: str, info: DatasetInfo) -> RunConfig | None:
    """The chosen settings; None, and why, where they cannot work together."""
    try:
        return settings.choose_settings(dataset, info)
    except ConfigError as error:
        show_error(error)
        return None


def _start_button(cfg: RunConfig | None, *, ready: bool) -> None:
    reason = t("train.download_first") if not ready else t("train.settings_first") if cfg is None else None
    refused = doing.problem_for_students(cfg) if cfg is not None and ready else None
    if refused is not None:
        st.warning(in_markdown(refused), icon=":material/block:")
        reason = in_markdown(refused)
    pressed = st.button(
        t("train.start"),
        key="start_training",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=reason is not None,
        help=reason,
    )
    if pressed and cfg is not None:
        choose_run(doing.train(cfg))
        st.rerun()
    limits_in_words()
