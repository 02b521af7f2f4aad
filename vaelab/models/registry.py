"""Which networks and methods there are: those in networks/ and methods/, and a user's own files. No torch.

A file registers what it declares; nobody lists files. Own files are every *.py in VAELAB_MODELS (default: the folder
models/ beside the runs). They are code: taken from this computer's disk alone, by whoever starts the program.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
import threading
import traceback
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vaelab.config.errors import ConfigError
from vaelab.config.places import models_root

if TYPE_CHECKING:
    from vaelab.models.methods.method import Method
    from vaelab.models.networks.network import Network

_networks: dict[str, Network] = {}
_methods: dict[str, Method] = {}
_own: set[str] = set()  # names that own files registered
_problems: list[str] = []
_reading: Path | None = None  # the own file that is being run
_lock = threading.RLock()


def register(part: Network | Method) -> None:
    """Make a network or a method known under its name. Raises ConfigError for a name that is taken."""
    from vaelab.models.networks.network import Network

    known: dict[str, Network] | dict[str, Method] = _networks if isinstance(part, Network) else _methods
    if part.name in known and type(known[part.name]).__module__ != type(part).__module__:
        raise ConfigError(f"{part.name!r} is the name of another model already; choose a name that is free")
    known[part.name] = part  # type: ignore[assignment]
    if _reading is not None:
        _own.add(part.name)


def network(name: str) -> Network:
    """A network by its name. Raises ConfigError for one that does not exist."""
    _discover()
    if name not in _networks:
        raise ConfigError(f"model.network must be one of {', '.join(_networks)}; got {name!r}")
    return _networks[name]


def method(name: str) -> Method:
    """A method by its name. Raises ConfigError for one that does not exist."""
    _discover()
    if name not in _methods:
        raise ConfigError(f"the method must be one of {', '.join(_methods)}; got {name!r}")
    return _methods[name]


def networks() -> tuple[str, ...]:
    """The names of all networks, ours first."""
    _discover()
    return tuple(_networks)


def methods() -> tuple[str, ...]:
    """The names of all methods, ours first."""
    _discover()
    return tuple(_methods)


def is_own(name: str) -> bool:
    """Whether a network or method comes from a user's own file."""
    _discover()
    return name in _own


def problems() -> tuple[str, ...]:
    """What is wrong with own files that could not be read, a sentence each with the line of that file."""
    _discover()
    return tuple(_problems)


@cache
def _discover() -> None:
    with _lock:
        for package in ("networks", "methods"):
            folder = Path(__file__).with_name(package)
            for found in pkgutil.iter_modules([str(folder)]):
                importlib.import_module(f"vaelab.models.{package}.{found.name}")
        root = models_root()
        for path in sorted(root.glob("*.py")) if root.is_dir() else []:
            _read_own(path)


def _read_own(path: Path) -> None:
    """Run one own file; what goes wrong in it is kept as a sentence and disturbs nothing else."""
    global _reading
    name = f"vaelab_own_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _reading = path
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = frames[-1].lineno if frames else getattr(error, "lineno", None)
        where = f"{path}, line {line}" if line else f"{path}"
        _problems.append(f"{where} must define a model that can be read, got {type(error).__name__}: {error}")
    finally:
        _reading = None
