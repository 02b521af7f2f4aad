"""How a setting is declared: its default, its help, its bounds or choices, once. App, command line and documentation read it from here."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from vaelab.config.errors import ConfigError


@dataclass(frozen=True)
class Bounds:
    """The numbers that a setting may be, both ends allowed; way_out: what to try instead. open_low: the lower end itself is not allowed."""

    low: float
    high: float
    way_out: str
    open_low: bool = False

    def allow(self, value: float) -> bool:
        """Whether a number lies within."""
        return (self.low < value if self.open_low else self.low <= value) and value <= self.high

    def check_int(self, name: str, value: object) -> None:
        """Raises ConfigError for anything but a whole number within."""
        low, high = int(self.low), int(self.high)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ConfigError(f"{name} must be a whole number from {low} to {high}, got {value!r} ({self.way_out})")
        if not low <= value <= high:
            raise ConfigError(f"{name} must be from {low} to {high}, got {value} ({self.way_out})")

    def check_real(self, name: str, value: object) -> None:
        """Raises ConfigError for anything but a finite number within."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ConfigError(f"{name} must be a finite number, got {value!r} ({self.way_out})")
        if not self.allow(value):
            bound = f"above {self.low:g}" if self.open_low else f"at least {self.low:g}"
            raise ConfigError(f"{name} must be {bound} and at most {self.high:g}, got {value!r} ({self.way_out})")


def is_number(text: str) -> bool:
    """Whether a text is a whole number, 0 or above, that can be a step or a count here.

    "²" is a digit to Python that int() does not take, and neither does it take thousands of digits.
    """
    return text.isascii() and text.isdigit() and len(text) <= 12


def setting(default: Any, help: str, *, bounds: Bounds | None = None, choices: tuple[Any, ...] = ()) -> Any:
    """A dataclass field with its default, its sentence of help, and what it may be."""
    return field(default=default, metadata={"help": help, "bounds": bounds, "choices": choices})


def check_choice(name: str, value: object, choices: tuple[Any, ...]) -> None:
    """Raises ConfigError for a value that is not among the choices."""
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(map(str, choices))}; got {value!r}")


@lru_cache(maxsize=64)
def _hints(kind: type) -> dict[str, Any]:
    """The types of a config's fields: Python evaluates them from text, which a list of a thousand runs need not do again."""
    return get_type_hints(kind)


@dataclass(frozen=True, kw_only=True)
class Strict:
    """Shared by all configs: every field is checked against its declaration; exact round trip through plain dictionaries."""

    section = ""  # before a field's name in messages: "optim" for optim.lr

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            self.check(name)

    def check(self, name: str) -> None:
        """Raises ConfigError when the value of a field is not what its declaration allows."""
        known = self.__dataclass_fields__[name]
        value, bounds, choices = getattr(self, name), known.metadata.get("bounds"), known.metadata.get("choices")
        where = f"{self.section}.{name}" if self.section else name
        if choices:
            check_choice(where, value, choices)
        elif bounds and not (value is None and known.default is None):
            whole = known.default is None or isinstance(known.default, int)
            (bounds.check_int if whole else bounds.check_real)(where, value)

    def to_dict(self) -> dict[str, Any]:
        """The config as JSON-ready dictionaries."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, where: str = "", ignore_unknown: bool = False) -> Self:
        """Build from a dictionary; raises ConfigError for a field that does not exist or a value of another type.

        ignore_unknown: leave out what a newer version may have written (`unknown_in` names it).
        """
        where = where or cls.__name__
        if not isinstance(data, Mapping):
            raise ConfigError(f"{where} must be an object with named fields, got {data!r}")
        hints = _hints(cls)  # type: ignore[arg-type]
        names = [f.name for f in dataclasses.fields(cls)]
        unknown = sorted(set(data) - set(names))
        if unknown and not ignore_unknown:
            raise ConfigError(f"{where} has no field {unknown[0]!r}; its fields are {', '.join(names)}")
        values: dict[str, Any] = {}
        for name, value in data.items():
            if name not in names:
                continue
            hint = hints[name]
            if isinstance(hint, type) and issubclass(hint, Strict):
                value = hint.from_dict(value, where=f"{where}.{name}", ignore_unknown=ignore_unknown)
            elif hint is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)
            elif hint is str and not isinstance(value, str):
                raise ConfigError(f"{where}.{name} must be text, got {value!r}")
            elif hint == str | None and not isinstance(value, str | None):
                raise ConfigError(f"{where}.{name} must be text or null, got {value!r}")
            elif get_origin(hint) is Literal:
                check_choice(f"{where}.{name}", value, get_args(hint))
            values[name] = value
        return cls(**values)

    @classmethod
    def unknown_in(cls, data: Mapping[str, Any], *, above: str = "") -> tuple[str, ...]:
        """The names of fields in a dictionary that no config has, such as "model.depth"."""
        hints, found = get_type_hints(cls), []
        for name, value in data.items():
            if name not in cls.__dataclass_fields__:
                found.append(f"{above}{name}")
            elif isinstance(hints[name], type) and issubclass(hints[name], Strict) and isinstance(value, Mapping):
                found += hints[name].unknown_in(value, above=f"{above}{name}.")
        return tuple(found)

    @classmethod
    def help(cls, name: str) -> str:
        """The sentence of help of one field."""
        return str(cls.__dataclass_fields__[name].metadata["help"])

    @classmethod
    def bounds(cls, name: str) -> Bounds:
        """The numbers that one field may be."""
        bounds: Bounds = cls.__dataclass_fields__[name].metadata["bounds"]
        return bounds
