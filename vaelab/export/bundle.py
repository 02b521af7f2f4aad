"""What the browser decoder reads: the layers of one half of a model and its weights, in one array of bytes.

    bytes 0-7     b"VAEBUNDL"
    bytes 8-11    version of this format, uint32 (1)
    bytes 12-15   length of the header, uint32
    then          the header, JSON in UTF-8, followed by spaces up to a multiple of 16 bytes
    then          float32 or float16 numbers (the header's "dtype"), in the order and at the offsets that the header names

All numbers are little-endian. The reader is vaelab/ui/components/engine/bundle_format.js.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vaelab.config.errors import WeightsError
from vaelab.models.architecture import architecture
from vaelab.models.folding import with_made
from vaelab.models.layers import COUPLED, LEAK, NORM_EPS, Layer, Shape
from vaelab.models.model_config import ModelConfig

Part = Literal["decoder", "encoder"]
HALVES: tuple[Part, ...] = ("encoder", "decoder")
Precision = Literal["float32", "float16"]
Floats = npt.NDArray[np.float32]

MAGIC = b"VAEBUNDL"
VERSION = 1
ALIGNMENT = 16  # bytes; a v128 of WebAssembly

# Multiply-adds of one image that a laptop's browser does in a 30th of a second with the SIMD kernel (5 a nanosecond).
MAX_MACS = 150_000_000
# Multiply-adds a second: a slow laptop, and what one thread of a quick one was measured at (docs/decisions/0003-browser-decoder.md).
SLOW, QUICK = 5e9, 25e9
SCREEN = 60  # pictures a second that a screen shows
GRID = 8  # rows and columns of the traversal grid (ui/components/decoder/grid.js)


def browser_bundle(
    cfg: ModelConfig,
    tensors: Mapping[str, npt.NDArray[Any]],
    part: Part = "decoder",
    precision: Precision | None = None,
) -> bytes:
    """The bytes that the browser decoder reads.

    tensors: the model's state dict (models/latent_model.py names the keys); only those of `part` are read. precision: float16 takes
    half the bytes and rounds; None takes it where every weight is such a number already, as in snapshots and shipped decoders.
    Raises WeightsError when one is absent, of another shape, or not finite.
    """
    if is_closed(cfg, part):
        raise WeightsError(
            f"nobody declared the layers of {cfg.network}, so a browser cannot run them; the server does"
        )
    tensors = with_made(_named_layers(cfg, part), tensors)
    arrays: list[Floats] = []
    offset = 0  # floats

    def add(name: str, shape: Shape) -> int:
        nonlocal offset
        array = _tensor(tensors, name, shape)
        arrays.append(array)
        offset += array.size
        return offset - array.size

    def described(name: str, layer: Layer, came: Shape) -> dict[str, Any]:
        out = layer.output_shape(came)
        entry: dict[str, Any] = {"kind": layer.kind, "name": name, "in": list(came), "out": list(out)} | _numbers(layer)
        if layer.inner:
            flows = (came, layer.inner[0].output_shape(came))
            named = zip(COUPLED, layer.inner, flows, strict=True)
            return entry | {"inner": [described(f"{name}.{own}", dense, start) for own, dense, start in named]}
        return entry | {key: add(f"{name}.{key}", wanted) for key, wanted in layer.tensors.items()}

    layers: list[dict[str, Any]] = []
    shape = _input_shape(cfg, part)
    for name, layer in _named_layers(cfg, part):
        if name == "head.0":  # a sum of the head that reaches before its first layer takes this one's output
            flat = math.prod(shape)
            layers.append({"kind": "Label", "in": list(shape), "out": [flat + cfg.classes]})
            shape = (flat + cfg.classes,)
        entry = described(name, layer, shape)
        if layer.kind == "Add":
            entry["of"] = len(layers) - layer.back  # the layer whose output is added; before the first: what goes in
        layers.append(entry)
        shape = layer.output_shape(shape)
    header: dict[str, Any] = {
        "part": part,
        "config": cfg.to_dict(),
        "shape": [cfg.channels, cfg.image_size, cfg.image_size],
        "latent_dim": cfg.latent_dim,
        "classes": cfg.classes,
        "inputs": math.prod(_input_shape(cfg, part)) + cfg.classes * (part == "encoder"),
        "outputs": math.prod(shape),
        "macs": macs(cfg, part),
        "layers": layers,
        "floats": offset,
    }
    whole = np.concatenate([array.ravel() for array in arrays]).astype("<f4", copy=False)
    with np.errstate(over="ignore"):  # told below
        halves = whole.astype("<f2")
    if precision is None:
        precision = "float16" if np.array_equal(halves, whole) else "float32"
    data: npt.NDArray[np.floating[Any]] = halves if precision == "float16" else whole
    header["dtype"] = precision
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(MAGIC) + 8 + len(text)) % ALIGNMENT)
    if not np.isfinite(data).all():
        raise WeightsError(
            f"the weights of {cfg.name} go beyond 65,504, the largest number of {precision}; keep them in float32"
        )
    return MAGIC + struct.pack("<II", VERSION, len(text)) + text + data.tobytes()


def number_bytes(content: bytes) -> int:
    """Bytes of each number of a bundle: 2 or 4."""
    end = 16 + struct.unpack("<I", content[12:16])[0]
    return 2 if json.loads(content[16:end])["dtype"] == "float16" else 4


def macs(cfg: ModelConfig, part: Part = "decoder") -> int:
    """Multiply-adds of one image, borders counted as if they were inside. A number that is normalised counts 2, one that is added or passes a coupling 1."""
    total = 0
    shape = _input_shape(cfg, part)
    for _, layer in _named_layers(cfg, part):
        out = layer.output_shape(shape)
        places = shape if layer.kind == "ConvTranspose2d" else out
        if layer.kind in ("Linear", "Conv2d", "MaskedConv2d", "ConvTranspose2d"):
            total += layer.inputs * layer.outputs * max(1, layer.taps) * math.prod(places[1:])
        total += sum(dense.inputs * dense.outputs for dense in layer.inner)
        total += math.prod(out) * {"GroupNorm": 2, "Add": 1, "Coupling": 1}.get(layer.kind, 0)
        shape = out
    return total


def frame_rates(cfg: ModelConfig) -> tuple[float, float, float, float]:
    """Expected pictures a second of the browser's decoder: one image on a slow laptop and a quick one, the traversal grid on both; at most SCREEN."""
    one = macs(cfg)
    grid = one * GRID * min(GRID, cfg.latent_dim)
    slow, quick, slow_grid, quick_grid = (min(SCREEN, rate / work) for work in (one, grid) for rate in (SLOW, QUICK))
    return slow, quick, slow_grid, quick_grid


def weight_count(cfg: ModelConfig, part: Part = "decoder") -> int:
    """Weights and biases of one half of a model."""
    return sum(layer.params for _, layer in _named_layers(cfg, part))


def supported(cfg: ModelConfig, part: Part = "decoder") -> str | None:
    """None when the browser can run this half of the model at 30 frames a second; otherwise the reason, one sentence."""
    if part == "encoder" and not cfg.method.head_is_code:
        return f"More is done to the code of {cfg.name} than its encoder's layers do, so the server encodes."
    if is_closed(cfg, part):
        return f"Nobody declared the layers of {cfg.network}, so the server {part[:-1]}s it."
    work = macs(cfg, part)
    if work > MAX_MACS:
        return (
            f"The {part} of this model needs {work / 1e6:.0f} million multiply-adds an image, more than the "
            f"{MAX_MACS / 1e6:.0f} million that a browser does 30 times a second, so the server decodes it."
        )
    return None


def is_closed(cfg: ModelConfig, part: Part = "decoder") -> bool:
    """Whether a half is a user's own code of which nothing but torch knows what it does."""
    return any(layer.kind == "Own" for _, layer in _named_layers(cfg, part))


def _named_layers(cfg: ModelConfig, part: Part) -> list[tuple[str, Layer]]:
    layers = architecture(cfg)
    if part == "decoder":
        return list(layers.named("decoder"))
    return [*layers.named("features"), *layers.named("head")]


def _input_shape(cfg: ModelConfig, part: Part) -> Shape:
    """What goes in first; an encoder's label follows the pixels and is counted apart."""
    if part == "encoder":
        return (cfg.channels, cfg.image_size, cfg.image_size)
    return (cfg.latent_dim + cfg.classes,)


def _numbers(layer: Layer) -> dict[str, Any]:
    """What the browser must know of a layer beside its shapes and weights."""
    if layer.kind == "GroupNorm":
        return {"outputs": layer.outputs, "groups": layer.groups, "epsilon": NORM_EPS}
    if layer.kind == "Upsample":
        return {"stride": layer.stride}
    if layer.kind in ("ReLU", "LeakyReLU"):  # what a number below 0 is multiplied by
        return {"slope": layer.slope if layer.kind == "LeakyReLU" else 0.0}
    if layer.kind == "Coupling":
        return {"leak": LEAK}
    if not layer.tensors:
        return {}
    sizes = {"inputs": layer.inputs, "outputs": layer.outputs}
    if layer.kind == "Embedding":
        return sizes
    found = sizes | {"kernel": layer.kernel, "stride": layer.stride, "padding": layer.padding}
    return found | ({"centre": layer.centre} if layer.kind == "MaskedConv2d" else {})


def _tensor(tensors: Mapping[str, npt.NDArray[Any]], name: str, shape: Shape) -> Floats:
    if name not in tensors:
        raise WeightsError(f"the weights lack the tensor {name} of shape {shape}: they belong to another model")
    kind = np.asarray(tensors[name]).dtype
    if kind.kind in "iub":
        raise WeightsError(f"the tensor {name} must hold floating-point numbers, got {kind}: weights of another model")
    array = np.asarray(tensors[name], dtype=np.float32)
    if array.shape != shape:
        raise WeightsError(
            f"the tensor {name} must have the shape {shape}, got {array.shape}: weights of another model"
        )
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise WeightsError(
            f"the tensor {name} holds {bad} numbers that are not finite (NaN or infinity), so it cannot be decoded; "
            "the training diverged: train again with a lower learning rate"
        )
    return array
