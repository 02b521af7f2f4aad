"""`vaelab flow`: learn a latent flow for a trained model, whose samples `vaelab sample --flow` and the page Latent space then draw."""

from __future__ import annotations

import time

import click

from vaelab.cli.output import json_option, print_json, run_argument
from vaelab.config.errors import RunError
from vaelab.runs import store
from vaelab.workers import flow_worker

LOOK_SECONDS = 0.3
DISTANCES = {
    "before": "codes that the model draws by itself",
    "after": "codes that the flow draws",
    "images": "codes of other images",
}


@click.command()
@run_argument
@click.option(
    "--steps", type=click.IntRange(1, 100_000), default=flow_worker.STEPS, show_default=True, help="Steps of learning."
)
@json_option
def flow(run_name: str, steps: int, as_json: bool) -> None:
    """Learn to carry noise to the codes of a model's images (flow matching), so that new codes are like those of images.

    Works for every model, the plain autoencoder included; the decoder stays as it is. Ctrl-C keeps what was learned by then.
    """
    run = store.find(run_name)
    wanted = flow_worker.query(run)
    name = wanted.file_name
    state = flow_worker.start(wanted, steps)
    try:
        with click.progressbar(length=steps, label=run.name, show_pos=True) as bar:
            while state.is_active:
                time.sleep(LOOK_SECONDS)
                state = flow_worker.jobs.state(name)
                bar.update(state.round - bar.pos)
    except KeyboardInterrupt:
        flow_worker.jobs.cancel(name)
        raise
    if state.state != "finished":
        raise RunError(
            f"the flow of {run.name} could not be learned: {state.message or 'its process ended; look at the free memory'}"
        )
    rows = [(key, state.told[key], words) for key, words in DISTANCES.items()]
    click.echo(f"{run.name}, {state.seconds:.0f} s; energy distance from codes of held-out images, 0 to 1")
    click.echo("\n".join(f"{key:7} {value:.4f}  {words}" for key, value, words in rows))
    if as_json:
        print_json({"run": run.name, "steps": steps, "seconds": state.seconds, **state.told})


COMMANDS = (flow,)
