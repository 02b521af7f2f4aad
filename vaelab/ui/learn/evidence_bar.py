"""log p(x) as a bar: what a bound proves, the gap above it, and the edge that the bound never passes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def evidence_bar(parts: Sequence[tuple[float, str]], low: float, high: float, edges: Sequence[float], alt: str) -> str:
    """The bar as HTML. parts: (where it ends, #RRGGBB) from the left; low, high: its ends; edges: places that are marked. All in nats."""

    def share(value: float) -> float:
        return 100.0 * max(0.0, min(1.0, (value - low) / (high - low)))

    spans, at = "", 0.0
    for end, colour in parts:
        to = max(at, share(end))
        spans += f'<span style="width:{to - at:.2f}%;background:{colour}"></span>'
        at = to
    marks = "".join(f'<i style="left:{share(edge):.2f}%"></i>' for edge in edges)
    return f'<div class="vl-evidence" role="img" aria-label="{escape(alt)}">{spans}{marks}</div>'


def settled(nats: float, noise: float = 1e-6) -> float:
    """A difference in nats without its rounding error, or that of a fit, which would show a nought as minus nought."""
    return 0.0 if abs(nats) < noise else nats
