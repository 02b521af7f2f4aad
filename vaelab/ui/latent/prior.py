"""Prior against posterior: does the average of all posteriors cover what generation draws from?"""

from __future__ import annotations

import numpy as np
import streamlit as st

from vaelab.analysis import latents, posterior
from vaelab.analysis.latents import Query
from vaelab.images.palette import Theme, legible, value_colours
from vaelab.ui.charts.prior import Figure, marginals, pair
from vaelab.ui.latent.map_panel import Colour
from vaelab.ui.names import value_names
from vaelab.ui.text import language, t
from vaelab.ui.widgets import theme

PANELS = 16  # dimensions drawn, the most used first
ELLIPSES = 300  # of images: more cover each other
TEXT_WIDTH = 620  # pixels: about 70 characters a line
TEXTS = {"dim": "dimension", "value": "marginal_value", "density": "marginal_density"}
GRID = np.linspace(-4.0, 4.0, 161)


def prior_section(wanted: Query, colour: Colour) -> None:
    """Marginals of every dimension over N(0, 1), and posteriors of single images in two dimensions."""
    st.subheader(t("latent.prior_title"), anchor=False)
    st.caption(t("latent.prior_intro"), width=TEXT_WIDTH)
    left, right = st.columns(2, gap="medium")
    with left:
        dims = tuple(_order(wanted)[:PANELS])
        st.markdown(t("latent.marginals"), help=t("latent.marginals_help"))
        figure = _marginals(str(wanted.run.path), wanted.key, dims, theme(), language(), wanted)
        with st.container(key="latent_marginals"):  # a chart that answers no click has no class of its own
            st.vega_lite_chart(figure.rows, figure.spec, alt=t("latent.marginals_alt"))
    with right:
        _pair_view(wanted, colour)


def _order(wanted: Query) -> list[int]:
    """All dimensions, those that tell most images apart first."""
    return [int(k) for k in np.argsort(-latents.codes(wanted).mu.var(axis=0), kind="stable")]


def _pair_view(wanted: Query, colour: Colour) -> None:
    order = _order(wanted)
    st.markdown(t("latent.ellipses"), help=t("latent.ellipses_help"))
    across, up = st.columns(2)
    for name, default in (("latent_across", order[0]), ("latent_up", order[1])):
        if st.session_state.get(name, -1) not in order:
            st.session_state[name] = default
    first = across.selectbox(t("latent.across"), order, key="latent_across", format_func=lambda k: f"z{k}")
    second = up.selectbox(t("latent.up"), order, key="latent_up", format_func=lambda k: f"z{k}")
    dims = [int(first), int(second)]
    figure = _ellipses(str(wanted.run.path), wanted.key, (dims[0], dims[1]), colour.by, theme(), language(), wanted)
    with st.container(key="latent_ellipses"):
        st.vega_lite_chart(figure.rows, figure.spec, alt=t("latent.ellipses_alt"))
    empty = _holes(str(wanted.run.path), wanted.key, (dims[0], dims[1]), wanted)
    st.caption(t("latent.holes", share=f"{100 * empty:.1f}", across=f"z{dims[0]}", up=f"z{dims[1]}"))


@st.cache_resource(max_entries=32, show_spinner=False)
def _ellipses(path: str, key: str, dims: tuple[int, int], by: str, shade: Theme, lang: str, _wanted: Query) -> Figure:
    """The figure, read and never changed: made once for all who look at the same."""
    known = latents.codes(_wanted)
    sigma = posterior.spread(known.mu, known.sigma, 2)[:, dims]
    rows = np.linspace(0, len(known) - 1, min(ELLIPSES, len(known))).round().astype(int)
    labels = known.labels.get(by)
    return pair(
        known.mu[rows][:, dims],
        None if known.sigma is None else sigma[rows],
        None if labels is None else labels[0][rows],
        () if labels is None else value_names(labels[1]),
        dims,
        shade,
        {"prior": t("latent.prior"), "posterior": t("latent.posterior")},
        colours=() if labels is None else [legible(ink, shade) for ink in value_colours(labels[1], shade)],
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _holes(path: str, key: str, pair: tuple[int, int], _wanted: Query) -> float:
    known = latents.codes(_wanted)
    mu, sigma = posterior.some(known.mu[:, list(pair)], posterior.spread(known.mu, known.sigma, 2)[:, list(pair)])
    return posterior.holes(mu, sigma)


@st.cache_data(max_entries=16, show_spinner=False)
def _marginals(path: str, key: str, dims: tuple[int, ...], shown: Theme, lang: str, _wanted: Query) -> Figure:
    known = latents.codes(_wanted)
    mu, sigma = posterior.some(known.mu, posterior.spread(known.mu, known.sigma))
    densities = {k: posterior.marginal(mu[:, k], sigma[:, k], GRID) for k in dims}
    overlaps = {k: posterior.overlap(q, GRID) for k, q in densities.items()}
    texts = {name: t(f"latent.{key}") for name, key in TEXTS.items()}
    return marginals(densities, overlaps, [int(k) for k in known.used], GRID, shown, texts)
