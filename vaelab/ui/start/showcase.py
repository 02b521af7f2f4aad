"""The trained model that the first page shows alive: a decoder that moves, then what it makes of real images and of noise."""

from __future__ import annotations

import streamlit as st

from vaelab.images.palette import markdown
from vaelab.runs.store import Run
from vaelab.ui.access import seen
from vaelab.ui.components.decoder.decoder_view import compact_decoder
from vaelab.ui.model_picker import shipped
from vaelab.ui.start.evidence import evidence_html
from vaelab.ui.text import t

PICTURE = 352  # pixels: 11 times 32
SIDE = 310  # pixels of the column beside it; start.css widens it on a projector
LARGE = 640  # on a projector: decoder/compact.js takes it where the window is as large as --vl-views of shell.css asks


def favourite() -> Run | None:
    """The shipped favourite, else another shipped model, else the newest run that has saved weights."""
    candidates = [*shipped().values(), *seen.list_runs()]
    return next((run for run in candidates if run.model_file_or_none() is not None), None)


def living_decoder(run: Run | None) -> None:
    """A decoder that moves by itself until it is touched; where no model is trained yet, how to get one."""
    if run is None:
        st.info(t("start.no_model"), icon=":material/lightbulb:")
        return
    st.markdown(t("start.tagline", model=run.name))
    with st.container(key="living_decoder"):
        compact_decoder(run.name, key="start_decoder", size=PICTURE, large=LARGE)


def evidence(run: Run) -> None:
    """Held-out images over their reconstructions, and samples."""
    for role, sheet, name in (("decoder", "pairs", "reconstructions"), ("z", "samples", "samples")):
        with st.container(gap=None):
            st.markdown(f"**{markdown(role, t(f'start.{name}'))}** :small[{t(f'start.{name}_how')}]")  # type: ignore[arg-type]
            st.html(evidence_html(run, sheet, t(f"start.{name}")))
