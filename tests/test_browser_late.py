"""A server whose answers come late: what is asked for meanwhile is answered, and the page stays alive."""

from __future__ import annotations

from typing import Any

import pytest
from decode_browser import quiet
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from test_browser_latent import PLOT, open_map, ready

pytestmark = pytest.mark.browser


def test_points_chosen_to_and_fro_before_an_answer_comes(page, digits_app):
    """Streamlit told an element by its hash that the browser had forgotten by then: "Connection error", and nothing answered."""
    late: list[tuple[Any, Any]] = []
    server = {"is_late": False, "ends": 0}

    def between(browser: Any) -> None:
        def came(message: Any) -> None:
            server["ends"] += ForwardMsg.FromString(message).HasField("script_finished")
            if server["is_late"]:
                late.append((browser, message))
            else:
                browser.send(message)

        browser.connect_to_server().on_message(came)

    page.route_web_socket("**/_stcore/stream", between)
    open_map(page, digits_app)
    ready(page)
    quiet(page)
    app = page.get_by_test_id("stApp")

    def choose(row: int) -> None:
        ends = server["ends"]
        page.evaluate(f"(row) => ({PLOT.removesuffix('.plot')}).choose(row)", row)  # as a click on its point does
        while server["ends"] == ends:
            assert app.get_attribute("data-test-connection-state") == "CONNECTED"
            page.wait_for_timeout(20)

    for row in (0, 1):
        choose(row)
    quiet(page)
    server["is_late"] = True
    for row in (2, 0):
        choose(row)
    server["is_late"] = False
    for browser, message in late:
        browser.send(message)
    for row in (1, 2):  # asked for when all of that has arrived, at the latest with the second
        choose(row)
