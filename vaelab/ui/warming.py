"""What a new server does once its first page is out: a standby worker, and the imports of what pages want later.

Both take seconds of the cores on which a browser draws the first page meanwhile, so that one comes first; without a visitor they begin by themselves.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from vaelab.config.places import LAB

# What the lessons and Your image import at their first use, which takes seconds. The first page needs none of it.
SLOW_IMPORTS = (
    "torch",
    "vaelab.analysis.inspection",
    "altair",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.mixture",
    "torch._dynamo",
)
NOBODY_SECONDS = 5.0  # without a visitor
PICTURE_SECONDS = 1.5  # from the page's script to its picture in the browser
# Of the interpreter, 5 ms by itself: how long an import keeps it from a visitor, at each of the hundreds of files of a page.
TURN_SECONDS = 0.0005
LONGEST_WAIT = 60.0  # seconds

_page_is_out = threading.Event()
_ended = threading.Event()
_starting = threading.Lock()  # held while a standby is started, which would else outlive its server
_done = threading.Event()
_done.set()  # what runs without a server has nothing to wait for


def page_is_out() -> None:
    """A page of this server has been sent."""
    _page_is_out.set()


def wait() -> None:
    """Return when the imports that a picture needs are done, at once where no server has begun any."""
    _done.wait(LONGEST_WAIT)


def begin(standby: Callable[[], None]) -> threading.Thread:
    """Start when the first page is out. standby: starts what waits for a training."""
    _page_is_out.clear()
    _ended.clear()
    _done.clear()
    thread = threading.Thread(target=_warm, args=(standby,), name="warming", daemon=True)
    thread.start()
    return thread


def end() -> None:
    """Begin nothing any more."""
    with _starting:
        _ended.set()
    _page_is_out.set()
    _done.set()


def _warm(standby: Callable[[], None]) -> None:
    if _page_is_out.wait(NOBODY_SECONDS):
        _ended.wait(PICTURE_SECONDS)
    with _starting:
        if _ended.is_set():
            return
        standby()
    with _short_turns():
        import_slowly()


@contextlib.contextmanager
def _short_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def import_slowly() -> None:
    """Import what pages want later, and the pages; one that is broken speaks up where it is needed, and a name may be no module.

    Streamlit collects garbage after every run of a script, at every tick and every answer. What the modules hold never is
    garbage, so it is set aside: looking through it each time took 0.2 s.
    """
    try:
        for name in (*SLOW_IMPORTS, *imports_of_pages(LAB / "pages")):
            with contextlib.suppress(Exception):
                importlib.import_module(name)
            if name == "vaelab.analysis.inspection":
                _done.set()  # the first page's pictures need no more
    finally:
        _done.set()
    gc.collect()
    gc.freeze()


def imports_of_pages(folder: Path) -> list[str]:
    """The modules of ours that the scripts of a folder import, each name once."""
    found: dict[str, None] = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("vaelab."):
                found |= dict.fromkeys((str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)))
    return list(found)
