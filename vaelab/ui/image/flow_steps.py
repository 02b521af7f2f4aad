"""The posterior of one's own picture, pushed through the model's flow step by step."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.models.one_thread import alone
from vaelab.runs.store import Run
from vaelab.ui.components.bent.bent_view import Panel, bent_view, circles
from vaelab.ui.image.models import model_of
from vaelab.ui.text import t

DRAWS = 400
MARGIN = 1.1  # of the draws that lie farthest out


def flow_steps(run: Run, pixels: NDArray[np.uint8], y: int | None) -> None:
    """The section; nothing where no flow bends the model's posterior."""
    if run.config().model.latent_dim < 2:
        return
    from vaelab.analysis.posterior_way import flow_posterior, most_bent, rings, way

    q = alone(flow_posterior, model_of(run), pixels, y)
    if q is None:
        return
    eps = np.random.default_rng(0).standard_normal((DRAWS, run.config().model.latent_dim))
    places = alone(way, q, eps)
    order = most_bent(places)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        with st.container(width="stretch"):
            st.markdown(f"**{t('bent.title')}**", help=t("bent.intro", draws=DRAWS))
        picked = [_axis(name, order, place) for place, name in enumerate(("across", "up"))]
    across, up = picked
    shown = places[:, :, picked]
    low, high = shown.min(axis=(0, 1)), shown.max(axis=(0, 1))
    reach, middle = MARGIN * float((high - low).max()) / 2.0, (low + high) / 2.0
    names = (t("bent.number", n=across), t("bent.number", n=up))
    panel = Panel(t("bent.panel"), "encoder", None, shown, alone(rings, q, circles(), across, up))
    bent_view("image_bent", (panel,), reach, names, (float(middle[0]), float(middle[1])))


def _axis(name: str, order: list[int], place: int) -> int:
    key = f"image_bent_{name}"
    if st.session_state.get(key) not in order:
        st.session_state[key] = order[place]
    picked: int = st.selectbox(
        t(f"bent.{name}"),
        order,
        key=key,
        format_func=lambda n: t("bent.number", n=n),
        help=t("bent.axis_help"),
        width=120,
    )
    return picked
