"""One z for several models (chorus.js): moved in the browser, decoded there by each; Python hears of a gesture once it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from numpy.typing import NDArray

from vaelab.analysis.decoder_facts import codes_of, model_facts, newest_weights, numbers
from vaelab.runs.store import Run
from vaelab.ui.components.carrier import bundle_url, newest_url
from vaelab.ui.components.widget import widget
from vaelab.ui.text import language, t

Pairing = Literal["number", "use"]
FACTS = ("id", "name", "size", "shape", "mean", "std", "order", "used", "classes", "variational")
WORDS = (
    "picture", "loading", "refused", "by", "by_help", "by_number", "by_use", "random", "random_help", "home", "home_help", "across", "up", "axis_help",
    "label", "label_help", "told_all", "told_first", "told_use", "told_more", "slider_help", "pad", "pad_help",
)  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """One of the models. base: the code that it begins with, (Z,), None for the middle of its codes; label: of that code; colour: of its name, #RRGGBB."""

    run: Run
    colour: str
    base: NDArray[Any] | None = None
    label: int = 0


class Sung(TypedDict):
    """What the view tells at the end of a gesture. z: standard deviations from the beginning in each shared number; by: how they are paired."""

    z: list[float]
    by: Pairing


def chorus_view(key: str, voices: Sequence[Voice], begin: str, start: Sequence[float], by: Pairing) -> Sung | None:
    """Draw a picture of each model and what moves them all. -> where the last gesture ended, if any.

    begin: a name of where they begin, so that another one puts z back; start, by: what it opens with. Call it inside a fragment. Raises
    VaeLabError for a model without weights.
    """
    data = {
        "models": [_model(voice) for voice in voices],
        "begin": begin,
        "start": list(start),
        "by": by,
        "text": {word: t(f"compare.chorus_{word}") for word in WORDS},
    }
    answer = widget("chorus", key, data, on_z_change=lambda: None)
    sung: Sung | None = answer.z
    return sung


def _model(voice: Voice) -> dict[str, Any]:
    run, cfg = voice.run, voice.run.config()
    tensors, step = newest_weights(run)
    facts = model_facts(run, cfg, codes_of(run, cfg, step), tensors, language())
    live = run.status().is_active
    if live:
        urls = {"decoder": None, "newest": newest_url(run)}
    else:
        urls = {"decoder": bundle_url(run, step=step if run.model_file_or_none() is None else None), "newest": None}
    base = facts["mean"] if voice.base is None else numbers(voice.base)
    return {name: facts[name] for name in FACTS} | urls | {"colour": voice.colour, "base": base, "label": voice.label}
