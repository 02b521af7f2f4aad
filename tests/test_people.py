"""Cookies, passwords and logins: what makes somebody the teacher, and what does not."""

from __future__ import annotations

import base64
import re
import stat
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from asgi import ask
from starlette.requests import HTTPConnection

from vaelab.config.errors import RunError
from vaelab.ui.access import keys, people, sign_in, tries
from vaelab.ui.access.people import PASSWORD, PERSON_COOKIE, TEACHER_COOKIE
from vaelab.ui.access.tries import Tries, is_same
from vaelab.ui.components import routes
from vaelab.ui.text import strings

SECRET = "correct horse"
PAGE = "vaelab/sign-in?lang=en&back=train%3Frun%3Da"


@pytest.fixture(autouse=True)
def roles(places: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(PASSWORD, SECRET)
    monkeypatch.setattr(people, "_gone", {})
    monkeypatch.setattr(sign_in, "TRIES", Tries())
    keys._kept.cache_clear()
    yield
    keys._kept.cache_clear()


def jar(*lines: str) -> dict[str, str]:
    """The cookies of Set-Cookie lines."""
    found: dict[str, str] = {}
    for line in lines:
        made = SimpleCookie(line)
        found |= {name: morsel.value for name, morsel in made.items()}
    return found


def header(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def newcomer() -> dict[str, str]:
    return {PERSON_COOKIE: people.new_person()[1]}


def enter(cookies: dict[str, str], password: str = SECRET, page: str = PAGE, address: str = "10.0.0.1"):
    return ask("POST", page, cookies=header(cookies), body=f"password={password}".encode(), address=address)


# ---- cookies


def test_a_person_is_who_this_server_made() -> None:
    person, word = people.new_person()
    assert people.of_cookies({PERSON_COOKIE: word}) == person
    for bad in (
        "",
        ".",
        "x",
        word[:-1] + ("0" if word[-1] != "0" else "1"),
        word.replace(".", "x."),
        word.split(".")[0],
        word + "é",
    ):
        assert people.of_cookies({PERSON_COOKIE: bad}).id == ""
    assert person.tag not in word
    assert len(person.tag) == 16


def test_the_key_outlives_the_server_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    person, word = people.new_person()
    file = tmp_path / "runs" / ".access" / "key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["key"]
    keys._kept.cache_clear()  # as a new process
    assert people.of_cookies({PERSON_COOKIE: word}) == person
    file.chmod(0o644)
    keys._kept.cache_clear()
    keys.kept_key()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"short")
    keys._kept.cache_clear()
    with pytest.raises(RunError, match="must hold 32 bytes"):
        keys.kept_key()


def test_a_teachers_cookie_is_for_one_browser_one_start_one_password(monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = newcomer(), newcomer()
    signed = people.sign_in(people.of_cookies(mine))
    assert people.of_cookies(mine | {TEACHER_COOKIE: signed}).role == "teacher"
    assert people.of_cookies(other | {TEACHER_COOKIE: signed}).role == "student"
    assert people.of_cookies({TEACHER_COOKIE: signed}).role == "student"
    words, _, signature = signed.rpartition(".")
    name, _, ends = words.rpartition(".")
    assert people.of_cookies(mine | {TEACHER_COOKIE: f"{name}.{int(ends) + 9}.{signature}"}).role == "student"
    with monkeypatch.context() as patch:
        patch.setenv(PASSWORD, "another")
        assert people.of_cookies(mine | {TEACHER_COOKIE: signed}).role == "student"
    with monkeypatch.context() as patch:
        patch.setattr(people, "OF_THIS_START", b"x" * 32)
        assert people.of_cookies(mine | {TEACHER_COOKIE: signed}).role == "student"
    with monkeypatch.context() as patch:
        patch.setattr(people.time, "time", lambda: int(ends) + 1)
        assert people.of_cookies(mine | {TEACHER_COOKIE: signed}).role == "student"
    people.sign_out(mine | {TEACHER_COOKIE: signed})
    assert people.of_cookies(mine | {TEACHER_COOKIE: signed}).role == "student"


def test_without_a_password_nobody_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = newcomer()
    monkeypatch.delenv(PASSWORD)
    assert people.of_request(HTTPConnection({"type": "http", "headers": []})) is people.ALONE
    for method, body in (("GET", b""), ("POST", b"password=")):
        answer = ask(method, PAGE, cookies=header(mine), body=body)
        assert (answer.status, answer.headers["location"], answer.cookies) == (303, "/", [])
    monkeypatch.setenv(PASSWORD, "")
    assert not people.has_password()


# ---- the page


def test_the_right_password_gives_the_cookie_and_the_page_one_came_from() -> None:
    mine = newcomer()
    answer = enter(mine)
    assert (answer.status, answer.headers["location"]) == (303, "/train?run=a")
    assert len(answer.cookies) == 1
    assert re.search(r"HttpOnly", answer.cookies[0])
    assert re.search(r"SameSite=strict", answer.cookies[0], re.IGNORECASE)
    assert "Secure" not in answer.cookies[0]
    assert people.of_cookies(mine | jar(*answer.cookies)).role == "teacher"
    assert answer.headers["cache-control"] == "no-store"


def test_a_browser_without_a_cookie_gets_both() -> None:
    answer = enter({})
    assert people.of_cookies(jar(*answer.cookies)).role == "teacher"


def test_behind_https_the_cookies_are_for_https_alone() -> None:
    answer = ask("POST", PAGE, body=f"password={SECRET}".encode(), headers=((b"x-forwarded-proto", b"https"),))
    assert len(answer.cookies) == 2
    assert all("Secure" in line for line in answer.cookies)


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "%2F%2Fevil.example", "a/b", "x\r\nSet-Cookie: a=b", "学", "a" * 3000,
    ],
)  # fmt: skip
def test_a_sign_in_leads_to_pages_of_the_app_alone(back: str) -> None:
    from urllib.parse import urlencode

    answer = enter(newcomer(), page=f"vaelab/sign-in?{urlencode({'back': back})}")
    assert answer.status == 303
    own = {
        "//evil.example": "/evil.example",
        "%2F%2Fevil.example": "/%2F%2Fevil.example",
    }  # pages of this server, which it lacks
    assert answer.headers["location"] == own.get(back, "/")


@pytest.mark.parametrize(
    "body", [b"", b"password=", b"password=wrong", b"password=%00", b"password=%ff", b"pass=correct+horse", b"x" * 9000]
)
def test_anything_else_is_refused(body: bytes) -> None:
    answer = ask("POST", PAGE, cookies=header(newcomer()), body=body)
    assert answer.status in (401, 413)
    assert answer.cookies == []
    assert b"This is not the password." in answer.body


def test_the_page_is_whole_in_both_languages_and_keeps_words_as_text() -> None:
    for lang in ("en", "zh"):
        answer = ask("GET", f"vaelab/sign-in?lang={lang}&theme=dark&back=%22%3E%3Cscript%3E")
        text = answer.body.decode()
        assert strings(lang, "classroom")["sign_in_title"] in text
        assert "{{" not in text
        assert "<script" not in text
        assert "color-scheme:dark" in text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


# ---- tries


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_wrong_tries_wait_longer_and_longer() -> None:
    clock = Clock()
    counted = Tries(clock)
    for _ in range(tries.FREE - 1):
        assert counted.attempt("a", lambda: False) == 0
    assert counted.attempt("a", lambda: False) == tries.FIRST_WAIT
    assert counted.attempt("a", lambda: True) == tries.FIRST_WAIT, "while there is a wait, the right one says nothing"
    assert counted.attempt("b", lambda: True) is None, "another address does not wait"
    clock.now += tries.FIRST_WAIT
    assert counted.attempt("a", lambda: False) == 2 * tries.FIRST_WAIT
    for _ in range(40):
        clock.now += tries.LONGEST_WAIT
        assert (counted.attempt("a", lambda: False) or 0) <= tries.LONGEST_WAIT
    clock.now += tries.LONGEST_WAIT
    assert counted.attempt("a", lambda: True) is None
    assert counted.attempt("a", lambda: False) == 0, "a right one begins anew"


def test_many_addresses_together_wait_too() -> None:
    clock = Clock()
    counted = Tries(clock)
    asked = 0
    for k in range(10 * tries.ALL_WRONG):
        before = len(counted._all)
        counted.attempt(f"address {k}", lambda: False)
        asked += len(counted._all) > before
    assert asked == tries.ALL_WRONG
    assert (counted.attempt("new", lambda: True) or 0) > 0
    clock.now += tries.ALL_SECONDS
    assert counted.attempt("new", lambda: True) is None


def test_addresses_are_forgotten() -> None:
    clock = Clock()
    counted = Tries(clock)
    for k in range(tries.ADDRESSES + 50):
        clock.now += tries.ALL_SECONDS
        counted.attempt(str(k), lambda: False)
    assert len(counted._of) == tries.ADDRESSES


def test_the_page_tells_how_long_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "FIRST_WAIT", 200.0)  # seconds, as if the tries came quickly one after another
    mine = newcomer()
    answers = [enter(mine, "wrong") for _ in range(tries.FREE + 1)]
    assert [a.status for a in answers] == [401] * (tries.FREE - 1) + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert b"Too many wrong tries" in answers[-1].body
    assert enter(mine).status == 429
    assert enter(mine, address="10.0.0.2").status == 303


def test_passwords_are_compared_whole() -> None:
    assert is_same("päss", "päss")
    assert not is_same("pass", "pass ")
    assert not is_same("", "pass")
    assert is_same("\ud800", "\ud800")


# ---- Streamlit's own login


@pytest.mark.parametrize(
    ("user", "listed", "is_teacher"),
    [
        ({"is_logged_in": True, "email": "Ada@School.example"}, "ada@school.example, b@x", True),
        ({"is_logged_in": True, "email": "ada@school.example", "email_verified": True}, "ada@school.example", True),
        ({"is_logged_in": True, "email": "ada@school.example", "email_verified": False}, "ada@school.example", False),
        ({"is_logged_in": False, "email": "ada@school.example"}, "ada@school.example", False),
        ({"email": "ada@school.example"}, "ada@school.example", False),
        ({"is_logged_in": True, "email": "eve@school.example"}, "ada@school.example", False),
        ({"is_logged_in": True, "email": ""}, " , ", False),
        ({"is_logged_in": True}, "", False),
        ({"is_logged_in": True, "email": ["ada@school.example"]}, "ada@school.example", False),
    ],
)
def test_a_logged_in_user_is_a_teacher_only_when_listed(
    user: dict[str, object], listed: str, is_teacher: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(people.TEACHERS, listed)
    assert people.is_teacher(user) is is_teacher


def test_a_route_knows_the_browser_that_is_logged_in_until_its_page_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    person, word = people.new_person()
    request = HTTPConnection({"type": "http", "headers": [(b"cookie", f"{PERSON_COOKIE}={word}".encode())]})
    assert people.of_request(request).role == "student"
    monkeypatch.setattr(people, "_logged_in_teacher", lambda: True)
    people.note_login("session", people.Person("teacher", person.id))
    assert people.of_request(request).role == "teacher"
    people.forget_session("session")
    assert people.of_request(request).role == "student"


def test_the_signature_is_hmac_sha256() -> None:
    import hashlib
    import hmac

    assert keys.signed("a", b"k") == "a." + hmac.new(b"k", b"a", hashlib.sha256).hexdigest()
    assert keys.unsigned(keys.signed("a.b", b"k"), b"k") == "a.b"
    assert base64.b64encode(keys.OF_THIS_START) != base64.b64encode(bytes(32))
    assert routes.base_path() == "/"
