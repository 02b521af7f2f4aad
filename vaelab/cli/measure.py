"""Commands that measure: evaluate and bench. Torch is imported inside them, not before."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from vaelab.cli.bench import growth_plot
from vaelab.cli.bench.report import SUBJECTS
from vaelab.cli.output import json_option, print_json, run_argument, table
from vaelab.config.errors import ConfigError, VaeLabError
from vaelab.runs import store
from vaelab.runs.files import write_atomic
from vaelab.runs.run_config import RunConfig

TERMS = {
    "recon": "reconstruction term, -log p(x|z)",
    "kl": "KL term, from the prior",
    "loss": "recon + beta * kl",
    "floor": "least recon possible, the entropy of the pixels",
    "nll": "-log p(x), importance sampling",
}
SCORES = {
    "mig": "gap between the two dimensions that tell most about a factor",
    "disentanglement": "how little a dimension mixes factors",
    "completeness": "how few dimensions a factor takes",
    "informativeness": "accuracy of guessing a factor from the whole code",
    "sap": "gap between the two best guesses from one dimension",
    "factor_vae": "accuracy of the majority vote",
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
@click.option("--factors", is_flag=True, help="Also score how well single dimensions name the known factors.")
@click.option("--device", default=RunConfig.device, show_default=True, metavar="DEVICE", help=RunConfig.help("device"))
@json_option
def evaluate(
    run_name: str, split: str, importance_samples: int, limit: int | None, factors: bool, device: str, as_json: bool
) -> None:
    """Measure a run on its test images: means per image, in nats."""
    from vaelab.analysis import inference

    run = store.find(run_name)
    scored = _scored(run, split, limit) if factors else None
    result = inference.evaluate(run, split, importance_samples, limit, device)
    click.echo(f"{run.name}, {result['images']:,} {split} images, nats per image, beta {run.config().loss.beta:g}")
    told = TERMS | {name: words.title for name, words in run.config().model.method.curves.items()}
    click.echo(table(("term", "nats", ""), [(key, result[key], told[key]) for key in told if key in result]))
    click.echo(f"{result['active_units']} of {run.config().model.latent_dim} latent dimensions are active")
    if scored is not None:
        click.echo("known factors, from 0 to 1, 1 for a dimension of its own for each")
        click.echo(table(("score", "", ""), [(name, scored[name], words) for name, words in SCORES.items()]))
        result["factors"] = scored
    if as_json:
        print_json(result)


def _scored(run: store.Run, split: str, limit: int | None) -> dict[str, float]:
    """The scores by name, of at most as many images as are measured."""
    from vaelab.analysis import factors

    if split not in ("train", "test"):
        raise ConfigError(f"split must be train or test, got {split!r}")
    count = min(limit or factors.COUNT, factors.COUNT)
    return asdict(factors.scores(run, "train" if split == "train" else "test", count))


@click.command()
@click.argument("subject", type=click.Choice(list(SUBJECTS)))
@click.option(
    "--repeats",
    type=click.IntRange(1, 100),
    metavar="R",
    help="Repeats of each measurement; each subject has its own default.",
)
@click.option(
    "--sessions",
    type=click.IntRange(1, 500),
    metavar="N",
    help="Visitors of the subject classroom, 30 unless given, or viewers of the subject watching, 20 unless given.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Of the subject growth: also draw it, as an SVG file.",
)
@click.option(
    "--run",
    "runs",
    multiple=True,
    metavar="RUN",
    help="Of the subjects decode and hands: measure this run or shipped model; may be given more than once.",
)
@json_option
def bench(
    subject: str, repeats: int | None, sessions: int | None, plot: Path | None, runs: tuple[str, ...], as_json: bool
) -> None:
    """Measure ratios side by side in one run: train, step, decode, hands, crowd, project, startup, arrival, watching, methods, visit or growth; or a whole class: classroom.

    Contestants take turns, so that a busy moment of the machine hits them alike; the median and the spread are shown.
    """
    name = f"vaelab.cli.bench.{subject}"
    if find_spec(name) is None:
        raise VaeLabError(f"the benchmark {subject} is not part of this version (choose another one)")
    measure = import_module(name).measure
    if sessions is not None and subject not in ("classroom", "watching"):
        raise ConfigError(f"--sessions is for the subjects classroom and watching, got {subject} (leave it out)")
    if plot is not None and subject != "growth":
        raise ConfigError(f"--plot is for the subject growth, got {subject} (leave it out)")
    if runs and subject not in ("decode", "hands"):
        raise ConfigError(f"--run is for the subjects decode and hands, got {subject} (leave it out)")
    given = {"repeats": repeats, "sessions": sessions, "models": runs or None}
    report = measure(**{name: value for name, value in given.items() if value is not None})
    click.echo(report.text())
    if plot is not None:
        write_atomic(plot, growth_plot.svg(growth_plot.lines_of(report.entries)).encode())
    if as_json:
        print_json(report.to_dict())


COMMANDS = (evaluate, bench)
