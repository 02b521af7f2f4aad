"""Lesson 4, second view: kernel, stride and padding of every layer by hand; sizes, weights and the way backwards follow."""

from __future__ import annotations

import math
from fractions import Fraction

import streamlit as st

from vaelab.lessons import layer_sizes
from vaelab.lessons.layer_sizes import IMAGE, KERNELS, PADDINGS, STRIDES, Row, Setting
from vaelab.ui import tags
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t

KEYS = ("kernel", "stride", "padding")
RANGES = {"kernel": KERNELS, "stride": STRIDES, "padding": PADDINGS}
REFERENCE_SIZES = tuple(row.leaves or 0 for row in layer_sizes.walk(layer_sizes.reference_layers()))


def sizes_view() -> None:
    """Pick a layer and turn its three numbers; below, the whole stack."""
    state = st.session_state
    state.setdefault("autoencoder_stack", layer_sizes.reference_settings())
    state.setdefault("autoencoder_wanted", REFERENCE_SIZES[0])
    at = choice(
        t("learn_autoencoder.which"),
        range(8),
        "autoencoder_at",
        lambda k: f"C{k + 1}" if k < 4 else f"T{k - 3}",
        show_label=True,
        help=t("learn_autoencoder.which_help"),
        on_change=_other_layer,
    )
    for key, value in zip(KEYS, state["autoencoder_stack"][at], strict=True):
        state[f"autoencoder_{key}"] = value
    left, right = st.columns([1, 1], gap="medium")
    with left, st.container(gap="xsmall"):
        for key in KEYS:
            values = RANGES[key]
            st.slider(
                t(f"learn_autoencoder.{key}"),
                values[0],
                values[-1],
                key=f"autoencoder_{key}",
                help=t(f"learn_autoencoder.{key}_help"),
                on_change=_turned,
            )
    rows = layer_sizes.walk(layer_sizes.with_settings(state["autoencoder_stack"]))
    with right, st.container(gap="xsmall"):
        st.slider(
            t("learn_autoencoder.wanted"), 1, 64, key="autoencoder_wanted", help=t("learn_autoencoder.wanted_help")
        )
        st.html(tags.stage(_backwards(rows[at], int(state["autoencoder_wanted"])), "sizes"))
    st.html(tags.stage(_stack(rows, at) + _verdict(rows), "sizes"))


def _turned() -> None:
    """Keep what the three sliders say for the layer that they belong to."""
    state = st.session_state
    stack: list[Setting] = list(state["autoencoder_stack"])
    kernel, stride, padding = (int(state[f"autoencoder_{key}"]) for key in KEYS)
    stack[int(state["autoencoder_at"])] = (kernel, stride, padding)
    state["autoencoder_stack"] = tuple(stack)


def _other_layer() -> None:
    """Another layer wants another size: at first what it gives in the reference."""
    st.session_state["autoencoder_wanted"] = REFERENCE_SIZES[int(st.session_state["autoencoder_at"])]


def _formula(row: Row) -> str:
    """The size formula with the row's numbers in it."""
    layer, size = row.layer, row.enters
    if layer.kind == "Conv2d":
        return f"({size} + 2·{layer.padding} − {layer.kernel}) / {layer.stride} + 1"
    return f"({size} − 1)·{layer.stride} − 2·{layer.padding} + {layer.kernel}"


def _result(row: Row) -> str:
    exact = layer_sizes.exact_size(row.layer, row.enters or 0)
    if row.trouble is None:
        return f"= {row.leaves}"
    return f"<span class=bad>= {_figure(exact)}</span>"


def _figure(exact: Fraction) -> str:
    """A size that may be no whole number, or negative."""
    return f"{float(exact):.4g}".replace("-", "−")


def _stack(rows: list[Row], at: int) -> str:
    """Every layer with its formula, its shape and its weights."""
    head = [t(f"learn_autoencoder.head_{name}") for name in ("layer", "formula", "size", "shape", "weights")]
    lines = []
    for k, row in enumerate(rows):
        name = f"<b>{'C' if k < 4 else 'T'}{k % 4 + 1}</b> {row.layer.kind}"
        known = row.enters is not None
        shape = "–" if row.leaves is None else f"{row.layer.outputs} × {row.leaves} × {row.leaves}"
        cells = (_formula(row), _result(row)) if known else ("–", "–")
        lines.append((name, *cells, shape, f"{row.layer.params:,}"))
    return tags.table(head, lines, numbers=(1, 2, 3, 4), here=at)


def _verdict(rows: list[Row]) -> str:
    """Whether the stack gives back a 32 x 32 image; if not, the first reason, in a sentence."""
    weights = f"{sum(row.layer.params for row in rows):,}"
    wrong = next((k for k, row in enumerate(rows) if row.trouble), None)
    if wrong is not None:
        row = rows[wrong]
        exact = layer_sizes.exact_size(row.layer, row.enters or 0)
        words = t(
            f"learn_autoencoder.trouble_{row.trouble}",
            name=f"{'C' if wrong < 4 else 'T'}{wrong % 4 + 1}",
            kernel=row.layer.kernel,
            padded=(row.enters or 0) + 2 * row.layer.padding,
            exact=_figure(exact),
            floor=math.floor(exact),
            rest=((row.enters or 0) + 2 * row.layer.padding - row.layer.kernel) % row.layer.stride,
        )
    elif rows[-1].leaves != IMAGE:
        words = t("learn_autoencoder.trouble_output", size=rows[-1].leaves, wanted=IMAGE)
    else:
        side = rows[3].leaves or 0
        code = rows[3].layer.outputs * side * side
        words = t(
            "learn_autoencoder.fits", weights=weights, code=f"{code:,}", side=side, times=f"{3 * IMAGE**2 / code:.3g}"
        )
        return f'<div class="verdict" role="status">{words}</div>'
    return f'<div class="verdict bad" role="status">{words}</div>'


def _backwards(row: Row, wanted: int) -> str:
    """For every kernel and stride, the padding with which this layer gives the wanted size."""
    if row.enters is None:
        return f"<div class=fits><p>{t('learn_autoencoder.no_entry')}</p></div>"
    lines = []
    for kernel in KERNELS[1:]:
        cells = [f"<td class=muted>k = {kernel}</td>"]
        for stride in STRIDES:
            tried = type(row.layer)(row.layer.kind, 1, 1, kernel, stride)
            padding = layer_sizes.padding_for(tried, row.enters, wanted)
            now = " now" if (kernel, stride) == (row.layer.kernel, row.layer.stride) else ""
            cells.append(
                f'<td class="n{" yes" if padding is not None else ""}{now}">{"·" if padding is None else f"p = {padding}"}</td>'
            )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    head = "".join(f"<th>s = {stride}</th>" for stride in STRIDES)
    words = t("learn_autoencoder.which_fit", size=row.enters, wanted=wanted)
    return f"<div class=fits><p>{words}</p><table><tr><th></th>{head}</tr>{''.join(lines)}</table></div>"
