"""Lesson 9: one real training step, stopped after every part, with the lines that ran and the tensors that they made."""

from __future__ import annotations

import ast
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from vaelab.images.palette import Role
from vaelab.models.one_thread import alone
from vaelab.ui import pictures, share, tags
from vaelab.ui.components.lines.lines_view import Line, lines_view
from vaelab.ui.components.presses import pressed
from vaelab.ui.learn import one_face
from vaelab.ui.learn.code_curves import curves
from vaelab.ui.learn.frame import Lesson, Section, lesson_page
from vaelab.ui.learn.prediction import Prediction
from vaelab.ui.source import source_of
from vaelab.ui.text import t

if TYPE_CHECKING:
    from vaelab.lessons.one_step import Peek, Step, Training

LESSON = Lesson(
    "learn_code",
    (
        Section("idea"),
        Section("forward", r"z = \mu + \exp\left(\tfrac{1}{2}\log\sigma^2\right)\cdot\varepsilon", {"code_at": 1}),
        Section(
            "terms",
            r"\mathrm{KL} = \tfrac{1}{2}\sum_k \left(\mu_k^2 + \sigma_k^2 - 1 - \log\sigma_k^2\right)",
            {"code_at": 3},
        ),
        Section("backward", None, {"code_at": 6}),
        Section("broken", None, {"code_at": 1}),
        Section("loading"),
        Section("loop"),
    ),
    (
        ("lessons.one_step", "one_step"),
        ("lessons.broken_step", "broken_step"),
        ("models.latent_model", "LatentModel.encode"),
        ("models.latent_model", "LatentModel.decode_logits"),
        ("models.losses", "bernoulli_recon"),
        ("models.losses", "kl_per_dim"),
        ("training.measures", "elbo_terms"),
        ("training.trainer", "fit"),
    ),
    ("train", {}),
    Prediction(("slope", "same", "none"), "same"),
)
MODELS = {"linear-vae": 20, "conv-vae": 10}  # the first until another is chosen; steps that one press takes
STATE = "code_training"
TAKEN = "code_taken"  # in the session and in links: how many steps
MOST_TAKEN = 300  # of a link: a few seconds
LIST = 132  # pixels
LINES_KEY = "code_lines"  # of the component
MEAN_OF = 10  # steps, for the figures of a broken training
LINES = 9  # of the table of weights: with more blocks than that, the biases are left out
ROLES: dict[str, Role] = {
    "encode": "encoder",
    "sample": "z",
    "decode": "decoder",
    "recon": "decoder",
    "kl": "encoder",
    "loss": "total",
    "backward": "eps",
    "update": "sigma",
}
NAMES: dict[str, Role] = {
    "mu": "mu",
    "logvar": "sigma",
    "sigma": "sigma",
    "eps": "eps",
    "z": "z",
    "logits": "decoder",
    "x_hat": "decoder",
    "recon": "decoder",
    "kl": "encoder",
    "kl_per_dim": "encoder",
}
WEIGHTS = ("backward", "update")  # parts whose tensors are one for each weight of the model


@cache
def parts() -> dict[str, tuple[str, ...]]:
    """The parts of one_step and their lines, as its source has them: what stands before each of its stops."""
    source = source_of("lessons.one_step", "one_step")
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    lines = source.splitlines()
    found: dict[str, tuple[str, ...]] = {}
    pending: list[str] = []
    for statement in function.body[1:]:  # the first is the docstring
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Yield):
            stop = statement.value.value
            assert isinstance(stop, ast.Tuple)
            assert isinstance(stop.elts[0], ast.Constant)
            found[str(stop.elts[0].value)] = tuple(pending)
            pending = []
        elif not isinstance(statement, ast.Assert):
            text = lines[statement.lineno - 1 : statement.end_lineno]
            pending += [line[4:].split("  # type:")[0] for line in text]
    return found


def training() -> Training:
    """The training of this session with the chosen model, its first step taken; that of another model is let go."""
    from vaelab.lessons.one_step import Training, configuration  # imports torch

    state = st.session_state
    known: Training | None = state.get(STATE)
    if known is None or known.cfg.model.name != state["code_model"]:
        taken = state.get(TAKEN) if known is None else 1  # of a link
        known = state[STATE] = Training(configuration(state["code_model"]))
        for left in reversed(range(min(taken, MOST_TAKEN) if isinstance(taken, int) else 1)):
            alone(known.take, look=left == 0)
        if not known.steps:
            known.take()
    return known


def keep_for_links(now: Training) -> None:
    """How many steps were taken, which are the same everywhere; those with a broken line cannot be in a link, and that is said."""
    taken = now.broken_at if now.unbroken else len(now.steps)
    st.session_state[TAKEN] = min(taken, MOST_TAKEN)
    share.not_held("learn_code.broken", t("learn_code.link_broken") if now.unbroken else None)
    share.not_held("learn_code.taken", t("learn_code.link_taken", n=MOST_TAKEN) if taken > MOST_TAKEN else None)


def stage() -> None:
    """Buttons, the parts of a step, the lines and tensors of the chosen one, the pictures and the losses."""
    state = st.session_state
    state.setdefault("code_at", 0)
    # Set anew: the list would keep the words of another language.
    state["code_model"] = state["code_model"] if state.get("code_model") in MODELS else next(iter(MODELS))
    now = training()
    keep_for_links(now)
    with st.container(gap="xsmall"):
        _buttons(now)
        names = list(parts())
        words = {k: t(f"learn_code.part_{name}") for k, name in enumerate(names)}
        st.segmented_control(
            t("learn_code.part"),
            list(words),
            key="code_at",
            required=True,
            format_func=words.__getitem__,
            label_visibility="collapsed",
        )
        at, step = int(state["code_at"]), now.steps[-1]
        left, right = st.columns([300, 326], gap="small")
        with left:
            _lines(now, at)
        with right:
            st.html(tags.stage(_made(step, at)))
        st.html(tags.stage(f"<div class=said>{_said(now, at)}</div>"))
        left, right = st.columns([300, 326], gap="small")
        with left:
            st.html(tags.stage(_strips(step, at)))
            st.html(tags.stage(_face(now)))
        with right, st.container(gap="xsmall", key="code_curves"):
            curves(now)


def _buttons(now: Training) -> None:
    """Back, next, a new batch, many of them, again from the start, and which model it is."""
    last = len(parts()) - 1
    many = MODELS[now.cfg.model.name]

    def move(by: int) -> None:
        at = int(st.session_state["code_at"]) + by
        if at > last:
            steps(1)
            at = 0
        st.session_state["code_at"] = max(0, at)

    def steps(count: int) -> None:
        for k in range(count):
            # Only the last one is shown. On one thread: several would wait for one another on a machine that has other work.
            alone(now.take, look=k == count - 1)

    def again() -> None:
        st.session_state.pop(STATE)
        st.session_state.update({"code_at": 0, TAKEN: 1})

    presses = (
        ("back", ":material/arrow_back:", move, (-1,), "secondary"),
        ("next", ":material/arrow_forward:", move, (1,), "primary"),
        ("one", ":material/skip_next:", steps, (1,), "secondary"),
        ("many", ":material/fast_forward:", steps, (many,), "secondary"),
        ("again", ":material/replay:", again, (), "secondary"),
    )
    with st.container(horizontal=True, gap="xsmall"):
        for name, icon, act, values, kind in presses:
            st.button(
                t(f"learn_code.do_{name}", n=many),
                key=f"code_{name}",
                icon=icon,
                type=kind,  # type: ignore[arg-type]
                help=t(f"learn_code.do_{name}_help", n=many),
                on_click=act,
                args=values,
                disabled=name == "back" and int(st.session_state["code_at"]) == 0,
            )
        words = {model: t(f"learn_code.model_{model}") for model in MODELS}
        st.selectbox(
            t("learn_code.model"),
            list(words),
            key="code_model",
            format_func=words.__getitem__,
            label_visibility="collapsed",
            width=LIST,
        )


def _lines(now: Training, at: int) -> None:
    """The code, the part that has just run marked; a press on a line breaks it."""
    from vaelab.lessons.broken_step import BREAKS, broken_step

    chosen = _broken(now)
    of_line = {it.line: name for name, it in BREAKS.items()}
    shown = []
    for k, part in enumerate(parts().values()):
        kind = "here" if k == at else "past" if k < at else ""
        for text in part:
            name = of_line.get(text, "")
            broken = bool(name) and name == chosen
            says = (t("learn_code.mend") if broken else t("learn_code.break", line=BREAKS[name].broken)) if name else ""
            shown.append(Line(BREAKS[name].broken if broken else text, kind, name, says, broken))

    def press() -> None:
        broken = _broken(now)  # by now: a run that was cut off has drawn nothing of the press before
        for name in (names := pressed(LINES_KEY, list(BREAKS))):
            broken = "" if name == broken else name
        if names:
            now.change(broken_step(broken))

    lines_view(LINES_KEY, shown, ROLES[list(parts())[at]], t("learn_code.lines"), press)


def _broken(now: Training) -> str:
    """The name of the line that is broken in what runs; empty where all are whole."""
    from vaelab.lessons.broken_step import BREAKS, broken_step

    return next((name for name in BREAKS if now.run is broken_step(name)), "")


def _made(step: Step, at: int) -> str:
    """The tensors that the chosen part made."""
    name, peeks = step.stops[at]
    return f"<div class=tensors>{_weights(peeks, name) if name in WEIGHTS else _tensors(peeks)}</div>"


def _said(now: Training, at: int) -> str:
    """What the chosen part does; once a line was broken, what became of it beside the whole training."""
    whole = now.unbroken
    if whole is None:
        name = list(parts())[at]
        return f"<b>{t(f'learn_code.part_{name}')}.</b> {t(f'learn_code.said_{name}')}"
    chosen, steps = _broken(now), len(now.steps) - now.broken_at
    head = t(f"learn_code.broken_{chosen}") if chosen else t("learn_code.mended")
    if not steps:
        return f"<b>{head}</b> {t('learn_code.broken_go')}"
    figures = {}
    for which, it in (("ours", now), ("whole", whole)):
        last = it.steps[-min(steps, MEAN_OF) :]  # one batch is easier than another
        for term in ("recon", "kl"):
            figures[f"{which}_{term}"] = _number(float(np.mean([getattr(step, term) for step in last])))
    return f"<b>{head}</b> {t('learn_code.broken_then', steps=steps, **figures)}"


def _number(value: float) -> str:
    """Four significant digits in at most eight characters."""
    return (
        f"{value:.4g}".replace("-", "−") if 1e-3 <= abs(value) < 1e5 or value == 0 else f"{value:.1e}".replace("-", "−")
    )


def _shape(peek: Peek) -> str:
    return "×".join(map(str, peek.shape)) or t("learn_code.scalar")


def _tensors(peeks: tuple[Peek, ...]) -> str:
    """Each tensor in two lines: shape and range, then its first values."""
    head = "".join(
        f"<th{' class=n' if k > 1 else ''}>{t(f'learn_code.head_{n}')}</th>"
        for k, n in enumerate(("tensor", "shape", "low", "mean", "high"))
    )
    body = ""
    for peek in peeks:
        figures = "".join(f"<td class=n>{_number(value)}</td>" for value in (peek.low, peek.mean, peek.high))
        role = NAMES.get(peek.name, "total")
        body += f'<tr class=of><td style="color:var(--vl-{role}-text)"><b>{peek.name}</b></td><td title="{peek.dtype}">{_shape(peek)}</td>{figures}</tr>'
        first = [_number(value) for value in peek.first]
        first += [""] * (4 - len(first))
        first[-1] += " …" if np.prod(peek.shape) > len(peek.first) else ""
        body += f"<tr class=first><td>{t('learn_code.head_first')}</td>{''.join(f'<td class=n>{value}</td>' for value in first)}</tr>"
    return f"<table><tr>{head}</tr>{body}</table>"


def _weights(peeks: tuple[Peek, ...], part: str) -> str:
    """One line for every weight tensor of the model: how long its gradient, or its change, is."""
    head = (
        t("learn_code.head_weight"),
        t("learn_code.head_shape"),
        t(f"learn_code.head_{part}"),
        t("learn_code.head_largest"),
    )
    shown = [peek for peek in peeks if len(peeks) <= LINES or not peek.name.endswith(".bias")]
    rows = [
        (peek.name, _shape(peek), _number(peek.norm), _number(max(abs(peek.low), abs(peek.high)))) for peek in shown
    ]
    left_out = len(peeks) - len(shown)
    below = f"<p class=muted>{t('learn_code.biases', n=left_out)}</p>" if left_out else ""
    return tags.table(head, rows, numbers=(2, 3)) + below


def _strips(step: Step, at: int) -> str:
    """Images of the batch over what the decoder made of them, once it has run."""
    decoded = at >= list(parts()).index("decode")
    size = {"cell": 64, "gap": 2}
    count = len(step.x)
    below = pictures.strip(step.x_hat, count, **size) if decoded else pictures.empty_strip(1, count)
    words = t("learn_code.x_hat") if decoded else t("learn_code.x_hat_later")
    title = t("learn_code.batch", step=step.number, epoch=step.epoch)
    return (
        f"<div class=strips><span class=muted>{title}</span>{tags.img(pictures.strip(step.x, count, **size), 'x', t('learn_code.x'))}"
        f'{tags.img(below, "x_hat", words)}<span style="color:var(--vl-decoder-text)">{words}</span></div>'
    )


def _face(now: Training) -> str:
    """The one face of the lessons, which is in no batch, beside what the model makes of it by now."""
    x = one_face.pixels()
    x_hat = alone(now.reconstruct, x)
    words = t("learn_code.face", steps=now.steps[-1].number)
    return f"<div class=face>{tags.img(x, 'one', t('learn_code.x'))}{tags.img(x_hat, 'one', words)}<span class=muted>{words}</span></div>"


def page() -> None:
    """The whole lesson."""
    lesson_page(LESSON, stage)
