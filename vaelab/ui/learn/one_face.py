"""The one picture that goes through lessons 4 to 9: the first test image of the pixel faces, and what the shipped VAE makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab import data
from vaelab.models.one_thread import alone
from vaelab.runs import store

MODEL = "pixel-faces-conv-vae"
NUMBER = 0  # of the test images; the first face of lesson 5


@dataclass(frozen=True)
class OneFace:
    """x, x_hat: (C, H, W) uint8; mu, sigma: what the encoder says, eps: one draw from N(0, I), z = mu + sigma * eps, (Z,) each."""

    x: NDArray[np.uint8]
    mu: NDArray[Any]
    sigma: NDArray[Any]
    eps: NDArray[Any]
    z: NDArray[Any]
    x_hat: NDArray[np.uint8]


def pixels() -> NDArray[np.uint8]:
    """The picture, (C, H, W) uint8."""
    image: NDArray[np.uint8] = data.load("pixel-faces", channels=3, limit=1).test.pixels[NUMBER]
    return image


@st.cache_data(max_entries=1, show_spinner=False)
def one_face() -> OneFace:
    """The picture on its way through the shipped VAE."""
    return alone(_through)


def _through() -> OneFace:
    import torch

    from vaelab.analysis import inference
    from vaelab.analysis.inference import to_uint8, to_unit
    from vaelab.models.posteriors import GaussianPosterior

    model, x = inference.load_run(store.find(MODEL)), pixels()
    with torch.no_grad():
        q = model.encode(to_unit(x[None]))
        assert isinstance(q, GaussianPosterior)
        eps = torch.randn(1, q.mu.shape[1], generator=torch.Generator().manual_seed(0))
        z = q.sample(eps)
        x_hat = to_uint8(model.decode(z))[0]
    mu, sigma, noise, code = (part[0].numpy() for part in (q.mu, q.sigma, eps, z))
    return OneFace(x, mu, sigma, noise, code, x_hat)
