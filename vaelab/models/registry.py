"""Which networks and methods there are: those in networks/ and methods/, and a user's own files. No torch.

A file registers what it declares; nobody lists files. Own files are every *.py in VAELAB_MODELS (default: the folder
models/ beside the runs), and those that the command line was given as FILE.py:CLASS, which NAMED in that folder
remembers. They are code: taken from this computer's disk alone, by whoever starts the program, never from a browser.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import pkgutil
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from vaelab.config.errors import ConfigError
from vaelab.config.places import models_root
from vaelab.models.own_place import place_in

if TYPE_CHECKING:
    from vaelab.models.methods.method import Method
    from vaelab.models.networks.network import Network

_networks: dict[str, Network] = {}
_methods: dict[str, Method] = {}
_own: set[str] = set()  # names that own files registered
_problems: list[str] = []
_modules: dict[Path, ModuleType] = {}  # own files that were run
_reading: Path | None = None  # the own file that is being run
NAMED = "named.txt"  # in the folder of own models: a line FILE.py:CLASS for each that was asked for by its path
_lock = threading.RLock()


def register(part: Network | Method | type) -> None:
    """Make a network or a method known under its name, or a class over nn.Module with encode and decode. Raises ConfigError for a name that is taken."""
    from vaelab.models.networks.network import Network

    if isinstance(part, type):
        from vaelab.models.own_module import OwnModule

        part = OwnModule(part)
    known: dict[str, Network] | dict[str, Method] = _networks if isinstance(part, Network) else _methods
    if part.name in known and _origin(known[part.name]) != _origin(part):
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
            _keep_problem(lambda path=path: _run(path))  # type: ignore[misc]
        for line in _remembered():
            _keep_problem(lambda line=line: _take(*_parted(line)))  # type: ignore[misc]


def is_path(text: str) -> bool:
    """Whether what was asked for as a model is a file of one's own instead of a name."""
    return text.endswith(".py") or text.rpartition(":")[0].endswith(".py")


def named(text: str, *, remember: bool = True) -> str:
    """The name of the model that FILE.py:CLASS declares, known from here on. For the command line alone: it runs the file.

    remember: other processes, which are told the name only, find it too. Raises ConfigError with the line of the file.
    """
    _discover()
    path, kind = _parted(text)
    with _lock:
        name = _take(path, kind)
        if remember and f"{path}:{kind}" not in _remembered() and path.parent != models_root().resolve():
            _remember(f"{path}:{kind}")
    return name


def _parted(text: str) -> tuple[Path, str]:
    file, _, kind = text.rpartition(":")
    if not file or not kind.isidentifier():
        raise ConfigError(f"a model of one's own must be FILE.py:CLASS, the file and the class in it, got {text!r}")
    try:
        return Path(file).expanduser().resolve(), kind
    except (OSError, RuntimeError) as error:  # a user that does not exist, a circle of links
        raise ConfigError(f"{file} must be the path of a file, got: {error} (check the path)") from error


def _take(path: Path, kind: str) -> str:
    """Register a class of a file, unless the file did. -> its name."""
    from vaelab.models.methods.method import Method
    from vaelab.models.networks.network import Network

    if not path.is_file():
        raise ConfigError(
            f"{path} must be a file that defines the class {kind}, and there is no such file; check the path"
        )
    module = _run(path)
    found = vars(module).get(kind)
    if not isinstance(found, type):
        there = [name for name, value in vars(module).items() if _is_defined_by(module, value)]
        raise ConfigError(f"{path} must define the class {kind!r}, and it defines {', '.join(there) or 'none'}")
    if issubclass(found, Network | Method):
        with _from_file(path):
            part = found()
            register(part)
        return part.name
    if not _is_module(found):
        raise ConfigError(
            f"{path} must make {kind} a Network, a Method, or an nn.Module with encode and decode, got a class over"
            f" {', '.join(base.__name__ for base in found.__bases__)}"
        )
    with _from_file(path):
        register(found)
    return next(name for name, part in _networks.items() if getattr(part, "kind", None) is found)


def _is_module(found: type) -> bool:
    torch: Any = sys.modules.get("torch")  # a file with such a class has imported it
    has_both = callable(getattr(found, "encode", None)) and callable(getattr(found, "decode", None))
    return torch is not None and issubclass(found, torch.nn.Module) and has_both


def _is_defined_by(module: ModuleType, value: object) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__


def _origin(part: Network | Method) -> str:
    """The Python module that a part comes from."""
    kind: type = getattr(part, "kind", type(part))
    return kind.__module__


def _remembered() -> list[str]:
    try:
        return (models_root() / NAMED).read_text(encoding="utf-8", errors="surrogateescape").split("\n")[:-1]
    except OSError:
        return []


def _remember(line: str) -> None:
    root = models_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with (root / NAMED).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
    except OSError as error:
        raise ConfigError(
            f"{root / NAMED} must be a file that can be written, so that other processes find {line} ({error.strerror});"
            " set VAELAB_MODELS to a folder of yours"
        ) from error


def _keep_problem(read: Callable[[], object]) -> None:
    """What is wrong with one own file is kept as a sentence and disturbs nothing else."""
    try:
        read()
    except ConfigError as error:
        _problems.append(str(error))


@contextlib.contextmanager
def _from_file(path: Path) -> Iterator[None]:
    """What is registered meanwhile is a user's own. Raises ConfigError with the line of the file for anything that goes wrong."""
    global _reading
    before, _reading = _reading, path
    try:
        yield
    except (Exception, SystemExit) as error:
        if isinstance(error, ConfigError) and str(error).startswith(str(path)):
            raise
        said = str(error) if isinstance(error, ConfigError) else f"{type(error).__name__}: {error}"
        if isinstance(error, SystemExit):  # a script: its argparse, say, has met our command line
            said += " (put what it does as a script under `if __name__ == '__main__':`)"
        raise ConfigError(f"{place_in(path, error)} must define a model that can be read, got {said}") from error
    finally:
        _reading = before


def _run(path: Path) -> ModuleType:
    """Run one own file, once. Raises ConfigError with its line for what goes wrong in it."""
    path = path.resolve()
    if path not in _modules:
        name = f"vaelab_own_{path.stem}_{zlib.crc32(os.fsencode(path)):08x}"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        with _from_file(path):
            spec.loader.exec_module(module)
        _modules[path] = module
    return _modules[path]
