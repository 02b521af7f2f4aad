"""What autoencoders are used for, each tried on the picture: compression, denoising, filling in, variations."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.images import jpeg
from vaelab.images.palette import Role, markdown
from vaelab.images.similarity import psnr, ssim
from vaelab.models.one_thread import alone
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.ui import pictures, share
from vaelab.ui.charts import one_image
from vaelab.ui.components.canvas import canvas_view
from vaelab.ui.image.models import Preparation, model_of
from vaelab.ui.text import listed, t
from vaelab.ui.widgets import figure

if TYPE_CHECKING:
    from vaelab.models.latent_model import LatentModel

Pixels = NDArray[np.uint8]

SHOWN = 192  # CSS pixels of a picture in a use: three of them and the controls fit beside the source at 1280
CONTROLS = 190
ROUNDS = 48  # of filling in
ROUNDS_SHOWN = (0, 1, 2, 4, 8, 16, 32, 48)
PLAY_SECONDS = 0.06  # a round while it plays
VARIATIONS = 18
POINT_TEMPERATURE, POSTERIOR_TEMPERATURE = 0.2, 1.0  # an autoencoder's takes the spread of all its codes


def _shown(pixels: Pixels, role: Role, name: str, caption: str) -> None:
    """A picture with what it is above it and its figures below."""
    with st.container(width=SHOWN, gap="xsmall"):
        st.markdown(f"**{markdown(role, name)}**")
        st.image(pictures.strip(pixels[None], 1, cell=SHOWN), alt=name, output_format="PNG")
        st.caption(caption)


def _alike(pixels: Pixels, other: Pixels) -> str:
    """PSNR and SSIM of a picture against the original, with units."""
    decibel = psnr(pixels, other)
    return t("image.alike", psnr="∞" if np.isinf(decibel) else f"{decibel:.1f}", ssim=f"{ssim(pixels, other):.3f}")


def _slider(name: str, low: float, high: float, default: float, step: float, *, scope: str = "") -> float:
    key = f"image_{name}{scope}"
    st.session_state.setdefault(key, default)
    if not low <= st.session_state[key] <= high:
        st.session_state[key] = default
    return st.slider(
        t(f"image.{name}"), low, high, step=step, key=key, help=t(f"image.{name}_help"), persist_state="session"
    )


def informative_first(model: LatentModel, known: Preparation) -> NDArray[np.int64]:
    """Dimensions by how much they tell images apart: the variance of mu, largest first; as they come before it is known."""
    codes = known.codes if known.codes is not None else (known.places.mu if known.places is not None else None)
    if codes is None:
        return np.arange(model.cfg.latent_dim)
    return np.argsort(-codes.var(axis=0), kind="stable")


def compression(run: Run, cfg: RunConfig, pixels: Pixels, y: int | None, known: Preparation) -> None:
    """So many numbers at so many bits, beside the JPEG of the same size."""
    from vaelab.analysis.uses import compress

    model = model_of(run)
    dims = cfg.model.latent_dim
    st.markdown(t("image.compression_how"))
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CONTROLS):
            kept = int(_slider("kept", 1, dims, dims, 1, scope=f"_{dims}"))
            bits = int(_slider("bits", 1, 16, 8, 1))
            raw = pixels.size
            code = alone(compress, model, pixels, informative_first(model, known), kept, bits, y)
            st.metric(
                t("image.bytes"),
                t("image.value_bytes", n=f"{code.bytes:,}"),
                help=t("image.bytes_help", kept=kept, bits=bits),
            )
            st.caption(t("image.raw", raw=f"{raw:,}", times=figure(raw / code.bytes, 3)))
        picture = jpeg.best_within(pixels, code.bytes)
        _shown(pixels, "total", t("image.original"), t("image.value_bytes", n=f"{raw:,}"))
        size = t("image.code_size", n=f"{code.bytes:,}", kept=kept, bits=bits)
        _shown(code.pixels, "decoder", t("image.from_code"), f"{size}  \n{_alike(pixels, code.pixels)}")
        words = {"n": f"{picture.data_bytes:,}", "whole": f"{picture.file_bytes:,}", "quality": picture.quality}
        fits = picture.data_bytes <= code.bytes
        size = t("image.jpeg_size" if fits else "image.jpeg_too_large", **words)
        _shown(picture.pixels, "prior", t("image.jpeg"), f"{size}  \n{_alike(pixels, picture.pixels)}")


def denoising(run: Run, cfg: RunConfig, pixels: Pixels, y: int | None, known: Preparation) -> None:
    """Noise is added; encoder and decoder let only that through which looks like the training images."""
    from vaelab.analysis.uses import add_noise, denoise

    st.markdown(t("image.denoising_how"))
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CONTROLS):
            std = _slider("noise", 0.0, 0.6, 0.2, 0.01)
            if st.button(t("image.new_noise"), icon=":material/casino:", help=t("image.new_noise_help")):
                st.session_state["image_noise_seed"] = st.session_state.get("image_noise_seed", 0) + 1
        noisy = add_noise(pixels, std, st.session_state.get("image_noise_seed", 0))
        cleaned = alone(denoise, model_of(run), noisy, y)
        _shown(pixels, "total", t("image.original"), t("image.original_how"))
        _shown(noisy, "eps", t("image.noisy"), _alike(pixels, noisy))
        _shown(cleaned, "decoder", t("image.cleaned"), _alike(pixels, cleaned))


def filling_in(run: Run, cfg: RunConfig, pixels: Pixels, y: int | None, known: Preparation) -> None:
    """The hole is painted; each round fills it with what the decoder expects there and encodes the result again."""
    from vaelab.analysis.uses import fill_in

    st.markdown(t("image.filling_how"))
    with st.container(horizontal=True, gap="small"):
        with st.container(width=SHOWN):
            hole = canvas_view.hole("image_hole", pixels, side=SHOWN)
            painted = not np.array_equal(hole, canvas_view.middle(pixels.shape[-1]))
            share.not_held("image.hole", t("image.own_hole") if painted else None)
        with st.container(width=CONTROLS):
            place = st.container(gap="small")
            drawn = st.toggle(t("image.draw_rounds"), key="image_draw_rounds", help=t("image.draw_rounds_help"))
            model = model_of(run)
            frames = alone(lambda: list(fill_in(model, pixels, hole, ROUNDS, y, seed=0 if drawn else None)))
            with place:
                shown_round = int(_slider("round", 0, ROUNDS, ROUNDS, 1))
                play = st.button(t("image.play"), icon=":material/play_arrow:", help=t("image.play_help"))
            inside = _inside(pixels, frames[shown_round], hole)
            st.caption(t("image.filled", n=int(hole.sum()), error=inside))
        with st.container(width=SHOWN, gap="xsmall"):
            st.markdown(f"**{markdown('decoder', t('image.result'))}**")
            result = st.empty()
            _result(result, frames[shown_round], shown_round)
        with st.container(width=2 * pictures.CELL + pictures.GAP, gap="xsmall"):
            st.markdown(f"**{t('image.rounds')}**")
            st.image(
                pictures.strip(np.stack([frames[k] for k in ROUNDS_SHOWN]), 2),
                output_format="PNG",
                alt=t("image.rounds"),
            )
            st.caption(t("image.rounds_how", rounds=listed(str(k) for k in ROUNDS_SHOWN)))
    if play:
        for k, frame in enumerate(frames):
            _result(result, frame, k)
            time.sleep(PLAY_SECONDS)
        _result(result, frames[shown_round], shown_round)


def _result(place: st.delta_generator.DeltaGenerator, frame: Pixels, k: int) -> None:
    place.image(
        pictures.strip(frame[None], 1, cell=SHOWN),
        caption=t("image.round_n", n=k),
        alt=t("image.result"),
        output_format="PNG",
    )


def _inside(pixels: Pixels, filled: Pixels, hole: canvas_view.Mask) -> str:
    """Mean absolute error of the filled pixels, on the 0-1 scale; a dash without a hole."""
    if not hole.any():
        return "–"
    error = one_image.signed_error(pixels, filled)
    return f"{np.abs(error[hole]).mean():.3f}"


def variations(run: Run, cfg: RunConfig, pixels: Pixels, y: int | None, known: Preparation) -> None:
    """Images around this one, further away at a higher temperature."""
    from vaelab.analysis.uses import variations as around

    is_point = not cfg.model.has_posterior
    st.markdown(t("image.variations_point_how" if is_point else "image.variations_how"))
    with st.container(horizontal=True, gap="small"):
        with st.container(width=CONTROLS):
            default = POINT_TEMPERATURE if is_point else POSTERIOR_TEMPERATURE
            temperature = _slider("temperature", 0.0, 4.0, default, 0.05, scope="_point" if is_point else "")
            if st.button(t("image.new_variations"), icon=":material/casino:", help=t("image.new_variations_help")):
                st.session_state["image_variation_seed"] = st.session_state.get("image_variation_seed", 0) + 1
        images = alone(
            around, model_of(run), pixels, VARIATIONS, temperature, y, st.session_state.get("image_variation_seed", 0)
        )
        with st.container(width="content", gap="xsmall"):
            st.image(pictures.strip(images, 9), alt=t("image.variations"), output_format="PNG")
            st.caption(t("image.variations_caption", n=VARIATIONS))


Use = Callable[[Run, RunConfig, Pixels, int | None, Preparation], None]
USES: dict[str, Use] = {
    "compression": compression,
    "denoising": denoising,
    "filling": filling_in,
    "variations": variations,
}
