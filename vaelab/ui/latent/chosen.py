"""What is chosen on the map of the Latent space page: nothing, a point, the images inside a lasso or a mode of the prior; and as an address holds it."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st

from vaelab.analysis.latents import Query
from vaelab.ui import share
from vaelab.ui.text import t

KEY = "latent_map"  # of the map's component, which tells what was chosen
POINT = "point"  # in the address: the number of the chosen image
LASSO = "lasso"  # in the address: the numbers of those inside, packed
MODE = "mode"  # in the address: the number of the chosen mode of the prior
LINKED = "map_linked"  # in the session: the images of the map and what is chosen among them, at first by a link
MOST_TEXT = 2_400  # characters of a lasso, half of 10,000 images: more no QR picture takes
MOST_BYTES = 200_000  # unpacked: three for each image of the largest map
NUMBER = 7  # digits


@dataclass(frozen=True)
class Choice:
    """What was chosen on the map: nothing, one point, those inside a lasso, or a mode of the prior, whose number `rows` holds."""

    kind: Literal["none", "point", "lasso", "mode"]
    rows: tuple[int, ...] = ()


def images_key(wanted: Query) -> str:
    """Names the images of a map: newer weights move them, but a choice among them holds."""
    return f"{wanted.run.name}/{wanted.split}-{wanted.count}"


def choice(wanted: Query) -> Choice:
    """What is chosen among these images; a choice made among other images counts for nothing."""
    if unheard():
        return linked(wanted)
    told = st.session_state[KEY]["choice"]
    if not isinstance(told, dict) or told.get("images") != images_key(wanted):
        return Choice("none")
    kind = told.get("kind")
    rows = _marked(told.get("bits"), wanted.count) if kind == "lasso" else _numbers(told.get("rows"), wanted.count)
    return Choice(kind, rows) if kind in ("point", "lasso", "mode") and rows else Choice("none")


def _numbers(rows: Any, count: int) -> tuple[int, ...]:
    """Those of a list that are rows of so many images."""
    listed = rows if isinstance(rows, list) else []
    return tuple(row for row in listed if isinstance(row, int) and 0 <= row < count)


def _marked(bits: Any, count: int) -> tuple[int, ...]:
    """The rows whose bit is set, the first row in the lowest bit of the first byte, as outline.js writes them in base64."""
    try:
        held = np.frombuffer(base64.b64decode(bits if isinstance(bits, str) else "", validate=True), np.uint8)
    except ValueError:  # what a page sends may be anything
        return ()
    return tuple(np.flatnonzero(np.unpackbits(held, bitorder="little")[:count]).tolist())


def unheard() -> bool:
    """Whether the map has told nothing yet, so that it must be told what is chosen."""
    answer = st.session_state.get(KEY)
    return not answer or answer.get("choice") is None


def linked(wanted: Query) -> Choice:
    """What the address names, until something is chosen on the map; said where it is not among these images.

    Among other images than those it came with it counts for nothing.
    """
    images = images_key(wanted)
    if LINKED not in st.session_state:
        named = _named(wanted)
        st.session_state[LINKED] = (images, named or Choice("none"))
        if named is None:
            share.left_out(t("latent.chosen_images"))
    among, found = st.session_state[LINKED]
    return found if among == images else Choice("none")


def _named(wanted: Query) -> Choice | None:
    """The choice of the address; None for one that is not among these images."""
    point, lasso, mode = (st.query_params.get(name, "") for name in (POINT, LASSO, MODE))
    if lasso:
        rows = rows_of(lasso, images_key(wanted), wanted.count)
        return Choice("lasso", rows) if rows else None
    if point:
        return Choice("point", (int(point),)) if _is_number(point) and int(point) < wanted.count else None
    if mode:
        fits = _is_number(mode) and wanted.run.config().model.method.mixture_prior
        return Choice("mode", (int(mode),)) if fits else None
    return Choice("none")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= NUMBER


def keep_in_address(wanted: Query, chosen: Choice) -> None:
    """Name the choice in the address, so that a link opens with it; a lasso around more than fits there is said to be absent."""
    kept = {POINT: "", LASSO: "", MODE: ""}
    if chosen.kind in (POINT, MODE):
        kept[chosen.kind] = str(chosen.rows[0])
    elif chosen.kind == "lasso":
        kept[LASSO] = text_of(chosen.rows, images_key(wanted))
    fits = len(kept[LASSO]) <= MOST_TEXT
    share.not_held("latent.lasso", None if fits else t("latent.lasso_large", n=f"{len(chosen.rows):,}"))
    st.session_state[LINKED] = (images_key(wanted), chosen)  # so that it is there after a visit to another page
    for name, text in kept.items():
        if not text or not fits:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != text:
            st.query_params[name] = text


def text_of(rows: Sequence[int], images: str) -> str:
    """Numbers of images as an address holds them: a stamp of the set they are of, then the steps from one to the next, seven bits a byte."""
    steps = bytearray(_stamp(images))
    before = -1
    for row in sorted(set(rows)):
        step, before = row - before - 1, row
        while step > 127:
            steps.append(128 | (step & 127))
            step >>= 7
        steps.append(step)
    return base64.urlsafe_b64encode(zlib.compress(bytes(steps), 9)).decode().rstrip("=")


def rows_of(text: str, images: str, count: int) -> tuple[int, ...]:
    """The way back; nothing for a text of other images than these `count`, or that `text_of` has not made."""
    try:
        reader = zlib.decompressobj()
        steps = reader.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), MOST_BYTES)
    except (binascii.Error, zlib.error, ValueError):
        return ()
    if not reader.eof or steps[:2] != _stamp(images):
        return ()
    rows, row, step, shift = [], -1, 0, 0
    for byte in steps[2:]:
        step |= (byte & 127) << shift
        if byte & 128:
            shift += 7
            continue
        row += step + 1
        rows.append(row)
        step = shift = 0
    return tuple(rows) if rows and row < count and not shift else ()


def _stamp(images: str) -> bytes:
    return zlib.crc32(images.encode()).to_bytes(4, "big")[:2]
