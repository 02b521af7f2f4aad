"""The table of pages. A page is one line here, a script pages/NAME.py and texts text/{en,zh}/NAME.json with "page_title"."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import streamlit as st

from vaelab.config.places import LAB
from vaelab.ui.text import t


@dataclass(frozen=True)
class PageEntry:
    """A page: its name in pages/, in the address and in text/; its icon; the group of the menu ("" is the top level).

    hidden: not in the menu; the title row leads there on a server with roles.
    """

    name: str
    icon: str
    group: str = ""
    hidden: bool = False

    @cached_property
    def path(self) -> Path:
        """The page's script."""
        return LAB / "pages" / f"{self.name}.py"

    @cached_property
    def exists(self) -> bool:
        """Whether the page could be opened when it was first asked for."""
        return self.path.is_file()

    def in_menu(self) -> st.Page:
        """The page for this run's menu: a copy, as Streamlit writes into it. Making all of them anew took a tenth of every run."""
        return copy.copy(_made(self, t(f"{self.name}.page_title")))


PAGES = (
    PageEntry("start", ":material/home:"),
    PageEntry("train", ":material/model_training:"),
    PageEntry("decode", ":material/tune:"),
    PageEntry("latent", ":material/scatter_plot:"),
    PageEntry("image", ":material/add_photo_alternate:"),
    PageEntry("compare", ":material/compare:"),
    PageEntry("learn", ":material/school:", "learn"),
    PageEntry("learn_kinds", ":material/category:", "learn"),
    PageEntry("learn_joint", ":material/grid_on:", "learn"),
    PageEntry("learn_latent", ":material/visibility_off:", "learn"),
    PageEntry("learn_autoencoder", ":material/compress:", "learn"),
    PageEntry("learn_vae", ":material/blur_on:", "learn"),
    PageEntry("learn_graphs", ":material/account_tree:", "learn"),
    PageEntry("learn_elbo", ":material/balance:", "learn"),
    PageEntry("learn_reparam", ":material/casino:", "learn"),
    PageEntry("learn_code", ":material/terminal:", "learn"),
    PageEntry("learn_pitfalls", ":material/warning:", "learn"),
    PageEntry("learn_beyond", ":material/gesture:", "learn"),
    PageEntry("learn_generators", ":material/brush:", "learn"),
    PageEntry("classroom", ":material/groups:", hidden=True),
)


@cache
def _made(entry: PageEntry, title: str) -> st.Page:
    return st.Page(
        entry.path,
        title=title,
        icon=entry.icon,
        url_path=entry.name,
        default=entry.name == "start",
        visibility="hidden" if entry.hidden else "visible",
    )


def page(name: str) -> PageEntry | None:
    """The page of this name, if it exists."""
    return next((entry for entry in PAGES if entry.name == name and entry.exists), None)


def open_page(name: str, **query: str) -> None:
    """Leave for another page with these values in its address. Does not return; shows an error if there is no such page."""
    entry = page(name)
    if entry is None:
        st.error(t("common.no_such_page", page=name))
        st.stop()
    st.switch_page(entry.path, query_params={"lang": st.session_state.get("lang", "en"), **query})
