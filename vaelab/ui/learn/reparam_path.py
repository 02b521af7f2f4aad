"""The first view of lesson 8: a pass forwards and the way back, as torch tells it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from html import escape

import numpy as np
import streamlit as st

from vaelab.images import palette
from vaelab.images.palette import Role
from vaelab.lessons.gradient_path import DRAWS, GradientPath, follow_gradient
from vaelab.lessons.gradients import Cost
from vaelab.ui import tags
from vaelab.ui.learn.number_table import signed
from vaelab.ui.learn.one_face import one_face
from vaelab.ui.learn.views import choice
from vaelab.ui.text import t
from vaelab.ui.widgets import theme

WIDTH, HEIGHT = 640, 236


@dataclass(frozen=True)
class Node:
    """A circle of the diagram: where it stands, its letter, the number below it."""

    x: int
    y: int
    role: Role
    name: str
    value: str


def path_view(cost: Cost, mu: float, sigma: float) -> None:
    """One draw: the diagram with the gradient's way, and what each tensor knows."""
    import torch

    trick = choice(
        t("learn_reparam.draw"),
        DRAWS,
        "reparam_trick",
        lambda name: t(f"learn_reparam.draw_{name}"),
        show_label=True,
        help=t("learn_reparam.draw_help"),
    )
    eps = float(np.random.default_rng(st.session_state["reparam_seed"]).standard_normal())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(st.session_state["reparam_seed"])
        path = follow_gradient(cost, mu, sigma, torch.tensor(eps), trick)
    picture = diagram(path, mu, sigma, eps if trick == "with" else None)
    words = _said(path)
    with st.container(key="reparam_diagram"):
        st.image(f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}", alt=words)
    _told(path)
    left, right = st.columns([1, 4], gap="small", vertical_alignment="center")
    with left:
        draw_button("reparam_again_path")
    with right:
        if trick == "with":
            st.html(tags.stage(_face(), "through low"))


def _face() -> str:
    """The same line for the face of lessons 4 to 6: in the dimension that says most about it, and what all of them are decoded to."""
    face = one_face(int(st.session_state["reparam_seed"]))
    busiest = int(np.argmax(face.mu**2 + face.sigma**2 - 2 * np.log(face.sigma)))
    numbers = {name: signed(float(getattr(face, name)[busiest])) for name in ("mu", "sigma", "eps")}
    said = t("learn_reparam.face", count=face.z.size, z=signed(float(face.z[busiest])), **numbers)
    before, after = (
        tags.img(pixels, name, t(f"learn_reparam.face_{words}"))
        for pixels, name, words in ((face.x, "one", "x"), (face.x_hat, "one out", "out"))
    )
    return f"{before}<p>{said}</p>{after}"


def another_draw() -> None:
    """Other noise in every view."""
    st.session_state["reparam_seed"] += 1


def draw_button(key: str) -> None:
    """The button that draws other noise."""
    st.button(
        t("learn_reparam.again"),
        key=key,
        icon=":material/casino:",
        on_click=another_draw,
        help=t("learn_reparam.again_help"),
    )


def _told(path: GradientPath) -> None:
    """Four figures straight from torch."""
    shown = {
        "z.requires_grad": str(path.z_knows),
        "loss.requires_grad": str(path.loss_knows),
        "mu.grad": _number(path.mu_grad),
        "sigma.grad": _number(path.sigma_grad),
    }
    for column, (name, value) in zip(st.columns(4, gap="small"), shown.items(), strict=True):
        with column, st.container(gap=None):
            st.markdown(f":small[`{name}`]")
            st.markdown(f"**{value}**")
    st.markdown(_said(path))


def _said(path: GradientPath) -> str:
    if not path.loss_knows:
        return t("learn_reparam.path_shut")
    return t("learn_reparam.path_open" if path.flows else "learn_reparam.path_nought")


def _number(value: float | None) -> str:
    return "None" if value is None else f"{value:.3f}"


def diagram(path: GradientPath, mu: float, sigma: float, eps: float | None) -> str:
    """The pass as SVG: grey arrows forwards; the gradient's way back thick where torch found one, crossed out where not.

    eps: the noise where z is made from it, None where z is drawn directly.
    """
    shade = theme()
    left = [Node(70, 48, "mu", "μ", f"{mu:.2f}"), Node(70, 150, "sigma", "σ", f"{sigma:.2f}")]
    if eps is not None:
        left.append(Node(230, 186, "eps", "ε", f"{eps:.3f}"))
    z = Node(330, 99, "z", "z", f"{path.z:.3f}")
    loss = Node(560, 99, "total", "f(z)", f"{path.loss:.3f}")
    parts = [_arrow(node, z, "forward") for node in left] + [_arrow(z, loss, "forward")]
    parts.append(_arrow(loss, z, "back" if path.z_knows else "blocked", -16))
    reached = "back" if path.flows else "blocked"
    grads = (path.mu_grad, path.sigma_grad)
    parts += [
        _arrow(z, node, reached if grad is not None else "none", -16) for node, grad in zip(left, grads, strict=False)
    ]
    parts += [_circle(node, shade) for node in (*left, z, loss)]
    words = {"forward": t("learn_reparam.forward"), "back": t("learn_reparam.back")}
    key = (
        f'<line x1="330" y1="222" x2="360" y2="222" class="forward"/><text x="366" y="226" class="small">{escape(words["forward"])}</text>'
        f'<line x1="480" y1="222" x2="510" y2="222" class="back"/><text x="516" y="226" class="small">{escape(words["back"])}</text>'
    )
    grey, text, flow, stop = (palette.colour(role, shade) for role in ("prior", "total", "encoder", "eps"))
    style = (
        f".forward{{stroke:{grey};stroke-width:2;fill:none}}.back{{stroke:{flow};stroke-width:5;fill:none}}"
        f".cross{{stroke:{stop};stroke-width:5}}.dotted{{stroke:{grey};stroke-width:2;stroke-dasharray:3 5}}"
        f".small{{font-size:13px;fill:{text}}}.name{{font-size:18px;text-anchor:middle;font-weight:600}}.value{{font-size:13px;text-anchor:middle;fill:{text}}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="system-ui, sans-serif"><style>{style}</style>{"".join(parts)}{key}</svg>'
    )


def _circle(node: Node, shade: palette.Theme) -> str:
    colour = palette.colour(node.role, shade)
    inside = palette.surface("background", shade)
    return (
        f'<circle cx="{node.x}" cy="{node.y}" r="27" fill="{inside}" stroke="{colour}" stroke-width="3"/>'
        f'<text x="{node.x}" y="{node.y + 6}" class="name" fill="{palette.text_colour(node.role, shade)}">{escape(node.name)}</text>'
        f'<text x="{node.x}" y="{node.y + 46}" class="value">{escape(node.value)}</text>'
    )


def _arrow(start: Node, end: Node, kind: str, aside: int = 0) -> str:
    """An arrow between two circles, moved `aside` to one side so that forth and back do not cover each other."""
    along = np.array([end.x - start.x, end.y - start.y], dtype=float)
    along /= np.hypot(*along)
    across = np.array([-along[1], along[0]])
    a = np.array([start.x, start.y]) + 31 * along + aside * 0.6 * across
    b = np.array([end.x, end.y]) - 33 * along + aside * 0.6 * across
    name = {"forward": "forward", "back": "back", "blocked": "back", "none": "dotted"}[kind]
    if kind == "blocked":
        b = a + 0.55 * (b - a)
    line = f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" class="{name}"/>'
    if kind == "blocked":
        return line + "".join(
            f'<line x1="{b[0] - 9:.1f}" y1="{b[1] - 9 * s:.1f}" x2="{b[0] + 9:.1f}" y2="{b[1] + 9 * s:.1f}" class="cross"/>'
            for s in (1, -1)
        )
    if kind == "none":
        return line
    size = 11 if kind == "back" else 7
    tips = [b - size * along + s * 0.6 * size * across for s in (1, -1)]
    points = " ".join(f"{p[0]:.1f},{p[1]:.1f}" for p in (tips[0], b + 2 * along, tips[1]))
    return line + f'<polyline points="{points}" class="{name}"/>'
