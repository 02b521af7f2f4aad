"""Downloads of data sets: one thread a data set for the whole server, watched by whoever has the page open."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import streamlit as st

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.ui.access.rules import asks, may
from vaelab.ui.error_text import in_markdown
from vaelab.ui.text import t


@dataclass
class Download:
    """A download under way. share: 0-1; error: the sentence for the user once it failed. Written by its thread alone."""

    name: str
    share: float = 0.0
    note: str = ""
    error: str = ""
    done: bool = False
    cancel: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Download to the end, the cancellation or an error. The body of the thread: it draws nothing."""

        def progress(share: float, note: str) -> None:
            self.share, self.note = share, note

        try:
            data.download(self.name, progress, self.cancel.is_set)
        except DataError as error:
            self.error = str(error)
        finally:
            self.done = True


@st.cache_resource
def _downloads() -> dict[str, Download]:
    return {}


@asks("download_data")
def _begin(name: str) -> None:
    _downloads()[name] = download = Download(name)
    threading.Thread(target=download.run, name=f"download-{name}", daemon=True).start()


@asks("download_data")
def _cancel(name: str) -> None:
    _downloads()[name].cancel.set()


def download_panel(name: str) -> None:
    """The button that downloads an absent data set, then its progress with a way to cancel, or what went wrong."""
    download = _downloads().get(name)
    busy = download is not None and not download.done
    st.fragment(_panel, run_every=0.5 if busy else None)(name, busy)


def _panel(name: str, was_busy: bool) -> None:
    download = _downloads().get(name)
    if download is not None and not download.done:
        st.progress(min(1.0, download.share), text=f"{t('train.downloading')} {download.note}")
        if may("download_data") and st.button(
            t("train.cancel_download"), key="cancel_download", icon=":material/close:"
        ):
            _cancel(name)
        return
    if was_busy:
        st.rerun()
    size = data.info(name).download_mb
    if not may("download_data"):
        st.caption(t("train.download_teachers"))
        return
    if st.button(t("train.download", size=f"{size:,.0f}"), key="download", icon=":material/download:"):
        _begin(name)
        st.rerun()
    if download is not None and download.error:
        st.caption(t("train.cancelled") if download.cancel.is_set() else in_markdown(download.error))
