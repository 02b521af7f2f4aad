"""Who asks: the one person of a server without roles, else a student or the teacher, told by cookies that this server signed.

The cookie `vaelab_person` is a random word that tells one browser from another; runs and uploads belong to it. `vaelab_teacher` is added
by the sign-in page; it is bound to that browser, ends after TEACHER_SECONDS, at a sign-out and when the server starts anew.
Where Streamlit's own login is set up (st.login, OpenID Connect), who is listed in VAELAB_TEACHERS is a teacher too.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import streamlit as st
from starlette.requests import HTTPConnection

from vaelab.runs.owner import Owner
from vaelab.ui.access.keys import OF_THIS_START, kept_key, signed, unsigned

Role = Literal["alone", "teacher", "student"]

PASSWORD = "VAELAB_TEACHER_PASSWORD"
TEACHERS = "VAELAB_TEACHERS"
PERSON_COOKIE, TEACHER_COOKIE = "vaelab_person", "vaelab_teacher"
PERSON_SECONDS = 180 * 24 * 3600
TEACHER_SECONDS = 12 * 3600  # a school day
VISITOR = "visitor"  # in the session: who comes without a cookie is somebody for as long as the session lives
TAG_LENGTH = 16


@dataclass(frozen=True)
class Person:
    """Who asks. id: the word of the browser, empty where nobody is known; it is a secret, `tag` is what runs are marked with."""

    role: Role
    id: str = ""

    @property
    def tag(self) -> str:
        """What stands for the person in files; it leads back to no cookie. Empty for who is not known, who owns nothing."""
        return hashlib.sha256(self.id.encode()).hexdigest()[:TAG_LENGTH] if self.id else ""

    @property
    def does_all(self) -> bool:
        """Whether nothing is kept from this person."""
        return self.role != "student"

    def owns(self, owner: Owner) -> bool:
        """Whether something that belongs to `owner` is this student's."""
        return bool(self.tag) and owner.tag == self.tag


ALONE = Person("alone")


def has_password() -> bool:
    """Whether a teacher's password is set."""
    return bool(os.environ.get(PASSWORD))


@cache
def has_login() -> bool:
    """Whether Streamlit's own login is set up, by a section [auth] of its secrets. Read once: secrets are there before the server is."""
    return bool(st.secrets.load_if_toml_exists()) and "auth" in st.secrets


def has_roles() -> bool:
    """Whether this server tells a teacher from students; else it is one person's instrument."""
    return has_password() or has_login()


def current() -> Person:
    """Who looks at the page that runs now."""
    if not has_roles():
        return ALONE
    person = of_cookies(_session_cookies())
    if not person.id:
        person = Person("student", st.session_state.setdefault(VISITOR, secrets.token_urlsafe(16)))
    if person.role == "student" and _logged_in_teacher():
        return Person("teacher", person.id)
    return person


def _session_cookies() -> Mapping[str, str]:
    """The cookies that the session's browser came with, those no script can read among them."""
    return st.context.cookies


def _logged_in_teacher() -> bool:
    """Whether the session is logged in by Streamlit's own login, as somebody whom VAELAB_TEACHERS lists."""
    return has_login() and is_teacher(st.user.to_dict())


def is_teacher(user: Mapping[str, Any]) -> bool:
    """Whether a logged-in user is listed in VAELAB_TEACHERS. An address that the provider calls unverified is nobody's."""
    listed = {name.strip().lower() for name in os.environ.get(TEACHERS, "").split(",") if name.strip()}
    email = user.get("email")
    known = bool(user.get("is_logged_in")) and user.get("email_verified", True) in (True, "true")
    return known and isinstance(email, str) and email.strip().lower() in listed


def of_request(request: HTTPConnection) -> Person:
    """Who sends a request to one of our routes."""
    if not has_roles():
        return ALONE
    person = of_cookies(request.cookies)
    if person.role == "student" and person.id and person.id in _logged_in_browsers():
        return Person("teacher", person.id)
    return person


def of_cookies(cookies: Mapping[str, str]) -> Person:
    """The person whose cookies these are; a student without a word where they are not ours."""
    word = unsigned(cookies.get(PERSON_COOKIE, ""), kept_key())
    if not word:
        return Person("student")
    return Person("teacher" if _sign_in_of(cookies, word) else "student", word)


def new_person() -> tuple[Person, str]:
    """Somebody who was never here, and what the cookie holds."""
    word = secrets.token_urlsafe(16)
    return Person("student", word), signed(word, kept_key())


def sign_in(person: Person) -> str:
    """What the teacher's cookie holds for this browser. Whoever calls has seen the password."""
    return signed(f"{secrets.token_urlsafe(16)}.{int(time.time()) + TEACHER_SECONDS}", _bound(person.id))


def _bound(word: str) -> bytes:
    """The key for one browser's teacher's cookie: of no use in another one, nor after the password has changed."""
    return hashlib.sha256(OF_THIS_START + os.environ.get(PASSWORD, "").encode() + b"\0" + word.encode()).digest()


_gone: dict[str, float] = {}  # sign-ins that were ended, and when they would have ended by themselves
_gone_lock = threading.Lock()


def _sign_in_of(cookies: Mapping[str, str], word: str) -> str | None:
    """The sign-in that a teacher's cookie names, where it holds now."""
    told = unsigned(cookies.get(TEACHER_COOKIE, ""), _bound(word)) if has_password() else None
    if told is None:
        return None
    name, _, ends = told.rpartition(".")
    return name if int(ends) > time.time() and name not in _gone else None


def sign_out(cookies: Mapping[str, str]) -> None:
    """End a sign-in: from now on its cookie is worth nothing, in every tab and wherever it was copied to."""
    word = unsigned(cookies.get(PERSON_COOKIE, ""), kept_key())
    name = _sign_in_of(cookies, word) if word else None
    if name is None:
        return
    now = time.time()
    with _gone_lock:
        for old in [old for old, ends in _gone.items() if ends < now]:
            del _gone[old]
        _gone[name] = now + TEACHER_SECONDS


def sign_out_here() -> None:
    """End the sign-in of the session that runs now."""
    sign_out(_session_cookies())


_logged_in: dict[str, str] = {}  # session: the word of its browser, for sessions that are logged in as a teacher
_logged_in_lock = threading.Lock()


def note_login(session: str, person: Person) -> None:
    """Remember for the routes, which see no login, whose browser is logged in; called by every run of a page."""
    with _logged_in_lock:
        if person.role == "teacher" and person.id and _logged_in_teacher():
            _logged_in[session] = person.id
        else:
            _logged_in.pop(session, None)


def forget_session(session: str) -> None:
    """A session has ended."""
    with _logged_in_lock:
        _logged_in.pop(session, None)


def _logged_in_browsers() -> set[str]:
    with _logged_in_lock:
        return set(_logged_in.values())
