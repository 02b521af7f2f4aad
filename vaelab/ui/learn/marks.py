"""Chinese marks beside formulas."""

from __future__ import annotations

import re

MARKS = re.compile(r"(?<![$\\])\$([^$\n]+)\$([，。；：、！？）”]+)")


def joined(text: str) -> str:
    """Chinese with its punctuation inside the formula before it: a browser would break the line between them, and begin one with a full stop."""
    # Where the next formula begins at once, a space of no width keeps "$$" from standing there, which Markdown reads as a formula of its own.
    return MARKS.sub(r"$\1\\text{\2}$", text).replace("}$$", "}$\u200b$")
