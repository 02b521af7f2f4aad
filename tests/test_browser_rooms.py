"""A teacher shows, students follow: page, model, z and a lesson's choices; a touch frees, a button returns, a late one catches up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vaelab.cli.bench.app_server import running_app

pytestmark = pytest.mark.browser

PASSWORD = "correct horse"
FIRST = "input[data-dim]"  # sliders of the Decode page, the most used dimension first


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with running_app(tmp_path / "runs", VAELAB_TEACHER_PASSWORD=PASSWORD, VAELAB_DATA=str(tmp_path / "data")) as found:
        yield found


def open_room(teacher: Any, address: str) -> str:
    """Sign in and open a room; its code."""
    teacher.goto(f"{address}/classroom?lang=en", wait_until="commit")
    teacher.locator("a.vl-sign-in").click()
    teacher.fill("#password", PASSWORD)
    teacher.locator("form button").click()
    teacher.locator(".st-key-room_open button").first.click()
    told = teacher.locator(".room .room-code")
    told.wait_for()
    found = re.fullmatch(r"Room ([A-Z2-9]{6})", told.inner_text())
    assert found, told.inner_text()
    assert teacher.locator(".st-key-room_panel img").get_attribute("alt") == "QR picture of the link"
    return found[1]


def show(teacher: Any, link: str) -> None:
    """Go to another page by the menu, as a hand does: the session stays."""
    teacher.get_by_role("link", name=link, exact=True).first.click()


def at(page: Any, name: str) -> None:
    page.wait_for_function("name => location.pathname.endsWith(`/${name}`)", arg=name)


def says(page: Any, words: str) -> None:
    page.locator(".room").get_by_text(words).wait_for()


def position(page: Any) -> str:
    return str(page.locator(FIRST).first.input_value())


@pytest.mark.slow  # two browsers for a minute; test_rooms.py has each of its parts without one
def test_students_follow_are_free_and_come_back(new_page: Any, address: str) -> None:
    teacher, ada = new_page(), new_page()
    code = open_room(teacher, address)
    show(teacher, "Decode")
    teacher.locator(FIRST).first.wait_for()
    ada.goto(f"{address}/?room={code.lower()}&lang=zh", wait_until="commit")
    at(ada, "decode")  # a late one catches up, in the own language
    says(ada, "你的页面正跟着老师")
    assert "lang=zh" in ada.url
    says(teacher, "Following: 1 · by themselves: 0")

    # z while the teacher's hand is still on it: no address has changed, and no page was drawn anew.
    ada.locator(FIRST).first.wait_for()
    before, mark = ada.url, "document.querySelector('.st-key-decode_view').dataset.seen"
    ada.evaluate(f"{mark} = 'yes'")
    knob = teacher.locator(FIRST).first.bounding_box()
    teacher.mouse.move(knob["x"] + knob["width"] * 0.5, knob["y"] + knob["height"] / 2)
    teacher.mouse.down()
    teacher.mouse.move(knob["x"] + knob["width"] * 0.9, knob["y"] + knob["height"] / 2, steps=5)
    ada.wait_for_function(
        f"value => document.querySelector('.st-key-decode_view div')"
        f" && [...document.querySelectorAll('*')].some(e => e.shadowRoot?.querySelector('{FIRST}')?.value === value)",
        arg=position(teacher),
    )
    assert ada.url == before
    assert ada.evaluate(mark) == "yes"
    teacher.mouse.up()

    # Another page, then a hand laid on the own one.
    show(teacher, "Compare")
    at(ada, "compare")
    ada.locator("h3").first.click()
    says(ada, "你正在自己操作")
    says(teacher, "Following: 0 · by themselves: 1")
    show(teacher, "Latent space")
    at(teacher, "latent")
    teacher.locator(".st-key-latent_colour").wait_for()
    assert "/compare" in ada.url, "free hands"
    ada.reload(wait_until="commit")
    says(ada, "你正在自己操作")
    ada.get_by_role("button", name="回到老师那里").click()
    at(ada, "latent")
    says(ada, "你的页面正跟着老师")

    # Both reload; then a lesson, its choices and its question.
    ada.reload(wait_until="commit")
    says(ada, "你的页面正跟着老师")
    teacher.reload(wait_until="commit")
    says(teacher, "Following: 1 · by themselves: 0")
    teacher.goto(f"{address}/learn_kinds?lang=en", wait_until="commit")
    at(ada, "learn_kinds")
    says(teacher, "Predicted in this lesson: 0")
    teacher.locator(".st-key-lesson_stage").get_by_role("radio", name="Ask").click()
    ada.locator(".st-key-lesson_stage").get_by_role("radio", name="提问", checked=True).wait_for()
    ada.locator(".st-key-lesson_question [role=radiogroup] label").first.click()
    ada.locator(".st-key-lesson_question button").first.click()
    says(teacher, "Predicted in this lesson: 1")
    assert teacher.locator(".room .room-answers").count() == 0, "not before the teacher asks for it"
    teacher.get_by_role("button", name="Show the predictions").click()
    assert teacher.locator(".room .room-answers li").count() == 1

    # The room ends, and the pages stay.
    teacher.goto(f"{address}/classroom?lang=en", wait_until="commit")
    teacher.locator(".st-key-room_close button").first.click()
    says(ada, "老师关闭了房间")
