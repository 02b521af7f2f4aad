"""Chinese marks beside formulas."""

from __future__ import annotations

import re

MARKS = re.compile(r"(?<![$\\])\$([^$\n]+)\$([，。；：、！？）”]+)")


def joined(text: str) -> str:
    """Chinese with its punctuation inside the formula before it: a browser would break the line between them, and begin one with a full stop."""
    return MARKS.sub(r"$\1\\text{\2}$", text)
