"""Where data sets lie: the user's data folder and the assets that travel with the package."""

from __future__ import annotations

import os
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"


def data_root() -> Path:
    """Folder of downloaded and uploaded data sets: VAELAB_DATA, or ./data. It need not exist yet."""
    return Path(os.environ.get("VAELAB_DATA") or "data")
