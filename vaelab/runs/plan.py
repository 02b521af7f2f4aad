"""A whole RunConfig from the few things that a person chooses, and the command that asks for the same training.

Channels, image size and the number of classes follow from the data set, so that the app, the command line and
scripts/train_weights.py cannot disagree about them. No torch, and no image is read.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from typing import Any

import vaelab
from vaelab import data
from vaelab.config.errors import ConfigError
from vaelab.config.settings import DataConfig, LossConfig, OptimConfig, ScheduleConfig
from vaelab.models import registry
from vaelab.models.model_config import ModelConfig
from vaelab.models.presets import presets
from vaelab.runs.run_config import RunConfig

# Option of `vaelab train`: where its value lives in a RunConfig. The order is the order of the command.
TRAIN_OPTIONS: dict[str, tuple[type, str, str]] = {
    "--dataset": (DataConfig, "data", "name"),
    "--model": (ModelConfig, "model", "name"),
    "--network": (ModelConfig, "model", "network"),
    "--latent-dim": (ModelConfig, "model", "latent_dim"),
    "--label": (ModelConfig, "model", "label"),
    "--image-size": (DataConfig, "data", "image_size"),
    "--epochs": (OptimConfig, "optim", "epochs"),
    "--batch-size": (OptimConfig, "optim", "batch_size"),
    "--lr": (OptimConfig, "optim", "lr"),
    "--rate": (OptimConfig, "optim", "rate"),
    "--epsilon": (OptimConfig, "optim", "epsilon"),
    "--step": (OptimConfig, "optim", "step"),
    "--beta": (LossConfig, "loss", "beta"),
    "--likelihood": (LossConfig, "loss", "likelihood"),
    "--sigma": (LossConfig, "loss", "sigma"),
    "--warmup": (ScheduleConfig, "schedule", "kind"),
    "--warmup-share": (ScheduleConfig, "schedule", "warmup"),
    "--limit": (DataConfig, "data", "limit"),
    "--seed": (RunConfig, "", "seed"),
    "--device": (RunConfig, "", "device"),
}


def plan(
    dataset: str,
    model: str = ModelConfig.name,
    *,
    network: str = ModelConfig.network,
    settings: Mapping[str, Any] | None = None,
    latent_dim: int = ModelConfig.latent_dim,
    label: str | None = None,
    image_size: int = DataConfig.image_size,
    epochs: int = OptimConfig.epochs,
    batch_size: int | None = None,
    lr: float = OptimConfig.lr,
    rate: str = OptimConfig.rate,
    epsilon: float = OptimConfig.epsilon,
    step: str = OptimConfig.step,
    beta: float = LossConfig.beta,
    likelihood: str = LossConfig.likelihood,
    sigma: float = LossConfig.sigma,
    warmup: str = ScheduleConfig.kind,
    warmup_share: float = ScheduleConfig.warmup,
    limit: int | None = None,
    seed: int = RunConfig.seed,
    device: str = RunConfig.device,
) -> RunConfig:
    """The config of a training; each argument is the setting of the same name in its config class.

    batch_size None: the usual one, or all training images where there are fewer.

    Raises ConfigError for a setting that cannot be used, a batch larger than the set among them; DataError for a data
    set that does not exist.
    """
    rest = {"lr": lr, "epochs": epochs, "rate": rate, "epsilon": epsilon, "step": step}
    OptimConfig.from_dict(
        {"batch_size": OptimConfig.batch_size if batch_size is None else batch_size, **rest}, where="optim"
    )
    loss = LossConfig.from_dict({"likelihood": likelihood, "beta": beta, "sigma": sigma}, where="loss")
    schedule = ScheduleConfig.from_dict({"kind": warmup, "warmup": warmup_share}, where="schedule")
    images = DataConfig(name=dataset, image_size=image_size, limit=limit)
    shape: dict[str, Any] = {
        "name": model,
        "network": network,
        "settings": settings or {},
        "latent_dim": latent_dim,
        "image_size": image_size,
    }
    takes = _channels(model, network)
    ModelConfig.from_dict(shape | {"channels": takes[-1]}, where="model")  # told before a data set that is absent
    info = data.info(dataset)
    there, _ = data.count(dataset, image_size)
    if label is not None:
        shape |= {"label": label, "classes": len(data.label_names(info, label))}
    shape["channels"] = info.channels if info.channels in takes else takes[-1]  # grey images are repeated
    available = there if limit is None else min(limit, there)
    if batch_size is not None and batch_size > available:
        raise ConfigError(
            f"optim.batch_size must be at most the {available:,} training images of {dataset}"
            f"{'' if limit is None else ' under the limit'}, got {batch_size:,} (take {min(available, 128)})"
        )
    batch = min(OptimConfig.batch_size, available) if batch_size is None else batch_size
    return RunConfig(
        data=images,
        model=ModelConfig.from_dict(shape, where="model"),
        loss=loss,
        schedule=schedule,
        optim=OptimConfig.from_dict({"batch_size": batch, **rest}, where="optim"),
        seed=seed,
        device=RunConfig.from_dict({"device": device}).device,
        version=vaelab.__version__,
    )


def _channels(model: str, network: str) -> tuple[int, ...]:
    """Those that the layers take; of a name that does not exist, which is told elsewhere, the usual ones."""
    name = network or (presets()[model].network if model in presets() else "")
    return registry.network(name).channels if name in registry.networks() else (1, 3)


def plan_further(
    cfg: RunConfig,
    dataset: str | None = None,
    *,
    epochs: int,
    lr: float | None = None,
    beta: float | None = None,
    batch_size: int | None = None,
    limit: int | None = None,
) -> RunConfig:
    """The config of a new training that begins with the weights of another. None: as in that one; dataset: other images of the same kind.

    batch_size None: as before, or all training images where there are fewer. Raises ConfigError, DataError.
    """
    images = DataConfig.from_dict(
        {
            "name": dataset or cfg.data.name,
            "image_size": cfg.data.image_size,
            "limit": limit if limit is not None or dataset is not None else cfg.data.limit,
        },
        where="data",
    )
    there, _ = data.count(images.name, images.image_size)
    available = there if images.limit is None else min(images.limit, there)
    asked = {"epochs": epochs, "batch_size": batch_size or min(cfg.optim.batch_size, available)}
    optim = cfg.optim.to_dict() | asked | ({} if lr is None else {"lr": lr})
    return dataclasses.replace(
        cfg,
        data=images,
        optim=OptimConfig.from_dict(optim, where="optim"),
        loss=LossConfig.from_dict(cfg.loss.to_dict() | ({} if beta is None else {"beta": beta}), where="loss"),
        version=vaelab.__version__,
    )


def train_command(cfg: RunConfig) -> str:
    """The `python -m vaelab train` command that starts the same training, without the options left at their default."""
    parts = ["python", "-m", "vaelab", "train"]
    for option, (owner, section, name) in TRAIN_OPTIONS.items():
        value = getattr(getattr(cfg, section) if section else cfg, name)
        default = owner.__dataclass_fields__[name].default  # type: ignore[attr-defined]
        given = not (option == "--network" and cfg.model.is_usual)
        fixed_by_model = option == "--latent-dim" and cfg.model.has_fixed_code
        if option in ("--dataset", "--model") or (value != default and given and not fixed_by_model):
            parts += [option, f"{value:g}" if isinstance(value, float) else str(value)]
    usual = {setting.name: setting.default for setting in cfg.model.method.settings}
    for name, value in cfg.model.settings:
        if value != usual[name]:
            parts += ["--set", f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"]
    return shlex.join(parts)
