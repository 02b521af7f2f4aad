"""VAE Lab's entry: `streamlit run app.py`. The pages themselves are run by vaelab/ui/shell.py."""

import asyncio
import contextlib
import gc
import importlib
import logging
import threading
from collections.abc import AsyncIterator

import streamlit as st
from starlette.middleware import Middleware

from vaelab.config.errors import VaeLabError
from vaelab.config.places import PACKAGE
from vaelab.runs.limits import limits
from vaelab.ui.access.folders import is_open
from vaelab.ui.access.middleware import Access
from vaelab.ui.access.people import has_roles
from vaelab.ui.access.sign_in import sign_in_routes
from vaelab.ui.access.uploads import forget_left_over
from vaelab.ui.components.map.map_routes import map_routes
from vaelab.ui.components.routes import routes
from vaelab.ui.guard import show_error
from vaelab.ui.other_names import OtherNames
from vaelab.ui.packed import Packed
from vaelab.ui.rooms.room_socket import room_routes
from vaelab.workers import launch, tsne_worker

# What the lessons and Your image import at their first use, which takes seconds. The first page needs none of it and comes first.
SLOW_IMPORTS = (
    "altair",
    "torch",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.mixture",
    "torch._dynamo",
    "vaelab.analysis.inspection",
)
FIRST_PAGE_SECONDS = 5.0


def import_slowly() -> None:
    """Import in the background what pages want later; one that is broken speaks up on the page that needs it.

    Streamlit collects garbage after every run of a script, at every tick and every answer. What the modules hold never is
    garbage, so it is set aside: looking through it each time took 0.2 s.
    """
    for name in SLOW_IMPORTS:
        with contextlib.suppress(ImportError, OSError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def begin_access() -> None:
    """With roles, what sessions of a server that is gone have left is removed; a server open to others that has none is warned of."""
    log = logging.getLogger("vaelab")
    if has_roles():
        forget_left_over()
        try:
            limits()
        except VaeLabError as error:  # said by every page too
            log.error("%s", error)
    elif is_open():
        log.warning(
            "Other computers can reach this server, and whoever does may do everything: set VAELAB_TEACHER_PASSWORD (docs/deploy.md)."
        )


@contextlib.asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Keep a standby worker with torch imported, so that a training that is started is seen at once."""
    begin_access()
    warming = asyncio.get_running_loop().run_in_executor(None, launch.warm_up)
    imports = threading.Timer(FIRST_PAGE_SECONDS, import_slowly)
    imports.daemon = True
    imports.start()
    yield
    imports.cancel()
    await warming
    launch.cool_down()
    tsne_worker.jobs.cool_down()


app = st.App(
    PACKAGE / "ui" / "shell.py",
    lifespan=lifespan,
    routes=[*routes(), *map_routes(), *sign_in_routes(), *room_routes()],
    middleware=[Middleware(OtherNames), Middleware(Access), Middleware(Packed)],
    on_script_error=show_error,
)
