"""The growth of costs as a picture: seconds of CPU over sizes, both in powers of ten, an SVG file without any library."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from vaelab.cli.bench.report import Entry

Line = Sequence[tuple[float, float]]  # (size, seconds)

WIDE, HIGH = 760, 420
LEFT, TOP, RIGHT, BOTTOM = 64, 16, 190, 44
INKS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#666666")  # Okabe and Ito 2008


def lines_of(entries: Iterable[Entry]) -> dict[str, list[tuple[float, float]]]:
    """What a report of the subject growth says, by its parts: the middle of the seconds of each size."""
    found: dict[str, list[tuple[float, float]]] = {}
    for entry in entries:
        if entry.unit.startswith("s "):
            found.setdefault(entry.setting, []).append((float(entry.contestant.replace(",", "")), entry.median))
    return found


def svg(lines: Mapping[str, Line]) -> str:
    """Each part's sizes and seconds as a line with its name at the end; a dashed line grows in proportion. Sizes are 1 or more."""
    sizes = [size for line in lines.values() for size, _ in line]
    seconds = [max(cost, 1e-4) for line in lines.values() for _, cost in line]
    first = math.floor(math.log10(min(sizes)))
    last = max(math.ceil(math.log10(max(sizes))), first + 1)
    bottom = math.floor(math.log10(min(seconds)))
    high = max(math.ceil(math.log10(max(seconds))), bottom + 1)

    def across(size: float) -> float:
        return LEFT + (math.log10(size) - first) / (last - first) * (WIDE - LEFT - RIGHT)

    def down(cost: float) -> float:
        return TOP + (high - math.log10(max(cost, 1e-4))) / (high - bottom) * (HIGH - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDE}" height="{HIGH}" fill="#fff"/>',
    ]
    for power in range(first, last + 1):
        x = across(10.0**power)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HIGH - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{HIGH - BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(bottom, high + 1):
        y = down(10.0**power)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDE - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    parts.append(f'<text x="{(LEFT + WIDE - RIGHT) / 2:.0f}" y="{HIGH - 6}" text-anchor="middle">how many</text>')
    parts.append(
        f'<text transform="translate(14 {(TOP + HIGH - BOTTOM) / 2:.0f}) rotate(-90)" text-anchor="middle">seconds of CPU</text>'
    )
    decades = min(last - first, high - bottom)
    begin, end = (10.0**first, 10.0**bottom), (10.0 ** (first + decades), 10.0 ** (bottom + decades))
    parts.append(
        f'<path d="M{across(begin[0]):.1f} {down(begin[1]):.1f}L{across(end[0]):.1f} {down(end[1]):.1f}" stroke="#999" stroke-dasharray="4 4"/>'
    )
    for at, (name, ink) in enumerate(zip(lines, (*INKS, *INKS), strict=False)):
        line = lines[name]
        places = [(across(size), down(cost)) for size, cost in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M{path}" fill="none" stroke="{ink}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{ink}"/>' for x, y in places]
        y = TOP + 20 + 22 * at
        parts.append(f'<path d="M{WIDE - RIGHT + 14} {y - 4}h18" stroke="{ink}" stroke-width="2"/>')
        parts.append(f'<text x="{WIDE - RIGHT + 38}" y="{y}">{escape(name)}</text>')
    y = TOP + 20 + 22 * len(lines)
    parts.append(f'<path d="M{WIDE - RIGHT + 14} {y - 4}h18" stroke="#999" stroke-dasharray="4 4"/>')
    parts.append(f'<text x="{WIDE - RIGHT + 38}" y="{y}">ten times for ten times</text></svg>')
    return "\n".join(parts) + "\n"
