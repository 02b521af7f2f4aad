"""A page of the app without a browser, opened by its address."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[1]
TIMEOUT = 180  # seconds: a slow machine under load, not a measure of anything


def opened(name: str = "start", **query: str) -> AppTest:
    """The page `name` with these values in its address; it must not fail."""
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=TIMEOUT)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    if name != "start":
        app.switch_page(str(ROOT / "pages" / f"{name}.py"))
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
    assert not app.exception
    return app
