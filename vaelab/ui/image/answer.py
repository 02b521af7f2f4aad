"""What the model says about the picture: the pipeline from left to right, its terms among the test images, its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import latent_text, projections
from vaelab.images.palette import Role, markdown
from vaelab.models.one_thread import alone
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.ui import pictures
from vaelab.ui.charts import one_image, training_charts
from vaelab.ui.error_text import in_markdown
from vaelab.ui.image.models import Preparation, model_of, stamp
from vaelab.ui.names import value_names
from vaelab.ui.text import t
from vaelab.ui.ticking import ticking_chart
from vaelab.ui.widgets import figure, page_link, theme

if TYPE_CHECKING:
    from vaelab.analysis.inspection import Inspection

Pixels = NDArray[np.uint8]

OUTPUT = 256  # CSS pixels: eight times 32, four times 64
DRAWS = 4
CODE_HEIGHT = 178  # pixels of the chart above the draws
CODE_ALONE = 272  # where the code is a point and nothing is drawn
NEAREST = 8
RINGED = 10  # neighbours among the map's own images that are ringed on it
TERM_ROLES: dict[str, Role] = {"recon": "decoder", "kl": "encoder", "excess": "total"}


def inspect(run: Run, cfg: RunConfig, pixels: Pixels, y: int | None) -> Inspection:
    """The answer for one picture, with the draws of this session's seed; kept until another one is asked for."""
    from vaelab.analysis.inspection import inspect_image

    seed = int(st.session_state.setdefault("image_seed", 0))
    question = (run.name, stamp(run), pixels.tobytes(), y, seed)
    kept = st.session_state.get("image_found")
    if kept is not None and kept[0] == question:
        known: Inspection = kept[1]
        return known
    found = alone(inspect_image, model_of(run), pixels, y, cfg.loss, draws=DRAWS, seed=seed)
    st.session_state["image_found"] = (question, found)
    return found


def heading(role: Role, word: str, how: str) -> None:
    """The head of one column: what it is in its colour, and how to read it."""
    st.markdown(f"**{markdown(role, word)}** :small[{how}]" if how else f"**{markdown(role, word)}**")


def pipeline(run: Run, cfg: RunConfig, pixels: Pixels, y: int | None, found: Inspection) -> None:
    """mu and sigma, draws of z and their images, the reconstruction, the error; then the way to the decoder."""
    variational = found.logvar is not None
    with st.container(horizontal=True, gap="small", key="image_pipeline"):
        with st.container(width="stretch", gap="xsmall", key="image_code"):
            heading("mu", t("image.code"), t("image.code_how" if variational else "image.code_how_point"))
            _code_chart(found)
            if variational:
                with st.container(gap="xxsmall", key="image_draws"):
                    _draws(found)
        with st.container(width=OUTPUT, gap="xsmall", key="image_output"):
            heading("decoder", t("image.output"), t("image.output_how"))
            st.image(pictures.strip(found.x_hat[None], 1, cell=OUTPUT), alt=t("image.output"), output_format="PNG")
            _drag_link(run, y, found)
        with st.container(width=OUTPUT, gap="xsmall", key="image_error"):
            _error(pixels, found)


def _draws(found: Inspection) -> None:
    """Images of z drawn from q(z|x), and the button that draws others."""
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        with st.container(width="content"):
            heading("z", t("image.draws"), t("image.draws_how", n=DRAWS))
        st.button(
            t("image.resample"),
            icon=":material/casino:",
            on_click=_next_seed,
            type="tertiary",
            help=t("image.resample_help"),
        )
    with st.container(key=f"image_draws_{found.drawn.shape[-1]}"):
        st.image(pictures.strip(found.drawn, DRAWS), alt=t("image.draws"), output_format="PNG")


def _next_seed() -> None:
    st.session_state["image_seed"] += 1


def _code_chart(found: Inspection) -> None:
    sigma = None if found.logvar is None else np.exp(0.5 * found.logvar)
    rows = one_image.code_rows(found.mu, sigma, found.z, found.kl_per_dim)
    texts = {name: t(f"image.{name}") for name in ("dim", "mu", "sigma", "kl", "nats")}
    ticking_chart(
        one_image.code_bars,
        rows,
        texts,
        key="image_code_bars",
        alt_text=t("image.code"),
        dims=len(found.mu),
        height=CODE_ALONE if found.logvar is None else CODE_HEIGHT,
    )


def _drag_link(run: Run, y: int | None, found: Inspection) -> None:
    query = {"run": run.name, "z": latent_text.write([float(value) for value in found.mu])}
    if y is not None:
        query["label"] = str(y)
    page_link("decode", t("image.drag"), icon=":material/tune:", **query)


def _error(pixels: Pixels, found: Inspection) -> None:
    error = one_image.signed_error(pixels, found.x_hat)
    limit = one_image.error_limit(error)
    heading("total", t("image.error"), "")
    st.image(one_image.error_picture(error, limit, theme(), OUTPUT), alt=t("image.error"), output_format="PNG")
    with st.container(horizontal=True, horizontal_alignment="distribute", gap=None, wrap=False):
        for words in (t("image.too_dark", n=f"−{limit:g}"), "0", t("image.too_bright", n=f"+{limit:g}")):
            st.caption(words, width="content")


def figures(cfg: RunConfig, found: Inspection, known: Preparation) -> None:
    """recon, KL and what lies above the floor, in nats, each with the share of test images below it; then the last among all of them."""
    terms: dict[str, float | None] = {"recon": found.recon, "kl": found.kl, "excess": found.excess}
    with st.container(horizontal=True, gap="small", key="image_figures"):
        for term, value in terms.items():
            with st.container(width=184, gap=None):
                label = markdown(TERM_ROLES[term], t(f"image.{term}"))
                words = t("image.no_term") if value is None else t("image.value_nats", n=figure(value))
                parts = {"bound": figure(found.bound), "floor": figure(found.floor)} if term == "excess" else {}
                st.metric(label, words, help=t(f"image.{term}_help", **parts))
                st.caption(_rank(term, value, known))
        with st.container(width="stretch", gap=None):
            _histogram("excess", found.excess, known)


def _rank(term: str, value: float | None, known: Preparation) -> str:
    """The share of test images below, in words; why there is none; or how far the measuring is."""
    if value is None:
        return t("image.point_kl")
    if known.reference is None:
        return t("image.measuring", share=f"{known.share:.0%}") if not known.done else t("image.unranked")
    share = known.reference.percentile(term, value)
    return t("image.rank", share=f"{share:.0f}", images=f"{known.reference.images:,}")


def _histogram(term: str, value: float, known: Preparation) -> None:
    if known.reference is None:
        st.caption(in_markdown(known.problem) if known.done else t("image.measuring_how"))
        return
    texts = {"score": t(f"image.{term}"), "nats": t("image.nats"), "share": t("image.share"), "mine": t("image.mine")}
    rows = one_image.score_rows(known.reference.values[term], value)
    ticking_chart(one_image.score_histogram, rows, texts, key="image_scores", alt_text=t("image.histogram_how"))
    st.caption(t("image.histogram_how"))


def neighbours(cfg: RunConfig, found: Inspection, known: Preparation) -> None:
    """The training images with the closest codes, and this image's place among the codes of test images."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.markdown(t("image.neighbours_how"))
        _nearest(found, known)
    with right:
        _map(found, known)


def _nearest(found: Inspection, known: Preparation) -> None:
    if known.codes is None or known.train is None:
        place = pictures.empty_strip(1, NEAREST, image_size=found.x_hat.shape[-1])
        st.image(place, alt=t("image.neighbours"), output_format="PNG")
        problem = in_markdown(known.problem) or (t("image.unprepared", kind=known.defect) if known.defect else "")
        st.caption(problem if known.done else t("image.encoding", share=f"{known.share:.0%}"))
        return
    rows, distances = projections.nearest_codes(found.mu[None], known.codes, NEAREST)
    strip = pictures.strip(known.train.pixels[rows[0]], NEAREST)
    st.image(strip, alt=t("image.neighbours"), output_format="PNG")
    far = " · ".join(figure(float(distance), 3) for distance in distances[0])
    st.caption(t("image.distances", distances=far))
    st.caption(t("image.among", images=f"{len(known.codes):,}"))


def _map(found: Inspection, known: Preparation) -> None:
    places = known.places
    if places is None or known.plane is None:
        st.caption(t("image.no_map") if known.done else t("image.measuring_how"))
        return
    fitted = known.plane
    mine = fitted.place(found.mu[None])[0]
    near, _ = projections.nearest_codes(found.mu[None], places.mu, RINGED)
    values, raw = places.labels.get("class", (None, ()))
    names = value_names(raw)
    rows = training_charts.scatter_rows(fitted.points, values, names)
    texts = {"class": t("image.class"), "mine": t("image.mine"), "neighbour": t("image.neighbour")}
    ticking_chart(
        one_image.map_with_place,
        one_image.place_rows(rows, mine, fitted.points[near[0]]),
        texts,
        key="image_map",
        width="content",
        alt_text=t("image.map"),
        names=names,
    )
    st.caption(t("image.map_how", images=f"{len(places):,}", share=f"{fitted.explained.sum():.0%}"))
