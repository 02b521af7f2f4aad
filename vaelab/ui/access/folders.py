"""What a browser may ask of this computer's files. Every place where its words become a path asks here.

A server that only this computer reaches is its user's own. One that others reach, or one with roles, reads folders below
VAELAB_FOLDERS alone, and with roles for the teacher alone.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import streamlit as st

from vaelab.config.errors import DataError
from vaelab.ui.access.people import has_roles
from vaelab.ui.access.rules import asks

LOCAL = ("localhost", "127.0.0.1", "::1")  # addresses that no other computer reaches
MOST_CHARACTERS = 1000


def is_open() -> bool:
    """Whether other computers can reach this server."""
    return st.get_option("server.address") not in LOCAL


def allowed_roots() -> tuple[Path, ...]:
    """The folders of VAELAB_FOLDERS, separated as PATH is; none without it."""
    roots = []
    for text in os.environ.get("VAELAB_FOLDERS", "").split(os.pathsep):
        with contextlib.suppress(
            OSError, RuntimeError
        ):  # of a user that does not exist, or a circle of links: nothing lies below it
            roots += [Path(text).expanduser().resolve()] if text.strip() else []
    return tuple(roots)


@asks("name_folder")
def check_folder_words(words: str) -> str:
    """A folder's path as a browser typed it, stripped. Raises DataError for one that may not be read, without saying
    whether it exists; AccessError for a student.
    """
    text = words.strip()
    if len(text) > MOST_CHARACTERS or "\0" in text:
        raise DataError(f"a folder's path may have at most {MOST_CHARACTERS:,} characters; check the path")
    if not is_open() and not has_roles():
        return text
    try:
        path = Path(text).expanduser().resolve()
    except (OSError, RuntimeError):  # a user that does not exist, a circle of links
        path = None
    if path is None or not any(path.is_relative_to(root) for root in allowed_roots()):
        raise DataError(
            "this server is for several people, so it reads only folders below VAELAB_FOLDERS; "
            "upload a zip, or ask whoever started it to name the folder there"
        )
    return text
