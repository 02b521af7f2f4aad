"""How the browser decoder's modules and weights reach the browser: addresses that routes.py answers, and the component that loads them.

A page registers its ``component`` with the module that draws it and sends the addresses below as small JSON; the bytes themselves
travel over HTTP, where the browser caches them and can ask for newer ones without a rerun (docs/decisions/0003-browser-decoder.md).
All addresses are relative to the root of the app, so that they hold behind a proxy.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import streamlit as st

from vaelab.export.bundle import Part
from vaelab.runs.store import Run

FOLDER = Path(__file__).resolve().parent
PREFIX = "vaelab"  # first part of every address of ours
LISTED_SECONDS = 1.0  # until an edited module is seen

_IMPORTED = re.compile(r'^(?:import|export)\b[^"]* from "(\.[^"]+)";', re.MULTILINE)
_LOADER = """
const script = [...document.scripts].find(({ src }) => src.includes("/static/js/"));
const root = script ? script.src.slice(0, script.src.indexOf("/static/js/") + 1) : new URL("./", document.baseURI).href;
const base = root + "%(base)s";
const entry = import(base + "%(entry)s");
for (const name of "%(behind)s".split(" ")) {  // asked for at once: a browser learns of them one behind the other
  const href = base + name;
  if (name && !document.head.querySelector(`link[href="${href}"]`)) document.head.append(Object.assign(document.createElement("link"), { rel: "modulepreload", href }));
}
export default function (component) {
  let unmount = null;
  let gone = false;
  const told = { ...component, data: component.data?.[0] };
  entry.then((module) => { if (!gone) unmount = module.default(told); }).catch((error) => {
    console.error(error);
    if (!gone) component.parentElement.textContent = %(failed)s;
  });
  return () => { gone = true; if (typeof unmount === "function") unmount(); };
}
"""
FAILED = "The scripts of this view could not be loaded. Reload the page; if it stays, start the app with `streamlit run app.py`."


def modules() -> dict[str, Path]:
    """Every JavaScript module that the browser may ask for, by its path in this folder."""
    return _listed(_now())[0]


def modules_digest() -> str:
    """Changes when any module changes; part of their address, so browsers may keep them for ever."""
    return _listed(_now())[1]


def _now() -> int:
    return int(time.monotonic() / LISTED_SECONDS)


@lru_cache(maxsize=1)
def _listed(moment: int) -> tuple[dict[str, Path], str]:
    """All modules and their digest. moment: of the look at the disk, which is 3 ms of work, and a page asks for up to sixty modules."""
    found = {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*.js"))}
    return found, _digest(tuple((path, path.stat().st_mtime_ns) for path in found.values()))


@lru_cache(maxsize=4)
def _digest(stamped: tuple[tuple[Path, int], ...]) -> str:
    digest = hashlib.sha256()
    for path, _ in stamped:
        digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def module_url(name: str) -> str:
    """Address of a module; name: "engine/engine.js"; its own imports are relative to it."""
    return f"{PREFIX}/js/{modules_digest()}/{name}"


def loader_js(entry: str, failed: str = FAILED) -> str:
    """The `js` of a component: loads the module `entry` and calls its default export with the component at every rerun.

    entry: a path in this folder ("board/board.js"), whose default export takes what Streamlit passes ({data, parentElement, setStateValue, ...}) and
    may return a function that cleans up. failed: the sentence shown when the module cannot be loaded.
    """
    if entry not in modules():
        raise KeyError(f"{entry} must be a module in {FOLDER.name}; there are {', '.join(modules())}")
    quoted = '"' + failed.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _LOADER % {"base": module_url(""), "entry": entry, "behind": " ".join(behind(entry)), "failed": quoted}


def behind(entry: str) -> list[str]:
    """The modules that one imports, and those that they import, by their paths in this folder."""
    found, waiting = dict.fromkeys([entry]), [entry]
    while waiting:
        name = waiting.pop()
        for path in _IMPORTED.findall((FOLDER / name).read_text(encoding="utf-8")):
            module = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
            if module not in found:
                found[module] = None
                waiting.append(module)
    return [name for name in found if name != entry]


def component(name: str, entry: str, failed: str, css: str | None = None) -> Callable[..., Any]:
    """Register a component, and how to draw it: as Streamlit's own, called with key, data and callbacks. Once a process; again would mount it anew.

    entry, failed: as `loader_js` takes them. Streamlit looks for tables in a mapping, and imports pandas to do so, half a second that the
    first page has no other use for; what lies in a list it passes on, and the loader takes it out.
    """
    made = st.components.v2.component(name, css=css, js=loader_js(entry, failed))

    def draw(*, data: Any, **given: Any) -> Any:
        return made(data=[data], **given)

    return draw


def quoted(name: str) -> str:
    """A run's name as one part of an address."""
    return quote(name, safe="")


def bundle_url(run: Run, part: Part = "decoder", step: int | None = None) -> str:
    """Address of the weights of one half of a run's model: at a snapshot (decoder only), or the newest saved whole model.

    Raises WeightsError when nothing was saved yet. The file's time is part of the address: it names one content.
    """
    file = run.model_file() if step is None else run.snapshot_file(step)
    source = "model" if step is None else str(step)
    stamp = file.stat().st_mtime_ns if file.exists() else 0
    return f"{PREFIX}/weights/{quoted(run.name)}/{source}/{part}.bin?v={stamp}"


def newest_url(run: Run) -> str:
    """Address of a small JSON that says which weights of a run are the newest: what a view asks again and again during a training."""
    return f"{PREFIX}/weights/{quoted(run.name)}/newest.json"
