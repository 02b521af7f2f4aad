"""What a snapshot of a training shows in pictures: originals over reconstructions, samples, and what a method paints; and its arrays, read once for all."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy.typing as npt
import streamlit as st

from vaelab.config.errors import WeightsError
from vaelab.images.palette import Role, markdown
from vaelab.runs.files import Stamp, stamp_of
from vaelab.runs.store import Run
from vaelab.ui import pictures
from vaelab.ui.text import language, t
from vaelab.ui.ticking import place

Arrays = dict[str, npt.NDArray[Any]]

PAIRS = 7  # originals over reconstructions
SAMPLES = 14  # in two rows
STRIP_WIDTH = PAIRS * (pictures.CELL + pictures.GAP)
STRIP_HEIGHT = 2 * pictures.CELL + pictures.GAP  # kept free while a picture is on its way


def heading(role: Role, name: str, variant: str = "") -> None:
    """A view's title in its role's colour, a few words beside it, and the whole explanation behind the question mark."""
    words = f"**{markdown(role, t(f'train.{name}'))}** :small[{t(f'train.{name}_how{variant}')}]"
    st.markdown(words, help=t(f"train.{name}_help{variant}"), wrap=False)


def strips(run: Run, step: int | None) -> None:
    """Originals over reconstructions, then samples of fixed z; faint tiles of the same size before the first ones."""
    stamp = stamp_of(run.fixed_file)
    with st.container(gap=None):
        heading("decoder", "reconstructions")
        _strip(run, stamp, step, "reconstructions", t("train.reconstructions"))
    with st.container(gap=None):
        heading("z", "samples", "" if run.config().model.method.has_prior else "_codes")
        _strip(run, stamp, step, "samples", t("train.samples"))
    for name, words in run.config().model.method.pictures.items():
        title = words.titled(language())
        with st.container(gap=None):
            st.markdown(f"**{markdown('prior', title)}**", help=words.helped(language()), wrap=False)
            _strip(run, stamp, step, name, title)


def _strip(run: Run, stamp: Stamp, step: int | None, name: str, alt: str) -> None:
    with place(name, None):
        st.image(_strip_png(str(run.path), stamp, step, name), output_format="PNG", alt=alt)


@lru_cache(maxsize=128)
def _strip_png(path: str, stamp: Stamp, step: int | None, name: str) -> bytes:
    """A sheet of pictures as a file, made once for all who watch; faint tiles where there are none. stamp: of the fixed inputs."""
    run = Run(path)
    arrays = arrays_of(run, step)
    sheet = pictures.empty_strip(2, PAIRS)
    if name != "reconstructions":
        sheet = pictures.strip(arrays[name][:SAMPLES], PAIRS) if name in arrays else sheet
    elif "recon" in arrays:
        # A method may be given something else than the image itself.
        originals = arrays.get("input", fixed(run).get("originals"))
        sheet = sheet if originals is None else pictures.pairs(originals, arrays["recon"], PAIRS)
    return pictures.sheet_png(sheet)


def latest_snapshot(run: Run) -> int | None:
    """The step of the newest snapshot; None before there is one."""
    steps = run.snapshots()
    return steps[-1] if steps else None


@st.cache_data(max_entries=64, show_spinner=False)
def snapshot(path: str, step: int) -> Arrays:
    """The arrays of a snapshot, without the decoder's weights, which no view here needs."""
    return {name: values for name, values in Run(path).snapshot(step).items() if not name.startswith("decoder.")}


@st.cache_data(max_entries=16, show_spinner=False)
def _fixed(path: str, stamp: float) -> Arrays:
    return Run(path).fixed()


def fixed(run: Run) -> Arrays:
    """The fixed inputs of every snapshot; empty before the worker has written them."""
    file = run.fixed_file
    return _fixed(str(run.path), file.stat().st_mtime) if file.exists() else {}


def arrays_of(run: Run, step: int | None) -> Arrays:
    """A snapshot's arrays; empty where there is none, or where it was thinned out between listing and reading."""
    try:
        return snapshot(str(run.path), step) if step is not None else {}
    except WeightsError:
        return {}
