"""Commands that train and steer runs. `train` and `resume` work in this very process; Ctrl-C stops with a checkpoint."""

from __future__ import annotations

import contextlib
import shlex
import time
from collections.abc import Callable, Collection
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import click

from vaelab import data
from vaelab.cli.output import Function, json_option, print_json, run_argument
from vaelab.cli.progress import Progress
from vaelab.config.errors import DataError, RunError
from vaelab.config.places import runs_root
from vaelab.models import device, registry
from vaelab.models.methods.method import Value
from vaelab.runs import resting, store
from vaelab.runs.epochs import stretched
from vaelab.runs.plan import TRAIN_OPTIONS, plan
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import Status
from vaelab.workers import launch, several

STOP_SECONDS = 60.0  # a worker looks at control.json five times a second and writes a checkpoint before it ends
NAMED = 10  # files left out that are named


OWN_MODEL = " Or FILE.py:CLASS, a network, a method or an nn.Module of your own."


def own_model(context: click.Context, parameter: click.Parameter, asked: str) -> str:
    """A model's name; FILE.py:CLASS is read, and remembered under the name that it declares."""
    return registry.named(asked) if registry.is_path(asked) else asked


def train_options(function: Function, only: Collection[str] = TRAIN_OPTIONS) -> Function:
    """An option for each setting in plan.TRAIN_OPTIONS, or for those named: default and help come from its config class."""
    for option, (owner, _, name) in reversed(TRAIN_OPTIONS.items()):
        if option not in only:
            continue
        hint = get_type_hints(owner)[name]
        plain = next((t for t in get_args(hint) if t is not type(None)), hint) if _is_optional(hint) else hint
        function = click.option(
            option,
            type=plain if plain in (int, float) else str,
            # how many images there are decides the usual batch
            default=None if name == "batch_size" else owner.__dataclass_fields__[name].default,  # type: ignore[attr-defined]
            show_default="128, or all there are" if name == "batch_size" else not _is_optional(hint),
            metavar={int: "N", float: "X"}.get(plain, "NAME"),
            help=owner.help(name) + (OWN_MODEL if option == "--model" else ""),  # type: ignore[attr-defined]
            callback=own_model if option == "--model" else None,
        )(function)
    return function


def _is_optional(hint: Any) -> bool:
    return get_origin(hint) is UnionType


def _read_settings(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, Value]:
    """The --set options: NAME=VALUE, a number where it can be read as one."""
    found: dict[str, Value] = {}
    for text in given:
        name, is_pair, value = text.partition("=")
        if not is_pair or not name:
            raise click.UsageError(f"--set must be NAME=VALUE, got {text!r} (`vaelab models` names the settings)")
        for kind in (int, float, str):
            with contextlib.suppress(ValueError):
                found[name] = kind(value)
                break
    return found


devices_option = click.option(
    "--devices",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Split every batch over N graphics cards, or N processes on the CPU; the result is that of one.",
)
TORCHRUN = ("torchrun", "--standalone")


@click.command()
@train_options
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=_read_settings,
    metavar="NAME=VALUE",
    help="A setting of the method, as `vaelab models` lists them; may be given more than once.",
)
@click.option("--name", metavar="NAME", help="Name of the run; left out, it is made from data set and model.")
@click.option(
    "--run-dir", type=click.Path(path_type=Path), metavar="DIR", help="Put the run at this very path instead of runs/."
)
@devices_option
@click.option("--prepare", is_flag=True, help="Make the run and print the command that trains it, but train nothing.")
@click.option("--quiet", is_flag=True, help="Show no progress, only the result.")
@json_option
def train(
    name: str | None, run_dir: Path | None, devices: int, prepare: bool, quiet: bool, as_json: bool, **options: Any
) -> None:
    """Train a model and measure it on the test images. Ctrl-C stops with a checkpoint."""
    if name is not None and run_dir is not None:
        raise click.UsageError("--name and --run-dir exclude each other: the folder's name is the run's name")
    cfg = plan(**options)
    launch.check(cfg, 1 if prepare else devices)
    own = _own_images(cfg) if data.info(cfg.data.name).origin == "folder" else None
    if cfg.device not in ("auto", "cpu") and not prepare:
        device.choose(cfg.device)  # before there is a run: one on record that never began helps nobody
    run = store.create_run(cfg, name, path=run_dir)
    if prepare:
        start = shlex.join([*TORCHRUN, "--nproc-per-node", str(devices), "-m", "vaelab.workers", str(run.path)])
        click.echo(f"run {run.name} in {run.path}; train it with: {start}")
        if as_json:
            print_json({"run": run.name, "path": str(run.path), "command": start})
        return
    _train_here(run, devices=devices, quiet=quiet, as_json=as_json, more={} if own is None else {"images": own})


def _own_images(cfg: RunConfig) -> dict[str, Any]:
    """Say what a folder was taken for and which files were left out. -> the same for JSON, every name included."""
    loaded = data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=cfg.data.limit)
    train, test, classes = len(loaded.train), len(loaded.test), len(loaded.info.classes)
    held = (
        f"from {', '.join(f'`{name}`' for name in loaded.info.held_out_from)}"
        if loaded.info.held_out_from
        else "at random"
    )
    click.echo(
        f"{train + test:,} images, {f'{classes} classes' if classes else 'no classes'}, {test:,} held out {held}"
    )
    if loaded.skipped:
        more = len(loaded.skipped) - NAMED
        click.echo(
            f"left out, because they are no images that can be read: {', '.join(loaded.skipped[:NAMED])}"
            + (f" and {more:,} more" if more > 0 else "")
        )
    return {
        "train": train,
        "test": test,
        "classes": list(loaded.info.classes),
        "held_out_from": list(loaded.info.held_out_from),
        "skipped": list(loaded.skipped),
    }


@click.command()
@run_argument
@click.option(
    "--beta", type=float, metavar="X", help="Weight of the KL term from here on; left out, it stays as it was."
)
@click.option(
    "--lr", type=float, metavar="X", help="Learning rate from here on: a smaller one for a run that diverged."
)
@click.option(
    "--epochs", type=int, metavar="N", help="Epochs in all from here on: more of them for a run that is finished."
)
@devices_option
@click.option("--quiet", is_flag=True, help="Show no progress, only the result.")
@json_option
def resume(
    run_name: str,
    beta: float | None,
    lr: float | None,
    epochs: int | None,
    devices: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Go on with a run that was stopped, interrupted, paused or diverged, or with more epochs after it finished."""
    run = store.find(run_name)
    launch.check_dials(beta, lr)  # before anything is changed
    if devices > 1:
        launch.check(run.config(), devices)
    if epochs is not None:
        _lengthen(run, epochs)
    if beta is not None or lr is not None:
        launch.set_dials(run, beta, lr)
    if run.status().state == "paused":
        launch.unpause(run)
        click.echo(f"{run.name} goes on in its own process")
        if as_json:
            print_json({"run": run.name, "path": str(run.path), "state": "running"})
        return
    if epochs is None:
        launch.check_resumable(run)
    _train_here(run, devices=devices, quiet=quiet, as_json=as_json)


STRETCHED = {
    "rate": "the learning rate falls over all epochs",
    "warmup": "beta warms up over a share of all epochs",
}


def _lengthen(run: store.Run, epochs: int) -> None:
    """Give the run its epochs, and say where it will differ from one that had them from the start."""
    schedules = stretched(run.config(), epochs)
    launch.lengthen(run, epochs)
    for name in schedules:
        click.echo(f"{STRETCHED[name]}, so this run will differ from one that had {epochs} epochs from the start")


@click.command()
@run_argument
@json_option
def stop(run_name: str, as_json: bool) -> None:
    """Stop a run, wherever it trains, with a checkpoint to resume from; a stalled process is woken, or ended."""
    run = store.find(run_name)
    launch.stop(run)
    status = _wait(run, lambda status: not status.is_active)
    if status.is_active:
        raise RunError(
            f"{run.name} was told to stop and has not done so within {STOP_SECONDS:g} s (look at worker.log)"
        )
    why = f": {status.message.rstrip('.')}" if status.message else ""  # of a process that had to be ended
    click.echo(f"{run.name} is {status.state} at step {status.step:,}{why}; go on with: {_resume_command(run)}")
    if as_json:
        print_json({"run": run.name, "state": status.state, "step": status.step})


@click.command()
@run_argument
@json_option
def pause(run_name: str, as_json: bool) -> None:
    """Pause a run; `resume` lets it go on."""
    run = store.find(run_name)
    launch.pause(run)
    status = _wait(run, lambda status: status.state != "running")
    click.echo(f"{run.name} is {status.state} at step {status.step:,}")
    if as_json:
        print_json({"run": run.name, "state": status.state, "step": status.step})


@click.command()
@run_argument
@click.argument("new_name")
@json_option
def rename(run_name: str, new_name: str, as_json: bool) -> None:
    """Give a run another name."""
    run = resting.rename_run(store.find(run_name), new_name)
    click.echo(f"{run_name} is now {run.name}")
    if as_json:
        print_json({"run": run.name, "path": str(run.path)})


@click.command()
@run_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(run_name: str, yes: bool, as_json: bool) -> None:
    """Delete a run with everything in it."""
    run = store.find(run_name)
    if not yes:
        try:
            is_meant = click.confirm(f"Delete {run.path} for good?")
        except click.Abort:  # Ctrl-C, or nobody there who could answer
            is_meant = False
        if not is_meant:
            raise RunError(f"{run.name} was not deleted (`--yes` does not ask)")
    resting.delete_run(run)
    click.echo(f"{run.name} is deleted")
    if as_json:
        print_json({"deleted": run.name})


def _train_here(
    run: store.Run, *, devices: int, quiet: bool, as_json: bool, more: dict[str, Any] | None = None
) -> None:
    """Train in this process, or in one for each of several devices, then print how it ended and the test loss. Raises RunError if it failed or diverged."""
    from vaelab.analysis import inference  # torch comes with these
    from vaelab.workers import train_worker  # torch comes with these

    progress = Progress(run)
    progress.say(f"run {run.name} in {run.path}")
    show = None if quiet else progress.show
    log_file = run.log_file.open("a", buffering=1, encoding="utf-8")
    with log_file as log, contextlib.redirect_stderr(log):  # warnings, tracebacks
        status = train_worker.run_here(run, show) if devices == 1 else several.run_here(run, devices, show)
    progress.end()
    if status.state not in ("finished", "stopped"):
        raise RunError(f"run {run.name} {status.state} at step {status.step:,}: {status.message}")
    result: dict[str, Any] = {
        "run": run.name,
        "path": str(run.path),
        "state": status.state,
        "steps": status.step,
        "seconds": status.seconds,
        "device": status.device,
    }
    if status.state == "stopped":
        click.echo(f"stopped at step {status.step:,} with a checkpoint; go on with: {_resume_command(run)}")
    else:
        try:
            test = inference.evaluate(run)
        except DataError as error:  # a folder of a few images has none to hold out
            click.echo(str(error))
        else:
            click.echo(
                f"test loss {test['loss']:,.2f} nats per image, {test['loss'] - test['floor']:,.2f} above the floor"
                f" {test['floor']:,.2f} (recon {test['recon']:,.2f}, kl {test['kl']:,.2f})"
            )
            result["test"] = test
    if as_json:
        print_json(result | (more or {}))


def _resume_command(run: store.Run) -> str:
    by_name = run.path == runs_root() / run.name
    return shlex.join(["python", "-m", "vaelab", "resume", run.name if by_name else str(run.path)])


def _wait(run: store.Run, reached: Callable[[Status], bool]) -> Status:
    """The status once it is reached, or after STOP_SECONDS."""
    deadline = time.monotonic() + STOP_SECONDS
    while not reached(status := run.status()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return status


COMMANDS = (train, resume, stop, pause, rename, delete)
