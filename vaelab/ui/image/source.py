"""Where the picture comes from, and what of it the model sees."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from vaelab import data
from vaelab.analysis import latents
from vaelab.config.errors import AccessError, DataError, ImageError, VaeLabError
from vaelab.images.files import MAX_BYTES
from vaelab.images.framing import MAX_ZOOM, Frame, apply, outline
from vaelab.images.guarded import open_image, warm_up
from vaelab.images.palette import colour
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.ui import styles
from vaelab.ui.access.people import current
from vaelab.ui.access.rules import asks
from vaelab.ui.access.uploads import UPLOADS
from vaelab.ui.classroom.limits_view import upload_in_words
from vaelab.ui.components.canvas import canvas_view
from vaelab.ui.guard import show_error
from vaelab.ui.image.models import dataset_of
from vaelab.ui.names import label_title, value_names
from vaelab.ui.text import t
from vaelab.ui.widgets import theme

Kind = Literal["test", "upload", "paste", "camera", "draw"]
KINDS: dict[Kind, str] = {
    "test": ":material/photo_library:",
    "upload": ":material/upload:",
    "paste": ":material/content_paste:",
    "camera": ":material/photo_camera:",
    "draw": ":material/draw:",
}
SIDE = 256  # CSS pixels of the picture in focus and of the drawing
PREVIEW = 180  # CSS pixels of the picture with its window
ENOUGH = 512  # pixels of a picture's shorter side that are kept: 16 times what a model sees of it
BLACK, WHITE = "#000000", "#ffffff"
FRAME_KEYS = ("zoom", "x", "y", "mirror", "invert", "grey", "contrast")


@dataclass(frozen=True)
class Known:
    """Images that are at hand for a model. pixels: (N, C, H, W); y: (N,) their labels for a conditional model, or None.

    captions: the name of each one's class, empty where it is not known.
    """

    pixels: NDArray[np.uint8]
    y: NDArray[np.int64] | None
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Picture:
    """A picture and what is known of it. Of one of the test images, label: for a conditional model; caption: its class."""

    image: Image.Image
    kind: Kind
    label: int | None = None
    caption: str = ""


def known_images(run: Run, cfg: RunConfig) -> Known | None:
    """The test images of a run; those shipped with its codes where the set is absent; None where there are none."""
    try:
        with st.spinner(t("image.loading_images", data=cfg.data.name)):  # shown where it takes longer than a moment
            dataset = dataset_of(cfg)
    except DataError:
        return _stand_ins(run)
    test = dataset.test
    if len(test) == 0:
        return None
    y = None if cfg.model.label is None else data.labels_of(test, cfg.model.label)
    names = value_names(dataset.info.classes)
    captions = ("",) * len(test) if test.labels is None else tuple(names[k] for k in test.labels.tolist())
    return Known(test.pixels, y, captions)


def _stand_ins(run: Run) -> Known | None:
    """The thumbnails among the codes that are stored with a model; None where there are none."""
    try:
        codes = latents.codes(latents.query(run))
    except VaeLabError:
        return None
    if codes.source == "decoded":
        return None
    values, names = codes.labels.get("class", (np.zeros(len(codes), np.int64), ("",)))
    words = value_names(names)
    return Known(codes.pixels, codes.y, tuple(words[k] for k in values.tolist()))


def choose_picture(run: Run, cfg: RunConfig) -> Picture | None:
    """The five sources, one at a time. None as long as there is no picture, or none that can be read."""
    known = known_images(run, cfg)
    kinds = [kind for kind in KINDS if kind != "test" or known is not None]
    if st.session_state.get("image_source") not in kinds:
        st.session_state["image_source"] = kinds[0] if known is not None else "draw"
    chosen = st.segmented_control(
        t("image.source"),
        kinds,
        key="image_source",
        required=True,
        format_func=lambda kind: f"{KINDS[kind]} {t(f'image.source_{kind}')}",
        width="stretch",
        label_visibility="collapsed",
        persist_state="session",
    )
    kind: Kind = chosen or kinds[0]
    if kind == "test" and known is not None:
        return _test_image(known)
    try:
        image = _own_image(kind, cfg)
    except (ImageError, AccessError) as error:
        show_error(error)
        return None
    if known is None:
        st.caption(t("image.no_test_images"))
    return None if image is None else Picture(image, kind)


def _test_image(known: Known) -> Picture:
    count = len(known.pixels)
    if not 0 <= st.session_state.get("image_row", 0) < count:
        st.session_state["image_row"] = 0
    st.session_state.setdefault("image_row", 0)

    def another() -> None:
        st.session_state["image_row"] = random.randrange(count)

    with st.container(horizontal=True, vertical_alignment="bottom", wrap=False):
        row = int(
            st.number_input(
                t("image.test_number", last=count - 1),
                min_value=0,
                max_value=count - 1,
                step=1,
                key="image_row",
                persist_state="session",
            )
        )
        st.button(t("image.another"), icon=":material/casino:", on_click=another, help=t("image.another_help"))
    pixels = known.pixels[row]
    rgb = np.repeat(pixels, 3, axis=0) if len(pixels) == 1 else pixels
    image = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    return Picture(image, "test", None if known.y is None else int(known.y[row]), known.captions[row])


def _widget_words(kind: Kind) -> str:
    """The page's words in place of Streamlit's own English ones on the camera and the uploader (image.css)."""
    if kind == "camera":
        words = {"__take": t("image.camera_take"), "__clear": t("image.camera_clear")}
    else:
        words = {"__choose": t("image.upload_choose"), "__most": t("image.upload_most", mb=MAX_BYTES // 10**6)}
    return styles.rule(f"image_{kind}", **{name: json.dumps(word, ensure_ascii=False) for name, word in words.items()})


def _own_image(kind: Kind, cfg: RunConfig) -> Image.Image | None:
    """A picture of the user's. Raises ImageError, AccessError where it is more than may be uploaded."""
    warm_up()  # while the picture is being chosen
    if kind in ("upload", "camera"):
        st.html(_widget_words(kind))
    if kind == "draw":
        return _drawn(cfg)
    found = _uploaded(kind)
    upload_in_words()
    return found


@asks("upload_image")
def _uploaded(kind: Kind) -> Image.Image | None:
    """A picture from a file, the camera or the clipboard; the first two are counted on their way (access/middleware.py)."""
    if kind == "upload":
        upload = st.file_uploader(
            t("image.upload"), key="image_upload", help=t("image.upload_help"), max_upload_size=MAX_BYTES // 10**6
        )
        return remember(st.session_state, kind, upload.getvalue() if upload else None)
    if kind == "camera":
        photo = st.camera_input(t("image.camera"), key="image_camera", help=t("image.camera_help"))
        return remember(st.session_state, kind, photo.getvalue() if photo else None)
    if kind == "paste":
        pasted = canvas_view.pasted("image_paste", side=SIDE)
        if pasted and not _is_known(st.session_state, kind, pasted) and current().role != "alone":
            UPLOADS.add(current(), len(pasted))
        return remember(st.session_state, kind, pasted)
    return None


def _drawn(cfg: RunConfig) -> Image.Image | None:
    """A picture drawn on the page."""
    grey = cfg.model.channels == 1  # the grey sets show white things on black
    ink, paper = (WHITE, BLACK) if grey else ("#e0457b", WHITE)
    drawn = canvas_view.drawing("image_draw", side=SIDE, colourful=not grey, ink=ink, paper=paper)
    return remember(st.session_state, "draw", drawn)


def _is_known(state: MutableMapping[Any, Any], kind: Kind, content: bytes) -> bool:
    """Whether this content is the one that was remembered last."""
    before = state.get("image_pictures", {}).get(kind)
    return before is not None and before[0] == hashlib.sha256(content).hexdigest()


def remember(state: MutableMapping[Any, Any], kind: Kind, content: bytes | None) -> Image.Image | None:
    """The picture in a file's content, kept in the session so that it is still there after a visit to another page.

    Neither the content nor a file's name is kept. Raises ImageError, for the same content again without decoding it.
    """
    pictures: dict[str, tuple[str, Image.Image | str]] = state.setdefault("image_pictures", {})
    digest = "" if content is None else hashlib.sha256(content).hexdigest()
    before = pictures.get(kind)
    if content is not None and (before is None or before[0] != digest):
        try:
            found: Image.Image | str = smaller(open_image(content, at_least=ENOUGH))
        except ImageError as error:
            found = str(error)
        before = pictures[kind] = (digest, found)
    if before is None:
        return None
    if isinstance(before[1], str):
        raise ImageError(before[1])
    return before[1]


def smaller(image: Image.Image) -> Image.Image:
    """The picture averaged down as far as its shorter side keeps ENOUGH pixels; at most 4 million pixels of it."""
    factor = min(image.size) // ENOUGH
    image = image.reduce(factor) if factor > 1 else image
    while image.width * image.height > 4 * 10**6:
        image = image.reduce(2)
    return image


def seen_pixels(picture: Picture, cfg: RunConfig) -> NDArray[np.uint8]:
    """What the model sees, (C, H, W), large, with everything that can be adjusted behind one button."""
    place = st.container(gap="xsmall")
    with st.popover(t("image.adjust"), icon=":material/crop:", width="stretch", help=t("image.adjust_help")):
        frame = choose_frame(picture)
    pixels = apply(picture.image, frame, cfg.model.image_size, cfg.model.channels)
    with place:
        shape = t(f"image.seen_{cfg.model.channels}", size=cfg.model.image_size)
        shown = np.repeat(np.repeat(pixels, SIDE // pixels.shape[-1], axis=1), SIDE // pixels.shape[-1], axis=2)
        st.image(
            shown[0] if len(shown) == 1 else shown.transpose(1, 2, 0),
            caption=t("common.named", name=t("image.seen"), value=shape),
            alt=t("image.seen"),
            output_format="PNG",
        )
    return pixels


def choose_frame(picture: Picture) -> Frame:
    """The window and the colours, beside the picture with the window drawn on it."""
    state = st.session_state

    def back() -> None:
        for name in FRAME_KEYS:
            state[f"image_{name}"] = getattr(Frame, name)
        state["image_fit"] = "square"

    left, right = st.columns([1, 1])
    with right:
        fit = st.segmented_control(
            t("image.fit"),
            ("square", "whole"),
            key="image_fit",
            default=None if "image_fit" in state else "square",
            required=True,
            format_func=lambda name: t(f"image.fit_{name}"),
            help=t("image.fit_help"),
            persist_state="session",
        )
        zoom = _slider("zoom", 1.0, MAX_ZOOM, 0.1)
        x, y = _slider("x", 0.0, 1.0, 0.01), _slider("y", 0.0, 1.0, 0.01)
    with left:
        place = st.empty()
        mirror, invert, grey = (_toggle(name) for name in ("mirror", "invert", "grey"))
        contrast = _slider("contrast", 0.0, 3.0, 0.05)
        st.button(t("image.reset_frame"), icon=":material/undo:", on_click=back, width="stretch")
    frame = Frame(zoom, x, y, fit == "whole", mirror, invert, grey, contrast)
    place.image(outline(picture.image, frame, PREVIEW, colour("eps", theme())), alt=t("image.window"))
    return frame


def _slider(name: str, low: float, high: float, step: float) -> float:
    key = f"image_{name}"
    st.session_state.setdefault(key, getattr(Frame, name))
    return float(
        st.slider(
            t(f"image.{name}"), low, high, step=step, key=key, help=t(f"image.{name}_help"), persist_state="session"
        )
    )


def _toggle(name: str) -> bool:
    return bool(
        st.toggle(t(f"image.{name}"), key=f"image_{name}", help=t(f"image.{name}_help"), persist_state="session")
    )


def choose_label(run: Run, cfg: RunConfig, picture: Picture) -> int | None:
    """The label that a conditional model must be told: that of a test image, else asked for. None before it is chosen."""
    if cfg.model.label is None:
        return None
    try:
        names = value_names(data.label_names(data.info(cfg.data.name), cfg.model.label))
    except DataError:
        names = tuple(str(k) for k in range(cfg.model.classes))
    key = f"image_label_{run.name}_{picture.kind}"
    if picture.kind == "test" and st.session_state.get("image_label_row") != st.session_state["image_row"]:
        st.session_state["image_label_row"] = st.session_state["image_row"]
        st.session_state[key] = picture.label
    chosen: int | None = st.selectbox(
        t("image.label", label=label_title(cfg.model.label)),
        range(len(names)),
        index=None,
        key=key,
        format_func=lambda k: names[k],
        placeholder=t("image.label_ask"),
        help=t("image.label_help"),
    )
    return chosen
