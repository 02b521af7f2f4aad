"""Rooms: what a teacher shows, who hears it, and what is counted; each room by itself, nobody by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgi import Closed, connected
from streamlit.testing.v1 import AppTest

from vaelab.config.errors import RunError
from vaelab.ui.access import people, rules
from vaelab.ui.components import routes
from vaelab.ui.rooms import following, room_socket, rooms
from vaelab.ui.rooms.rooms import ENDS_SECONDS, MOST_ROOMS, Rooms, Shown

PASSWORD = "correct horse"
Z = {"model": "m", "z": [0.5, -1.0], "label": 0, "tab": "one"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(page: str = "decode", state: dict[str, Any] | None = None, **query: str) -> Shown:
    return Shown(page, query, state or {})


def test_what_is_shown_is_told_once_and_counted() -> None:
    here, told = Rooms(), []
    code = here.open("t")
    assert here.open("t") == code, "one room a teacher"
    here.listen(code, "page", told.append)
    here.show("t", shown(run="m"))
    here.show("t", shown(run="m"))
    assert told == ["shown"]
    here.show("t", shown("compare"))
    found = here.shown(code)
    assert found is not None
    assert (found.page, found.version) == ("compare", 2)
    here.unlisten(code, "page")
    here.show("t", shown("latent"))
    assert told == ["shown", "shown"]


def test_z_that_was_streamed_draws_no_page_anew_and_a_late_one_gets_it() -> None:
    here, told = Rooms(), []
    code = here.open("t")
    here.show("t", shown(run="m"))
    here.listen(code, "page", told.append)
    here.show("t", shown(run="m", z="1"))
    assert told == ["shown"], "nothing was streamed: a page has to be drawn"
    here.stream("t", "z", Z)
    here.show("t", shown(run="m", z="2", tab="grid"))
    assert told == ["shown", "z"]
    found = here.shown(code)
    assert found is not None
    assert found.query["z"] == "2"
    here.show("t", shown(run="other", z="2", tab="grid"))
    assert told == ["shown", "z", "shown"], "another model"


def test_rooms_do_not_see_each_other() -> None:
    here = Rooms()
    codes = [here.open(f"t{k}") for k in range(10)]
    assert len(set(codes)) == 10
    heard: dict[str, list[str]] = {code: [] for code in codes}
    for code in codes:
        here.listen(code, code, heard[code].append)
    here.join(codes[3], "ada")
    here.here(codes[3], "her page", "ada", follows=True)
    here.show("t3", shown("latent"))
    here.stream("t3", "z", Z)
    here.answer("ada", "learn_vae", "right")
    assert heard.pop(codes[3]) == ["counts", "shown", "z", "counts"]
    assert not any(heard.values())
    for code in heard:
        assert here.shown(code) is None
        assert here.streamed(code, "z") is None
        assert here.counts(code) == (0, 0)
        assert here.answers(code) == {}
    # Going over leaves nothing behind.
    here.join(codes[4], "ada")
    assert here.counts(codes[3]) == (0, 0)
    assert here.answers(codes[3]) == {}
    here.here(codes[3], "her page", "ada", follows=True)
    assert here.counts(codes[3]) == (0, 0)


def test_codes_of_several_servers_tell_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not rooms.is_elsewhere("BCDEFG"), "there is one server"
    monkeypatch.setenv(rooms.SERVER, "a")
    code = Rooms().open("t")
    assert code[0] == "A"
    assert len(code) == rooms.CODE_LENGTH
    assert not rooms.is_elsewhere(code)
    assert rooms.is_elsewhere("BCDEFG")
    assert not rooms.is_elsewhere("B](evil")
    monkeypatch.setenv(rooms.SERVER, "two")
    assert rooms.server_letter() == ""


def test_people_count_once_however_many_pages_they_have() -> None:
    here = Rooms()
    code = here.open("t")
    for who in ("ada", "ben"):
        assert here.join(code, who)
    here.here(code, 1, "ada", follows=True)
    here.here(code, 2, "ada", follows=False)
    here.here(code, 3, "ben", follows=False)
    here.here(code, 4, "stranger", follows=True)
    assert here.counts(code) == (1, 1)
    here.unlisten(code, 1)
    assert here.counts(code) == (0, 2)
    for who, guess in (("ada", "a"), ("ben", "b"), ("ada", "b"), ("stranger", "b")):
        here.answer(who, "learn_vae", guess)
    assert here.answers(code) == {"learn_vae": {"b": 2}}
    here.answer("ben", "learn_vae", None)
    assert here.answers(code) == {"learn_vae": {"b": 1}}
    here.leave("ada")
    assert here.answers(code) == {}
    assert here.counts(code) == (0, 1)


def test_a_room_ends_by_itself_and_there_is_a_limit() -> None:
    clock = Clock()
    here, told = Rooms(clock), []
    code = here.open("t")
    here.listen(code, "page", told.append)
    here.join(code, "ada")
    clock.now = ENDS_SECONDS + 1
    here.open("other")
    assert told[-1] == "over"
    assert here.joined("ada") is None
    for k in range(MOST_ROOMS - 1):
        here.open(f"t{k}")
    with pytest.raises(RunError, match="rooms already"):
        here.open("one more")
    assert not here.join("NOROOM", "ada")
    assert not here.join(here.open("other"), ""), "nobody is nobody's guest"


# ---- the WebSocket


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, places: None) -> Rooms:
    found = Rooms()
    monkeypatch.setenv(people.PASSWORD, PASSWORD)
    monkeypatch.setattr(room_socket, "ROOMS", found)
    return found


Cookies = dict[str, str]


def somebody(*, teacher: bool = False) -> tuple[people.Person, Cookies]:
    """Somebody new, and the cookies of their browser."""
    made, word = people.new_person()
    cookies = {people.PERSON_COOKIE: word}
    if teacher:
        cookies[people.TEACHER_COOKIE] = people.sign_in(made)
        made = people.Person("teacher", made.id)
    return made, cookies


def talk(cookies: Cookies, **headers: str) -> Any:
    """A page's WebSocket."""
    given = tuple((name.encode(), value.encode()) for name, value in headers.items())
    return connected(list(room_socket.room_routes()), "/vaelab/room", cookies, given)


@pytest.fixture
def desk(here: Rooms) -> tuple[people.Person, Cookies]:
    """A teacher with an open room."""
    who, cookies = somebody(teacher=True)
    here.open(who.tag)
    return who, cookies


@pytest.fixture
def seat(here: Rooms, desk: tuple[people.Person, Cookies]) -> Cookies:
    """A student in that room."""
    who, cookies = somebody()
    assert here.join(here.owned(desk[0].tag) or "", who.tag)
    return cookies


def hear(socket: Any, kind: str) -> Any:
    """The next message of a kind."""
    while True:
        told = json.loads(socket.receive())
        if kind in told:
            return told[kind]


def test_the_teachers_z_and_pointer_reach_students_and_the_count_the_teacher(desk: Any, seat: Cookies) -> None:
    with talk(desk[1]) as teacher:
        assert hear(teacher, "counts") == [0, 0]
        teacher.send(json.dumps({"z": Z}))
        with talk(seat) as student:
            assert hear(student, "shown") is None
            student.send('{"follows": true}')
            assert hear(teacher, "counts") == [1, 0]
            assert hear(student, "z") == Z
            teacher.send('{"pointer": {"at": "st-key-a", "x": 0.5, "y": 0.25}}')
            while hear(student, "pointer") is None:
                pass
            student.send('{"follows": false}')
            assert hear(teacher, "counts") == [0, 1]
        assert hear(teacher, "counts") == [0, 0]


@pytest.mark.parametrize(
    "text",
    ['{"z": 1}', "[]", "{}", "x", '{"pointer": {"at": "a", "x": NaN, "y": 0}}', "[" * 60_000, '{"follows": 1}', '{"z": null, "follows": true}',
     json.dumps({"z": {**Z, "z": [10**400]}}), json.dumps({"z": {**Z, "model": "m" * 300}}), json.dumps({"z": {**Z, "z": [0.0] * 5000}})],
    ids=range(11),
)  # fmt: skip
def test_what_is_not_of_the_protocol_ends_the_talk(text: str, here: Rooms, desk: Any, seat: Cookies) -> None:
    for cookies in (desk[1], seat):
        with talk(cookies) as socket:
            socket.send(text)
            with pytest.raises(Closed):
                hear(socket, "nothing")
    assert here.streamed(here.owned(desk[0].tag) or "", "z") is None


def test_a_student_shows_nothing_and_a_teacher_who_signed_out_neither(here: Rooms, desk: Any, seat: Cookies) -> None:
    with talk(seat) as student, talk(desk[1]) as teacher:
        people.sign_out(desk[1])
        for socket in (student, teacher):
            socket.send(json.dumps({"z": Z}))
            with pytest.raises(Closed):
                hear(socket, "nothing")
    assert here.streamed(here.owned(desk[0].tag) or "", "z") is None


def test_only_members_from_this_address_are_let_in(seat: Cookies, monkeypatch: pytest.MonkeyPatch) -> None:
    with talk(somebody()[1]) as socket, pytest.raises(Closed) as closed:
        socket.receive()
    assert closed.value.code == room_socket.NO_ROOM
    with talk(seat, origin="http://localhost") as socket:
        assert hear(socket, "shown") is None
    for origin in ("http://evil.example", "null", "http://localhost.evil.example"):
        with pytest.raises(Closed), talk(seat, origin=origin):
            pass
    asked: list[str] = []
    monkeypatch.setattr(routes, "may", lambda action, **_: bool(asked.append(action)))
    with pytest.raises(Closed), talk(seat):
        pass
    assert asked == ["follow_room"]


def test_the_end_of_a_room_is_told(here: Rooms, desk: Any, seat: Cookies) -> None:
    with talk(seat) as student:
        hear(student, "shown")
        here.close(desk[0].tag)
        assert hear(student, "over") is True


# ---- the pages


def test_a_page_takes_over_what_another_one_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lesson's choices as one session holds them, put into another that had others: afterwards both tell the same."""
    here = Rooms()
    monkeypatch.setattr(following, "ROOMS", here)
    monkeypatch.setattr(following, "current", lambda: people.Person("student", "a"))
    code = here.open("t")
    here.join(code, people.Person("student", "a").tag)

    def script() -> None:
        import streamlit as st

        from vaelab.ui import share
        from vaelab.ui.pages import page
        from vaelab.ui.rooms import following as tried

        entry = page("learn_vae")
        assert entry is not None
        if st.session_state.pop("wanted", False):
            tried.catch_up(entry)
        st.slider("beta", 0.0, 4.0, 1.0, key="vae_beta")
        st.toggle("open", key="vae_open")
        st.segmented_control("pick", ["a", "b"], key="vae_pick")
        st.button("press", key="vae_press")
        st.session_state["other_page"] = 3
        share.fitted("learn_vae")  # as after every page
        st.session_state["shown"] = tried.shown_now("learn_vae")

    teacher, student = (AppTest.from_function(script, default_timeout=600) for _ in range(2))
    teacher.run().slider(key="vae_beta").set_value(2.5).run()
    teacher.button(key="vae_press").click().run()
    teacher.run()
    student.run().toggle(key="vae_open").set_value(True)
    student.button_group[0].set_value("b")
    student.run()
    assert student.session_state["shown"] != teacher.session_state["shown"]
    here.show("t", teacher.session_state["shown"])
    student.session_state["wanted"] = True
    student.run()
    assert not student.exception
    assert student.session_state["shown"] == teacher.session_state["shown"]
    assert student.slider(key="vae_beta").value == 2.5
    assert student.toggle(key="vae_open").value is False
    assert student.session_state[following.APPLIED] == 1


def test_a_room_is_the_teachers_to_open() -> None:
    assert rules.ACTIONS["open_room"] == "teacher"
    assert set(rooms.LETTERS).isdisjoint("IL0O1")
