"""The theme that a run tells its browser: read once, and word for word what Streamlit would tell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from vaelab.ui import theme_once

STREAMLITS = app_session._populate_theme_msg
PARTS = ("theme", "theme.light", "theme.dark", "theme.sidebar", "theme.light.sidebar", "theme.dark.sidebar")


def told(fill: theme_once.Fill) -> CustomThemeConfig:
    """The whole theme, in the order in which a session asks for its parts."""
    message = CustomThemeConfig()
    for part in PARTS:
        place = message
        for name in part.split(".")[1:]:
            place = getattr(place, name)
        fill(place, part)
    return message


@pytest.fixture
def colour() -> Iterator[str]:
    """A colour of the dark theme that only these tests know."""
    before = config.get_option("theme.dark.primaryColor")
    config.set_option("theme.dark.primaryColor", "#123456")
    yield "#123456"
    config.set_option("theme.dark.primaryColor", before)


def test_the_theme_is_the_same(colour: str) -> None:
    fill = theme_once.kept(STREAMLITS)
    for _ in range(2):  # read, and from memory
        assert told(fill) == told(STREAMLITS)
    assert told(fill).dark.primary_color == colour


def test_a_part_without_options_is_not_there() -> None:
    fill = theme_once.kept(lambda message, part: None)
    assert not told(fill).HasField("dark")


def test_each_part_is_read_once_for_a_configuration() -> None:
    read: list[str] = []
    fill = theme_once.kept(lambda message, part: read.append(part))
    told(fill)
    told(fill)
    assert read == list(PARTS)
    config._on_config_parsed.send()  # a file of the configuration has changed
    told(fill)
    assert read == 2 * list(PARTS)


def test_sessions_tell_it_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_session, "_populate_theme_msg", STREAMLITS)
    theme_once.install()
    assert app_session._populate_theme_msg is not STREAMLITS
    assert told(app_session._populate_theme_msg) == told(STREAMLITS)
