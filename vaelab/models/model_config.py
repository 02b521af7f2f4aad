"""The settings of a model: its name, its size, what it is built with, and those of its method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from vaelab.config.errors import ConfigError
from vaelab.config.fields import Bounds, Strict, check_choice, setting
from vaelab.config.settings import IMAGE_SIZE_HELP, check_image_size
from vaelab.models import registry
from vaelab.models.methods.method import Method, Value
from vaelab.models.networks.network import Network
from vaelab.models.presets import USUAL, names_where, preset, presets

CLASSES = Bounds(2, 1000, "choose a factor with 2 to 1000 values")


@dataclass(frozen=True, kw_only=True)
class ModelConfig(Strict):
    """The architecture. Channels and image size come from the data, classes from the label that it is conditioned on."""

    section = "model"
    name: str = setting(USUAL, "The model: autoencoder, linear-vae, conv-vae, or another from `vaelab models`.")
    network: str = setting("", "The layers it is built with: a name from `vaelab models`. Empty: those it usually has.")
    latent_dim: int = setting(
        16,
        "How many numbers describe one image: 2 to 256. More keep more detail.",
        bounds=Bounds(2, 256, "16 suits 32x32 images"),
    )
    image_size: int = setting(32, IMAGE_SIZE_HELP)
    channels: int = setting(3, "Colour channels of an image: 1 (grey) or 3 (RGB).")
    label: str | None = setting(
        None, "Condition the model on a label: 'class', or the name of a factor. Empty: no label."
    )
    classes: int = setting(0, "How many values the label has; 0 without a label.")
    settings: tuple[tuple[str, Value], ...] = setting((), "Settings of the method: a name and a value each.")

    def __post_init__(self) -> None:
        check_choice("model.name", self.name, tuple(presets()))
        if not self.network:
            object.__setattr__(self, "network", preset(self.name).network)
        check_image_size("model.image_size", self.image_size)
        fixed = self.built_with.latent_dim(self.image_size)
        if fixed is None:
            self.check("latent_dim")
        elif self.latent_dim != fixed:
            object.__setattr__(self, "latent_dim", fixed)  # the layers leave no choice
        if type(self.channels) is not int or self.channels not in (1, 3):
            raise ConfigError(f"model.channels must be 1 (grey) or 3 (RGB), got {self.channels!r}")
        if self.channels not in self.built_with.channels:
            other = ", ".join(names_where(channels=self.channels))
            raise ConfigError(
                f"model.channels must be {self.built_with.channels[-1]} for {self.name}, got {self.channels}"
                f" (grey images: {other})"
            )
        self._check_label()
        object.__setattr__(self, "settings", self._checked_settings())
        self.method.check(self)

    def _check_label(self) -> None:
        if self.label is not None and not self.built_with.takes_label:
            able = ", ".join(names_where(label=True))
            raise ConfigError(f"model.label needs one of {able}, got {self.name} with label {self.label!r}")
        if type(self.classes) is not int or (self.label is None) != (self.classes == 0):
            raise ConfigError(
                f"model.classes must be 0 without a label and at least 2 with one, got {self.classes} with label {self.label!r}"
            )
        if self.label is not None:
            CLASSES.check_int("model.classes", self.classes)

    def _checked_settings(self) -> tuple[tuple[str, Value], ...]:
        """Every setting of the method in its order, those not given at their default."""
        given = dict(self.settings)
        known = {setting.name: setting for setting in self.method.settings}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ConfigError(
                f"model.settings has no field {unknown[0]!r} for {self.name}; its fields are {', '.join(known) or 'none'}"
            )
        return tuple((name, setting.check(given.get(name, setting.default))) for name, setting in known.items())

    @property
    def method(self) -> Method:
        """How its code is learned."""
        return registry.method(preset(self.name).method)

    @property
    def built_with(self) -> Network:
        """The network that declares its layers."""
        return registry.network(self.network)

    @property
    def has_posterior(self) -> bool:
        """Whether the encoder's answer is a distribution, with a sigma and a KL term."""
        return self.method.has_posterior

    @property
    def has_fixed_code(self) -> bool:
        """Whether the layers leave no choice of latent_dim."""
        return self.built_with.latent_dim(self.image_size) is not None

    @property
    def is_usual(self) -> bool:
        """Whether it is built with the network that its name stands for."""
        return self.network == preset(self.name).network

    def value(self, name: str) -> Any:
        """One setting of the method."""
        return dict(self.settings)[name]

    def to_dict(self) -> dict[str, Any]:
        """As JSON: the method's settings are an object of their own."""
        return super().to_dict() | {"settings": dict(self.settings)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "", ignore_unknown: bool = False) -> Self:
        """Build from a dictionary; raises ConfigError as every config does."""
        if isinstance(data, Mapping) and isinstance(data.get("settings"), Mapping):
            data = {**data, "settings": tuple(data["settings"].items())}
        elif isinstance(data, Mapping) and not isinstance(data.get("settings", ()), tuple):
            raise ConfigError(f"model.settings must be an object with named settings, got {data['settings']!r}")
        return super().from_dict(data, where=where, ignore_unknown=ignore_unknown)
