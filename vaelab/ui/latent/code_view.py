"""One code of the map: its bars, and the way to Decode with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.analysis import latent_text
from vaelab.analysis.latents import Codes, Query
from vaelab.ui.charts.latent import code_chart
from vaelab.ui.text import t
from vaelab.ui.widgets import page_link, theme

BARS = 16  # dimensions drawn


def code_bars(known: Codes, mu: NDArray[Any], sigma: NDArray[Any] | None) -> Any:
    """The bars of one code: the dimensions that tell most images apart, in their own order."""
    dims = sorted(int(k) for k in np.argsort(-known.mu.var(axis=0), kind="stable")[:BARS])
    texts = {"dim": t("latent.dimension"), "mu": "μ", "sigma": "σ"}
    return code_chart(mu, sigma, dims, theme(), texts)


def decode_link(wanted: Query, z: NDArray[Any], y: int | None, words: str) -> None:
    """To the Decode page with this z."""
    query = {"run": wanted.run.name}
    query["z"] = latent_text.write([float(value) for value in z])
    if y:
        query["label"] = str(y)
    page_link("decode", words, **query)
