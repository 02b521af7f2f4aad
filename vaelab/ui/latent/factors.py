"""Which dimension tells which known factor: a matrix to click in, the traversal beside the factor's images, and the scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import factors, latents
from vaelab.analysis.latents import Query
from vaelab.config.errors import DataError, VaeLabError
from vaelab.images.palette import Theme
from vaelab.ui import pictures
from vaelab.ui.charts import factors as charts
from vaelab.ui.guard import show_error
from vaelab.ui.names import label_title, value_names
from vaelab.ui.text import language, t
from vaelab.ui.widgets import theme

DIMS = 24  # shown at most, those that tell images apart best
STEPS = 7  # pictures of a traversal, from -REACH to REACH standard deviations of the codes
REACH = 2.5
VALUES = 12  # of a factor, with an image each
TEXT_WIDTH = 620  # pixels: about 70 characters a line


@st.fragment
def factor_section(wanted: Query) -> None:
    """The whole section, a fragment: a cell draws no map again. Nothing where no factors of the images are known."""
    try:
        names = factors.known_factors(wanted.run)
    except DataError:
        return
    known = latents.codes(wanted)
    if not all(name in known.labels for name in names) or len(known) < factors.LEAST:
        return
    st.subheader(t("latent.factors_title"), anchor=False)
    st.caption(t("latent.factors_intro"), width=TEXT_WIDTH)
    left, right = st.columns(2, gap="medium")
    with left:
        chosen = _matrix(wanted, known, tuple(names))
        _scores(wanted)
    with right:
        try:
            _pictures(wanted, known, *chosen)
        except VaeLabError as error:
            show_error(error)


@st.cache_data(max_entries=16, show_spinner=False)
def _shares(path: str, key: str, names: tuple[str, ...], _wanted: Query) -> NDArray[np.float64]:
    """(Z, K): the share of each factor's entropy that each dimension tells."""
    known = latents.codes(_wanted)
    values = {name: known.labels[name][0] for name in names}
    entropies = np.array([max(factors.entropy(column), 1e-9) for column in values.values()])
    return np.asarray(factors.mutual_information(known.mu, values) / entropies)


@st.cache_data(max_entries=16, show_spinner=False)
def _spec(
    path: str, key: str, order: tuple[int, ...], names: tuple[str, ...], shade: Theme, lang: str, _share: NDArray[Any]
) -> dict[str, Any]:
    """The heat map's specification: made once, as a click on the map above draws this section again."""
    titles = tuple(label_title(name) for name in names)
    words = {name: t(f"latent.factors_{name}") for name in ("dim", "factor", "share")}
    rows = charts.matrix_rows(_share, order, titles)
    spec: dict[str, Any] = charts.matrix(rows, shade, words, tuple(f"z{z}" for z in order), titles).to_dict()
    del spec["config"]  # Altair's own look, which Streamlit replaces
    return spec


def _matrix(wanted: Query, known: latents.Codes, names: tuple[str, ...]) -> tuple[int, str]:
    """The heat map; the chosen dimension and factor, at first those that tell most."""
    share = _shares(str(wanted.run.path), wanted.key, names, wanted)
    order = [int(z) for z in np.argsort(-known.mu.var(axis=0), kind="stable")[:DIMS]]
    spec = _spec(str(wanted.run.path), wanted.key, tuple(order), names, theme(), language(), share)
    answer: Any = st.vega_lite_chart(
        spec=spec, key="latent_factors", on_select="rerun", selection_mode=charts.CHOSEN, alt=t("latent.factors_alt")
    )
    cells = answer.get("selection", {}).get(charts.CHOSEN) or []
    if cells and cells[0]["z"] < share.shape[0] and cells[0]["k"] < len(names):
        return int(cells[0]["z"]), names[int(cells[0]["k"])]
    best = order[int(np.unravel_index(share[order].argmax(), share[order].shape)[0])]
    return best, names[int(share[best].argmax())]


@st.cache_data(max_entries=64, show_spinner=False)
def _walk(path: str, key: str, z: int, _wanted: Query) -> NDArray[np.uint8]:
    """The most ordinary code with dimension z moved from -REACH to REACH, decoded: (STEPS, C, H, W)."""
    from vaelab.analysis import inference

    known = latents.codes(_wanted)
    centre, spread = known.mu.mean(axis=0), known.mu.std(axis=0)
    row = int(((known.mu - centre) ** 2).sum(axis=1).argmin())
    codes = np.tile(known.mu[row], (STEPS, 1))
    codes[:, z] = centre[z] + np.linspace(-REACH, REACH, STEPS) * spread[z]
    y = None if known.y is None else np.repeat(known.y[row], STEPS)
    return inference.decode(inference.load_run(_wanted.run), codes, y)


@st.cache_resource(max_entries=32, show_spinner=False)
def _sheets(path: str, key: str, z: int, factor: str, _wanted: Query) -> tuple[bytes, bytes]:
    """The walk along z, and an image of each shown value of the factor, packed once for all who look at the same."""
    known = latents.codes(_wanted)
    values, _ = known.labels[factor]
    rows = np.array([int(np.flatnonzero(values == value)[0]) for value in _shown(values)])
    walk, images = (pictures.strip(pixels, STEPS) for pixels in (_walk(path, key, z, _wanted), known.pixels[rows]))
    return pictures.sheet_png(walk), pictures.sheet_png(images)


def _shown(values: NDArray[Any]) -> list[int]:
    """The values of a factor that stand for it."""
    return [int(value) for value in np.unique(values)][:VALUES]


def _pictures(wanted: Query, known: latents.Codes, z: int, factor: str) -> None:
    """A walk along one dimension over images that show the values of one factor."""
    values, names = known.labels[factor]
    walk, images = _sheets(str(wanted.run.path), wanted.key, z, factor, wanted)
    st.markdown(t("latent.factors_walk", dim=f"z{z}"), help=t("latent.factors_walk_help"))
    st.image(walk, output_format="PNG", alt=t("latent.factors_walk", dim=f"z{z}").replace("*", ""))
    title = t("latent.factors_values", factor=label_title(factor))
    st.markdown(title, help=t("latent.factors_values_help"))
    st.image(images, output_format="PNG", alt=title.replace("*", ""))
    shown = _shown(values)
    words = value_names(names)
    st.caption(" · ".join(words[value] for value in shown) + (" …" if len(np.unique(values)) > len(shown) else ""))


def _scores(wanted: Query) -> None:
    """The scores, measured when asked for: they take some seconds."""
    key = f"factor_scores_{wanted.run.name}_{wanted.key}"
    if key not in st.session_state:
        if not st.button(
            t("latent.factors_measure"),
            key="latent_factors_measure",
            icon=":material/straighten:",
            help=t("latent.factors_measure_help"),
        ):
            return
        with st.spinner(t("latent.factors_measuring"), show_time=True):
            st.session_state[key] = factors.scores(wanted.run, wanted.split, min(wanted.count, factors.COUNT))
    found: factors.Scores = st.session_state[key]
    with st.container(horizontal=True, gap="medium"):
        for name, value in vars(found).items():
            st.metric(t(f"latent.score_{name}"), f"{value:.2f}", help=t(f"latent.score_{name}_help"), width="content")
