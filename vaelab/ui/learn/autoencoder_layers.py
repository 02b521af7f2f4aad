"""Lesson 4, first view: one image, what every layer of the shipped autoencoder makes of it, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab import data
from vaelab.lessons import feature_maps
from vaelab.models.architecture import architecture
from vaelab.models.layers import Layer, shapes
from vaelab.models.model_config import ModelConfig
from vaelab.models.one_thread import alone
from vaelab.runs import store
from vaelab.ui import tags
from vaelab.ui.components.patch.patch_view import patch_view
from vaelab.ui.components.sentence.sentence_view import Number
from vaelab.ui.learn import one_face
from vaelab.ui.text import t
from vaelab.ui.widgets import figure, theme

if TYPE_CHECKING:
    from vaelab.lessons.activations import Passage

MODEL = "cifar10-autoencoder"
# Name: data set and number of the test image; photographs only where CIFAR-10 is there.
IMAGES = {
    "face": ("pixel-faces", one_face.NUMBER),
    "dog": ("cifar10", 16),
    "frog": ("cifar10", 29),
    "boot": ("fashion-mnist-10k", 3),
    "heart": ("shapes", 12),
    "noise": ("", 0),
}
# Pixels of the feature maps: below the pictures, and beside them on a wide screen, where each takes four of the screen's; as autoencoder.css has them.
SHEET, WIDE = (622, 206), (430, 310)
CODE = 8  # the layer after which the code is read
LAYER = Number("autoencoder_layer", 0, 16, 1, 2, "learn_autoencoder.layer", "z")


def layers() -> tuple[Layer, ...]:
    """The sixteen layers of the reference that compute something, in order."""
    model = architecture(ModelConfig(name="autoencoder"))
    return tuple(layer for layer in (*model.features, *model.decoder) if layer.kind != "Reshape")


def images() -> list[str]:
    """Names of the images that can be chosen here."""
    return [name for name, (source, _) in IMAGES.items() if not source or data.is_available(source)]


def pixels_of(name: str) -> NDArray[np.uint8]:
    """An image to pass through, (3, 32, 32) uint8."""
    source, number = IMAGES[name]
    if not source:
        return np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    pixels: NDArray[np.uint8] = data.load(source, channels=3, limit=1).test.pixels[number]
    return pixels


@st.cache_data(max_entries=12, show_spinner=False)
def passage_of(name: str) -> tuple[NDArray[np.uint8], Passage]:
    """An image, (3, 32, 32) uint8, and what every layer makes of it."""
    from vaelab.analysis import inference  # imports torch
    from vaelab.lessons.activations import passage

    pixels = pixels_of(name)
    return pixels, alone(passage, inference.load_run(store.find(MODEL)), pixels)


def image_picker() -> str:
    """The list of images, and which one is chosen; the same for every view that sends one through."""
    known = {name: t(f"learn_autoencoder.image_{name}") for name in images()}
    chosen = st.session_state.get("autoencoder_image")
    # Set anew: the list would keep the words of another language.
    st.session_state["autoencoder_image"] = chosen if chosen in known else next(iter(known))
    st.selectbox(
        t("learn_autoencoder.image"),
        list(known),
        key="autoencoder_image",
        format_func=known.__getitem__,
        help=t("learn_autoencoder.image_help"),
        width=200,
    )
    return str(st.session_state["autoencoder_image"])


def left_after() -> dict[str, str]:
    """What the chosen layer hands on: its maps, and how many numbers that are."""
    at = int(st.session_state.get(LAYER.key, LAYER.start))
    image = ModelConfig(name="autoencoder")
    first = (image.channels, image.image_size, image.image_size)
    shape = [first, *shapes(layers(), first)][at]
    return {"shape": " × ".join(map(str, shape)), "count": f"{int(np.prod(shape)):,}"}


def layers_view() -> None:
    """Choose an image and a layer; both pictures, the loss, the way through the layers, and the maps of one."""
    st.session_state.setdefault(LAYER.key, LAYER.start)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        name = image_picker()
        st.slider(t(LAYER.label), LAYER.low, LAYER.high, key=LAYER.key, help=t("learn_autoencoder.layer_help"))
    pixels, seen = passage_of(name)
    at = int(st.session_state[LAYER.key])
    st.html(tags.stage(f"<div class=all>{_pictures(pixels, seen)}{_way(seen, at)}{_maps(seen, at)}</div>", "layers"))


def code_view() -> None:
    """Choose an image and break its code, number by number."""
    pixels, seen = passage_of(image_picker())
    patch_view("autoencoder_patch", store.find(MODEL), pixels, seen.maps[CODE])


def _pictures(pixels: NDArray[np.uint8], seen: Passage) -> str:
    """Original, reconstruction, and how far apart they are."""
    original = f"{tags.img(pixels, 'focus', t('learn_autoencoder.original'))}<span class=muted>{t('learn_autoencoder.original')}</span>"
    back = f"{tags.img(seen.x_hat, 'focus out', t('learn_autoencoder.back_image'))}<span class=muted>{t('learn_autoencoder.back_image')}</span>"
    error = float(np.abs(seen.x_hat.astype(np.float32) - pixels).mean() / 255.0)
    facts = (
        ("recon", f"{figure(seen.recon)} {t('race.nats')}", "decoder"),
        ("floor", f"{figure(seen.floor)} {t('race.nats')}", "prior"),
        ("above", f"{figure(seen.recon - seen.floor, 3)} {t('race.nats')}", "total"),
        ("code", f"{seen.maps[0].size:,} → {seen.maps[CODE].size:,}", "z"),
        ("error", f"{figure(100 * error, 2)} %", "total"),
    )
    lines = "".join(
        f'<p><span class=muted>{t(f"learn_autoencoder.fact_{name}")}</span><b class=n style="color:var(--vl-{role}-text)">{value}</b></p>'
        for name, value, role in facts
    )
    return f"<div class=pics><div>{original}</div><div>{back}</div></div><div class=facts>{lines}</div>"


def _way(seen: Passage, at: int) -> str:
    """Every tensor as a block: as tall as its image, as wide as its maps are many; the chosen one filled."""
    blocks = []
    for k, maps in enumerate(seen.maps):
        count, side = maps.shape[:2]
        tall, wide = 6 + 44 * np.log2(side) / 5, 4 + 28 * np.log2(count) / np.log2(96)
        role = "total" if k == 0 else "z" if k == CODE else "encoder" if k < CODE else "decoder"
        fill = f"background:var(--vl-{role});" if k == at else ""
        size = f"height:{tall:.0f}px;width:{wide:.0f}px;"
        blocks.append(f'<span><i style="{size}{fill}border-color:var(--vl-{role})"></i></span>')
    return f'<div class=way role="img" aria-label="{t("learn_autoencoder.way")}">{"".join(blocks)}</div>'


def _maps(seen: Passage, at: int) -> str:
    """What one layer gives, with its shape, its weights and the meaning of the colours."""
    maps = seen.maps[at]
    shape = " × ".join(map(str, maps.shape))
    scale = feature_maps.scale_of(maps)
    bar = tags.img(feature_maps.bar(scale, theme()), "bar", "")
    colours = f"<span class=n>{figure(scale.low, 3) if scale.signed else 0}</span>{bar}<span class=n>{figure(scale.high, 3)}</span>"
    if at == 0:
        name = t("learn_autoencoder.said_image", shape=shape)
    else:
        layer = layers()[at - 1]
        before = " × ".join(map(str, seen.maps[at - 1].shape))
        name = t(
            "learn_autoencoder.said_layer", n=at, kind=layer.kind, before=before, shape=shape, weights=_weights(layer)
        )
    zeros = t("learn_autoencoder.said_zero", share=f"{100 * float((maps == 0).mean()):.0f}")
    words = t("learn_autoencoder.maps", count=len(maps))
    sizes = (("narrow", SHEET), ("wide", WIDE))
    picture = "".join(tags.img(feature_maps.sheet(maps, theme(), *size), f"maps {name}", words) for name, size in sizes)
    return f"<div class=said>{name}<br>{t('learn_autoencoder.said_scale')} {colours} · {zeros}</div>{picture}"


def _weights(layer: Layer) -> str:
    """How many weights, with the sum that gives it."""
    if not layer.params:
        return t("learn_autoencoder.no_weights")
    return t(
        "learn_autoencoder.weights",
        sum=f"{layer.inputs}·{layer.outputs}·{layer.kernel}·{layer.kernel} + {layer.outputs}",
        count=f"{layer.params:,}",
    )
