"""Where things lie: the project, the lab's own files, runs, shipped weights, a user's own models. One place names them.

In a clone the lab's files lie beside vaelab/. In an installed copy (`pip install .`) they lie in vaelab/lab/, where pyproject.toml
puts them, and what a user makes goes to the folder that the program was started in, never beside the installed code.
"""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
PROJECT = PACKAGE.parent  # vaelab is importable from here
_INSTALLED = PACKAGE / "lab"
LAB = _INSTALLED if _INSTALLED.is_dir() else PROJECT  # holds app.py, pages/, weights/, .streamlit/
COMPONENTS = PACKAGE / "ui" / "components"  # what runs in the browser: the app serves it, an exported file holds it
TEXTS = PACKAGE / "ui" / "text"  # every word that people read, a folder for each language


def runs_root() -> Path:
    """The folder of all runs: VAELAB_RUNS, or runs/ in the project; of an installed copy, ./runs."""
    home = Path.cwd() if LAB == _INSTALLED else PROJECT
    return Path(os.environ.get("VAELAB_RUNS") or home / "runs").absolute()


def programs_root() -> Path:
    """The folder of compiled training steps: VAELAB_PROGRAMS, or vaelab/programs in the user's cache. Machine code, so it is the user's alone."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("VAELAB_PROGRAMS") or Path(cache) / "vaelab" / "programs").absolute()


def weights_root() -> Path:
    """The folder of the trained models that come with the project."""
    return LAB / "weights"


def models_root() -> Path:
    """The folder of a user's own networks and methods: VAELAB_MODELS, or models/ beside the runs."""
    return Path(os.environ.get("VAELAB_MODELS") or runs_root().parent / "models").absolute()
