"""Ten rounds of lesson 3 in which the reader infers z from x by hand (guess.js): all of it runs in the browser, Python hears only where it stands, for links."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from vaelab.config.texts import Language, say
from vaelab.lessons.guessing import Rounds
from vaelab.ui.components.widget import widget
from vaelab.ui.text import language

TEXTS = "learn_latent"
WORDS = (
    "sheet", "sheet_tip", "compare", "compare_tip", "next", "next_tip", "over", "over_tip", "ask", "told", "done", "score", "true", "yours", "decoder",
)  # fmt: skip


def guess_view(
    key: str, name: str, played: Rounds, zs: NDArray[Any], curve: NDArray[Any], sigma: float, reach: float
) -> None:
    """Draw the rounds. name: of what is played, so that another begins anew; zs, curve: the decoder's f(z), (n,); reach: of x. Call it inside a fragment."""
    widget("guess", key, guess_data(name, played, zs, curve, sigma, reach, language()), keeps=True)


def guess_data(
    name: str, played: Rounds, zs: NDArray[Any], curve: NDArray[Any], sigma: float, reach: float, lang: Language
) -> dict[str, Any]:
    """What guess.js is given, in one language; also in a file without a server."""
    return {
        "name": name,
        "rounds": [
            {"z": float(z), "x": float(x), "mean": round(float(mean), 4), "posterior": density.round(4).tolist()}
            for (z, x), mean, density in zip(played.pairs, played.means, played.posterior, strict=True)
        ],
        "zs": [float(zs[0]), float(zs[-1]), len(zs)],
        "curve": curve.round(3).tolist(),
        "sigma": sigma,
        "reach": reach,
        "text": {word: say(lang, f"{TEXTS}.guess_{word}") for word in WORDS},
    }
