"""The settings of a run that do not depend on its model: data, loss, warm-up, optimiser. A wrong value cannot be built.

Each field's help and range stand beside its default (fields.py); the model's own are in models/model_config.py, the whole is runs/run_config.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from vaelab.config.errors import ConfigError
from vaelab.config.fields import Bounds, Strict, setting

Likelihood = Literal["bernoulli", "gaussian"]
ScheduleKind = Literal["constant", "linear", "cyclic"]
RateSchedule = Literal["constant", "cosine", "cosine-hold", "stairs", "milestones"]
StepKind = Literal["eager", "compiled"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]

LIKELIHOODS: tuple[str, ...] = get_args(Likelihood)
SCHEDULES: tuple[str, ...] = get_args(ScheduleKind)
RATE_SCHEDULES: tuple[str, ...] = get_args(RateSchedule)
STEPS: tuple[str, ...] = get_args(StepKind)
DEVICES: tuple[str, ...] = get_args(DeviceName)
IMAGE_SIZES = range(16, 257, 4)  # width and height, pixels


IMAGE_SIZE_HELP = "Width and height of an image in pixels: a multiple of 4 from 16 to 256. Cost grows with the area."


def check_image_size(name: str, value: object) -> None:
    """Raises ConfigError for a width that images cannot be brought to."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in IMAGE_SIZES:
        low, high = IMAGE_SIZES[0], IMAGE_SIZES[-1]
        raise ConfigError(f"{name} must be a multiple of 4 from {low} to {high}, got {value!r} (32 is a good start)")


@dataclass(frozen=True, kw_only=True)
class DataConfig(Strict):
    """Which images a run learns from."""

    section = "data"
    name: str = setting(
        "pixel-faces", "The data set: a name from `vaelab datasets`, or folder:PATH for your own images."
    )
    image_size: int = setting(32, IMAGE_SIZE_HELP)
    limit: int | None = setting(
        None,
        "Train on the first N training images only; empty means all of them.",
        bounds=Bounds(1, 10**9, "leave it out to train on every image"),
    )

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConfigError(f"data.name must be the name of a data set, got {self.name!r}")
        check_image_size("data.image_size", self.image_size)
        super().__post_init__()


@dataclass(frozen=True, kw_only=True)
class LossConfig(Strict):
    """The loss: recon + beta * kl, summed per image, in nats."""

    section = "loss"
    likelihood: Likelihood = setting(
        "bernoulli",
        "How a pixel is scored: bernoulli (cross-entropy) or gaussian (squared error).",
        choices=LIKELIHOODS,
    )
    beta: float = setting(
        1.0,
        "Weight of the KL term. 1 is the ELBO; more makes a tidier latent space and blurrier images.",
        bounds=Bounds(0.0, 1e4, "1 is the ELBO, 0 leaves the KL term out"),
    )
    sigma: float = setting(
        0.1,
        "Standard deviation of a pixel under the gaussian likelihood, in units of the 0-1 pixel range.",
        bounds=Bounds(0.0, 10.0, "0.1 suits images in 0-1", open_low=True),
    )


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig(Strict):
    """How the weight of the KL term grows at the start of a training (KL warm-up)."""

    section = "schedule"
    kind: ScheduleKind = setting(
        "constant",
        "constant: full beta from the start; linear: grow from 0; cyclic: grow again and again.",
        choices=SCHEDULES,
    )
    warmup: float = setting(
        0.25,
        "Share of the training (0-1) over which beta grows; for cyclic, the length of one cycle.",
        bounds=Bounds(0.0, 1.0, "0.25 warms up over the first quarter", open_low=True),
    )


@dataclass(frozen=True, kw_only=True)
class OptimConfig(Strict):
    """How the weights are updated (Adam)."""

    section = "optim"
    lr: float = setting(
        1e-3,
        "Learning rate of Adam. Too high and the loss jumps or turns into NaN; 0.001 is a safe start.",
        bounds=Bounds(0.0, 10.0, "0.001 is a safe start", open_low=True),
    )
    batch_size: int = setting(
        128,
        "Images per update. Small batches learn more per image, large ones go faster.",
        bounds=Bounds(1, 65_536, "128 is a good start"),
    )
    epochs: int = setting(
        10, "How many times every training image is seen.", bounds=Bounds(1, 100_000, "10 is a good start")
    )
    rate: RateSchedule = setting(
        "constant",
        "constant; cosine: warms up, then falls to almost 0; cosine-hold: the same in three quarters, then a tenth of that; stairs, milestones: falls in steps, as in papers on MNIST.",
        choices=RATE_SCHEDULES,
    )
    epsilon: float = setting(
        1e-8,
        "Adam's epsilon, added to the size of a gradient before dividing by it: larger damps small gradients.",
        bounds=Bounds(0.0, 1.0, "1e-8 is usual, some papers take 1e-4", open_low=True),
    )
    step: StepKind = setting(
        "eager",
        "eager: the same numbers in every run of a seed; compiled: a long training on a CPU goes over to a compiled step where that is faster.",
        choices=STEPS,
    )
