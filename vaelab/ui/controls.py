"""What can be done to a run: pause, step, stop, resume, turn the dials, rename, delete."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from vaelab import launch, runs
from vaelab.config import RunConfig
from vaelab.errors import VaeLabError
from vaelab.run_status import Status
from vaelab.runs import Run
from vaelab.ui.live import colour_choice
from vaelab.ui.text import t
from vaelab.ui.widgets import STATE_BADGES, choose_run, page_link

BETAS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 50.0)
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def run_controls(run: Run) -> None:
    """The column beside the views of a run."""
    status, cfg = run.status(), run.config()
    if status.is_active:
        _transport(run, status)
        st.fragment(_dials)(run, cfg)
    else:
        _continue(run, status)
    page_link("decode", t("train.open_decode"), run=run.name)
    colour_choice(run)
    _summary(cfg)
    _housekeeping(run, status)


def _act(action: Callable[[], object]) -> None:
    """Do what a button says; an error becomes a sentence at the top of the next redraw."""
    try:
        action()
    except VaeLabError as error:
        st.session_state["action_error"] = str(error)


def show_action_error() -> None:
    """The sentence of an action that failed, once."""
    sentence = st.session_state.pop("action_error", None)
    if sentence:
        st.error(sentence, icon=":material/error:")


def _button(
    name: str, icon: str, action: Callable[[], object], *, disabled: bool = False, primary: bool = False
) -> None:
    st.button(
        t(f"train.{name}"),
        key=f"do_{name}",
        icon=f":material/{icon}:",
        help=t(f"train.help_{name}"),
        on_click=_act,
        args=(action,),
        disabled=disabled,
        type="primary" if primary else "secondary",
        width="stretch",
    )


def _transport(run: Run, status: Status) -> None:
    paused = run.desired().desired in ("pause", "step")
    left, middle, right = st.columns(3, gap="xsmall")
    with left:
        if paused:
            _button("go_on", "play_arrow", lambda: launch.unpause(run), primary=True)
        else:
            _button("pause", "pause", lambda: launch.pause(run))
    with middle:
        _button("one_step", "skip_next", lambda: launch.step(run))
    with right:
        _button("stop", "stop", lambda: launch.stop(run))


def _continue(run: Run, status: Status) -> None:
    """Why a run is not going on, with the worker's own words where it left some, and the button that lets it."""
    if status.state != "finished":
        sentence = t(f"train.problem_{status.state}", step=f"{status.step:,}")
        st.warning(f"{sentence} {status.message}".strip(), icon=STATE_BADGES[status.state][0])
        _button("resume", "play_arrow", lambda: launch.resume(run), primary=True)


def _dials(run: Run, cfg: RunConfig) -> None:
    """The live dials. They act on the running training, which looks several times a second."""
    asked = run.desired()
    if cfg.model.name != "autoencoder":
        _dial(run, "beta", BETAS, cfg.loss.beta if asked.beta is None else asked.beta)
    _dial(run, "lr", RATES, cfg.optim.lr if asked.lr is None else asked.lr)


def _dial(run: Run, name: str, marks: tuple[float, ...], now: float) -> None:
    options = sorted({*marks, now})
    key = f"dial_{name}_{run.name}"

    def turn() -> None:
        _act(lambda: launch.set_dials(run, **{name: st.session_state[key]}))

    st.select_slider(
        t(f"train.dial_{name}"),
        options,
        value=now,
        format_func=lambda value: f"{value:g}",
        key=key,
        on_change=turn,
        help=t(f"train.help_dial_{name}"),
    )


def _summary(cfg: RunConfig) -> None:
    """What was asked for at the start, in one paragraph."""
    lines = [
        f"{cfg.data.name} · {cfg.model.image_size}×{cfg.model.image_size}",
        f"{cfg.model.name} · z {cfg.model.latent_dim}" + (f" · y {cfg.model.label}" if cfg.model.label else ""),
        f"{cfg.loss.likelihood} · β {cfg.loss.beta:g} · {cfg.schedule.kind}",
        f"lr {cfg.optim.lr:g} · batch {cfg.optim.batch_size} · seed {cfg.seed}",
    ]
    st.caption("  \n".join(lines))


def _housekeeping(run: Run, status: Status) -> None:
    left, right = st.columns(2, gap="xsmall")
    with (
        left,
        st.popover(
            t("train.rename"), icon=":material/edit:", width="stretch", disabled=status.is_active, help=_why(status)
        ),
    ):
        name = st.text_input(t("train.new_name"), run.name, key=f"new_name_{run.name}", max_chars=runs.NAME_LENGTH)
        if st.button(t("train.rename"), key="do_rename") and name.strip() != run.name:
            choose_run(runs.rename_run(run, name))
            st.rerun()
    with (
        right,
        st.popover(
            t("train.delete"), icon=":material/delete:", width="stretch", disabled=status.is_active, help=_why(status)
        ),
    ):
        st.markdown(t("train.delete_sure", name=run.name))
        if st.button(t("train.delete_yes"), key="do_delete", icon=":material/delete_forever:"):
            runs.delete_run(run)
            choose_run(None)
            st.rerun()


def _why(status: Status) -> str | None:
    """Why a button is disabled."""
    return t("train.stop_first") if status.is_active else None
