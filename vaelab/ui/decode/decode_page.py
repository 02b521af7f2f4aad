"""The Decode page: which model is shown, and z, which survives page switches, reloads and links."""

from __future__ import annotations

import math
import shlex

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vaelab.analysis import latent_text
from vaelab.config.errors import VaeLabError
from vaelab.runs.store import Run
from vaelab.ui import share
from vaelab.ui.access import seen
from vaelab.ui.components.decoder.decoder_view import Push, Settled, decoder_view, opening, server_reason
from vaelab.ui.decode.take_home import take_home
from vaelab.ui.guard import show_error
from vaelab.ui.model_picker import keep, pick_model, shipped, words
from vaelab.ui.text import t
from vaelab.ui.widgets import MODEL, page_link

COMPONENT = "decode_view"
TABS = ("one", "grid", "pad", "walk", "pipeline", "side")  # those of decoder.js
MODELS_LISTED = 40  # runs in the picker, newest first; a class leaves hundreds behind


def models() -> dict[str, Run]:
    """What can be decoded: shipped models, then runs, newest first, that have or will have weights; an older one when asked for."""
    found = shipped()
    asked = {st.query_params.get("run"), st.query_params.get("beside"), st.session_state.get(MODEL)}
    for age, run in enumerate(seen.list_runs()):
        if age >= MODELS_LISTED and run.name not in asked:
            continue
        if run.snapshots() or run.model_file_or_none() is not None or run.status().is_active:
            found.setdefault(run.name, run)
    return found


def pick_models(known: dict[str, Run]) -> tuple[Run, Run | None, DeltaGenerator]:
    """The two pickers, and room beside them. The first model is kept in the address as ?run=, the second as ?beside=."""
    left, right, beyond = st.columns([4.3, 4.3, 3.8])
    with left:
        run = pick_model(known, "decode", on_change=_show_another, label=False)
    beside = st.query_params.get("beside") or st.session_state.get("decode_beside") or _usual_companion(run.name, known)
    st.session_state["decode_beside_pick"] = beside if beside in known and beside != run.name else ""

    def picked_beside() -> None:
        st.session_state["decode_beside"] = st.query_params["beside"] = st.session_state["decode_beside_pick"]

    right.selectbox(
        t("decode.beside"),
        ["", *(key for key in known if key != run.name)],
        key="decode_beside_pick",
        format_func=lambda key: t(
            "common.named", name=t("decode.beside"), value=words(known[key]) if key else t("decode.nothing")
        ),
        on_change=picked_beside,
        help=t("decode.beside_help"),
        label_visibility="collapsed",
    )
    second = st.session_state["decode_beside_pick"]
    return run, known[second] if second else None, beyond


def _usual_companion(name: str, known: dict[str, Run]) -> str:
    """A shipped model of the same images, of the other kind where there is one; so Side by side has something to say at once."""
    mine = known[name].config()

    def same_kind(other: str) -> bool:
        return known[other].config().model.has_posterior == mine.model.has_posterior

    shipped_ones = (other for other in known if other != name and known[other].is_shipped)
    others = [other for other in shipped_ones if known[other].config().data.name == mine.data.name]
    return min(others, key=same_kind, default="")


def _show_another(run: Run) -> None:
    """Leave the z of the model before."""
    keep(run)
    st.query_params.pop("z", None)
    st.query_params.pop("label", None)


def _remembered() -> dict[str, Push]:
    """The last z of each model in this session."""
    remembered: dict[str, Push] = st.session_state.setdefault("decode_z", {})
    return remembered


def current_push(run: Run) -> Push:
    """z as it should be: from the address where that says something new, else as it was left, else an example's code."""
    known = _remembered().get(run.name)
    text = st.query_params.get("z")
    label = st.query_params.get("label", "0")
    tab = share.one_of("tab", TABS, known.tab if known else TABS[0])
    cfg = run.config().model
    if text and (known is None or text != latent_text.write(known.z)):
        numbers = latent_text.read(text, cfg.latent_dim)
        if numbers is not None:
            chosen = int(label) if label in map(str, range(cfg.classes)) else 0
            known = Push((known.seq if known else 0) + 1, numbers, chosen, tab)
            _remembered()[run.name] = known
        else:
            st.warning(t("decode.bad_link", name=run.name, n=cfg.latent_dim))
            st.query_params.pop("z")
    if known:
        if "z" not in st.query_params:  # a page switch has emptied the address
            st.query_params.update({"tab": tab} | _in_address(known.z, known.label))
        return known
    z, chosen = opening(run)
    return Push(0, z, chosen, tab)


def settle() -> None:
    """A gesture has ended: keep z in the session and in the address. The component already shows it."""
    answer: Settled | None = st.session_state[COMPONENT].z
    if not answer:
        return
    try:
        z, label, tab, model = _told(answer)
    except (LookupError, TypeError, ValueError, ArithmeticError):
        return  # not what the component tells
    before = _remembered().get(model)
    _remembered()[model] = Push(before.seq if before else 0, z, label, tab)
    if st.query_params.get("run") != model:
        return  # it came late, from the model before
    if not label and "label" in st.query_params:
        del st.query_params["label"]
    st.query_params.update({"tab": tab} | _in_address(z, label))


def _in_address(z: list[float], label: int) -> dict[str, str]:
    """z as the address holds it; a label of 0 is left out."""
    return {"z": latent_text.write(z)} | ({"label": str(label)} if label else {})


def _told(answer: Settled) -> tuple[list[float], int, str, str]:
    """z, label, tab and model of what the browser tells, which may be anything. Raises ValueError for a z that is no place."""
    z = [float(value) for value in answer["z"]]
    if not all(map(math.isfinite, z)):
        raise ValueError("z must be finite")
    return z, int(answer["label"]), str(answer["tab"]), str(answer["model"])


@st.fragment
def live_view(run_name: str, other_name: str | None, first: Push) -> None:
    """The component and, below it, the settled z as a command. first: z when the page was built; it stays the same while
    gestures settle, so that the component's data does not change and nothing is sent again.
    """
    run = seen.find(run_name)
    try:
        decoder_view(run, first, key=COMPONENT, other=seen.find(other_name) if other_name else None, on_settle=settle)
    except VaeLabError as error:
        show_error(error)
        return
    cfg = run.config().model
    if upper := cfg.method.upper_level(cfg):
        st.caption(t("file.note_levels", last=upper - 1))
    known = _remembered().get(run_name)
    z = known.z if known else first.z
    if len(z) > latent_text.LONG:
        st.caption(t("decode.settled_long", n=len(z)))
        return
    label = f" --class {known.label if known else first.label}" if run.config().model.label else ""
    command = f'python -m vaelab decode {shlex.quote(run_name)} --z "{latent_text.write(z)}"{label} -o picture.png'
    # Folded: what a browser draws code with is 0.5 MB, which a first visit need not load.
    with st.popover(t("decode.settled"), icon=":material/terminal:"):
        st.code(command, language="bash", wrap_lines=len(z) <= 32)


@st.fragment
def server_view(run_name: str, reason: str, first: Push) -> None:
    """Decoding on the server, for a model that a browser cannot run fast enough: native sliders, one picture after each move."""
    from vaelab.ui.decode.server_decoder import decode_on_server

    run = seen.find(run_name)
    st.info(f"{reason} {t('decode.server_hint')}", icon=":material/dns:")
    try:
        z, label = decode_on_server(run, first.z, first.label)
    except VaeLabError as error:
        show_error(error)
        return
    _remembered()[run_name] = Push(first.seq, z, label, first.tab)
    st.query_params.update(_in_address(z, label))


def page() -> None:
    """Everything below the title."""
    known = models()
    if not known:
        st.info(t("decode.no_models"), icon=":material/model_training:")
        page_link("train", t("decode.go_train"))
        return
    run, other, room = pick_models(known)
    try:
        push, reason = current_push(run), server_reason(run)
    except VaeLabError as error:
        show_error(error)
        return
    with room:
        take_home(run)
    if reason is not None:
        server_view(run.name, reason, push)
    else:
        live_view(run.name, other.name if other else None, push)
