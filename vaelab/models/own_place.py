"""Where in a user's own file something went wrong."""

from __future__ import annotations

import traceback
from pathlib import Path


def place_in(path: Path | str, error: BaseException) -> str:
    """The file and the last of its lines that ran: "FILE, line N"; the file alone where none did."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = frames[-1].lineno if frames else getattr(error, "lineno", None)
    return f"{path}, line {line}" if line else f"{path}"
