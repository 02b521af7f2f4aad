"""Lesson 4, first view: one image, what every layer of the shipped autoencoder makes of it, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab import data
from vaelab.lessons import feature_maps
from vaelab.models.architecture import architecture
from vaelab.models.layers import Layer
from vaelab.models.model_config import ModelConfig
from vaelab.models.one_thread import alone
from vaelab.runs import store
from vaelab.ui import html
from vaelab.ui.text import t
from vaelab.ui.widgets import figure, theme

if TYPE_CHECKING:
    from vaelab.lessons.activations import Passage

MODEL = "cifar10-autoencoder"
# Name: data set and number of the test image; photographs only where CIFAR-10 is there.
IMAGES = {
    "dog": ("cifar10", 16),
    "frog": ("cifar10", 29),
    "face": ("pixel-faces", 1),
    "boot": ("fashion-mnist-10k", 3),
    "heart": ("shapes", 12),
    "noise": ("", 0),
}
# Pixels of the feature maps: below the pictures, and beside them on a wide screen, where each takes four of the screen's.
SHEET, WIDE = (622, 206), (430, 310)
CODE = 8  # the layer after which the code is read

STYLE = f"""
.vl .all {{ display: grid; grid-template-columns: auto 1fr; column-gap: 16px; }}
.vl .pics {{ display: flex; gap: 16px; }}
.vl .focus {{ width: 192px; height: 192px; border: 1px solid var(--vl-border); }}
.vl .facts p {{ margin: 0 0 7px; line-height: 1.25; }} .vl .facts b {{ display: block; font-size: 17px; }}
.vl .out {{ border: 2px solid var(--vl-decoder); }}
.vl .way, .vl .said, .vl .maps {{ grid-column: 1 / -1; }}
.vl .maps {{ width: {SHEET[0]}px; height: {SHEET[1]}px; }}
.vl .wide {{ display: none; }}
.vl .said {{ margin: 4px 0 6px; height: 42px; overflow: hidden; }}
.vl .said .bar {{ display: inline-block; width: 90px; height: 9px; vertical-align: middle; margin: 0 4px; }}
.vl .way {{ display: grid; grid-template-columns: repeat(17, minmax(0, 1fr)); max-width: 622px; height: 58px; margin-top: 6px; }}
.vl .way span {{ display: flex; align-items: center; justify-content: center; }}
.vl .way i {{ max-width: 100%; box-sizing: border-box; border: 1.5px solid; border-radius: 3px; background: var(--vl-surface); }}
@media (max-width: 640px) {{
  .vl .all {{ display: block; }} .vl .pics {{ flex-wrap: wrap; }} .vl .maps {{ width: 100%; height: auto; }} .vl .said {{ height: auto; }}
}}
@media (min-width: 1900px) {{
  .vl .all {{ grid-template: auto auto auto 1fr / 384px 1fr; column-gap: 28px; font-size: 16px; }}
  .vl .pics {{ grid-row: 1 / -1; flex-direction: column; gap: 6px; }}
  .vl .focus {{ width: 384px; height: 384px; }}
  .vl .facts {{ display: flex; justify-content: space-between; }} .vl .facts b {{ font-size: 22px; }}
  .vl .facts, .vl .way, .vl .said, .vl .maps {{ grid-column: 2; max-width: {2 * WIDE[0]}px; }}
  .vl .said {{ height: 50px; }}
  .vl .narrow {{ display: none; }}
  .vl .wide {{ display: block; width: {2 * WIDE[0]}px; height: {2 * WIDE[1]}px; }}
}}
"""


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
def _passage(name: str) -> tuple[NDArray[np.uint8], Passage]:
    from vaelab.analysis import inference  # imports torch
    from vaelab.lessons.activations import passage

    pixels = pixels_of(name)
    return pixels, alone(passage, inference.load_run(store.find(MODEL)), pixels)


def layers_view() -> None:
    """Choose an image and a layer; both pictures, the loss, the way through the layers, and the maps of one."""
    st.session_state.setdefault("autoencoder_layer", 2)
    known = {name: t(f"learn_autoencoder.image_{name}") for name in images()}
    chosen = st.session_state.get("autoencoder_image")
    # Set anew: the list would keep the words of another language.
    st.session_state["autoencoder_image"] = chosen if chosen in known else next(iter(known))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.selectbox(
            t("learn_autoencoder.image"),
            list(known),
            key="autoencoder_image",
            format_func=known.__getitem__,
            help=t("learn_autoencoder.image_help"),
            width=200,
        )
        st.slider(t("learn_autoencoder.layer"), 0, 16, key="autoencoder_layer", help=t("learn_autoencoder.layer_help"))
    pixels, seen = _passage(st.session_state["autoencoder_image"])
    at = int(st.session_state["autoencoder_layer"])
    st.html(html.stage(f"<div class=all>{_pictures(pixels, seen)}{_way(seen, at)}{_maps(seen, at)}</div>", STYLE))


def _pictures(pixels: NDArray[np.uint8], seen: Passage) -> str:
    """Original, reconstruction, and how far apart they are."""
    original = f"{html.img(pixels, 'focus', t('learn_autoencoder.original'))}<span class=muted>{t('learn_autoencoder.original')}</span>"
    back = f"{html.img(seen.x_hat, 'focus out', t('learn_autoencoder.back_image'))}<span class=muted>{t('learn_autoencoder.back_image')}</span>"
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
    bar = html.img(feature_maps.bar(scale, theme()), "bar", "")
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
    picture = "".join(html.img(feature_maps.sheet(maps, theme(), *size), f"maps {name}", words) for name, size in sizes)
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
