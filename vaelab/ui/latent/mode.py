"""A mode of a mixture prior, chosen on the map: what the decoder makes of its mean, its pseudo-input or the image nearest to it, its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import latents
from vaelab.analysis.latents import Query
from vaelab.ui.components.map.layer_routes import found_modes
from vaelab.ui.latent.code_view import code_bars, decode_link
from vaelab.ui.latent.pictures import look
from vaelab.ui.text import t
from vaelab.ui.widgets import figure

if TYPE_CHECKING:
    from vaelab.analysis.prior_modes import Modes


def mode_in(wanted: Query, k: int) -> Modes | None:
    """The modes of the prior, where there is a k-th one. Raises VaeLabError."""
    if not wanted.run.config().model.method.mixture_prior:
        return None
    modes = found_modes(wanted)
    return modes if k < len(modes) else None


def mode_of_prior(wanted: Query, k: int, near: tuple[NDArray[np.int64], NDArray[np.float64]]) -> bool:
    """The k-th component of the prior; whether there is one. near: rows and distances of the images nearest to its mean. Raises VaeLabError."""
    modes = mode_in(wanted, k)
    if modes is None:
        return False
    known, mu = latents.codes(wanted), modes.mu[k]
    rows, distances = near
    nearest = list(known.pixels[rows])
    if modes.inputs is None:
        beside = (nearest[0], t("latent.mode_nearest"))
    else:
        beside = (modes.inputs[k], t("latent_map.pseudo"))
    far = t("latent.near_how", low=figure(float(distances[0]), 3), high=figure(float(distances[-1]), 3))
    decoded = (modes.decoded[k], t("latent.mode_decoded"))
    st.html(look(beside, decoded, (nearest, t("latent.near"), far), t("latent.enlarge")))
    share = figure(100 * float(modes.weights[k]), 3)
    with st.container(key="latent_words"):
        st.markdown(f":small[{t('latent.mode_words', k=k + 1, n=len(modes), share=share)}]")
    st.altair_chart(code_bars(known, mu, modes.sigma[k]), key="latent_mode_code", alt=t("latent.mode_code"))
    st.caption(t("latent.mode_code"))
    decode_link(wanted, mu, None if modes.y is None else int(modes.y[k]), t("latent.open_mode"))
    return True
