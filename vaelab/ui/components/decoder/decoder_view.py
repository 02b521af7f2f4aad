"""The browser decoder as two functions for pages: ``decoder_view`` for the Decode page, ``compact_decoder`` for the first page.

    compact_decoder("pixel-faces-conv-vae", key="start_decoder")      # six sliders that breathe until touched

The component fetches a run's weights over HTTP (carrier.py), decodes in the browser, and tells Python the settled z once per gesture:
nothing travels while the pointer is down. The page's data is static per model, so a rerun re-sends next to nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, TypedDict

import streamlit as st

from vaelab.export import bundle
from vaelab.images.palette import THEMES, css_variables
from vaelab.runs.store import Run
from vaelab.ui.access import seen
from vaelab.ui.components.carrier import FOLDER, bundle_url, component, newest_url
from vaelab.ui.components.keeping import opened_at
from vaelab.ui.decode.spec import component_spec
from vaelab.ui.text import Language, language, strings, t

ENTRY = "decoder/page.js"
# What the small decoder has no use for: with the pictures, two thirds of all that its page would carry.
UNUSED: dict[str, Any] = {"directions": [], "code": []}


class Settled(TypedDict):
    """What the component tells at the end of a gesture. z: Z numbers; label: class index, 0 without a label; tab: the open view."""

    model: str
    z: list[float]
    label: int
    tab: str


@dataclass(frozen=True)
class Push:
    """z as Python wants it: the component takes it over when seq is higher than what it has seen, else it keeps its own."""

    seq: int
    z: list[float]
    label: int = 0
    tab: str = "one"


def decoder_view(
    run: Run, push: Push, *, key: str, other: Run | None = None, on_settle: Callable[[], None] = lambda: None
) -> Settled | None:
    """The whole Decode view of a run: picture, sliders, grid, pad, walk, pipeline, side by side. -> the settled z, if any.

    other: the model to show beside it. on_settle: called when a gesture has ended; st.session_state[key].z holds its answer.
    Call it inside a fragment, so that a gesture reruns no more than that. Raises VaeLabError for a run that cannot be read.
    """
    kept, keep = opened_at(key)
    data = _data(run, other) | {"push": asdict(push), "kept": kept}
    answer = _component()(key=key, data=data, on_z_change=on_settle, on_kept_change=keep)
    settled: Settled | None = answer.z
    return settled


def compact_decoder(name: str, *, key: str, sliders: int = 6, size: int = 384, large: int = 512) -> Settled | None:
    """A small living decoder: one picture and the sliders of the most used dimensions, moving until touched.

    size: the largest side of the picture in CSS pixels; large: the same in a large window. Raises VaeLabError for a run that cannot be read.
    """
    run = seen.find(name)
    data = _data(run, None)
    z, label = _opening(data["spec"])
    data |= {"push": asdict(Push(0, z, label)), "compact": {"sliders": sliders, "size": size, "large": large}}
    data["spec"] = data["spec"] | UNUSED | {"examples": data["spec"]["examples"] | {"pixels": ""}}
    kept, keep = opened_at(key)
    answer = _component()(key=key, data=data | {"kept": kept}, on_z_change=lambda: None, on_kept_change=keep)
    settled: Settled | None = answer.z
    return settled


def opening(run: Run) -> tuple[list[float], int]:
    """z and label to begin with: those of the first example, whose picture is sharp; the mean, an average, without examples."""
    return _opening(_cached_spec(str(run.path), _stamp(run), "", "", language())[0])


def _opening(spec: dict[str, Any]) -> tuple[list[float], int]:
    codes, labels = spec["examples"]["mu"], spec["examples"]["labels"]
    return (codes[0] if codes else spec["model"]["mean"]), (labels[0] if labels else 0)


def server_reason(run: Run) -> str | None:
    """Why the browser cannot decode this run, one sentence in the session's language; None when it can."""
    model = run.config().model
    if bundle.supported(model) is None:
        return None
    if bundle.is_closed(model):
        return t("decode.own_module", name=model.network)
    return t("decode.too_large", work=f"{bundle.macs(model):,}", most=f"{bundle.MAX_MACS:,}")


def _data(run: Run, other: Run | None) -> dict[str, Any]:
    """The static part of the component's data: addresses of weights, and everything known of the model."""
    active = run.status().is_active
    beside = (str(other.path), _stamp(other)) if other else ("", "")
    spec, digest = _cached_spec(str(run.path), _stamp(run), *beside, language())
    spec = spec | {"model": spec["model"] | {"active": active}}
    live = other is not None and other.status().is_active
    # While it trains, newest.json names the weights: addresses here would change with every snapshot and send everything anew.
    urls = {
        "decoder": None if active else _decoder_url(run),
        "encoder": None if active else _encoder_url(run),
        "other": _decoder_url(other) if other and not live and "refused" not in spec["other"] else None,
        "otherNewest": newest_url(other) if other and live else None,
        "newest": newest_url(run) if active else None,
    }
    return {"key": _digest([digest, active, urls]), "spec": spec, "urls": urls}


def _decoder_url(run: Run) -> str:
    """The saved model's decoder, else the last snapshot's."""
    steps = run.snapshots()
    if run.model_file_or_none() is None and steps:
        return bundle_url(run, step=steps[-1])
    return bundle_url(run)


def _encoder_url(run: Run) -> str | None:
    """The saved model's encoder; None where none was saved or a browser cannot run it."""
    if run.model_file_or_none() is None or bundle.supported(run.config().model, "encoder") is not None:
        return None
    return bundle_url(run, "encoder")


def _stamp(run: Run) -> str:
    """Changes when the weights of a run at rest change; stays while it trains, so that the view is left alone."""
    if run.status().is_active:
        return f"training {bool(run.snapshots())}"
    file = run.model_file_or_none()
    return f"{run.status().state} {file.stat().st_mtime_ns if file else 0}"


@st.cache_resource(max_entries=16, show_spinner=False)
def _cached_spec(path: str, stamp: str, other: str, other_stamp: str, lang: Language) -> tuple[dict[str, Any], str]:
    """component_spec, kept per content and language (a spec holds translated words) and never changed; and its digest."""
    texts = {**strings("en", "decode_view"), **strings(lang, "decode_view")}
    spec = component_spec(Run(path), Run(other) if other else None) | {"text": texts}
    return spec, _digest(spec)


def _digest(content: Any) -> str:
    """Changes with the content, which goes into JSON."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


@cache
def _component() -> Any:
    """The component, registered once a process and kept: registering again would mount it anew."""
    return component("vaelab_decoder", ENTRY, t("decode.scripts_failed"), stylesheet())


def stylesheet() -> str:
    """decoder.css with the colours of both themes, for components inside an element of the class vaelab."""
    themes = "".join(f'.vaelab[data-theme="{theme}"]{{{css_variables(theme)}}}' for theme in THEMES)
    return themes + (FOLDER / "decoder/decoder.css").read_text(encoding="utf-8")
