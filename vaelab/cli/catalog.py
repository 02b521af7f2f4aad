"""Commands that list what there is: summary, datasets, models, runs. None of them imports torch."""

from __future__ import annotations

import math
import sys
from typing import Any

import click

from vaelab import data
from vaelab.cli.output import json_option, print_json, table
from vaelab.export.bundle import HALVES, macs
from vaelab.models import registry
from vaelab.models.architecture import architecture
from vaelab.models.layers import Layer, shapes
from vaelab.models.model_config import ModelConfig
from vaelab.models.presets import presets
from vaelab.runs import store
from vaelab.runs.files import last_measured


@click.command()
@click.argument("model")
@click.option("--network", default=ModelConfig.network, metavar="NAME", help=ModelConfig.help("network"))
@click.option(
    "--latent-dim",
    type=int,
    default=ModelConfig.latent_dim,
    show_default=True,
    metavar="N",
    help=ModelConfig.help("latent_dim"),
)
@click.option(
    "--image-size",
    type=int,
    default=ModelConfig.image_size,
    show_default=True,
    metavar="S",
    help=ModelConfig.help("image_size"),
)
@click.option(
    "--channels",
    type=int,
    default=ModelConfig.channels,
    show_default=True,
    metavar="C",
    help=ModelConfig.help("channels"),
)
@json_option
def summary(model: str, network: str, latent_dim: int, image_size: int, channels: int, as_json: bool) -> None:
    """Show the layers of MODEL, their output shapes, their numbers of weights and the work of one image."""
    if registry.is_path(model):
        model = registry.named(model, remember=False)
    shape = {"name": model, "network": network, "latent_dim": latent_dim, "image_size": image_size}
    cfg = ModelConfig.from_dict(shape | {"channels": channels}, where="model")
    rows, total = _layer_rows(cfg), architecture(cfg).params
    click.echo(
        f"{cfg.name}: {cfg.channels}x{cfg.image_size}x{cfg.image_size} pixels, {cfg.latent_dim} latent dimensions"
    )
    printed = [(row["part"], row["layer"], ", ".join(map(str, row["output"])), row["params"]) for row in rows]
    click.echo(table(("part", "layer", "output", "params"), [*printed, ("total", "", "", total)]))
    work = {half: macs(cfg, half) for half in HALVES}
    click.echo("multiply-adds of one image: " + ", ".join(f"{half} {count:,}" for half, count in work.items()))
    if as_json:
        print_json({"model": cfg.name, "config": cfg.to_dict(), "layers": rows, "params": total, "macs": work})


def _layer_rows(cfg: ModelConfig) -> list[dict[str, Any]]:
    """One row a layer. Reshape only renames axes, so it is left out."""
    layers = architecture(cfg)
    image = (cfg.channels, cfg.image_size, cfg.image_size)
    flat = math.prod(shapes(layers.features, image)[-1] if layers.features else image)
    rows = []

    def add(part: str, listed: tuple[Layer, ...], start: tuple[int, ...]) -> None:
        for layer, output in zip(listed, shapes(listed, start), strict=True):
            if layer.kind != "Reshape":
                rows.append({"part": part, "layer": layer.kind, "output": list(output), "params": layer.params})

    add("encoder", layers.features, image)
    add("encoder", layers.head, (flat,))
    add("decoder", layers.decoder, (cfg.latent_dim,))
    return rows


@click.command()
@click.option("--download", "wanted", metavar="NAME", help="Download a data set into VAELAB_DATA, with its progress.")
@json_option
def datasets(wanted: str | None, as_json: bool) -> None:
    """List the data sets, or download one."""
    if wanted is not None:
        _download(wanted)
    infos = [data.info(name) for name in data.names()]
    listed: list[dict[str, Any]] = [
        {
            "name": info.name,
            "title": info.title,
            "train_images": info.train_images,
            "test_images": info.test_images,
            "channels": info.channels,
            "native_size": info.native_size,
            "available": data.is_available(info.name),
            "download_mb": info.download_mb,
            "origin": info.origin,
            "licence": info.licence,
        }
        for info in infos
    ]
    columns = ("name", "title", "train_images", "test_images", "channels", "available", "download_mb")
    headers = ("name", "title", "train", "test", "channels", "available", "MB to download")
    click.echo(table(headers, [[row[column] for column in columns] for row in listed]))
    click.echo("Your own images: folder:PATH (sub-folders are labels).")
    if as_json:
        print_json({"datasets": listed})


def _download(name: str) -> None:
    """Download a set; a line on stderr tells the progress, written over where stderr is a terminal."""
    live = sys.stderr.isatty()

    def progress(share: float, message: str) -> None:
        if live:
            click.echo(f"\r{share:4.0%}  {message:<70}", err=True, nl=False)

    data.info(name)  # an unknown name is told at once, with those that there are
    click.echo(f"downloading {name} into {data.data_root()}", err=True)
    data.download(name, progress, None)
    click.echo(f"{chr(10) if live else ''}{name} is there", err=True)


@click.command()
@json_option
def models(as_json: bool) -> None:
    """List the architectures, and the trained models that come with the project."""
    architectures: list[dict[str, Any]] = []
    for name, known in presets().items():
        channels, size = registry.network(known.network).listed
        shape = {"name": name, "channels": channels, "image_size": size}
        cfg = ModelConfig.from_dict(shape, where="model")
        architectures.append(
            {
                "name": name,
                "params": architecture(cfg).params,
                "latent_dim": cfg.latent_dim,
                "method": known.method,
                "network": known.network,
                "own": registry.is_own(known.method) or registry.is_own(known.network),
                "reference": cfg.built_with.channels == (3,),
                "description": known.words.help,
                "paper": cfg.method.paper,
                "settings": {setting.name: setting.default for setting in cfg.method.settings},
                "terms": ["recon", "kl", *cfg.method.curves],
            }
        )
    columns = ("name", "params", "latent_dim", "description")
    click.echo(table(columns, [[entry[column] for column in columns] for entry in architectures]))
    described = [entry for entry in architectures if entry["settings"]]
    click.echo("\nTheir settings (for --set NAME=VALUE), with what they are unless asked for:")
    for entry in described:
        click.echo(f"{entry['name']}: {', '.join(f'{name}={value}' for name, value in entry['settings'].items())}")
    networks = [
        {"name": name, "own": registry.is_own(name), "description": registry.network(name).words.help}
        for name in registry.networks()
    ]
    click.echo("\nNetworks (for --network):")
    click.echo(table(("name", "description"), [[entry["name"], entry["description"]] for entry in networks]))
    for problem in registry.problems():
        click.echo(problem, err=True)
    trained = [_trained_row(name) for name in store.shipped()]
    if trained:
        headers = ("name", "model", "dataset", "latent_dim", "loss", "floor")
        click.echo("\nTrained, usable as RUN (loss and floor: test images, nats per image):")
        click.echo(table(headers, [[row[header] for header in headers] for row in trained]))
    if as_json:
        print_json({"models": architectures, "networks": networks, "weights": trained})


def _trained_row(name: str) -> dict[str, Any]:
    run = store.find(name)
    cfg, test = run.config(), (run.evaluation() or {}).get("test", {})
    row = {"name": name, "model": cfg.model.name, "dataset": cfg.data.name, "latent_dim": cfg.model.latent_dim}
    return row | {"loss": test.get("loss"), "floor": test.get("floor")}


ENDED_BADLY = (
    "failed",
    "interrupted",
    "diverged",
)  # states that a sentence of the worker's, or of who ended it, explains


@click.command("runs")
@json_option
def list_runs(as_json: bool) -> None:
    """List the runs on record, newest first."""
    listed = [_run_row(run) for run in store.list_runs()]
    if listed:
        columns = ("name", "state", "dataset", "model", "epoch", "loss")
        click.echo(table(columns, [[row[column] for column in columns] for row in listed]))
        for row in listed:
            why = row.get("damage") or (row["message"] if row["state"] in ENDED_BADLY else "")
            if why:
                click.echo(f"{row['name']}: {why}")
    else:
        click.echo("No run yet: python -m vaelab train --dataset pixel-faces --model conv-vae")
    if as_json:
        print_json({"runs": listed})


def _run_row(run: store.Run) -> dict[str, Any]:
    damage = run.damage()
    if damage is not None:
        nothing = dict.fromkeys(("dataset", "model", "latent_dim", "epoch", "step", "loss"))
        return {"name": run.name, "state": "damaged", **nothing, "path": str(run.path), "message": "", "damage": damage}
    cfg, status = run.config(), run.status()
    row = last_measured(run.metrics_file)
    return {
        "name": run.name,
        "state": status.state,
        "dataset": cfg.data.name,
        "model": cfg.model.name,
        "latent_dim": cfg.model.latent_dim,
        "epoch": status.epoch,
        "step": status.step,
        "loss": row["loss"] if row else None,
        "path": str(run.path),
        "message": status.message,
    }


COMMANDS = (summary, datasets, models, list_runs)
