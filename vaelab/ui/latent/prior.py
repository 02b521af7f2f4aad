"""Prior against posterior: does the average of all posteriors cover what generation draws from?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import latents, posterior
from vaelab.analysis.latents import Query
from vaelab.images.palette import Theme, legible, value_colours
from vaelab.ui.charts.prior import Figure, marginals, pair
from vaelab.ui.latent.map_panel import Colour
from vaelab.ui.names import value_names
from vaelab.ui.text import language, t
from vaelab.ui.widgets import theme

if TYPE_CHECKING:
    from vaelab.analysis.own_prior import OwnPrior

Array = NDArray[Any]
PANELS = 16  # dimensions drawn, the most used first
ELLIPSES = 300  # of images: more cover each other
TEXT_WIDTH = 620  # pixels: about 70 characters a line
TEXTS = {"dim": "dimension", "value": "marginal_value", "density": "marginal_density"}
CELLS = 161  # of a panel
PAIR = ("latent_across", "latent_up")  # the keys of the axes' dimensions
REACH = 4.0  # standard deviations that a panel shows of N(0, 1)
DOTS = 600  # draws that stand for a prior without outlines


def prior_section(wanted: Query, colour: Colour) -> None:
    """Marginals of every dimension over the model's own prior, and posteriors of single images in two dimensions."""
    st.subheader(t("latent.prior_title"), anchor=False)
    prior = _prior(str(wanted.run.path), wanted.key, wanted)
    points = latents.codes(wanted).sigma is None
    st.caption(t("latent.prior_intro_points" if points else "latent.prior_intro", prior=_name(prior)), width=TEXT_WIDTH)
    which = _which(prior, wanted)
    left, right = st.columns(2, gap="medium")
    with left:
        dims = tuple(_order(wanted)[:PANELS])
        short = (
            "N(0, 1)"
            if prior.kind == "normal"
            else t("latent.over_codes" if prior.kind == "codes" else "latent.over_own")
        )
        st.markdown(
            t("latent.marginals_points" if points else "latent.marginals", prior=short),
            help=f"{t('latent.marginals_points_help' if points else 'latent.marginals_help')} {which}",
        )
        figure = _marginals(str(wanted.run.path), wanted.key, dims, theme(), language(), wanted)
        with st.container(key="latent_marginals"):  # a chart that answers no click has no class of its own
            st.vega_lite_chart(figure.rows, figure.spec, alt=t("latent.marginals_alt"))
    with right:
        _pair_view(wanted, colour, prior, which)


@st.cache_resource(max_entries=16, show_spinner=False)
def _prior(path: str, key: str, _wanted: Query) -> OwnPrior:
    """The run's own prior, found once and never changed."""
    from vaelab.analysis import inference, own_prior
    from vaelab.models.one_thread import alone

    known = latents.codes(_wanted)
    usual = own_prior.usual_prior(_wanted.run.config().model)
    return usual or alone(lambda: own_prior.own_prior(inference.load_run(_wanted.run), known))


def _name(prior: OwnPrior) -> str:
    """What it is called within a sentence."""
    return t(f"latent.prior_{prior.kind}", n=f"{len(prior.parts.mu):,}")


def _which(prior: OwnPrior, wanted: Query) -> str:
    """Which prior it is and how it is drawn, in a sentence or two; and what stands for posteriors that are no Gaussians."""
    cfg = wanted.run.config().model
    upper = cfg.method.upper_level(cfg)
    told = t(f"latent.which_{prior.kind}", n=f"{len(prior.parts.mu):,}", last=f"z{upper - 1}", first=f"z{upper}")
    bent = cfg.method.has_posterior and not cfg.method.head_is_code
    return f"{told} {t('latent.which_bent')}" if bent else told


def _order(wanted: Query) -> list[int]:
    """All dimensions, those that tell most images apart first."""
    return [int(k) for k in np.argsort(-latents.codes(wanted).mu.var(axis=0), kind="stable")]


def _pair_view(wanted: Query, colour: Colour, prior: OwnPrior, which: str) -> None:
    order = _order(wanted)
    drawn_as = "draws" if prior.by_draws else "rings" if len(prior.parts.mu) == 1 else "modes"
    shown = t(f"latent.prior_as_{drawn_as}")
    points = latents.codes(wanted).sigma is None
    st.markdown(
        t("latent.codes_over" if points else "latent.ellipses", prior=shown),
        help=f"{t('latent.codes_over_help' if points else 'latent.ellipses_help')} {which}",
    )
    dims = _pick_pair(order)
    figure = _ellipses(str(wanted.run.path), wanted.key, dims, colour.by, theme(), language(), wanted)
    with st.container(key="latent_ellipses"):
        st.vega_lite_chart(figure.rows, figure.spec, alt=t("latent.ellipses_alt"))
    empty = _holes(str(wanted.run.path), wanted.key, dims, wanted)
    held = "holes_codes" if prior.kind == "codes" else "holes_points" if points else "holes"
    st.caption(t(f"latent.{held}", share=f"{100 * empty:.1f}", across=f"z{dims[0]}", up=f"z{dims[1]}"))


def _pick_pair(order: list[int]) -> tuple[int, int]:
    """Two different dimensions; the one chosen for the other axis already makes them change places."""
    state, (across, up) = st.session_state, PAIR
    if state.get(across, -1) not in order:
        state[across] = order[0]
    if state.get(up, -1) not in order or state[up] == state[across]:
        state[up] = next(k for k in order if k != state[across])
    for name, other, place in zip(PAIR, reversed(PAIR), st.columns(2), strict=True):
        place.selectbox(
            t(f"latent.{name.removeprefix('latent_')}"),
            order,
            key=name,
            format_func=lambda k: f"z{k}",
            help=t("latent.pair_help"),
            on_change=_change_places,
            args=(name, other, state[name]),
        )
    return int(state[across]), int(state[up])


def _change_places(name: str, other: str, before: int) -> None:
    if st.session_state[name] == st.session_state[other]:
        st.session_state[other] = before


@st.cache_resource(max_entries=32, show_spinner=False)
def _ellipses(path: str, key: str, dims: tuple[int, int], by: str, shade: Theme, lang: str, _wanted: Query) -> Figure:
    """The figure, read and never changed: made once for all who look at the same."""
    known = latents.codes(_wanted)
    sigma = posterior.spread(known.mu, known.sigma, 2)[:, dims]
    rows = np.linspace(0, len(known) - 1, min(ELLIPSES, len(known))).round().astype(int)
    labels = known.labels.get(by)
    prior = _prior(path, key, _wanted)
    drawn = prior.along(dims)
    if prior.by_draws:
        drawn = posterior.Gaussians(drawn.mu[:DOTS], drawn.sigma[:DOTS], drawn.weights[:DOTS])
    return pair(
        known.mu[rows][:, dims],
        None if known.sigma is None else sigma[rows],
        None if labels is None else labels[0][rows],
        () if labels is None else value_names(labels[1]),
        dims,
        shade,
        {
            "prior": t(f"latent.legend_{prior.kind}"),
            "posterior": t("latent.codes" if known.sigma is None else "latent.posterior"),
        },
        colours=() if labels is None else [legible(ink, shade) for ink in value_colours(labels[1], shade)],
        prior=None if prior.kind == "normal" else drawn,
        by_draws=prior.by_draws,
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _holes(path: str, key: str, pair: tuple[int, int], _wanted: Query) -> float:
    known = latents.codes(_wanted)
    mu, sigma = posterior.some(known.mu[:, list(pair)], posterior.spread(known.mu, known.sigma, 2)[:, list(pair)])
    return posterior.holes(mu, sigma, _prior(path, key, _wanted).along(pair))


@st.cache_resource(max_entries=16, show_spinner=False)
def _marginals(path: str, key: str, dims: tuple[int, ...], shown: Theme, lang: str, _wanted: Query) -> Figure:
    known = latents.codes(_wanted)
    mu, sigma = posterior.some(known.mu, posterior.spread(known.mu, known.sigma))
    prior = _prior(path, key, _wanted)
    grid = _grid(mu, sigma, prior, dims)
    densities = {k: posterior.marginal(mu[:, k], sigma[:, k], grid) for k in dims}
    priors = {k: prior.along((k,)).density(grid[:, None]) for k in dims}
    overlaps = {k: posterior.overlap(q, grid, priors[k]) for k, q in densities.items()}
    texts = {name: t(f"latent.{key}") for name, key in TEXTS.items()}
    return marginals(densities, overlaps, [int(k) for k in known.used], grid, shown, texts, priors=priors)


def _grid(mu: Array, sigma: Array, prior: OwnPrior, dims: tuple[int, ...]) -> Array:
    """Where densities are drawn: four sigma about N(0, 1), else as far as any codes or heavy part of the prior reach, three sigma of each."""
    if prior.kind == "normal":
        return np.linspace(-REACH, REACH, CELLS)
    parts, chosen = prior.parts, list(dims)
    heavy = parts.weights > 0.01 / len(parts.weights)
    centres = np.concatenate([mu[:, chosen], parts.mu[heavy][:, chosen]])
    widths = np.concatenate([sigma[:, chosen], parts.sigma[heavy][:, chosen]])
    low, high = float((centres - 3.0 * widths).min()), float((centres + 3.0 * widths).max())
    return np.linspace(low, high, 2 * CELLS - 1)
