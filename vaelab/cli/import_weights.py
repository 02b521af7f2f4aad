"""`vaelab import`: weights that were trained elsewhere become a model of the lab."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from vaelab.cli.output import json_option, print_json, table
from vaelab.cli.training import train_options
from vaelab.config.errors import DataError, WeightsError
from vaelab.config.folders import remove
from vaelab.models.own_module import OWN
from vaelab.runs import store
from vaelab.runs.files import write_atomic, write_json
from vaelab.runs.names import NAME_LENGTH, free_name
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig

SHAPE = (
    "--dataset",
    "--model",
    "--network",
    "--latent-dim",
    "--label",
    "--image-size",
)  # what decides which tensors a model has
NOT_KEPT = ("code_mean", "code_std", "num_batches_tracked")  # what tutorials do not save, or what tells nothing
CODES = 1_000  # images whose codes the sliders stand around


def _read_map(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """The --map options: THEIRS=OURS."""
    found = {}
    for text in given:
        theirs, is_pair, ours = text.partition("=")
        if not is_pair or not theirs or not ours:
            raise click.UsageError(f"--map must be THEIRS=OURS, or A+B=OURS for two that are joined, got {text!r}")
        found[theirs] = ours
    return found


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@partial(train_options, only=SHAPE)
@click.option("--name", metavar="NAME", help="What it is called here; the file's name unless said.")
@click.option(
    "--map",
    "renamed",
    multiple=True,
    callback=_read_map,
    metavar="THEIRS=OURS",
    help="Which of their tensors is which of ours, where shapes and order do not tell; A+B=OURS joins two.",
)
@json_option
def import_weights(
    file: Path,
    model: str,
    network: str,
    latent_dim: int,
    label: str | None,
    image_size: int,
    dataset: str,
    name: str | None,
    renamed: dict[str, str],
    as_json: bool,
) -> None:
    """Make a model of the lab from FILE: a PyTorch state dict (.pt, .pth) or safetensors. Nothing in it is run.

    Tensors are matched by name, by --map, then by shape in their order; two heads for mu and the log-variance are joined.
    """
    from safetensors.torch import save

    from vaelab.export import card
    from vaelab.models.foreign import fit, read_state
    from vaelab.models.latent_model import build

    cfg = plan(dataset, model, network=network, latent_dim=latent_dim, label=label, image_size=image_size)
    built = build(cfg.model)
    own = dict(built.state_dict())
    state = read_state(file)
    kept = [key for key in own if key.endswith(NOT_KEPT) and key not in state]
    shapes = {key: tuple(tensor.shape) for key, tensor in own.items() if key not in kept}
    fitted = fit(
        state, shapes, (_same_names(state, shapes, renamed) if built.draws_itself else {}) | renamed, str(file)
    )
    built.load_state_dict({**own, **fitted.tensors})
    run = store.create_run(cfg, free_name(name or _name_of(file)))
    try:
        seen = _remember(built, cfg)
        write_atomic(run.path / "model.safetensors", save(dict(built.state_dict())))
        measured = _measure(run, file) if seen else None
        if measured is not None:
            np.savez_compressed(run.path / "latents.npz", **card.latents(run))
        (run.path / "README.md").write_text(_card(run, file, fitted.taken), encoding="utf-8")
    except BaseException:  # Ctrl-C too, which may come while it measures: nothing half-made keeps the name
        with contextlib.suppress(OSError):
            remove(run.path)
        raise
    click.echo(table(("theirs", "ours", "shape"), [(a, b, str(shapes[b])) for a, b in fitted.taken]))
    for left in fitted.left:
        click.echo(f"left out: {left}")
    click.echo(f"{run.name} in {run.path}")
    if measured is None:
        click.echo(f"the images of {dataset} are not on this machine, so it was not measured")
    else:
        click.echo(
            f"test loss {measured['loss']:,.2f} nats per image, {measured['loss'] - measured['floor']:,.2f} above the floor"
        )
    if as_json:
        print_json(
            {
                "run": run.name,
                "path": str(run.path),
                "taken": dict(fitted.taken),
                "left": list(fitted.left),
                "test": measured,
            }
        )


def _same_names(state: Collection[str], shapes: Collection[str], renamed: dict[str, str]) -> dict[str, str]:
    """Theirs to ours where a module of one's own has the very names of the file, apart from what --map says."""
    said = {part for theirs in renamed for part in theirs.split("+")} | set(renamed.values())
    return {key: f"{OWN}{key}" for key in state if f"{OWN}{key}" in shapes and not {key, f"{OWN}{key}"} & said}


def _name_of(file: Path) -> str:
    """A run's name from the file's: "model (1).pth" becomes model-1."""
    return re.sub(r"[^\w.+-]+", "-", file.stem).strip("-.+")[:NAME_LENGTH] or "imported"


def _remember(built: Any, cfg: RunConfig) -> bool:
    """Give the model the average and spread of the codes of its images, where they are at hand; whether they are."""
    import torch

    from vaelab import data
    from vaelab.analysis import inference

    if not data.is_available(cfg.data.name):
        return False
    images = data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=CODES).train
    y = None if cfg.model.label is None else data.labels_of(images, cfg.model.label)[:CODES]
    mu, _ = inference.encode(built.eval(), images.pixels[:CODES], y)
    built.remember_codes(torch.from_numpy(mu))
    return True


def _measure(run: store.Run, file: Path) -> dict[str, Any] | None:
    """The figures of the card, as they stand in metrics.json; None where there is nothing to measure on."""
    from vaelab.analysis import inference

    try:
        test = inference.evaluate(run)
    except DataError:
        return None
    if not math.isfinite(test["loss"]):
        raise WeightsError(
            f"{file} must hold weights that give the test images of {run.config().data.name} a finite loss, got {test['loss']};"
            " choose the model and the data set as they were when it was trained"
        )
    write_json(run.path / "metrics.json", {"test": test})
    return test


def _card(run: store.Run, file: Path, taken: tuple[tuple[str, str], ...]) -> str:
    """What the weights are and where they came from, in Markdown."""
    cfg = run.config()
    rows = "\n".join(f"| `{theirs}` | `{ours}` |" for theirs, ours in taken)
    return (
        f"# {run.name}\n\nWeights from elsewhere (`{file.name}`), as a {cfg.model.name} with {cfg.model.latent_dim} latent numbers for images of"
        f" {cfg.data.name} at {cfg.data.image_size} pixels.\n\n| theirs | ours |\n|---|---|\n{rows}\n"
    )


COMMANDS = (import_weights,)
