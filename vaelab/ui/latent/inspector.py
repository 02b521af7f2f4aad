"""What was chosen on the map, seen closely: one image and its code, or what a group has in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vaelab.analysis import latents
from vaelab.analysis.latents import Codes, Group, Query
from vaelab.analysis.projections import nearest_codes
from vaelab.images.palette import colour, markdown, value_colours
from vaelab.models.one_thread import alone
from vaelab.ui.latent.chosen import Choice
from vaelab.ui.latent.code_view import code_bars, decode_link
from vaelab.ui.latent.map_panel import MOST_COLOURS, View
from vaelab.ui.latent.mode import mode_in, mode_of_prior
from vaelab.ui.latent.pictures import look, makeup
from vaelab.ui.names import escaped, label_title, value_names
from vaelab.ui.text import t
from vaelab.ui.widgets import figure, theme

NEIGHBOURS = 6
MAKEUP_ROWS = 8
LABELS = 3  # told of one image, the first ones

Labels = Mapping[str, tuple[NDArray[np.int64], tuple[str, ...]]]  # as in Codes
Near = tuple[NDArray[np.int64], NDArray[np.float64]]  # rows and distances, the nearest first


def neighbours(wanted: Query, chosen: Choice) -> Near:
    """The images whose codes are nearest to that of the chosen point, or to the mean of the chosen mode of the prior."""
    none = np.zeros(0, np.int64), np.zeros(0)
    if chosen.kind not in ("point", "mode"):
        return none
    known = latents.codes(wanted)
    row = chosen.rows[0]
    if chosen.kind == "mode":
        mode = mode_in(wanted, row)
        if mode is None:
            return none
        rows, distances = nearest_codes(mode.mu[row : row + 1], known.mu, NEIGHBOURS)
        return rows[0], distances[0]
    if row >= len(known):
        return none
    rows, distances = nearest_codes(known.mu[row : row + 1], known.mu, NEIGHBOURS + 1)
    others = rows[0] != row
    return rows[0][others][:NEIGHBOURS], distances[0][others][:NEIGHBOURS]


def inspector(wanted: Query, view: View, chosen: Choice, near: Near) -> None:
    """The chosen point or group; before a choice, what can be done. Raises VaeLabError."""
    if chosen.kind == "none":
        _empty()
        return
    if chosen.kind == "mode":
        with st.container(gap="xsmall"):
            if not mode_of_prior(wanted, chosen.rows[0], near):
                _empty()
        return
    known = latents.codes(wanted)
    rows = np.array(chosen.rows, dtype=np.int64)
    rows = rows[rows < len(known)]
    if not len(rows):
        _empty()
        return
    with st.container(gap="xsmall"):
        if chosen.kind == "point":
            _point(wanted, known, int(rows[0]), near)
        else:
            _group(wanted, known, rows, view.colour.by if view.colour.names else _telling(known))


def _telling(known: Codes) -> str | None:
    """The label that says most in few words: the first one with no more values than there are colours."""
    few = (name for name, (_, names) in known.labels.items() if len(names) <= MOST_COLOURS)
    return next(few, next(iter(known.labels), None))


def _empty() -> None:
    """Three gestures and what each of them tells."""
    with st.container(border=True, gap="small"):
        for icon, name in (("pan_tool_alt", "hover"), ("ads_click", "click"), ("gesture", "lasso")):
            st.markdown(f":material/{icon}: **{t(f'latent.how_{name}')}**  \n{t(f'latent.how_{name}_text')}")


def _point(wanted: Query, known: Codes, row: int, near: Near) -> None:
    run = wanted.run
    x_hat = alone(latents.reconstruction, run, known, row)
    first = t("latent.x_decoded") if known.source == "decoded" else t("latent.x")
    rows, distances = near
    beside = None
    if len(rows):
        far = t("latent.near_how", low=figure(float(distances[0]), 3), high=figure(float(distances[-1]), 3))
        beside = (list(known.pixels[rows]), t("latent.near"), far)
    st.html(look((known.pixels[row], first), (x_hat, t("latent.x_hat")), beside, t("latent.enlarge")))
    with st.container(key="latent_words"):
        st.markdown(f":small[{_words(known, row)}]")
    st.altair_chart(
        code_bars(known, known.mu[row], None if known.sigma is None else known.sigma[row]),
        key="latent_code",
        alt=t("latent.code_alt"),
    )
    decode_link(wanted, known.mu[row], None if known.y is None else int(known.y[row]), t("latent.open_decode"))


def _words(known: Codes, row: int) -> str:
    """Number, labels, error and KL of one image, in a line."""
    parts = [t("latent.number", n=row)]
    for label in _distinct(known.labels, row)[:LABELS]:
        values, names = known.labels[label]
        value = f"**{escaped(value_names(names)[values[row]])}**"
        parts.append(t("common.named", name=label_title(label).capitalize(), value=value))
    if known.errors is not None:
        parts.append(markdown("decoder", t("latent.point_error", value=figure(known.errors.of_one(row), 3))))
    kl = known.kl_per_dim
    if kl is not None:
        parts.append(markdown("encoder", t("latent.point_kl", value=figure(float(kl[row].sum()), 3))))
    return " · ".join(parts)


def _distinct(labels: Labels, row: int) -> list[str]:
    """The labels that an image has; of two that say the same of every image, as class and shape of a shape do, the first."""
    found: list[str] = []
    for label, (values, names) in labels.items():
        same = (labels[other] for other in found if labels[other][1] == names)
        if values[row] >= 0 and not any(np.array_equal(values, others) for others, _ in same):
            found.append(label)
    return found


def _group(wanted: Query, known: Codes, rows: NDArray[np.int64], by: str | None) -> None:
    found: Group = alone(latents.group, wanted.run, known, rows, by)
    pictures = (found.average, t("latent.average")), (found.decoded, t("latent.decoded_average"))
    st.html(look(*pictures, None, t("latent.enlarge")))
    words = t("latent.inside", n=f"{len(rows):,}", share=f"{100 * len(rows) / len(known):.1f}")
    st.markdown(words)
    if by is not None and found.makeup:
        st.caption(t("latent.makeup_by", name=label_title(by)))
        st.html(_makeup(found, len(rows), known.labels[by][1]))
    st.altair_chart(
        code_bars(known, found.z, known.mu[rows].std(axis=0)), key="latent_group_code", alt=t("latent.group_code")
    )
    st.caption(t("latent.group_code"))
    decode_link(wanted, found.z, found.y, t("latent.open_average"))


def _makeup(found: Group, inside: int, names: Sequence[str]) -> str:
    """The most frequent kinds in the colours of the map, the others together."""
    colours, words = value_colours(names, theme()), value_names(names)
    bars = []
    for name, count, share in found.makeup[:MAKEUP_ROWS]:
        at = list(names).index(name)
        bars.append(
            (
                words[at],
                count / inside,
                colours[at],
                t("latent.makeup", n=f"{count:,}", share=f"{100 * share:.0f}"),
            )
        )
    rest = found.makeup[MAKEUP_ROWS:]
    if rest:
        many = sum(count for _, count, _ in rest)
        others = t("latent.makeup_rest", kinds=len(rest))
        bars.append((others, many / inside, colour("prior", theme()), f"{many:,}"))
    return makeup(bars)
