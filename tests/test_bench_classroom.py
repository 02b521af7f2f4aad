"""The classroom benchmark: its arithmetic, and a small class that really comes."""

from __future__ import annotations

import math
import os

import pytest
from cli_shell import Shell

from vaelab.cli.bench import classroom


def test_percentiles_are_of_what_was_seen() -> None:
    seen = [float(k) for k in range(100, 0, -1)]
    assert classroom.percentile(seen, 0.5) == 51.0
    assert classroom.percentile(seen, 0.95) == 96.0
    assert classroom.percentile([3.0], 0.95) == 3.0
    assert math.isnan(classroom.percentile([], 0.5))


def test_memory_is_that_of_the_process() -> None:
    assert 10.0 < classroom.memory(os.getpid()) < 100_000.0
    assert math.isnan(classroom.memory(2**31 - 1))


def test_sessions_are_of_the_class_alone(shell: Shell) -> None:
    assert "--sessions is for the subjects classroom and watching" in shell.refuses(
        "bench", "project", "--sessions", "3"
    )


def test_a_small_class_comes_follows_and_leaves(whole: bool) -> None:
    if not whole:
        pytest.skip("takes minutes: --whole runs it")
    found = {(entry.setting, entry.contestant): entry.median for entry in classroom.measure(sessions=2).entries}
    assert found["errors", "all"] == 0
    for setting in ("page ready", "another page, from the click", "z, from the hand", "a drag's end, rerun", "upload"):
        assert found[setting, "p95"] > 0
    assert found["training", "1 watching"] > 0
