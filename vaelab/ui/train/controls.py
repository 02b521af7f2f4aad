"""What can be done to a run: pause, step, stop, resume, turn the dials, rename, delete."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.config.settings import OptimConfig
from vaelab.runs.epochs import fewest_epochs, stretched
from vaelab.runs.names import NAME_LENGTH
from vaelab.runs.run_config import RunConfig
from vaelab.runs.slim import KEEP, size
from vaelab.runs.status import Status
from vaelab.runs.store import Run
from vaelab.ui import doing
from vaelab.ui.access.rules import may
from vaelab.ui.classroom.line_view import place_in_line
from vaelab.ui.error_text import in_markdown
from vaelab.ui.guard import show_error
from vaelab.ui.names import escaped, label_title
from vaelab.ui.text import t
from vaelab.ui.train.live import colour_choice, plain
from vaelab.ui.train.settings import dataset_name
from vaelab.ui.widgets import STATE_BADGES, choose_run, clock, page_link

BETAS = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 50.0)
RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
LOOK_AGAIN = 2.0  # seconds between two looks at the queue


def run_controls(run: Run, status: Status) -> None:
    """The column beside the views of a run. status: the one that the views are drawn for."""
    cfg = run.config()
    mine = may("steer", run)
    if not mine:
        _not_yours(run, status)
    elif status.is_active:
        _transport(run, status)
        if status.message:  # of a training that goes on from an earlier checkpoint than the newest
            st.warning(in_markdown(status.message), icon=":material/history:")
        if status.state == "queued":
            st.fragment(place_in_line, run_every=LOOK_AGAIN)(run)
        if status.state != "stalled":
            st.fragment(_dials)(run, cfg)
    else:
        _continue(run, status, cfg)
    page_link("decode", t("train.open_decode"), run=run.name)
    colour_choice(run)
    _summary(cfg)
    if mine:
        _housekeeping(run, status)


def _act(action: Callable[[], object]) -> None:
    """Do what a button says; an error becomes a sentence at the top of the next redraw."""
    try:
        action()
    except VaeLabError as error:
        st.session_state["action_error"] = in_markdown(str(error))


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
    if status.state == "stalled":
        st.warning(t("train.problem_stalled", step=f"{status.step:,}"), icon=STATE_BADGES["stalled"][0])
        _button("end_stalled", "stop", lambda: doing.stop(run), primary=True)
        return
    paused = run.desired().desired in ("pause", "step")
    left, middle, right = st.columns(3, gap="xsmall")
    with left:
        if paused:
            _button("go_on", "play_arrow", lambda: doing.unpause(run), primary=True)
        else:
            _button("pause", "pause", lambda: doing.pause(run))
    with middle:
        _button("one_step", "skip_next", lambda: doing.step(run))
    with right:
        _button("stop", "stop", lambda: doing.stop(run))


def _not_yours(run: Run, status: Status) -> None:
    """In place of the controls, for who may only watch: why there are none, and how the training stands."""
    st.info(t("train.not_yours"), icon=":material/visibility:")
    if status.state == "queued":
        st.fragment(place_in_line, run_every=LOOK_AGAIN)(run)


def _continue(run: Run, status: Status, cfg: RunConfig) -> None:
    """Why a run is not going on, the dials that may mend it, and the button that lets it go on, for more epochs if one likes."""
    if status.state == "finished":
        if run.latest_checkpoint() is not None:  # imported weights have none
            st.fragment(_epochs)(run, status, cfg)
            _button("train_on", "play_arrow", lambda: _go_on(run))
        return
    sentence = t(f"train.problem_{status.state}", step=f"{status.step:,}")
    if status.state != "diverged":  # whose sentence gives the worker's advice already
        sentence = f"{sentence} {in_markdown(status.message)}".strip()
    st.warning(sentence, icon=STATE_BADGES[status.state][0])
    st.fragment(_dials)(run, cfg, words="_next")
    st.fragment(_epochs)(run, status, cfg)
    _button("resume", "play_arrow", lambda: _go_on(run), primary=True)


def _go_on(run: Run) -> None:
    """Resume with the epochs that the field beside the button holds."""
    doing.resume(run, st.session_state.get(f"epochs_{run.name}"))


def _epochs(run: Run, status: Status, cfg: RunConfig) -> None:
    """How many epochs the run is to have in all, what that takes, and where its schedules make a difference."""
    fewest = fewest_epochs(run)
    usual = cfg.optim.epochs if status.state != "finished" else 2 * cfg.optim.epochs
    most = int(OptimConfig.bounds("epochs").high)
    epochs = st.number_input(
        t("train.epochs_in_all"),
        min_value=fewest,
        max_value=most,
        value=min(max(fewest, usual), most),
        key=f"epochs_{run.name}",
        help=t("train.help_epochs_in_all"),
    )
    if status.step:
        steps = max(0.0, epochs * status.total_steps / cfg.optim.epochs - status.step)
        st.caption(t("train.takes_about", time=plain(clock(steps * status.seconds / status.step))))
    for name in stretched(cfg, epochs):
        st.caption(t(f"train.stretched_{name}", epochs=epochs))


def _dials(run: Run, cfg: RunConfig, words: str = "") -> None:
    """The dials, which the running training looks at several times a second, and any other once it is resumed.

    words: ending of the names of their texts, "_next" for a training that is to be resumed.
    """
    asked = run.desired()
    if cfg.model.has_posterior:
        _dial(run, "beta", BETAS, cfg.loss.beta if asked.beta is None else asked.beta, words)
    _dial(run, "lr", RATES, cfg.optim.lr if asked.lr is None else asked.lr, words)


def _dial(run: Run, name: str, marks: tuple[float, ...], now: float, words: str) -> None:
    options = sorted({*marks, now})
    key = f"dial_{name}_{run.name}"

    def turn() -> None:
        _act(lambda: doing.set_dials(run, **{name: st.session_state[key]}))

    st.select_slider(
        t(f"train.dial_{name}{words}"),
        options,
        value=now,
        format_func=lambda value: f"{value:g}",
        key=key,
        on_change=turn,
        help=t(f"train.help_dial_{name}{words}"),
    )


def _summary(cfg: RunConfig) -> None:
    """What was asked for at the start, in one paragraph."""
    size = cfg.model.image_size
    label = f" · {t('train.told', label=label_title(cfg.model.label))}" if cfg.model.label else ""
    # Where the method scores pixels in its own way, the setting says nothing.
    scored = f"{t(f'train.likelihood_{cfg.loss.likelihood}')} · " if cfg.model.method.fixed_likelihood else ""
    warmup = "" if cfg.schedule.kind == "constant" else f" · {t('train.label_warmup')}"
    lines = [
        f"{escaped(dataset_name(cfg.data.name))} · {size}×{size}",
        f"{cfg.model.name} · {t('train.label_latent_dim')} {cfg.model.latent_dim}{label}",
        f"{scored}β {cfg.loss.beta:g}{warmup}",
        f"{t('train.label_lr')} {cfg.optim.lr:g} · {t('train.label_batch_size')} {cfg.optim.batch_size}",
        f"{t('train.label_seed')} {cfg.seed}",
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
        name = st.text_input(t("train.new_name"), run.name, key=f"new_name_{run.name}", max_chars=NAME_LENGTH)
        if st.button(t("train.rename"), key="do_rename") and name.strip() != run.name:
            _move(lambda: doing.rename(run, name))
    with (
        right,
        st.popover(
            t("train.delete"), icon=":material/delete:", width="stretch", disabled=status.is_active, help=_why(status)
        ),
    ):
        st.markdown(t("train.delete_sure", name=run.name))
        if st.button(t("train.delete_yes"), key="do_delete", icon=":material/delete_forever:"):
            _move(lambda: doing.delete(run))
    _room(run, status)


def _room(run: Run, status: Status) -> None:
    """What the run takes on the disk, and the button that makes it less; a training that runs changes it all the time."""
    if status.is_active:
        return
    taken = size(run)
    with st.popover(
        t("train.room", size=f"{taken.total / 1e6:,.1f}"),
        icon=":material/compress:",
        width="stretch",
        help=t("train.room_help"),
    ):
        parts = {name: f"{value / 1e6:,.1f}" for name, value in vars(taken).items()}
        st.markdown(t("train.room_how", keep=KEEP, **parts))
        if st.button(t("train.room_free"), key="do_slim", icon=":material/compress:"):
            try:
                freed = doing.make_slim(run)
            except VaeLabError as error:
                show_error(error)
            else:
                st.success(t("train.room_freed", size=f"{freed / 1e6:,.1f}"), icon=":material/check:")


def _move(action: Callable[[], object]) -> None:
    """Rename or delete, then show what is left; a refusal is told beside the button, and the views stay."""
    try:
        moved = action()
    except VaeLabError as error:
        show_error(error)
    else:
        choose_run(moved if isinstance(moved, Run) else None)
        st.rerun()


def _why(status: Status) -> str | None:
    """Why a button is disabled."""
    return t("train.stop_first") if status.is_active else None
