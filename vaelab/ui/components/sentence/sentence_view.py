"""A sentence of a lesson whose numbers are dragged where they stand (sentence.js). What moves reaches Python by the stage: held_view.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from vaelab.images.palette import Role
from vaelab.ui.components.widget import widget
from vaelab.ui.text import has_text, t


@dataclass(frozen=True)
class Number:
    """A number of the session that a control of the stage and a sentence of the text both move.

    key: its name in the session; low, high, step: where it may stand; start: where it stands at first; label: the text that names it,
    for a screen reader too, with its help as LABEL_help; role: whose colour it has; values: where it may stand, in place of steps.
    """

    key: str
    low: float
    high: float
    step: float
    start: float
    label: str
    role: Role
    values: tuple[int, ...] = ()

    def at(self, value: Any) -> float:
        """The place nearest to what a browser or a link says. Raises TypeError or ValueError where that is no number."""
        told = float(value)
        if not self.low <= told <= self.high:  # NaN too
            raise ValueError(f"{self.key} must be from {self.low} to {self.high}, got {value}")
        if self.values:
            return min(self.values, key=lambda place: abs(place - told))
        if all(isinstance(part, int) for part in (self.low, self.step)):
            return int(self.low + self.step * round((told - self.low) / self.step))
        return round(self.low + self.step * round((told - self.low) / self.step), 6)


def sentence(key: str, text: str, section: str, numbers: Mapping[str, Number], room: int = 4) -> None:
    """Draw a sentence. text: the name of a text whose {placeholders} are numbers or words that the stage tells; room: characters for such a word."""
    parts: list[str | dict[str, Any]] = []
    for before, name, _, _ in Formatter().parse(t(text)):
        parts += [before] if before else []
        if name and name in numbers:
            parts.append(_number(name, numbers[name]))
        elif name:
            parts.append({"word": name, "wide": room, "tip": t("lessons.not_told")})
    widget("sentence", key, {"section": section, "parts": parts})


def _number(name: str, number: Number) -> dict[str, Any]:
    tip = f"{number.label}_help"
    return {
        "name": name,
        "key": number.key,
        "low": number.low,
        "high": number.high,
        "step": number.step,
        "start": number.start,
        "values": list(number.values) or None,
        "role": number.role,
        "label": t(number.label),
        "tip": t(tip) if has_text(tip) else t("lessons.drag"),
    }
