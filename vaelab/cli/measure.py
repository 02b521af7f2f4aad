"""Commands that measure: evaluate and bench. Torch is imported inside them, not before."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import click

from vaelab.cli.bench.report import SUBJECTS
from vaelab.cli.output import json_option, print_json, run_argument, table
from vaelab.config.errors import VaeLabError
from vaelab.runs import store
from vaelab.runs.run_config import RunConfig

TERMS = {
    "recon": "reconstruction term, -log p(x|z)",
    "kl": "KL term, from the prior",
    "loss": "recon + beta * kl",
    "floor": "least recon possible, the entropy of the pixels",
    "nll": "-log p(x), importance sampling",
}


@click.command()
@run_argument
@click.option("--split", default="test", show_default=True, metavar="SPLIT", help="Which images: test or train.")
@click.option(
    "--importance-samples",
    type=int,
    default=0,
    show_default=True,
    metavar="K",
    help="Draws of z an image for nll, -log p(x); 0 leaves it out, 100 is a fair start.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Measure the first N images only.")
@click.option("--device", default=RunConfig.device, show_default=True, metavar="DEVICE", help=RunConfig.help("device"))
@json_option
def evaluate(run_name: str, split: str, importance_samples: int, limit: int | None, device: str, as_json: bool) -> None:
    """Measure a run on its test images: means per image, in nats."""
    from vaelab.analysis import inference

    run = store.find(run_name)
    result = inference.evaluate(run, split, importance_samples, limit, device)
    click.echo(f"{run.name}, {result['images']:,} {split} images, nats per image, beta {run.config().loss.beta:g}")
    told = TERMS | {name: words.title for name, words in run.config().model.method.curves.items()}
    click.echo(table(("term", "nats", ""), [(key, result[key], told[key]) for key in told if key in result]))
    click.echo(f"{result['active_units']} of {run.config().model.latent_dim} latent dimensions are active")
    if as_json:
        print_json(result)


@click.command()
@click.argument("subject", type=click.Choice(list(SUBJECTS)))
@click.option(
    "--repeats",
    type=click.IntRange(1, 100),
    metavar="R",
    help="Repeats of each measurement; each subject has its own default.",
)
@json_option
def bench(subject: str, repeats: int | None, as_json: bool) -> None:
    """Measure ratios side by side in one run: train, decode, project or startup.

    Contestants take turns, so that a busy moment of the machine hits them alike; the median and the spread are shown.
    """
    name = f"vaelab.cli.bench.{subject}"
    if find_spec(name) is None:
        raise VaeLabError(f"the benchmark {subject} is not part of this version (choose another one)")
    measure = import_module(name).measure
    report = measure() if repeats is None else measure(repeats)
    click.echo(report.text())
    if as_json:
        print_json(report.to_dict())


COMMANDS = (evaluate, bench)
