"""How much Hypothesis tries: a little in CI, the same each time; much more, and other things each time, with --whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# Characters that names and addresses have trouble with, beside whatever Hypothesis draws.
ODD = (
    "/",
    "\\",
    "..",
    "\x00",
    "\n",
    "\x1b[31m",
    "<script>",
    "[x](y)",
    "![",
    "~",
    "$",
    ":",
    "%2e%2e%2f",
    "²",
    "\u202e",
    "👪",
    "a" * 300,
)
words = st.one_of(
    st.text(max_size=20),
    st.lists(st.one_of(st.sampled_from(ODD), st.text(max_size=5)), max_size=5).map("".join),
    st.sampled_from(
        ["", ".", "..", "CON", "nul", "-", "--", "/etc/passwd", "../../etc/passwd", "9" * 5000, "1e400", "nan", "-1"]
    ),
)
numbers = st.one_of(
    st.integers(),
    st.floats(allow_subnormal=False),  # a test before in this process may have had them flushed to 0
    st.booleans(),
    st.sampled_from([10**30, -(10**30), 2**63, 0, -1, 1e308, float("nan"), float("inf")]),
)
values = st.recursive(
    st.one_of(st.none(), numbers, words),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)


def tries(few: int, many: int) -> Callable[[Any], Any]:
    """The settings of a test: so many examples in CI, so many with --whole."""
    whole = os.environ.get("VAELAB_TESTS_WHOLE") == "1"
    return settings(
        max_examples=many if whole else few,
        deadline=None,
        database=None,
        derandomize=not whole,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )


def everything(root: Path) -> list[tuple[str, int]]:
    """Every file below a folder with its size, to see whether something was written there."""
    return sorted((str(path.relative_to(root)), path.lstat().st_size) for path in root.rglob("*"))
