"""Train the models of weights/ again: `python scripts/train_weights.py [NAME ...]`; without a name, all of them.

CIFAR-10 and MNIST must be there (`python -m vaelab datasets --download cifar10`); the other sets come with the project
or are downloaded in the same way. A training that was stopped goes on; a finished one only gets its card written anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from vaelab.analysis.anomaly import SCORE  # noqa: E402
from vaelab.config.errors import RunError, VaeLabError  # noqa: E402
from vaelab.config.places import runs_root, weights_root  # noqa: E402
from vaelab.export.card import add_anomaly, halve, write_card  # noqa: E402
from vaelab.export.shipped_film import add_film  # noqa: E402
from vaelab.runs import resting, store  # noqa: E402
from vaelab.runs.files import Row  # noqa: E402
from vaelab.runs.plan import plan, train_command  # noqa: E402
from vaelab.runs.run_config import RunConfig  # noqa: E402
from vaelab.workers import train_worker  # noqa: E402

# Gave the lowest held-out loss in the same time.
SMOOTH: dict[str, Any] = {"batch_size": 64, "lr": 2e-3, "rate": "cosine"}
# The same, and then so low that the held-out loss comes to rest.
HELD: dict[str, Any] = SMOOTH | {"rate": "cosine-hold"}

# Name in weights/: the arguments of vaelab.runs.plan.plan, the same as the options of `python -m vaelab train`.
SETTINGS: dict[str, dict[str, Any]] = {
    "pixel-faces-conv-vae": {
        "dataset": "pixel-faces",
        "model": "conv-vae",
        "network": "paint",
        "latent_dim": 16,
        "epochs": 80,
        **SMOOTH,
    },
    # The reference training: it stays as it is.
    "cifar10-linear-vae": {
        "dataset": "cifar10",
        "model": "linear-vae",
        "latent_dim": 16,
        "epochs": 10,
        "batch_size": 32,
        "lr": 1e-3,
    },
    "cifar10-autoencoder": {"dataset": "cifar10", "model": "autoencoder", "epochs": 16, **SMOOTH},
    "cifar10-conv-vae": {"dataset": "cifar10", "model": "conv-vae", "latent_dim": 64, "epochs": 20, **SMOOTH},
    "mnist-conv-vae": {"dataset": "mnist", "model": "conv-vae", "latent_dim": 16, "epochs": 68, **HELD},
    "fashion-conv-vae": {"dataset": "fashion-mnist", "model": "conv-vae", "latent_dim": 16, "epochs": 48, **HELD},
    "shapes-conv-vae": {
        "dataset": "shapes",
        "model": "conv-vae",
        "latent_dim": 10,
        "epochs": 200,
        **HELD,
        "batch_size": 128,
    },
    # Beside the faces' VAE on the Decode page: the same images, and holes between the codes.
    "pixel-faces-autoencoder": {"dataset": "pixel-faces", "model": "autoencoder", "epochs": 24, **SMOOTH},
    # p(x|z, y): told the hue, so that z keeps shape, size and place (lesson 1).
    "shapes-conv-vae-labelled": {
        "dataset": "shapes",
        "model": "conv-vae",
        "latent_dim": 8,
        "label": "hue",
        "epochs": 80,
        **HELD,
    },
}

# What a newcomer meets first: these come with the film of their training. MNIST's images may not be passed on.
WITH_FILM = ("pixel-faces-conv-vae", "shapes-conv-vae", "shapes-conv-vae-labelled")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "only_list", is_flag=True, help="Print the commands that ask for the same trainings, and stop.")
@click.option(
    "--anomaly", "only_anomaly", is_flag=True, help="Only measure the anomaly score of folders that are there already."
)
@click.option(
    "--halve",
    "only_halve",
    is_flag=True,
    help="Only round the decoders of folders that are there to 16 bits, and measure them.",
)
@click.option("--epochs", type=int, help="Another number of epochs, to try a training out.")
@click.option("--limit", type=int, help="Train on the first N images only, to try a training out.")
@click.option("--device", default="auto", show_default=True, help=RunConfig.help("device"))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=weights_root(),
    help="Where the folders go; weights/ if left out.",
)
def main(
    names: tuple[str, ...],
    only_list: bool,
    only_anomaly: bool,
    only_halve: bool,
    epochs: int | None,
    limit: int | None,
    device: str,
    out: Path,
) -> None:
    """Train the models of weights/ again: all of them, or the ones that are named."""
    unknown = sorted(set(names) - set(SETTINGS))
    if unknown:
        raise click.UsageError(f"there is no model {unknown[0]!r}; choose from {', '.join(SETTINGS)}")
    tried = {key: value for key, value in (("epochs", epochs), ("limit", limit)) if value is not None}
    try:
        for name in names or SETTINGS:
            if only_halve:
                click.echo(f"{name}: test loss {halve(out / name)['test']['loss']:,.2f} with a decoder of 16 bits")
            if only_anomaly or only_halve:
                _measure_anomaly(name, out)
                continue
            cfg = plan(**SETTINGS[name] | tried, device=device)
            click.echo(f"{name}: {train_command(cfg)}")
            if not only_list:
                _train_and_write(name, cfg, out)
    except VaeLabError as error:
        raise click.ClickException(str(error)) from error


def _train_and_write(name: str, cfg: RunConfig, out: Path) -> None:
    run = _run_for(name, cfg)
    if run.status().state != "finished":
        status = train_worker.run_here(run, _Narrator().tell)
        if status.state != "finished":
            raise RunError(f"the training of {name} is {status.state} at step {status.step:,}. {status.message}")
    test = write_card(run, out / name)["test"]
    click.echo(f"{name}: test loss {test['loss']:,.2f}, floor {test['floor']:,.2f}, {test['active_units']} active")
    if name in WITH_FILM:
        click.echo(f"{name}: a film of {add_film(run, out / name)} moments")
    _measure_anomaly(name, out)


def _measure_anomaly(name: str, out: Path) -> None:
    """How test images score, and how well the score tells them from another set, on the card."""
    measured = add_anomaly(out / name)
    against = measured.get("against")
    how = f"; AUROC {against['auroc'][SCORE]:.4f} against {against['dataset']}" if against else ""
    click.echo(f"{name}: median anomaly score {measured['quantiles'][SCORE][50]:,.1f} nats{how}")


def _run_for(name: str, cfg: RunConfig) -> store.Run:
    """The run of an earlier call if its settings are the same, else a new one in its place."""
    run = store.Run(runs_root() / f"training-{name}")
    if run.config_file.exists():
        if run.config() == cfg:
            return run
        resting.delete_run(run)
    return store.create_run(cfg, path=run.path)


class _Narrator:
    """One line an epoch."""

    def __init__(self) -> None:
        self._epoch = 0

    def tell(self, row: Row) -> None:
        if row["epoch"] > self._epoch and "test_loss" in row:
            self._epoch = row["epoch"]
            click.echo(
                f"  epoch {row['epoch']}  {row['seconds']:.0f} s  loss {row['loss']:,.2f}  test {row['test_loss']:,.2f}"
                f"  above the floor {row['test_loss'] - row['test_floor']:,.2f}"
            )


if __name__ == "__main__":
    main()
