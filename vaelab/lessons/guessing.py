"""Ten rounds of inference by hand: an x is seen, its z is guessed. What the exact posterior would have said. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.lessons.latent_grid import Decoder, draw_pairs, moments, posterior_at

Array = NDArray[Any]


@dataclass(frozen=True)
class Rounds:
    """What is played. pairs: (R, 2) of the z that was drawn and the x that is seen; posterior: p(z|x) of each x over the grid, (R, n);
    means: E[z|x], (R,), the guess with the smallest mean squared error there is."""

    pairs: Array
    posterior: Array
    means: Array


def rounds(
    kind: Decoder, weight: float, sigma: float, count: int, zs: Array, reach: tuple[float, float], seed: int
) -> Rounds:
    """Draws from the model, those that fit into a panel of |z| <= reach[0], |x| <= reach[1]. zs: (n,) grid of the posterior."""
    drawn = draw_pairs(kind, weight, sigma, 20 * count, seed)
    pairs = drawn[(np.abs(drawn) <= np.array(reach)).all(axis=1)][:count].round(2)
    posteriors = np.stack([posterior_at(kind, weight, sigma, float(x), zs)[0] for _, x in pairs])
    return Rounds(pairs, posteriors, np.array([moments(density, zs)[0] for density in posteriors]))
