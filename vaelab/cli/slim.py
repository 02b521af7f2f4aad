"""`vaelab slim`: what runs take on the disk, and less of it."""

from __future__ import annotations

import click

from vaelab.cli.output import json_option, print_json, table
from vaelab.runs import store
from vaelab.runs.slim import KEEP, size
from vaelab.runs.slim import slim as make_slim

MEGA = 1e6


@click.command()
@click.argument("names", nargs=-1, metavar="[RUN]...")
@click.option("--all", "everything", is_flag=True, help="All runs that are at rest.")
@click.option(
    "--keep",
    type=click.IntRange(2, 40),
    default=KEEP,
    show_default=True,
    metavar="N",
    help="Snapshots to leave of each run.",
)
@json_option
def slim(names: tuple[str, ...], everything: bool, keep: int, as_json: bool) -> None:
    """Free room on the disk: without a name, list what each run takes, largest first.

    A run that is made slim keeps its settings, curves, final weights and newest checkpoint, and a shorter film: it still opens on
    every page and resumes exactly.
    """
    if names and everything:
        raise click.UsageError("give the names of runs, or --all, not both")
    if names or everything:
        runs = [store.find(name) for name in names] if names else [r for r in store.list_runs() if _at_rest(r)]
        freed = {run.name: make_slim(run, keep) for run in runs}
        for name, count in freed.items():
            click.echo(f"{name}: {count / MEGA:,.1f} MB freed")
        click.echo(f"{sum(freed.values()) / MEGA:,.1f} MB freed in all")
        if as_json:
            print_json({"freed": freed})
        return
    found = sorted(((run.name, size(run)) for run in store.list_runs()), key=lambda entry: -entry[1].total)
    rows = [
        (name, *(part / MEGA for part in (taken.total, taken.snapshots, taken.checkpoints))) for name, taken in found
    ]
    click.echo(table(("run", "MB", "snapshots", "checkpoints"), rows) if rows else "No run yet.")
    if rows:
        click.echo(
            f"{sum(taken.total for _, taken in found) / MEGA:,.1f} MB in all; vaelab slim RUN or --all frees some of it"
        )
    if as_json:
        print_json({"runs": [{"name": name, **vars(taken)} for name, taken in found]})


def _at_rest(run: store.Run) -> bool:
    return run.damage() is None and not run.status().is_active


COMMANDS = (slim,)
