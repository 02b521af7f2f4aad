"""`vaelab app`: the lab in the browser, from a clone or an installed copy, started in any folder."""

from __future__ import annotations

import runpy
import sys

import click

from vaelab.config.places import LAB


@click.command("app", context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def app(options: tuple[str, ...]) -> None:
    """Open the lab in the browser; OPTIONS go to `streamlit run`, such as --server.port 8502.

    Its settings are those of .streamlit/config.toml beside app.py, which Streamlit reads from any folder.
    """
    sys.argv = ["streamlit", "run", str(LAB / "app.py"), *options]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


COMMANDS = (app,)
