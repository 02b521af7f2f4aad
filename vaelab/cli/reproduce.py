"""`vaelab reproduce`: train and measure as a paper did, and print what was found beside what it found."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from vaelab import data
from vaelab.analysis.protocols import PROTOCOLS, Protocol, protocol
from vaelab.cli.output import json_option, print_json, table
from vaelab.cli.progress import Progress
from vaelab.config.errors import ConfigError, RunError
from vaelab.config.places import runs_root
from vaelab.runs import store
from vaelab.runs.files import Row
from vaelab.runs.run_config import RunConfig
from vaelab.workers import launch

if TYPE_CHECKING:
    from vaelab.analysis.bits import Bits
    from vaelab.analysis.likelihood import Estimate
    from vaelab.runs.status import Status


UNITS = {"nats": "nats", "bits_per_dim": "bits/dim"}
SCALE_IMAGES = 1_000  # training images on which the scale of a pixel is found


@click.command()
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="List the published figures that can be reproduced.")
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Train so many epochs, in which the learning rate goes through its whole schedule; left out, those of the protocol.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.0),
    metavar="M",
    help="Stop training after M minutes and measure what is there; the same command goes on from there. 0 only measures.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images per update in place of the protocol's; the learning rate grows with its root.",
)
@click.option(
    "--samples", type=click.IntRange(min=1), metavar="K", help="Draws of z an image, in place of the protocol's."
)
@click.option("--images", type=click.IntRange(min=1), metavar="N", help="Measure N test images, drawn at random.")
@click.option("--seed", type=int, default=0, show_default=True, metavar="N", help=RunConfig.help("seed"))
@click.option("--device", default=RunConfig.device, show_default=True, metavar="DEVICE", help=RunConfig.help("device"))
@click.option("--quiet", is_flag=True, help="Show no progress, only the result.")
@json_option
def reproduce(
    name: str | None,
    listed: bool,
    epochs: int | None,
    minutes: float | None,
    batch_size: int | None,
    samples: int | None,
    images: int | None,
    seed: int,
    device: str,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train as a paper did, measure log p(x) as it did (nats per image, or bits per dimension), and print ours beside theirs.

    The training is a run like any other, with its curves on the page Train. Ctrl-C keeps what there is, and the same command goes on.
    """
    if listed:
        _list(as_json)
        return
    if name is None:
        raise click.UsageError(f"NAME must be one of {', '.join(PROTOCOLS)} (--list tells what they are)")
    known = protocol(name)
    if samples and not known.samples:
        raise ConfigError(f"--samples is for log p(x) by draws of z, and {known.name} draws none (leave it out)")
    cfg = known.config(epochs=epochs, batch_size=batch_size, seed=seed, device=device)
    run = _run_of(known, cfg)
    click.echo(f"{known.name}: {known.title}; run {run.name}")
    status = _trained(run, minutes, quiet)
    if status is None:
        _tell_stopped(known, run, as_json)
        return
    began = time.perf_counter()
    found, interrupted = _measured(known, run, samples or known.samples, images, quiet)
    told = _told(known, run, found, samples or known.samples, time.perf_counter() - began)
    _print(known, told, interrupted)
    if as_json:
        print_json(told)


def _list(as_json: bool) -> None:
    rows = [
        {
            "name": known.name,
            "title": known.title,
            "dataset": known.training["dataset"],
            "epochs": known.epochs,
            "unit": known.unit,
            "samples": known.samples,
            "published": _published(known),
            "differs": list(known.differs),
        }
        for known in PROTOCOLS.values()
    ]
    shown = [
        (
            known.name,
            figure.value,
            UNITS[known.unit],
            figure.who,
            known.training["dataset"],
            known.epochs,
            known.samples or "",
            known.title,
        )
        for known in PROTOCOLS.values()
        for figure in known.published
    ]
    click.echo(table(("name", "-log p(x)", "in", "found by", "dataset", "epochs", "samples", "what"), shown))
    click.echo(
        "nats are per image, bits/dim per number of an image; `vaelab reproduce NAME --epochs N` trains and measures."
    )
    if as_json:
        print_json({"protocols": rows})


def _published(known: Protocol) -> list[dict[str, Any]]:
    return [{"who": figure.who, known.unit: figure.value} for figure in known.published]


def _run_of(known: Protocol, cfg: RunConfig) -> store.Run:
    """The run of these settings, begun or new. Raises RunError where another has its name, DataError where the images are absent."""
    parts = ["reproduce", known.name]
    if cfg.optim.epochs != known.epochs:
        parts.append(f"{cfg.optim.epochs}-epochs")
    if cfg.optim.batch_size != known.batch_size:
        parts.append(f"batch-{cfg.optim.batch_size}")
    if cfg.seed:
        parts.append(f"seed-{cfg.seed}")
    run = store.Run(runs_root() / "-".join(parts))
    if not run.config_file.exists():
        launch.check(cfg)
        return store.create_run(cfg, run.name)
    there = run.config()
    if any(getattr(there, part) != getattr(cfg, part) for part in ("data", "model", "loss", "schedule", "optim")):
        raise RunError(
            f"run {run.name} must have the settings of {known.name}, and has others (rename or delete that run)"
        )
    return run


def _trained(run: store.Run, minutes: float | None, quiet: bool) -> Status | None:
    """How the training ended, by its last step or by the time; None where Ctrl-C ended it. Raises RunError where it failed."""
    from vaelab.workers import train_worker  # torch comes with it

    status = run.status()
    if status.state == "finished" or minutes == 0.0:
        return status
    progress, over = Progress(run), threading.Event()

    def stop() -> None:
        over.set()
        run.ask("stop")

    clock = threading.Timer(60.0 * (minutes or 0.0), stop)
    clock.daemon = True

    def hear(row: Row) -> None:
        if minutes is not None and clock.ident is None:
            clock.start()  # with the first row: torch and the images are there
        if not quiet:
            progress.show(row)

    with run.log_file.open("a", encoding="utf-8") as log, contextlib.redirect_stderr(log):
        try:
            status = train_worker.run_here(run, hear)
        finally:
            clock.cancel()
    progress.end()
    if status.state not in ("finished", "stopped"):
        raise RunError(f"run {run.name} {status.state} at step {status.step:,}: {status.message}")
    return status if status.state == "finished" or over.is_set() else None


def _measured(
    known: Protocol, run: store.Run, samples: int, images: int | None, quiet: bool
) -> tuple[Estimate | Bits, bool]:
    """-log p(x) of the test images, and whether Ctrl-C ended the measurement early."""
    from vaelab.analysis import bits, inference, likelihood
    from vaelab.models.device import choose, flush_denormals

    flush_denormals()
    cfg = run.config()
    model = inference.load_run(run).to(choose(cfg.device))
    in_bits = known.unit == "bits_per_dim"
    dataset = data.load(
        cfg.data.name,
        image_size=known.image_size,
        channels=cfg.model.channels,
        limit=SCALE_IMAGES if in_bits else 1,
    )
    pixels = dataset.test.pixels
    found: Estimate | Bits | None = None
    interrupted = False
    total = min(images or len(pixels), len(pixels))
    with _bar(total, quiet) as show:
        try:
            measured: Iterator[Estimate | Bits] = (
                bits.estimates(model, pixels, bits.best_scale(model, dataset.train.pixels), images)
                if in_bits
                else likelihood.estimates(model, pixels, cfg.loss, samples, images)
            )
            for found in measured:
                show(found)
        except KeyboardInterrupt:
            if found is None:
                raise
            interrupted = True
    assert found is not None
    return found, interrupted


@contextlib.contextmanager
def _bar(total: int, quiet: bool) -> Iterator[Any]:
    """A function that shows how far the measurement is."""
    if quiet:
        yield lambda found: None
        return
    with click.progressbar(length=total, label="test images", show_pos=True) as bar:
        yield lambda found: bar.update(found.images - bar.pos)


def _told(known: Protocol, run: store.Run, found: Estimate | Bits, samples: int, seconds: float) -> dict[str, Any]:
    """The result as JSON has it."""
    cfg, status = run.config(), run.status()
    return {
        "name": known.name,
        "run": run.name,
        **_figures(found),
        "published": _published(known),
        "samples": samples,
        "images": found.images,
        "test_images": found.of,
        "epochs": round(cfg.optim.epochs * status.step / max(1, status.total_steps), 2),
        "planned_epochs": cfg.optim.epochs,
        "protocol_epochs": known.epochs,
        "batch_size": cfg.optim.batch_size,
        "seed": cfg.seed,
        "device": status.device,
        "training_seconds": status.seconds,
        "measuring_seconds": round(seconds, 1),
        "differs": _differs(known, cfg, samples),
    }


def _figures(found: Estimate | Bits) -> dict[str, float]:
    """What was measured, by its names in JSON."""
    from vaelab.analysis.likelihood import Estimate

    if isinstance(found, Estimate):
        return {"nll": found.nll, "error": found.error, "bound": found.bound}
    return {
        "bits_per_dim": found.total,
        "error": found.error,
        "pixels": found.pixels,
        "codes": found.codes,
        "codes_by_prior": found.codes_by_prior,
        "bits_per_dim_by_prior": found.by_prior,
        "scale": found.scale,
    }


def _differs(known: Protocol, cfg: RunConfig, samples: int) -> list[str]:
    """Where this measurement is not the protocol's, a phrase each."""
    found = list(known.differs)
    if cfg.optim.epochs != known.epochs:
        found.append(f"the schedule of {known.epochs:,} epochs in {cfg.optim.epochs:,}")
    if cfg.optim.batch_size != known.batch_size:
        found.append(
            f"batches of {cfg.optim.batch_size} at the rate {cfg.optim.lr:.3g}, in place of {known.batch_size} at"
            f" {known.training['lr']:g}"
        )
    if samples != known.samples:
        found.append(f"{samples:,} samples for log p(x), in place of {known.samples:,}")
    return found


def _print(known: Protocol, told: dict[str, Any], interrupted: bool) -> None:
    part = "all" if told["images"] == told["test_images"] else f"{told['images']:,} of"
    in_bits = known.unit == "bits_per_dim"
    how = (
        "bits per dimension, a bound by one code each" if in_bits else f"nats per image, by {told['samples']:,} samples"
    )
    click.echo(
        f"-log p(x) of {part} {told['test_images']:,} test images, {how}"
        + (" (the measurement was stopped by Ctrl-C)" if interrupted else "")
    )
    ours = "ours" + (f", give or take {told['error']:.2f}" if told["error"] else "")
    rows = [(ours, told["bits_per_dim" if in_bits else "nll"]), *((f.who, f.value) for f in known.published)]
    click.echo(table(("", UNITS[known.unit]), rows))
    if in_bits:
        click.echo(
            f"ours is {told['pixels']:.2f} for the pixels, by a logistic of scale {told['scale']:.4f} over 256 levels, and {told['codes']:.2f} for the"
            f" codes, all alike; by the prior that the model learned {told['codes_by_prior']:.2f}, in sum {told['bits_per_dim_by_prior']:.2f}"
        )
    click.echo(
        f"budget: {told['epochs']:g} epochs, of {told['protocol_epochs']:,} in the protocol; seed {told['seed']}, {told['device']},"
        f" {told['training_seconds']:,.0f} s of training and {told['measuring_seconds']:,.0f} s of measuring"
    )
    if told["differs"]:
        click.echo("not as published: " + "; ".join(told["differs"]))


def _tell_stopped(known: Protocol, run: store.Run, as_json: bool) -> None:
    """What Ctrl-C left of a training."""
    status = run.status()
    click.echo(
        f"stopped at step {status.step:,} with a checkpoint; the same command goes on, and with --minutes 0 measures what is there"
    )
    rows = [row for row in run.metrics() if "test_loss" in row]
    is_bound = known.unit == "nats"  # otherwise the loss scores pixels by a density
    if rows:
        what = ", a bound on -log p(x)" if is_bound else ""
        click.echo(f"held-out loss at step {rows[-1]['step']:,}: {rows[-1]['test_loss']:.2f} nats per image{what}")
    if as_json:
        bound = rows[-1]["test_loss"] if rows and is_bound else None
        print_json({"name": known.name, "run": run.name, "state": status.state, "step": status.step, "bound": bound})


COMMANDS = (reproduce,)
