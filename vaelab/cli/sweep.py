"""`vaelab sweep`: several trainings that differ in a few settings, handed to the local queue or printed for another one."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

import click

from vaelab.cli.output import Function, json_option, print_json, table
from vaelab.config.errors import ConfigError
from vaelab.models import registry
from vaelab.runs.plan import TRAIN_OPTIONS, train_command
from vaelab.runs.sweep import combinations
from vaelab.workers import launch

# One task of the array for each training; every line of it is a whole command.
SLURM = """#!/bin/bash
#SBATCH --job-name=vaelab-sweep
#SBATCH --array=0-{last}
#SBATCH --cpus-per-task=2

commands=(
{commands}
)
eval "${{commands[$SLURM_ARRAY_TASK_ID]}}"
"""


def _options(function: Function) -> Function:
    """Every option of `vaelab train`, each of which takes one value or several with commas between."""
    for option, (owner, _, name) in reversed(TRAIN_OPTIONS.items()):
        help_text: str = owner.help(name)  # type: ignore[attr-defined]
        function = click.option(option, metavar="A,B,...", default=None, help=help_text)(function)
    return function


@click.command()
@_options
@click.option(
    "--print",
    "printed",
    type=click.Choice(["commands", "slurm"]),
    help="Start nothing; print a command for each training, or a Slurm array of them.",
)
@json_option
def sweep(printed: str | None, as_json: bool, **given: str | None) -> None:
    """Train every combination of some settings, one after another on this computer.

    Each option takes one value or several: --beta 1,2,4,8 --latent-dim 2,8,32 makes twelve runs. They see the same batches in
    the same order; the page Compare shows them as a heat map, and side by side.
    """
    planned = combinations(*_read(given))
    if printed:
        commands = [f"{train_command(cfg)} --name {name}" for name, cfg in planned]
        indented = "\n".join(f"  {shlex.quote(command)}" for command in commands)
        click.echo(
            "\n".join(commands) if printed == "commands" else SLURM.format(last=len(commands) - 1, commands=indented)
        )
        return
    runs = launch.start_all(planned)
    click.echo(
        table(("run", "settings"), [(run.name, train_command(run.config()).partition("train ")[2]) for run in runs])
    )
    click.echo(f"{len(runs)} trainings wait their turn; `vaelab runs` tells how they stand, Compare → Sweep shows them")
    if as_json:
        print_json({"runs": [run.name for run in runs]})


def _read(given: Mapping[str, str | None]) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """The settings that are fixed and those that vary, each value as its setting has it."""
    fixed: dict[str, Any] = {"dataset": "pixel-faces"}
    varied: dict[str, list[Any]] = {}
    for option, (owner, _, field) in TRAIN_OPTIONS.items():
        name = option.removeprefix("--").replace("-", "_")
        text = given[name]
        if text is None:
            continue
        values = [_value(owner, field, option, part.strip()) for part in text.split(",") if part.strip()]
        if not values:
            raise ConfigError(f"{option} must have a value, got {text!r} (write it as 1,2,4)")
        if len(values) == 1:
            fixed[name] = values[0]
        else:
            varied[name] = list(dict.fromkeys(values))
    return fixed, varied


def _value(owner: type, field: str, option: str, text: str) -> Any:
    hint = get_type_hints(owner)[field]
    kinds = [kind for kind in (hint, *get_args(hint)) if kind in (int, float)]
    for kind in kinds:
        with contextlib.suppress(ValueError):
            return kind(text)
        raise ConfigError(f"{option} must be numbers with commas between, got {text!r} (write it as 1,2,4)")
    return registry.named(text) if option == "--model" and registry.is_path(text) else text


COMMANDS = (sweep,)
