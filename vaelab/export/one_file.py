"""A decoder as one HTML file that runs anywhere: sliders, grid, pad, walk and map, in both languages, without a network.

The scripts and sheets are those of the app (config/places.COMPONENTS), joined by joined.py; what the file tells is told.py's
subject, and the file around both html_file.py's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import ExportError
from vaelab.config.places import COMPONENTS
from vaelab.export.bundle import MAX_MACS, Precision, browser_bundle, is_closed, macs, supported, weight_count
from vaelab.export.html_file import MOST_BYTES, document
from vaelab.export.joined import joined
from vaelab.export.told import Known, know, told
from vaelab.images.palette import THEMES, css_variables
from vaelab.runs.store import Run

ENTRY = "file/file.js"
SHEETS = ("decoder/decoder.css", "map/map.css", "file/file.css")
TOLERANCE = 1e-2  # of a pixel's scale from 0 to 1: what rounded weights may change
PROBES = 256  # codes at which rounded weights are compared
REACH = 3.0  # standard deviations, as the sliders have it


@dataclass(frozen=True)
class Packed:
    """Weights as the file holds them. worst: the largest difference of a pixel (0 to 1) from the model's own, over many codes."""

    bytes: bytes
    precision: Precision
    worst: float


@dataclass(frozen=True)
class Written:
    """What was made. bytes: the whole file."""

    html: str
    precision: Precision
    worst: float

    @property
    def bytes(self) -> bytes:
        """As it is written."""
        return self.html.encode()


def write(run: Run, path: str | Path) -> Written:
    """Write the living decoder of a run as one HTML file, whole or not at all.

    Raises ExportError for a model that no browser decodes, a file that would be larger than 5 MB, a path that cannot be written;
    RunError, WeightsError.
    """
    from vaelab.export.formats import replace

    made = make(run)
    replace(Path(path), lambda scratch: scratch.write_bytes(made.bytes))
    return made


def make(run: Run) -> Written:
    """The file of a run's newest weights. Raises ExportError, RunError, WeightsError."""
    check(run)
    known = know(run)
    packed = pack(known)
    size = 0.0
    for pictures in (True, False):  # thumbnails of the map are the first to go
        made = Written(_html(run.name, told(known, packed, pictures=pictures), packed), packed.precision, packed.worst)
        if len(made.bytes) <= MOST_BYTES:
            return made
        size = len(made.bytes)
    raise _too_large(run, size)


def check(run: Run) -> None:
    """Whether a file can be made of a run, as far as its settings tell, without loading it. Raises ExportError."""
    cfg = run.config().model
    if is_closed(cfg):
        raise ExportError(
            f"{run.name} is a module of one's own, which no browser runs; export it as safetensors, or declare its layers as a network"
        )
    if supported(cfg) is not None:
        raise ExportError(
            f"{run.name} needs {macs(cfg) / 1e6:.0f} million multiply-adds an image, more than the {MAX_MACS / 1e6:.0f} million "
            "that a browser does 30 times a second; export it as onnx or safetensors"
        )
    least = weight_count(cfg) * 2 * 4 / 3  # float16 in base64
    if least > MOST_BYTES:
        raise _too_large(run, least)


def _too_large(run: Run, size: float) -> ExportError:
    return ExportError(
        f"{run.name} would make a file of {size / 1e6:.1f} MB, more than the {MOST_BYTES / 1e6:.0f} MB that can be mailed; a network "
        "of convolutions has fewer weights (conv-vae), or export it as safetensors"
    )


def pack(known: Known) -> Packed:
    """The decoder's weights in half precision where that changes no pixel by more than TOLERANCE, else in full."""
    import torch

    from vaelab.analysis import inference
    from vaelab.config.errors import WeightsError

    cfg = known.cfg.model
    tensors = {name: tensor.numpy() for name, tensor in known.model.state_dict().items()}
    z, y = _probes(known)
    try:
        small = browser_bundle(cfg, tensors, precision="float16")
    except WeightsError:
        return Packed(browser_bundle(cfg, tensors), "float32", 0.0)  # which refuses what is not finite
    rounded = inference.load_run(known.run)
    rounded.load_state_dict(
        {name: t.half().float() if t.is_floating_point() else t for name, t in rounded.state_dict().items()}
    )
    worst = 0.0
    with torch.no_grad():
        for rows in range(0, len(z), inference.BATCH):
            part = torch.from_numpy(z[rows : rows + inference.BATCH])
            labels = None if y is None else torch.from_numpy(y[rows : rows + inference.BATCH])
            worst = max(worst, float((known.model.decode(part, labels) - rounded.decode(part, labels)).abs().max()))
    if worst <= TOLERANCE:
        return Packed(small, "float16", worst)
    return Packed(browser_bundle(cfg, tensors), "float32", 0.0)


def _probes(known: Known) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    """Codes at which weights are compared: of images, of the prior, and with one dimension at either end of its slider."""
    facts = known.facts
    mean, std = np.array(facts["mean"], np.float32), np.array(facts["std"], np.float32)
    draws = known.draws if known.draws is not None else mean + std * _normal(PROBES, len(mean))
    ends = np.repeat(draws[:1], 2 * min(len(mean), PROBES), axis=0)
    for k, i in enumerate(facts["order"][: len(ends) // 2]):
        ends[2 * k : 2 * k + 2, i] = mean[i] + np.array([-REACH, REACH], np.float32) * std[i]
    z = np.concatenate([known.codes.mu[:PROBES], draws[:PROBES], ends]).astype(np.float32)
    classes = known.cfg.model.classes
    return z, np.arange(len(z)) % classes if classes else None


def _normal(n: int, size: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(n, size)).astype(np.float32)


def _html(name: str, facts: dict[str, Any], packed: Packed) -> str:
    script = "\n" + joined(ENTRY)
    style = "".join(f'.vaelab[data-theme="{theme}"]{{{css_variables(theme)}}}' for theme in THEMES)
    style += "".join((COMPONENTS / sheet).read_text(encoding="utf-8") for sheet in SHEETS)
    return document(name, script, style, facts, {"weights": packed.bytes})
