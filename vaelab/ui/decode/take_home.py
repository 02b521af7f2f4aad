"""The model as a file to give away: the living decoder by one button, every other format from a menu. Made when it is asked for."""

from __future__ import annotations

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.export import formats
from vaelab.runs.store import Run
from vaelab.ui.error_text import in_words
from vaelab.ui.text import t

ENDINGS = {
    "folder": ("zip", "application/zip"),
    "safetensors": ("safetensors", "application/octet-stream"),
    "state-dict": ("pt", "application/octet-stream"),
    "onnx": ("onnx", "application/octet-stream"),
    "tensorboard": ("zip", "application/zip"),
}


def take_home(run: Run) -> None:
    """The button and the menu of a run whose weights can be shown; what cannot be made says why."""
    with st.container(horizontal=True, gap="small", wrap=True):
        _share_button(run)
        with st.popover(t("file.export"), icon=":material/download:", help=t("file.export_help")):
            _menu(run)


def _share_button(run: Run) -> None:
    """One HTML file with the living decoder."""
    from vaelab.export import one_file

    refused = _why_not(run)
    if not refused:
        try:
            one_file.check(run)
        except VaeLabError as error:
            refused = in_words(str(error))
    st.download_button(
        t("file.share"),
        lambda: one_file.make(run).bytes,  # in a thread of Streamlit's own
        f"{run.name}.html",
        "text/html",
        key="decode_share",
        icon=":material/share:",
        help=refused or t("file.share_help"),
        on_click="ignore",
        disabled=bool(refused),
    )


def _menu(run: Run) -> None:
    """One of the other formats, said in a sentence, and its download."""
    format = st.selectbox(
        t("file.format"),
        list(ENDINGS),
        key="decode_format",
        format_func=lambda name: t(f"file.format_{name.replace('-', '_')}"),
        help=t("file.format_help"),
    )
    st.caption(t(f"file.told_{format.replace('-', '_')}"))
    ending, kind = ENDINGS[format]
    package = formats.missing(format)
    refused = t("file.needs_package", package=package) if package else _why_not(run)
    st.download_button(
        t("file.download"),
        lambda: formats.as_bytes(run, format),  # in a thread of Streamlit's own
        f"{run.name}{'-tensorboard' if format == 'tensorboard' else ''}.{ending}",
        kind,
        key="decode_export",
        icon=":material/download:",
        help=refused or None,
        on_click="ignore",
        disabled=bool(refused),
    )


def _why_not(run: Run) -> str:
    """Why there is nothing to write yet; nothing where there is."""
    try:
        run.model_file()
    except VaeLabError as error:
        return in_words(str(error))
    return ""
