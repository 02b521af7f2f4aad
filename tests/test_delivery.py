"""A page ends when all of it has been sent, so that the next run of a fragment drops nothing of it."""

from __future__ import annotations

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

from vaelab.ui import delivery


class Server:
    """An event loop of its own, one session, and a queue that is sent when the test says so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.queue = ForwardMsgQueue()
        self.arrived = False
        self.may_arrive = threading.Event()
        self.may_arrive.set()
        session = SimpleNamespace(_event_loop=self.loop, _browser_queue=self.queue)
        self.manager = SimpleNamespace(get_active_session_info=lambda _: SimpleNamespace(session=session))
        monkeypatch.setattr(delivery, "get_script_run_ctx", lambda: SimpleNamespace(session_id="one"))
        monkeypatch.setattr(delivery.runtime, "exists", lambda: True)
        monkeypatch.setattr(delivery.runtime, "get_instance", lambda: SimpleNamespace(_session_mgr=self.manager))

    def emit(self) -> None:
        """As a script does: an element reaches the queue by the server's loop, a moment later."""

        def slow() -> None:
            time.sleep(0.05)
            self.may_arrive.wait()
            message = ForwardMsg()
            message.delta.new_element.text.body = "a chart"
            self.queue.enqueue(message)
            self.arrived = True

        self.loop.call_soon_threadsafe(slow)

    def close(self) -> None:
        self.may_arrive.set()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    server = Server(monkeypatch)
    yield server
    server.close()


def test_waits_for_what_is_on_its_way_to_the_queue(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 1e3)
    sent: list[ForwardMsg] = []

    def send() -> None:
        while not sent:
            sent.extend(server.queue.flush())

    sender = threading.Thread(target=send)
    server.emit()
    sender.start()
    delivery.wait_until_sent()
    assert server.arrived
    sender.join()
    assert [message.delta.new_element.text.body for message in sent] == ["a chart"]


def test_a_browser_that_has_gone_holds_nothing_up_for_long(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 0.2)
    server.emit()
    delivery.wait_until_sent()
    while not server.arrived:  # on a busy machine the loop comes later than that
        time.sleep(0.01)
    assert not server.queue.is_empty()


def test_a_page_whose_browser_has_closed_it_ends(server: Server) -> None:
    server.may_arrive.clear()
    server.emit()
    server.manager.get_active_session_info = lambda _: None
    delivery.wait_until_sent()
    assert not server.arrived


def test_returns_outside_a_server() -> None:
    delivery.wait_until_sent()


def test_streamlit_still_has_what_this_looks_at() -> None:
    """A newer Streamlit that renames them fails here and not in a class."""
    made = AppSession.__init__.__code__.co_names
    assert "_browser_queue" in made
    assert "_event_loop" in made
    assert "_session_mgr" in Runtime.__init__.__code__.co_names
