"""How cost and memory grow when images, latent numbers, points, rows, runs on record or visitors become ten times as many.

Each size is measured in a process of its own (`python -m vaelab.cli.bench.growth SUBJECT SIZE`), in seconds of its CPU, which a busy
machine does not mind as it does the clock, and in MB above what the process held before the work.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from vaelab.cli.bench import growing
from vaelab.cli.bench.report import Entry, Report, in_turns
from vaelab.config.errors import VaeLabError
from vaelab.config.places import PROJECT

SUBJECTS: dict[str, tuple[int, ...]] = {
    "images": (100, 1_000, 10_000),
    "latent numbers": (2, 20, 200),
    "points": (600, 6_000, 60_000),
    "rows": (10_000, 100_000, 1_000_000),
    "runs": (10, 100, 1_000),
    "sessions": (1, 10, 30),
}
NOISE = 1.15  # a cost that grows by so much more than n log n is told
MEMORY = Path("/proc/self/status")


class Cost(NamedTuple):
    """seconds: of CPU. mb: at most held beyond what was held before, None where the system does not tell."""

    seconds: float
    mb: float | None


def measure(repeats: int = 1, subjects: Sequence[str] = tuple(SUBJECTS)) -> Report:
    """CPU seconds and MB of each subject and size, in turns; the notes say how much a step of sizes costs."""
    entries: list[Entry] = []
    notes: list[str] = []
    for subject in subjects:
        costs: dict[int, list[Cost]] = {size: [] for size in SUBJECTS[subject]}

        def one(size: int, costs: dict[int, list[Cost]], subject: str) -> float:
            costs[size].append(_apart(subject, size))
            return costs[size][-1].seconds

        contestants: dict[str, Callable[[], float]] = {
            f"{size:,}": partial(one, size, costs, subject) for size in SUBJECTS[subject]
        }
        seconds = in_turns(contestants, repeats)
        for size, name in zip(SUBJECTS[subject], contestants, strict=True):
            entries.append(Entry(subject, name, "s of CPU", seconds[name]))
            held = tuple(cost.mb for cost in costs[size] if cost.mb is not None)
            if held:
                entries.append(Entry(subject, name, "MB", held))
        notes += told(subject, SUBJECTS[subject], [min(seconds[name]) for name in contestants])
    return Report("growth", repeats, tuple(entries), tuple(notes))


def told(subject: str, sizes: Sequence[int], seconds: Sequence[float]) -> list[str]:
    """A sentence for each step from one size to the next: what it multiplies, and whether that is more than n log n."""
    notes = []
    for (small, large), (before, after) in zip(pairwise(sizes), pairwise(seconds), strict=True):
        times = after / max(before, 1e-9)
        fair = large * math.log(max(large, 2)) / (small * math.log(max(small, 2)))
        verdict = ", more than n log n" if times > NOISE * fair else ""
        notes.append(f"{subject}, {small:,} to {large:,}: {times:.2g} times the CPU{verdict}.")
    return notes


def _apart(subject: str, size: int) -> Cost:
    """The cost of one size, in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "vaelab.cli.bench.growth", subject, str(size), folder]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise VaeLabError(f"{subject} must be measured with {size:,} of them, got: {last}")
    seconds, mb = json.loads(done.stdout.strip().splitlines()[-1])
    return Cost(seconds, mb)


def _cost(subject: str, size: int, folder: Path) -> Cost:
    """Prepare, then do the work once: its CPU, and its peak above the memory before."""
    if subject == "sessions":
        return Cost(*growing.sessions(size, folder))
    work = growing.WORKS[subject](size, folder)
    before = _held("VmRSS")
    if before is not None:
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    start = time.process_time()
    work()
    seconds = time.process_time() - start
    peak = _held("VmHWM")
    return Cost(seconds, None if before is None or peak is None else max(0.0, peak - before))


def _held(name: str) -> float | None:
    """A line of Linux's own account of this process, MB."""
    try:
        return growing.memory_of(MEMORY, name)
    except OSError:
        return None


if __name__ == "__main__":
    print(json.dumps(_cost(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))))
