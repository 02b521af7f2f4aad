"""The app as `streamlit run app.py` starts it, on a port of its own, for browser tests."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from vaelab.bench.app_server import running_app


def app_server(folder: Path, **environment: str) -> AbstractContextManager[str]:
    """A server with its runs in folder/runs; its address. environment: more variables, such as VAELAB_DATA."""
    return running_app(folder / "runs", **environment)
