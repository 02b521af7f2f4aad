"""Browser modules as one script: what a file that is opened from a disk needs, where no module may import another.

The modules of config/places.COMPONENTS keep to one form of import and export, which is all that is read here; anything else is refused, and the
tests run what comes out. Each becomes a function of its own, so that names stay apart, and hands its exports to those that import it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from vaelab.config.errors import ExportError
from vaelab.config.places import COMPONENTS

_IMPORT = re.compile(r'^import \{([^}]*)\} from "(\.[^"]+)";[^\n]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)
_EXPORT_LIST = re.compile(r"^export \{([^}]*)\};[^\n]*$", re.MULTILINE)
_DEFAULT = re.compile(r"^export default (?=\w+\()", re.MULTILINE)
# Forms that would be lost or would reach beyond the file.
_OTHER = re.compile(
    r"^(?:import|export)\b.*$|\bimport\s*\(|\bimport\.meta\b|</script|<!--", re.MULTILINE | re.IGNORECASE
)


def joined(entry: str, instead: Mapping[str, str] | None = None) -> str:
    """The module `entry` ("file/file.js") and all that it imports, as one classic script in strict mode.

    instead: modules that others stand in for, as one that fetches is no use in a file: {"engine/source.js": "file/embedded.js"}.
    Raises ExportError for a module that is absent or has a form of import or export that is not read here.
    """
    order: list[str] = []
    sources: dict[str, str] = {}
    _visit(entry, order, sources, (), instead or {})
    parts = [f"// {name}\nm[{name!r}] = (() => {{\n{sources[name]}\n}})();" for name in order]
    return '"use strict";\n(() => {\nconst m = {};\n' + "\n".join(parts) + "\n})();\n"


def _visit(
    name: str, order: list[str], sources: dict[str, str], above: tuple[str, ...], instead: Mapping[str, str]
) -> None:
    """Add a module after those that it imports."""
    if name in sources:
        return
    if name in above:
        raise ExportError(
            f"the modules {' -> '.join((*above, name))} import one another in a circle; take one import out"
        )
    try:
        text = (COMPONENTS / name).read_text(encoding="utf-8")
    except OSError as error:
        raise ExportError(f"the module {name} cannot be read ({error.strerror}); install VAE Lab anew") from error
    for _, path in _IMPORT.findall(text):
        _visit(_resolved(name, path, instead), order, sources, (*above, name), instead)
    sources[name] = _as_function(name, text, instead)
    order.append(name)


def _resolved(name: str, path: str, instead: Mapping[str, str]) -> str:
    found = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    return instead.get(found, found)


def _as_function(name: str, text: str, instead: Mapping[str, str]) -> str:
    """The body of a function that returns what the module exports."""

    def taken(found: re.Match[str]) -> str:
        names = found[1].replace(" as ", ": ").strip()
        return f"const {{ {names} }} = m[{_resolved(name, found[2], instead)!r}];"

    exports = _EXPORT.findall(text) + [
        part.strip() for names in _EXPORT_LIST.findall(text) for part in names.split(",") if part.strip()
    ]
    if _DEFAULT.search(text):
        exports.append("default: byDefault")
    body = _EXPORT_LIST.sub("", _EXPORT.sub("", _DEFAULT.sub("const byDefault = ", _IMPORT.sub(taken, text))))
    other = _OTHER.search(body)
    if other:
        raise ExportError(
            f'the module {name} cannot be joined because of {other[0].strip()!r}; write import {{ a }} from "./b.js"; and '
            "export before a function, class or const"
        )
    return f"{body.rstrip()}\nreturn {{ {', '.join(exports)} }};"
