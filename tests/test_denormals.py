"""Numbers too small for a float's full precision count as 0 wherever a training computes: in every thread of torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

TINY = "x = torch.full((4_000_000,), 1e-40); left = int((x * 1.0).count_nonzero())"


def left_over(setup: str) -> int:
    """How many of four million tiny numbers survive a multiplication by 1 that two threads share, in a fresh process."""
    code = f"import torch; torch.set_num_threads(2)\n{setup}\n{TINY}\nprint(left)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_they_are_there_without() -> None:
    assert left_over("") == 4_000_000


@pytest.mark.parametrize(
    "setup",
    [
        "from vaelab.models.device import flush_denormals; flush_denormals()",
        "from vaelab.workers.train_worker import _warm_up; _warm_up()",
        "from vaelab.models.one_thread import keep_to_one; keep_to_one()",
    ],
    ids=["itself", "the standby worker", "the lessons' thread"],
)
def test_every_thread_counts_them_as_nothing(setup: str) -> None:
    assert left_over(setup) == 0
