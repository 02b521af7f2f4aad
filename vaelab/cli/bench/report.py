"""What a benchmark answers: timings that were taken in turns, their medians, spread and ratios, and the machine."""

from __future__ import annotations

import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from vaelab.models.device import cores

SUBJECTS = {
    "train": "our trainer's step against a plain DataLoader loop",
    "step": "where the time of a training step goes, and what it cannot do without",
    "decode": "the Decode page in Chromium, dragged with a real pointer",
    "hands": "a pointer over the latent map, and a finger on a phone's slider, in Chromium",
    "crowd": "the latent map with 60,000 points, in Chromium",
    "photograph": "a stranger's photograph, decoded in a process with limits",
    "project": "latent projections against scikit-learn",
    "arrival": "how long a visitor waits for a new server, while it imports, and on each page, in Chromium",
    "startup": "from the command to the first answer",
    "classroom": "a class that follows a teacher, over real WebSockets",
    "watching": "a training's speed with nobody watching, one browser, and 20 viewers",
    "methods": "from Start to the first loss and picture of every method, in Chromium",
    "visit": "what a first visit of each page loads, in Chromium",
    "growth": "cost and memory as images, points, rows, runs and visitors become ten times as many",
}


@dataclass(frozen=True)
class Entry:
    """One contestant in one setting. values: one number a repeat, in `unit`; ratio: against the baseline, above 1 is better."""

    setting: str
    contestant: str
    unit: str
    values: tuple[float, ...]
    ratio: float | None = None

    @property
    def median(self) -> float:
        """The middle of the repeats."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """Largest minus smallest repeat, as a share of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "setting": self.setting,
            "contestant": self.contestant,
            "unit": self.unit,
            "median": self.median,
            "spread": self.spread,
            "ratio": self.ratio,
            "values": list(self.values),
        }


@dataclass(frozen=True)
class Report:
    """All entries of a benchmark, with the machine they were taken on. notes: whole sentences."""

    subject: str
    repeats: int
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    machine: dict[str, Any] = field(default_factory=lambda: machine())

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "subject": self.subject,
            "repeats": self.repeats,
            "machine": self.machine,
            "entries": [entry.to_dict() for entry in self.entries],
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """Lines for people, columns aligned."""
        rows = [("setting", "contestant", "median", "spread", "ratio")]
        for entry in self.entries:
            ratio = "" if entry.ratio is None else f"{entry.ratio:.2f}x"
            value = f"{entry.median:,.3g}" if entry.median < 100 else f"{entry.median:,.0f}"
            rows.append((entry.setting, entry.contestant, f"{value} {entry.unit}", f"{entry.spread:.0%}", ratio))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        about = ", ".join(f"{name} {value}" for name, value in self.machine.items())
        return "\n".join([f"{self.subject}: {self.repeats} repeats in turns; {about}", *lines, *self.notes])


def in_turns(contestants: Mapping[str, Callable[[], float]], repeats: int) -> dict[str, tuple[float, ...]]:
    """Every contestant once a round, so that what disturbs the machine disturbs them alike. Each call answers a number."""
    values: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            values[name].append(run())
    return {name: tuple(found) for name, found in values.items()}


def compare(
    setting: str, unit: str, values: Mapping[str, Sequence[float]], baseline: str, *, more_is_better: bool
) -> tuple[Entry, ...]:
    """An entry for each contestant; the ratio is the median over rounds of contestant against baseline, round by round."""
    entries = []
    for name, found in values.items():
        pairs = zip(found, values[baseline], strict=True)
        ratios = [ours / theirs if more_is_better else theirs / ours for ours, theirs in pairs]
        ratio = None if name == baseline else statistics.median(ratios)
        entries.append(Entry(setting, name, unit, tuple(found), ratio))
    return tuple(entries)


def machine() -> dict[str, Any]:
    """What the figures depend on: system, Python, cores; torch's version and threads where it is imported already."""
    found: dict[str, Any] = {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "cores": cores(),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
        if torch.cuda.is_available():
            found["gpu"] = torch.cuda.get_device_name()
    return found
