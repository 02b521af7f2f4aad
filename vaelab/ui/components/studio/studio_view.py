"""The code panels of the Decode page for a model that is no run (studio.js): its decoder travels with the data, and Python hears only where it stands, for links."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from vaelab.ui.components.keeping import opened_at
from vaelab.ui.components.widget import widget
from vaelab.ui.text import language, strings


def studio_view(key: str, facts: Mapping[str, Any], decoder: bytes, z: list[float]) -> None:
    """Draw it. facts: of the model, as decoder/latent.js wants them; decoder: its bundle; z: what it opens with. Call it inside a fragment."""
    texts = {**strings("en", "decode_view"), **strings(language(), "decode_view")}
    stamp = hashlib.sha256(decoder + language().encode()).hexdigest()[:16]
    spec: dict[str, Any] = {
        "model": dict(facts),
        "examples": {"mu": [], "images": []},
        "directions": [],
        "other": None,
        "text": texts,
    }
    kept, keep = opened_at(key)
    data = {"stamp": stamp, "spec": spec, "decoder": base64.b64encode(decoder).decode(), "z": z, "kept": kept}
    widget("studio", key, data, on_kept_change=keep)
