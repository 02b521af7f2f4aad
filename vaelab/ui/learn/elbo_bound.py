"""The second view of lesson 7: log p(x), the ELBO below it, and the bound of K draws between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.images.palette import markdown
from vaelab.lessons.importance import (
    LARGEST,
    LogJoint,
    effective,
    estimates,
    log_evidence_on_grid,
    log_weights,
    vae_log_joint,
)
from vaelab.lessons.ppca import (
    LinearGaussian,
    exact_elbo,
    exact_posterior,
    fit_ppca,
    kl_to_posterior,
    log_joint,
    log_likelihood,
)
from vaelab.lessons.race import Race
from vaelab.lessons.small_images import as_pixels, small_digits
from vaelab.ui import pictures, tags
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.learn.elbo_charts import bound_chart, bound_rows
from vaelab.ui.learn.evidence_bar import settled
from vaelab.ui.learn.one_face import DRAWS as FACE_DRAWS
from vaelab.ui.learn.one_face import face_bound, pixels
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t
from vaelab.ui.ticking import still, ticking_chart
from vaelab.ui.widgets import figure

if TYPE_CHECKING:
    from vaelab.lessons.small_vae import SmallVae

Array = NDArray[Any]
T = TypeVar("T")
MODELS = ("linear", "both", "recon_only", "kl_only")
COUNTS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, LARGEST)
DRAWN = Number("elbo_k", COUNTS[0], LARGEST, 1, 10, "learn_elbo.k", "z", COUNTS)
SHIFT = Number("elbo_shift", -3.0, 3.0, 0.1, 1.0, "learn_elbo.shift", "mu")
WIDTH = Number("elbo_width", 0.3, 3.0, 0.05, 1.0, "learn_elbo.width", "sigma")
DIGITS = 6
DRAWS = 8 * LARGEST  # in all: as many estimates as that allows for each K
SAID = 66  # pixels: two lines
SHOWN = "elbo_distances"  # in the session, nats
WIDTHS = (10, 16, 10, 9, 13)  # of the figures: the second one has its error beside it
ENOUGH = 100.0  # effective draws of LARGEST: with fewer, estimates measured here lay 0.2 to 7 nats off with errors of 0.05 to 0.2


@dataclass(frozen=True)
class Answer:
    """log p(x), the ELBO, the estimates by their number of draws, all in nats; and how many of those draws count."""

    truth: float
    elbo: float
    found: Mapping[int, Array]
    counting: Mapping[int, float]

    @property
    def is_trusted(self) -> bool:
        """Whether enough draws count that the estimate with the most of them means log p(x)."""
        return self.counting[LARGEST] >= ENOUGH


@st.cache_data(max_entries=4, show_spinner=False)
def ppca(latents: int) -> LinearGaussian:
    """Probabilistic PCA of the training digits."""
    return fit_ppca(small_digits().train.astype(float), latents)


@st.cache_data(max_entries=4, show_spinner=False)
def _noise(latents: int) -> Array:
    return np.random.default_rng(0).standard_normal((DRAWS, latents))


def bound_stage(race: Race) -> None:
    """Controls, the chart over K, and the figures that belong together."""
    race.look()  # its models are in use here, too
    for number in (DRAWN, SHIFT, WIDTH):
        st.session_state.setdefault(number.key, number.start)
    name = choice(
        t("learn_elbo.model"),
        MODELS,
        "elbo_model",
        lambda m: t(f"learn_elbo.model_{m}"),
        help=t("learn_elbo.model_help"),
        show_label=True,
    )
    left, right = st.columns(2, gap="medium")
    with left:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            number = st.session_state.get("elbo_image", 0)
            images = small_digits().test
            still(pictures.strip(as_pixels(images[[number]]), 1, cell=48), t("learn_elbo.image"))
            with st.container(width="stretch"):
                picked = choice(
                    t("learn_elbo.image"),
                    range(DIGITS),
                    "elbo_image",
                    lambda k: str(k + 1),
                    show_label=True,
                    help=t("learn_elbo.image_help"),
                )
        st.select_slider(t(DRAWN.label), COUNTS, key=DRAWN.key, help=t("learn_elbo.k_help"))
    with right:
        st.slider(
            t(SHIFT.label),
            SHIFT.low,
            SHIFT.high,
            step=SHIFT.step,
            key=SHIFT.key,
            help=t("learn_elbo.shift_help"),
        )
        st.slider(
            t(WIDTH.label),
            WIDTH.low,
            WIDTH.high,
            step=WIDTH.step,
            key=WIDTH.key,
            help=t("learn_elbo.width_help"),
        )
    state = (name, picked, st.session_state["elbo_shift"], st.session_state["elbo_width"])
    trained = race.trained(name)
    if name == "linear":
        answer = remembered("elbo_known", state, lambda: linear(picked))
    elif trained is not None:
        model, step = trained
        truth = remembered("elbo_truth", (race, name, step, picked), lambda: evidence(model, picked))
        answer = remembered("elbo_known", (*state, race, step), lambda: nonlinear(model, picked, truth))
    else:
        st.info(t("learn_elbo.not_ready"), icon=":material/hourglass_empty:")
        return
    chosen = int(st.session_state["elbo_k"])
    texts = {word: t(f"learn_elbo.{word}") for word in ("draws", "nats", "bound", "truth", "elbo")}
    st.session_state[SHOWN] = {
        "gap": answer.truth - answer.elbo,
        "rest": answer.truth - float(answer.found[chosen].mean()),
    }
    rows = bound_rows(answer.found, answer.truth, answer.elbo, chosen)
    ticking_chart(bound_chart, rows, texts, key="elbo_bound_chart", alt_text=t("learn_elbo.chart_alt"), height=180)
    _figures(answer, chosen)
    with st.container(height=SAID, border=False):
        if answer.is_trusted:
            st.markdown(_beside(trained[1] if trained else None))
        else:
            few = t("learn_elbo.few", count=f"{answer.counting[LARGEST]:.0f}", most=f"{LARGEST:,}")
            st.markdown(f":material/warning: {few}")
    _face()


def told(name: str) -> dict[str, str]:
    """A distance that the view has shown last, for a sentence of the text: "gap" of the ELBO, "rest" of the estimate with K draws."""
    known = st.session_state.get(SHOWN)
    return {name: figure(settled(known[name]), 3)} if known else {}


def _face() -> None:
    """The face of lessons 4 to 6, of whose log p(x) only bounds are known."""
    known, picture = face_bound(), tags.img(pixels(), "one", t("learn_elbo.face_x"))
    values = {"elbo": figure(known.elbo), "estimate": figure(known.estimate)}
    said = t("learn_elbo.face", draws=FACE_DRAWS, counting=f"{known.counting:.1f}", **values)
    st.html(tags.stage(f"{picture}<p>{said}</p>", "through low"))


def _figures(answer: Answer, chosen: int) -> None:
    """ELBO, L_K with its standard error, log p(x), and the gap."""
    at = answer.found[chosen]
    error = at.std(ddof=1) / np.sqrt(len(at))
    shown: Mapping[str, tuple[str, str]] = {
        "elbo": (markdown("encoder", t("learn_elbo.elbo")), figure(answer.elbo)),
        "bound": (markdown("z", f"K = {chosen:,}"), claimed(float(at.mean()), float(error), answer.is_trusted)),
        "truth": (t("learn_elbo.truth"), figure(answer.truth)),
        "gap": (t("learn_elbo.gap"), figure(settled(answer.truth - answer.elbo))),
    }
    *columns, last = st.columns(WIDTHS, gap="small")
    for column, (word, (label, value)) in zip(columns, shown.items(), strict=True):
        with column, st.container(gap=None):
            st.markdown(f":small[{label}]", help=t(f"learn_elbo.{word}_help"))
            st.markdown(f"**{value}** :small[{t('learn_elbo.nats')}]", wrap=False)
    with last, st.container(gap=None):
        st.markdown(f":small[{t('learn_elbo.counting')}]", help=t("learn_elbo.counting_help"))
        st.markdown(f"**{answer.counting[chosen]:,.1f}** :small[/ {chosen:,}]", wrap=False)


def claimed(mean: float, error: float, is_trusted: bool) -> str:
    """What the estimate lets one say: a value with its error, or where few draws count only what log p(x) exceeds."""
    return f"{figure(mean)} ± {error:.1g}" if is_trusted else f"≥ {figure(mean)}"


def moved(mean: Array, spread: Array) -> tuple[Array, Array]:
    """q as the sliders make it from a mean and a standard deviation: shifted in deviations, wider or narrower."""
    return mean + st.session_state["elbo_shift"] * spread, spread * st.session_state["elbo_width"]


def remembered(place: str, state: tuple[object, ...], compute: Callable[[], T]) -> T:
    """The answer to this state, computed anew only when it changes: the slider of K then only looks it up."""
    known = st.session_state.get(place)
    if known is None or known[0] != state:
        known = st.session_state[place] = (state, compute())
    answer: T = known[1]
    return answer


def linear(number: int) -> Answer:
    """Everything in closed form; q is the exact posterior, moved by the sliders."""
    model = ppca(2)
    x = small_digits().test[[number]].astype(float)
    mean, covariance = exact_posterior(model, x)
    mu, sigma = moved(mean[0], np.sqrt(np.diag(covariance)))
    weights = log_weights(lambda z: log_joint(model, x[0], z), mu, sigma, _noise(2))
    exact = float(exact_elbo(model, x, mu[None], sigma)[0])
    return Answer(float(log_likelihood(model, x)[0]), exact, by_draws(weights), counting_by_draws(weights))


def encoded(model: SmallVae, number: int) -> tuple[Array, Array]:
    """Mean and standard deviation of q for a test digit, as the encoder answers them. (Z,) each."""
    import torch

    from vaelab.models.posteriors import GaussianPosterior

    q = model.encode(torch.from_numpy(small_digits().test[[number]]))
    assert isinstance(q, GaussianPosterior)
    return q.mean[0].double().numpy(), torch.exp(0.5 * q.logvar[0]).double().numpy()


def evidence(model: SmallVae, number: int) -> float:
    """log p(x) of a test digit, nats: no slider moves it."""
    return log_evidence_on_grid(vae_log_joint(model, small_digits().test[number]), *encoded(model, number))


def nonlinear(model: SmallVae, number: int, truth: float) -> Answer:
    """The same for a VAE of the first view, as far as it is trained; q is its encoder's answer, moved by the sliders."""
    joint: LogJoint = vae_log_joint(model, small_digits().test[number])
    weights = log_weights(joint, *moved(*encoded(model, number)), _noise(2))
    return Answer(truth, float(weights.mean()), by_draws(weights), counting_by_draws(weights))


def by_draws(weights: Array) -> dict[int, Array]:
    """The estimates for every K of the slider. weights: (DRAWS,) logs."""
    return {k: estimates(weights, k) for k in COUNTS}


def counting_by_draws(weights: Array) -> dict[int, float]:
    """The effective draws for every K of the slider. weights: (DRAWS,) logs."""
    return {k: effective(weights, k) for k in COUNTS}


def _beside(step: int | None) -> str:
    """What else is known: for a VAE its steps, for the linear model the divergence in closed form and the whole test set."""
    if step is not None:
        return t("learn_elbo.beside_vae", step=f"{step:,}")
    model, x = ppca(2), small_digits().test.astype(float)
    mean, covariance = exact_posterior(model, x)
    mu, sigma = moved(mean, np.sqrt(np.diag(covariance)))
    divergence = kl_to_posterior(mu, sigma, mean, covariance)[st.session_state["elbo_image"]]
    return t(
        "learn_elbo.beside_linear",
        divergence=figure(settled(float(divergence))),
        images=len(x),
        truth=figure(float(log_likelihood(model, x).mean())),
        elbo=figure(float(exact_elbo(model, x, mu, sigma).mean())),
    )
