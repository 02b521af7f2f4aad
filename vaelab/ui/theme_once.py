"""The theme as it is told to browsers, put together once.

Streamlit 1.67 tells every run, of a fragment's tick too, the six parts of the theme (.streamlit/config.toml), and reads each of their options
anew: a millisecond of the loop that all visitors share.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from streamlit import config
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

Fill = Callable[[CustomThemeConfig, str], None]


def kept(fill: Fill) -> Fill:
    """The same as `fill`, which puts the options of one part of the theme into a message, with each part read once for a configuration."""

    @cache
    def part(section: str) -> CustomThemeConfig:
        read = CustomThemeConfig()
        fill(read, section)
        return read

    def fill_from_memory(message: CustomThemeConfig, section: str = "theme") -> None:
        known = part(section)
        if known.ByteSize():  # merging nothing would still say that the part is there
            message.MergeFrom(known)

    config.on_config_parsed(part.cache_clear, force_connect=True)
    return fill_from_memory


def install() -> None:
    """Every session tells its theme from memory from now on."""
    app_session._populate_theme_msg = kept(app_session._populate_theme_msg)  # type: ignore[assignment]
