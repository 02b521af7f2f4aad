"""Where things lie: the project, runs, shipped weights, a user's own models. One place names them."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def runs_root() -> Path:
    """The folder of all runs: VAELAB_RUNS, or runs/ in the project."""
    return Path(os.environ.get("VAELAB_RUNS") or PROJECT / "runs").absolute()


def weights_root() -> Path:
    """The folder of the trained models that come with the project."""
    return PROJECT / "weights"


def models_root() -> Path:
    """The folder of a user's own networks and methods: VAELAB_MODELS, or models/ beside the runs."""
    return Path(os.environ.get("VAELAB_MODELS") or runs_root().parent / "models").absolute()
