"""The one picture that goes through lessons 4 to 9: the first test image of the pixel faces, and what the shipped VAE makes of it.

Lessons 1 to 3 are about points, tables and single numbers, which have their truth in a formula; lesson 10 trains models of digits on purpose.
"""

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
DRAWS = 256  # of z, by which log p(x) of the face is bounded in lesson 7


@dataclass(frozen=True)
class OneFace:
    """x, x_hat: (C, H, W) uint8; mu, sigma: what the encoder says, eps: one draw from N(0, I), z = mu + sigma * eps, (Z,) each."""

    x: NDArray[np.uint8]
    mu: NDArray[Any]
    sigma: NDArray[Any]
    eps: NDArray[Any]
    z: NDArray[Any]
    x_hat: NDArray[np.uint8]


@dataclass(frozen=True)
class FaceBound:
    """What is known of log p(x) of the face, nats: the ELBO, the estimate with DRAWS draws; and how many of these count."""

    elbo: float
    estimate: float
    counting: float


def pixels() -> NDArray[np.uint8]:
    """The picture, (C, H, W) uint8."""
    image: NDArray[np.uint8] = data.load("pixel-faces", channels=3, limit=1).test.pixels[NUMBER]
    return image


@st.cache_data(max_entries=64, show_spinner=False)
def one_face(seed: int = 0) -> OneFace:
    """The picture on its way through the shipped VAE. seed: of its eps."""
    return alone(_through, seed)


@st.cache_data(max_entries=1, show_spinner=False)
def face_bound() -> FaceBound:
    """How far log p(x) of the picture is known to the shipped VAE, whose 16 latent numbers nobody can sum over."""
    return alone(_bound)


def _bound() -> FaceBound:
    import torch

    from vaelab.analysis import inference
    from vaelab.analysis.inference import to_unit
    from vaelab.lessons.importance import LOG_2PI, effective, estimates, log_weights
    from vaelab.models.losses import bernoulli_recon

    model, x, face = inference.load_run(store.find(MODEL)), to_unit(pixels()[None]), _through(0)

    @torch.no_grad()
    def log_joint(z: NDArray[Any]) -> NDArray[Any]:
        logits = model.decode_logits(torch.from_numpy(z.astype(np.float32)))
        recon = bernoulli_recon(logits, x.expand_as(logits)).double().numpy()
        return np.asarray(-recon - 0.5 * (LOG_2PI + z**2).sum(axis=-1))

    eps = np.random.default_rng(0).standard_normal((DRAWS, face.mu.size))
    weights = log_weights(log_joint, face.mu.astype(float), face.sigma.astype(float), eps)
    return FaceBound(float(weights.mean()), float(estimates(weights, DRAWS)[0]), effective(weights, DRAWS))


def _through(seed: int) -> OneFace:
    import torch

    from vaelab.analysis import inference
    from vaelab.analysis.inference import to_uint8, to_unit
    from vaelab.models.posteriors import GaussianPosterior

    model, x = inference.load_run(store.find(MODEL)), pixels()
    with torch.no_grad():
        q = model.encode(to_unit(x[None]))
        assert isinstance(q, GaussianPosterior)
        eps = torch.randn(1, q.mu.shape[1], generator=torch.Generator().manual_seed(seed))
        z = q.sample(eps)
        x_hat = to_uint8(model.decode(z))[0]
    mu, sigma, noise, code = (part[0].numpy() for part in (q.mu, q.sigma, eps, z))
    return OneFace(x, mu, sigma, noise, code, x_hat)
