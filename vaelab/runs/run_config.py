"""One training, whole: what config.json of a run directory holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vaelab.config.errors import ConfigError
from vaelab.config.fields import Bounds, Strict, setting
from vaelab.config.settings import DEVICES, DataConfig, DeviceName, LossConfig, OptimConfig, ScheduleConfig
from vaelab.models.model_config import ModelConfig


@dataclass(frozen=True, kw_only=True)
class RunConfig(Strict):
    """Everything that decides what a training does; with the same seed on the same CPU it gives the same numbers, unless optim.step is compiled."""

    data: DataConfig = field(default_factory=DataConfig, metadata={"help": "The images."})
    model: ModelConfig = field(default_factory=ModelConfig, metadata={"help": "The architecture."})
    loss: LossConfig = field(default_factory=LossConfig, metadata={"help": "The loss."})
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig, metadata={"help": "The KL warm-up."})
    optim: OptimConfig = field(default_factory=OptimConfig, metadata={"help": "The optimiser."})
    seed: int = setting(
        0,
        "Start of every random draw; the same seed on the same CPU gives the same numbers.",
        bounds=Bounds(0, 2**31 - 1, "0 is as good as any"),
    )
    device: DeviceName = setting("auto", "Where to compute: auto takes CUDA, then MPS, then the CPU.", choices=DEVICES)
    version: str = setting("", "Version of VAE Lab that started the run.")
    id: str = field(  # two runs with the same settings have equal configs
        default="", compare=False, metadata={"help": "What tells the run from all others; empty before version 0.2."}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data.image_size != self.model.image_size:
            raise ConfigError(
                f"model.image_size must equal data.image_size, got {self.model.image_size} and {self.data.image_size}"
            )

    def to_dict(self) -> dict[str, Any]:
        """As JSON, the model's settings as an object of their own."""
        return super().to_dict() | {"model": self.model.to_dict()}
