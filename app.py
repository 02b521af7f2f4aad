"""VAE Lab's entry: `streamlit run app.py`. The pages themselves are run by vaelab/ui/shell.py."""

import contextlib
import logging
from collections.abc import AsyncIterator

import streamlit as st
from starlette.middleware import Middleware

from vaelab.config.errors import VaeLabError
from vaelab.config.places import PACKAGE
from vaelab.runs.limits import limits
from vaelab.ui import ordered_session, theme_once, warming
from vaelab.ui.access.folders import is_open
from vaelab.ui.access.middleware import Access
from vaelab.ui.access.people import has_roles
from vaelab.ui.access.sign_in import sign_in_routes
from vaelab.ui.access.uploads import forget_left_over
from vaelab.ui.components.map.map_routes import map_routes
from vaelab.ui.components.routes import routes
from vaelab.ui.guard import show_error
from vaelab.ui.known_root import KnownRoot
from vaelab.ui.other_names import OtherNames
from vaelab.ui.packed import Packed
from vaelab.ui.rooms.room_socket import room_routes
from vaelab.ui.start.evidence import evidence_routes
from vaelab.workers import launch, tsne_worker


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
    ordered_session.install()
    theme_once.install()
    warming.begin(launch.warm_up)
    yield
    warming.end()
    launch.cool_down()
    tsne_worker.jobs.cool_down()


app = st.App(
    PACKAGE / "ui" / "shell.py",
    lifespan=lifespan,
    routes=[*routes(), *map_routes(), *evidence_routes(), *sign_in_routes(), *room_routes()],
    middleware=[Middleware(Access), Middleware(OtherNames), Middleware(Packed), Middleware(KnownRoot)],
    on_script_error=show_error,
)
