"""Every setting of a run, its default, its range and its meaning; a wrong value cannot be built.

Each field's help sentence lives beside its default, in ``field(metadata=...)``; the app, the command line and the
documentation read it from here.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from vaelab.errors import ConfigError

ModelName = Literal["autoencoder", "linear-vae", "conv-vae"]
Likelihood = Literal["bernoulli", "gaussian"]
ScheduleKind = Literal["constant", "linear", "cyclic"]
RateSchedule = Literal["constant", "cosine"]
DeviceName = Literal["auto", "cpu", "cuda", "mps"]

MODEL_NAMES: tuple[str, ...] = get_args(ModelName)
LIKELIHOODS: tuple[str, ...] = get_args(Likelihood)
SCHEDULES: tuple[str, ...] = get_args(ScheduleKind)
RATE_SCHEDULES: tuple[str, ...] = get_args(RateSchedule)
DEVICES: tuple[str, ...] = get_args(DeviceName)

REFERENCE_MODELS = ("autoencoder", "linear-vae")  # RGB models of spec.md section 1; grey images are repeated for them
MAX_BATCH = 65_536
MAX_EPOCHS = 100_000


def setting(default: Any, help: str) -> Any:
    """A dataclass field with its default and its sentence of help."""
    return field(default=default, metadata={"help": help})


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}; got {value!r}")


def _check_int(name: str, value: object, low: int, high: int, way_out: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{name} must be a whole number from {low} to {high}, got {value!r} ({way_out})")
    if not low <= value <= high:
        raise ConfigError(f"{name} must be from {low} to {high}, got {value} ({way_out})")


def _check_real(name: str, value: object, low: float, high: float, way_out: str, *, open_low: bool = False) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{name} must be a finite number, got {value!r} ({way_out})")
    if not (low < value if open_low else low <= value) or value > high:
        bound = f"above {low:g}" if open_low else f"at least {low:g}"
        raise ConfigError(f"{name} must be {bound} and at most {high:g}, got {value!r} ({way_out})")


@dataclass(frozen=True, kw_only=True)
class _Strict:
    """Shared by all configs: exact round trip through plain dictionaries."""

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON-ready dictionaries."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "") -> Self:
        """Build from a dictionary; raises ConfigError for a field that does not exist or a value of another type."""
        where = where or cls.__name__
        if not isinstance(data, Mapping):
            raise ConfigError(f"{where} must be an object with named fields, got {data!r}")
        hints = get_type_hints(cls)
        names = [f.name for f in dataclasses.fields(cls)]
        unknown = sorted(set(data) - set(names))
        if unknown:
            raise ConfigError(f"{where} has no field {unknown[0]!r}; its fields are {', '.join(names)}")
        values: dict[str, Any] = {}
        for name, value in data.items():
            hint = hints[name]
            if isinstance(hint, type) and issubclass(hint, _Strict):
                value = hint.from_dict(value, where=f"{where}.{name}")
            elif hint is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            elif hint is str and not isinstance(value, str):
                raise ConfigError(f"{where}.{name} must be text, got {value!r}")
            elif get_origin(hint) is Literal:
                _check_choice(f"{where}.{name}", value, get_args(hint))
            values[name] = value
        return cls(**values)

    @classmethod
    def help(cls, name: str) -> str:
        """The sentence of help of one field."""
        return str(cls.__dataclass_fields__[name].metadata["help"])


@dataclass(frozen=True, kw_only=True)
class DataConfig(_Strict):
    """Which images a run learns from."""

    name: str = setting(
        "pixel-faces", "The data set: a name from `vaelab datasets`, or folder:PATH for your own images."
    )
    image_size: int = setting(32, "Width and height of an image in pixels: 32 or 64.")
    limit: int | None = setting(None, "Train on the first N training images only; empty means all of them.")

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConfigError(f"data.name must be the name of a data set, got {self.name!r}")
        if self.image_size not in (32, 64):
            raise ConfigError(f"data.image_size must be 32 or 64, got {self.image_size!r}")
        if self.limit is not None:
            _check_int("data.limit", self.limit, 1, 10**9, "leave it out to train on every image")


@dataclass(frozen=True, kw_only=True)
class ModelConfig(_Strict):
    """The architecture. Channels and image size come from the data, classes from the label that it is conditioned on."""

    name: ModelName = setting("conv-vae", "The architecture: autoencoder, linear-vae or conv-vae.")
    latent_dim: int = setting(16, "How many numbers describe one image: 2 to 256. More keep more detail.")
    image_size: int = setting(32, "Width and height of an image in pixels: 32 or 64.")
    channels: int = setting(3, "Colour channels of an image: 1 (grey) or 3 (RGB).")
    label: str | None = setting(
        None, "Condition the model on a label: 'class', or the name of a factor. Empty: no label."
    )
    classes: int = setting(0, "How many values the label has; 0 without a label.")

    def __post_init__(self) -> None:
        _check_choice("model.name", self.name, MODEL_NAMES)
        if self.name == "autoencoder":
            size = 96 * (self.image_size // 16) ** 2 if self.image_size in (32, 64) else 0
            if self.latent_dim != size:
                object.__setattr__(self, "latent_dim", size)  # fixed by the architecture: 96 maps of (size / 16)^2
        else:
            _check_int("model.latent_dim", self.latent_dim, 2, 256, "16 suits 32x32 images")
        if self.image_size not in (32, 64):
            raise ConfigError(f"model.image_size must be 32 or 64, got {self.image_size!r}")
        if self.channels not in (1, 3):
            raise ConfigError(f"model.channels must be 1 (grey) or 3 (RGB), got {self.channels!r}")
        if self.name in REFERENCE_MODELS and self.channels != 3:
            raise ConfigError(
                f"model.channels must be 3 for {self.name}, got {self.channels} (conv-vae takes grey images)"
            )
        if self.label is not None and self.name != "conv-vae":
            raise ConfigError(f"model.label needs the model conv-vae, got {self.name} with label {self.label!r}")
        if (self.label is None) != (self.classes == 0):
            raise ConfigError(
                f"model.classes must be 0 without a label and at least 2 with one, got {self.classes} with label {self.label!r}"
            )
        if self.label is not None:
            _check_int("model.classes", self.classes, 2, 1000, "choose a factor with 2 to 1000 values")


@dataclass(frozen=True, kw_only=True)
class LossConfig(_Strict):
    """The loss: recon + beta * kl, summed per image, in nats."""

    likelihood: Likelihood = setting(
        "bernoulli", "How a pixel is scored: bernoulli (cross-entropy) or gaussian (squared error)."
    )
    beta: float = setting(
        1.0, "Weight of the KL term. 1 is the ELBO; more makes a tidier latent space and blurrier images."
    )
    sigma: float = setting(
        0.1, "Standard deviation of a pixel under the gaussian likelihood, in units of the 0-1 pixel range."
    )

    def __post_init__(self) -> None:
        _check_choice("loss.likelihood", self.likelihood, LIKELIHOODS)
        _check_real("loss.beta", self.beta, 0.0, 1e4, "1 is the ELBO, 0 leaves the KL term out")
        _check_real("loss.sigma", self.sigma, 0.0, 10.0, "0.1 suits images in 0-1", open_low=True)


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig(_Strict):
    """How the weight of the KL term grows at the start of a training (KL warm-up)."""

    kind: ScheduleKind = setting(
        "constant", "constant: full beta from the start; linear: grow from 0; cyclic: grow again and again."
    )
    warmup: float = setting(
        0.25, "Share of the training (0-1) over which beta grows; for cyclic, the length of one cycle."
    )

    def __post_init__(self) -> None:
        _check_choice("schedule.kind", self.kind, SCHEDULES)
        _check_real("schedule.warmup", self.warmup, 0.0, 1.0, "0.25 warms up over the first quarter", open_low=True)


@dataclass(frozen=True, kw_only=True)
class OptimConfig(_Strict):
    """How the weights are updated (Adam)."""

    lr: float = setting(
        1e-3, "Learning rate of Adam. Too high and the loss jumps or turns into NaN; 0.001 is a safe start."
    )
    batch_size: int = setting(128, "Images per update. Small batches learn more per image, large ones go faster.")
    epochs: int = setting(10, "How many times every training image is seen.")
    rate: RateSchedule = setting(
        "constant", "constant, or cosine: the learning rate warms up and then falls to almost 0."
    )

    def __post_init__(self) -> None:
        _check_real("optim.lr", self.lr, 0.0, 10.0, "0.001 is a safe start", open_low=True)
        _check_int("optim.batch_size", self.batch_size, 1, MAX_BATCH, "128 is a good start")
        _check_int("optim.epochs", self.epochs, 1, MAX_EPOCHS, "10 is a good start")
        _check_choice("optim.rate", self.rate, RATE_SCHEDULES)


@dataclass(frozen=True, kw_only=True)
class RunConfig(_Strict):
    """One training, whole: what config.json of a run directory holds."""

    data: DataConfig = field(default_factory=DataConfig, metadata={"help": "The images."})
    model: ModelConfig = field(default_factory=ModelConfig, metadata={"help": "The architecture."})
    loss: LossConfig = field(default_factory=LossConfig, metadata={"help": "The loss."})
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig, metadata={"help": "The KL warm-up."})
    optim: OptimConfig = field(default_factory=OptimConfig, metadata={"help": "The optimiser."})
    seed: int = setting(0, "Start of every random draw; the same seed on the same CPU gives the same numbers.")
    device: DeviceName = setting("auto", "Where to compute: auto takes CUDA, then MPS, then the CPU.")
    version: str = setting("", "Version of VAE Lab that started the run.")

    def __post_init__(self) -> None:
        _check_int("seed", self.seed, 0, 2**31 - 1, "0 is as good as any")
        _check_choice("device", self.device, DEVICES)
        if self.data.image_size != self.model.image_size:
            raise ConfigError(
                f"model.image_size must equal data.image_size, got {self.model.image_size} and {self.data.image_size}"
            )
