"""VAE Lab's entry: `streamlit run app.py`. The pages themselves are run by vaelab/ui/shell.py."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import streamlit as st

from vaelab import launch
from vaelab.ui.components.map_routes import map_routes
from vaelab.ui.components.routes import routes
from vaelab.ui.guard import show_error


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Keep a standby worker with torch imported, so that a training that is started is seen at once."""
    warming = asyncio.get_running_loop().run_in_executor(None, launch.warm_up)
    yield
    await warming
    launch.cool_down()


app = st.App("vaelab/ui/shell.py", lifespan=lifespan, routes=[*routes(), *map_routes()], on_script_error=show_error)
