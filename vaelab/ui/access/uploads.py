"""What people upload: counted against a session's and the server's limit, and gone when the session ends unless a run was trained on it.

A person's session lasts until PATIENCE after the last of their pages has gone, as Streamlit keeps a page whose connection is lost, so
that a reload ends nothing. Streamlit keeps an uploaded file in memory and drops it with its page; what is left to us is counting, and
the folders that zips are unpacked into. Used on a server with roles alone.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from vaelab.config.errors import AccessError, VaeLabError
from vaelab.data.folder import PREFIX
from vaelab.data.uploads import uploads_root
from vaelab.runs import store
from vaelab.runs.files import read_json
from vaelab.runs.limits import limits
from vaelab.runs.processes import ProcessIdentity
from vaelab.ui.access.people import Person

MB = 10**6
PATIENCE = 120.0  # seconds: the default of server.disconnectedSessionTTL
HELD = "session.json"  # in an unpacked zip's folder: the server whose session holds it; without this file it is kept
_log = logging.getLogger(__name__)


@dataclass
class _Stay:
    """What is known of a person while their session lasts. pages: None for one that is open, else when it went;
    taken: bytes uploaded so far; folders: of zips.
    """

    pages: dict[str, float | None] = field(default_factory=dict)
    taken: int = 0
    folders: set[Path] = field(default_factory=set)


class Uploads:
    """Everybody's uploads. patience: seconds that a page which has gone is waited for; clock: seconds that never go back.
    Safe from any thread.
    """

    def __init__(self, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience, self._clock = patience, clock
        self._lock = threading.Lock()
        self._of: dict[str, _Stay] = {}

    def opened(self, person: Person, page: str) -> None:
        """A page of theirs is open. page: Streamlit's name of its session."""
        with self._lock:
            self._of.setdefault(person.id, _Stay()).pages[page] = None

    def closed(self, page: str) -> None:
        """The connection of a page has gone; it may come back."""
        with self._lock:
            for stay in self._of.values():
                if page in stay.pages:
                    stay.pages[page] = self._clock()
        if self._patience:
            timer = threading.Timer(self._patience, self.sweep)
            timer.daemon = True
            timer.start()
        else:
            self.sweep()

    def sweep(self) -> None:
        """End the sessions whose last page has been gone for too long, and remove what they leave."""
        gone: set[Path] = set()
        with self._lock:
            now = self._clock()
            for person, stay in list(self._of.items()):
                for page, went in list(stay.pages.items()):
                    if went is not None and now - went >= self._patience:
                        del stay.pages[page]
                if not stay.pages:
                    gone |= self._of.pop(person).folders
            gone -= {folder for stay in self._of.values() for folder in stay.folders}
        for folder in gone:
            forget(folder)

    def taken(self, person: Person) -> int:
        """Bytes that a person has uploaded in this session."""
        with self._lock:
            stay = self._of.get(person.id)
            return stay.taken if stay else 0

    def left(self, person: Person) -> int:
        """Bytes that a person can upload still, as far as both limits go."""
        allowed = limits()
        with self._lock:
            server = allowed.all_megabytes * MB - sum(stay.taken for stay in self._of.values())
            stay = self._of.get(person.id)
            own = server if person.does_all else allowed.megabytes * MB - (stay.taken if stay else 0)
        return max(0, min(own, server))

    def add(self, person: Person, count: int) -> None:
        """Count bytes of an upload. Raises AccessError, and counts nothing, where they are more than is left."""
        allowed = limits()
        with self._lock:
            stay = self._of.setdefault(person.id, _Stay())
            if not person.does_all and stay.taken + count > allowed.megabytes * MB:
                raise AccessError(
                    f"you can upload at most {allowed.megabytes:,} MB in a session and have uploaded {stay.taken / MB:.1f} MB"
                    " (take a smaller picture, or ask the teacher for more)"
                )
            if sum(other.taken for other in self._of.values()) + count > allowed.all_megabytes * MB:
                raise AccessError(
                    f"this server takes at most {allowed.all_megabytes:,} MB of uploads at a time, of everybody together"
                    " (try again when others have left, or ask the teacher)"
                )
            stay.taken += count

    def hold(self, person: Person, name: str, *, is_new: bool) -> None:
        """Keep an unpacked zip for this person's session alone. name: its data set name, folder:PATH; is_new: whether it was not
        there before: what was kept stays kept.
        """
        folder = Path(name.removeprefix(PREFIX))
        with self._lock:
            if not is_new and not (folder / HELD).exists():
                return
            self._of.setdefault(person.id, _Stay()).folders.add(folder)
            identity = ProcessIdentity.mine()
            words = {"pid": identity.pid, "start_time": identity.start_time, "boot_id": identity.boot_id}
            (folder / HELD).write_text(json.dumps(words), encoding="utf-8")


UPLOADS = Uploads()


def trained_on(folder: Path) -> bool:
    """Whether a run on record was trained on the images of a folder."""
    name = f"{PREFIX}{folder}"
    for run in store.list_runs():
        try:
            if run.config().data.name == name:
                return True
        except VaeLabError:
            continue
    return False


def forget(folder: Path) -> None:
    """Remove an unpacked zip, or keep it for good where a run was trained on it."""
    try:
        if trained_on(folder):
            (folder / HELD).unlink(missing_ok=True)
        elif folder.parent == uploads_root().resolve():
            shutil.rmtree(folder)
    except OSError as error:
        _log.warning("an upload could not be removed: %s", error)


def forget_left_over() -> None:
    """Remove what sessions of a server that is gone have left; called when a server starts."""
    for file in uploads_root().resolve().glob(f"*/{HELD}"):
        said = read_json(file) or {}
        try:
            alive = ProcessIdentity(int(said["pid"]), said.get("start_time"), said.get("boot_id")).is_alive()
        except (KeyError, TypeError, ValueError):
            alive = False
        if not alive:
            forget(file.parent)
