"""Lesson 5: from a point to a distribution, and what that does to the latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import posterior
from vaelab.config.texts import Language, say
from vaelab.images.palette import markdown
from vaelab.lessons.cloud import kl_nats
from vaelab.lessons.race import Plan, RaceFrame
from vaelab.lessons.two_spaces import Disc, disc, strangeness
from vaelab.runs import store
from vaelab.ui import pictures
from vaelab.ui.components.cloud.cloud_view import MU, SIGMA, Cloud, cloud_view, settled
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.components.twin.twin_view import Space, twin_view
from vaelab.ui.learn.frame import Hand, Lesson, Section, lesson_page
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.learn.race_charts import space_chart, space_rows
from vaelab.ui.learn.race_view import lane_pictures, newest, race_of, race_stage
from vaelab.ui.learn.views import choice
from vaelab.ui.text import language, t
from vaelab.ui.ticking import still, ticking_chart
from vaelab.ui.widgets import figure

if TYPE_CHECKING:
    from vaelab.lessons.small_vae import Lane

MODEL = "pixel-faces-conv-vae"
OTHER = "pixel-faces-autoencoder"  # has learned the same faces
TURNS = 20  # pairs of random codes that span the discs
CLOUD = "vae_cloud"  # key of the component
FACES = 6
DIMS = 6  # of the latent dimensions, those that carry most
DRAWS = 16
SPACE_STEPS = 2_000
NAMES = ("autoencoder", "vae")
KEPT = ("vae_face", "vae_dim", "vae_all")  # their widgets are away while the other view is open
MU_MOVED = Number("vae_mu", *MU, 0.05, 0.0, "learn_vae.mu", "mu")
SIGMA_MOVED = Number("vae_sigma", *SIGMA, 0.05, 0.5, "learn_vae.sigma", "sigma")
# A projector shows the pictures of the trainings larger, as far as there is room; cloud.js sees to the draws.

LESSON = Lesson(
    "learn_vae",
    (
        Section("point", sets={"vae_view": "cloud", "vae_sigma": 0.0, "vae_all": True}),
        Section(
            "cloud",
            r"q(z|x) = \mathcal{N}\!\left(\mu(x),\, \sigma^2(x)\right)",
            {"vae_view": "cloud", "vae_sigma": 0.4, "vae_all": True},
            hand=Hand({"mu": MU_MOVED, "sigma": SIGMA_MOVED}, {"vae_view": "cloud"}),
        ),
        Section("decoder", r"z = \mu + \sigma\,\varepsilon,\quad \varepsilon \sim \mathcal{N}(0, I)"),
        Section(
            "model",
            r"\begin{aligned} & x_{3072} \to 128 \to (\mu, \log \sigma^2)_{2 \times 16} \\ & \to z_{16} \to 128 \to \hat x_{3072} \end{aligned}",
            shows=("lessons.plain_code", "LinearVae"),
        ),
        Section("twin", sets={"vae_view": "twin"}),
        Section("holes", sets={"vae_view": "spaces"}),
        Section("prior", r"\mathrm{KL} = \tfrac12 \sum_k \left(\mu_k^2 + \sigma_k^2 - 1 - \log \sigma_k^2\right)"),
    ),
    (
        ("lessons.cloud", "codes_around"),
        ("lessons.cloud", "kl_nats"),
        ("lessons.cloud", "normal_density"),
        ("lessons.two_spaces", "codes_at"),
        ("lessons.spaces", "autoencoder_terms"),
        ("lessons.small_vae", "vae_terms"),
        ("analysis.posterior", "holes"),
    ),
    ("decode", {"run": MODEL}),
    Prediction(("zero", "half", "large"), "zero"),
)


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)


def stage() -> None:
    """One face's code as a cloud, one point in two spaces, or two latent spaces in training."""
    views = {"cloud": cloud, "twin": twin, "spaces": training}
    view = choice(t("learn_vae.view"), tuple(views), "vae_view", lambda name: t(f"learn_vae.view_{name}"))
    if view != "cloud":
        for name in KEPT:
            if name in st.session_state:
                st.session_state[name] = st.session_state[name]
    views[view]()


def training() -> None:
    """Two latent spaces in training."""
    race_stage(race_of("spaces", Plan(_lanes, SPACE_STEPS)), "vae_race", spaces)


def _lanes() -> tuple[Lane, ...]:
    from vaelab.lessons.spaces import lanes

    return lanes()


@st.cache_data(max_entries=1, show_spinner=False)
def faces() -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], list[int]]:
    """What the encoder says of the first test faces: mu, sigma (FACES, Z), pixels, and the dimensions that carry most."""
    with np.load(store.find(MODEL).path / "latents.npz", allow_pickle=False) as stored:
        mu, sigma = stored["mu"].astype(np.float64), np.exp(0.5 * stored["logvar"].astype(np.float64))
        pixels = stored["thumbnails"][:FACES]
    order = np.argsort(-kl_nats(mu, sigma).mean(axis=0))
    return mu[:FACES], sigma[:FACES], pixels, [int(k) for k in order[:DIMS]]


def _encoded(face: int, dim: int) -> tuple[float, float]:
    """mu and sigma of one dimension as the encoder says them, as far as the sliders reach and with their two decimals."""
    mu, sigma, _, _ = faces()
    return round(float(np.clip(mu[face, dim], *MU)), 2), round(float(np.clip(sigma[face, dim], *SIGMA)), 2)


def _as_encoded() -> None:
    """Put the sliders where the encoder puts this face in this dimension."""
    state = st.session_state
    state["vae_mu"], state["vae_sigma"] = _encoded(state.get("vae_face", 0), state.get("vae_dim", faces()[3][0]))


def _back_to_encoder() -> None:
    """All dimensions as the encoder puts them: the chosen one's sigma is no longer everybody's."""
    st.session_state["vae_all"] = False
    _as_encoded()


def _other_noise() -> None:
    st.session_state["vae_seed"] = st.session_state.get("vae_seed", 0) + 1


def _settled() -> None:
    """Take over what the sliders say at the end of a gesture."""
    if told := settled(CLOUD):
        st.session_state.update({"vae_mu": told.mu, "vae_sigma": told.sigma, "vae_told": told.seq})


def first_cloud() -> Cloud:
    """The first face as the page opens with it, sigma the same in all dimensions."""
    dim = faces()[3][0]
    return _cloud_of(0, dim, *_encoded(0, dim), everywhere=True, seed=0)


def _cloud_of(face: int, dim: int, mu: float, sigma: float, *, everywhere: bool, seed: int) -> Cloud:
    code, spread, _, _ = faces()
    eps = np.random.default_rng(seed).standard_normal((DRAWS, code.shape[1]))
    return Cloud(
        mu=mu,
        sigma=sigma,
        encoded=_encoded(face, dim),
        dim=dim,
        all=everywhere,
        code=code[face].tolist(),
        spread=spread[face].tolist(),
        eps=eps.tolist(),
    )


def cloud() -> None:
    """One code as a cloud: its controls, and what the browser draws of it."""
    _, _, pixels, dims = faces()
    state = st.session_state
    if "vae_face" not in state:  # the page has just been opened
        _as_encoded()
        state["vae_sigma"] = 0.5  # wider than the encoder says, so that there is something to see
        state["vae_all"] = True
    face, dim = _controls(pixels, dims)
    shown = _cloud_of(
        face, dim, state["vae_mu"], state["vae_sigma"], everywhere=state["vae_all"], seed=state.get("vae_seed", 0)
    )
    cloud_view(CLOUD, store.find(MODEL), shown, state.get("vae_told", 0), _settled)


def _controls(pixels: NDArray[Any], dims: list[int]) -> tuple[int, int]:
    """Which face, which dimension, whose sigma, which eps: (face, dimension)."""
    face = st.session_state.get("vae_face", 0)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        still(pictures.strip(pixels[[face]], 1, cell=64), t("learn_vae.face"))
        choice(
            t("learn_vae.face"),
            range(FACES),
            "vae_face",
            lambda k: str(k + 1),
            show_label=True,
            help=t("learn_vae.face_help"),
            on_change=_as_encoded,
        )
        dim = choice(
            t("learn_vae.dim"),
            dims,
            "vae_dim",
            lambda k: f"z{k}",
            show_label=True,
            help=t("learn_vae.dim_help"),
            on_change=_as_encoded,
        )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.toggle(t("learn_vae.all"), key="vae_all", help=t("learn_vae.all_help"))
        st.button(
            t("learn_vae.again"),
            key="vae_again",
            icon=":material/casino:",
            on_click=_other_noise,
            help=t("learn_vae.again_help"),
        )
        st.button(
            t("learn_vae.encoded"),
            key="vae_encoded",
            icon=":material/restart_alt:",
            on_click=_back_to_encoder,
            help=t("learn_vae.encoded_help"),
        )
    return st.session_state["vae_face"], dim


@st.cache_data(max_entries=4, show_spinner=False)
def _disc(model: str, face: int, seed: int) -> tuple[Disc, NDArray[Any]]:
    """The disc around a face's code in the space of a shipped model, and how strange its codes are."""
    run = store.find(model)
    with np.load(run.path / "latents.npz", allow_pickle=False) as stored:
        codes = stored["mu"].astype(np.float64)
    found = disc(codes, face, run.config().model.has_posterior, seed)
    return found, strangeness(codes, found)


def _other_directions() -> None:
    st.session_state["vae_turn"] = (_whole("vae_turn", TURNS) + 1) % TURNS


def _whole(name: str, most: int) -> int:
    """A whole number of the session below `most`; a link may have put anything there."""
    value = st.session_state.get(name)
    return value % most if isinstance(value, int) else 0


def twin() -> None:
    """The same face in both spaces, and one point that is dragged through both."""
    face, seed = (_whole(name, most) for name, most in (("vae_face", FACES), ("vae_turn", TURNS)))
    st.button(
        t("learn_vae.twin_turn"),
        key="vae_turn_again",
        icon=":material/casino:",
        on_click=_other_directions,
        help=t("learn_vae.twin_turn_help"),
    )
    twin_view("vae_twin", two_spaces(face, seed, language()))
    st.caption(t("learn_vae.twin_scale_said"))


def two_spaces(face: int, seed: int, lang: Language) -> list[Space]:
    """The face in the autoencoder's and in the VAE's latent space, named in a language."""
    models = {"autoencoder": OTHER, "vae": MODEL}
    return [
        Space(store.find(model), say(lang, f"learn_vae.twin_{name}"), *_disc(model, face, seed))
        for name, model in models.items()
    ]


def spaces(frame: RaceFrame) -> None:
    """The codes of the test digits in both latent spaces, and what each makes of codes drawn from the prior."""
    with st.container(key="vae_spaces"):
        columns = st.columns(2)
    for number, (column, name) in enumerate(zip(columns, NAMES, strict=True)):
        lane = frame.lanes[number] if frame.lanes else None
        mu = lane.mu if lane else np.zeros((0, 2))
        with column, st.container(gap="xsmall"):
            st.markdown(f"**{t(f'learn_vae.lane_{name}')}**")
            ticking_chart(
                space_chart,
                space_rows(mu, frame.labels),
                {"digit": t("learn_vae.digit")},
                key=f"vae_scatter_{name}",
                alt_text=t("learn_vae.scatter_alt"),
                width="content",
            )
            recon = newest(lane.curves["recon"]) if lane else None
            kl = newest(lane.curves["kl"]) if lane and name == "vae" else None
            missed = posterior.holes(mu, posterior.spread(mu, lane.sigma, 2)) if lane and frame.step else None
            st.markdown(
                t(
                    "learn_vae.space_figures",
                    recon=markdown("decoder", t("race.recon")),
                    recon_value=figure(recon),
                    kl=markdown("encoder", t("race.kl")),
                    kl_value=figure(kl),
                    holes="–" if missed is None else f"{missed:.0%}",
                ),
                help=t("learn_vae.holes_help"),
            )
            lane_pictures(frame, number, 5)
