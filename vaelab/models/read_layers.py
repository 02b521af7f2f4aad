"""What a user's own decode does, as declared layers: read from a trace of it, and believed only where both give the same images."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from vaelab.models.layers import NORM_EPS, SIGMOID, Layer, Shape, shapes

TRIED = 4  # codes, drawn from N(0, 1)
TOLERANCE = 1e-5  # of a pixel in [0, 1]
Named = tuple[tuple[str, Layer], ...]


class Unread(Exception):
    """Something that no declared layer does."""


class _Decode(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, z: Tensor) -> Tensor:
        pixels: Tensor = self.module.decode(z)  # type: ignore[operator]
        return pixels


@dataclass
class _Reading:
    """The layers so far, the shape that comes out of them, and where in the trace that is."""

    shape: Shape
    layers: list[tuple[str, Layer]] = field(default_factory=list)
    here: fx.Node | None = None
    batch: set[fx.Node] = field(default_factory=set)  # nodes that say how many images there are

    def add(self, layer: Layer, name: str = "") -> None:
        self.layers.append((name, layer))
        self.shape = shapes((layer,), self.shape)[0]

    def reshape(self, shape: Shape) -> None:
        """One number of the new shape may be -1, as in torch."""
        if -1 in shape:
            known = -math.prod(shape)
            shape = tuple(math.prod(self.shape) // known if size == -1 else size for size in shape)
        if math.prod(shape) != math.prod(self.shape):
            raise Unread
        if shape != self.shape:
            self.add(Layer("Reshape", shape=shape))


def read(module: nn.Module, codes: int, image: Shape, *, logits: bool, prefix: str) -> Named:
    """The layers of module.decode, each with the name of its weights, the last a Sigmoid; () where it does anything else than layers do.

    codes: numbers that go in; image: (C, H, W) that comes out; prefix: before the names of module's own parts.
    """
    decode = _Decode(module).eval()
    try:
        reading = _Reading((codes,))
        for node in fx.symbolic_trace(decode).graph.nodes:
            _step(reading, decode, node)
        if not logits:
            _take_sigmoid(reading)
        reading.reshape(image)
        reading.add(SIGMOID)
        found = tuple((name.replace("module.", prefix, 1), layer) for name, layer in reading.layers)
        kinds = [layer.kind for _, layer in found]
        return found if kinds.count("Sigmoid") == 1 and _agree(decode, reading.layers, codes, logits) else ()
    except Exception:  # a user's code may do anything while it is traced; the server then decodes, and says so
        return ()


def _take_sigmoid(reading: _Reading) -> None:
    """Off the end, where only changes of shape follow it: it is put back as the last layer. Raises Unread."""
    at = max((i for i, (_, layer) in enumerate(reading.layers) if layer.kind != "Reshape"), default=-1)
    if at < 0 or reading.layers[at][1] != SIGMOID:
        raise Unread
    del reading.layers[at]


def _step(reading: _Reading, decode: nn.Module, node: fx.Node) -> None:
    """Take in one node of the trace. Raises Unread."""
    if node.op == "placeholder":
        reading.here = node
        return
    if node.op == "output":
        if node.args != (reading.here,):
            raise Unread
        return
    if _counts_images(reading, node):
        reading.batch.add(node)
        return
    came, *more = node.args
    if came is not reading.here or any(isinstance(value, fx.Node) for value in node.kwargs.values()):
        raise Unread
    if node.op == "call_module":
        name = str(node.target)
        for layer in _of_module(decode.get_submodule(name), reading.shape):
            reading.add(layer, name)
    elif node.op in ("call_function", "call_method"):
        _call(reading, node, more)
    else:
        raise Unread
    reading.here = node


def _counts_images(reading: _Reading, node: fx.Node) -> bool:
    """z.size(0), z.shape[0], len(z): no layer, but what a view may begin with."""
    came = node.args[0] if node.args else None
    if node.op == "call_method" and node.target == "size":
        return node.args[1:] in ((), (0,))
    if node.op == "call_function" and node.target is getattr:
        return node.args[1] == "shape"
    is_item = getattr(node.target, "__name__", "") == "getitem" and node.args[1] == 0
    return bool(is_item and came in reading.batch)


def _call(reading: _Reading, node: fx.Node, more: list[Any]) -> None:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    if name in ("relu", "relu_"):
        reading.add(Layer("ReLU"))
    elif name in ("tanh", "sigmoid"):
        reading.add(Layer("Tanh") if name == "tanh" else SIGMOID)
    elif name == "leaky_relu":
        slope = more[0] if more else node.kwargs.get("negative_slope", 0.01)
        if not isinstance(slope, float):
            raise Unread
        reading.add(Layer("LeakyReLU", slope=slope))
    elif name == "flatten" and (more or [node.kwargs.get("start_dim")]) == [1]:
        reading.reshape((math.prod(reading.shape),))
    elif name == "unflatten" and more[:1] == [1]:
        reading.reshape(tuple(more[1]))
    elif name in ("view", "reshape"):
        sizes = list(more[0]) if len(more) == 1 and isinstance(more[0], list | tuple) else more
        if sizes[0] != -1 and sizes[0] not in reading.batch:
            raise Unread
        reading.reshape(tuple(sizes[1:]))
    elif name not in ("contiguous", "dropout"):
        raise Unread


def _of_module(part: nn.Module, shape: Shape) -> list[Layer]:
    """The layers that stand for one of torch's modules in evaluation. Raises Unread."""
    for kind, made in _KNOWN.items():
        if type(part) is kind:
            return made(part, shape)
    raise Unread


def _linear(part: Any, shape: Shape) -> list[Layer]:
    if part.bias is None or len(shape) != 1:
        raise Unread
    return [Layer("Linear", part.in_features, part.out_features)]


def _convolution(part: Any, shape: Shape) -> list[Layer]:
    usual = (part.dilation, part.groups, part.padding_mode) == ((1, 1), 1, "zeros")
    alike = all(len(set(sizes)) == 1 for sizes in (part.kernel_size, part.stride, part.padding))
    if part.bias is None or not usual or not alike or part.output_padding != (0, 0) or isinstance(part.padding, str):
        raise Unread
    kind: Any = type(part).__name__
    sizes = part.kernel_size[0], part.stride[0], part.padding[0]
    return [Layer(kind, part.in_channels, part.out_channels, *sizes)]


def _norm(part: Any, shape: Shape) -> list[Layer]:
    if not part.affine or part.eps != NORM_EPS:
        raise Unread
    return [Layer("GroupNorm", part.num_channels, part.num_channels, groups=part.num_groups)]


def _upsample(part: Any, shape: Shape) -> list[Layer]:
    factor = part.scale_factor
    if part.mode != "nearest" or factor is None or isinstance(factor, tuple) or factor != int(factor):
        raise Unread
    return [Layer("Upsample", stride=int(factor))]


def _flatten(part: Any, shape: Shape) -> list[Layer]:
    if (part.start_dim, part.end_dim) != (1, -1):
        raise Unread
    return [Layer("Reshape", shape=(math.prod(shape),))] if len(shape) > 1 else []


def _unflatten(part: Any, shape: Shape) -> list[Layer]:
    if part.dim != 1 or len(shape) != 1:
        raise Unread
    return [Layer("Reshape", shape=tuple(part.unflattened_size))]


def _nothing(part: Any, shape: Shape) -> list[Layer]:
    return []


_KNOWN: dict[type[nn.Module], Callable[[Any, Shape], list[Layer]]] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.ConvTranspose2d: _convolution,
    nn.GroupNorm: _norm,
    nn.Upsample: _upsample,
    nn.UpsamplingNearest2d: _upsample,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.ReLU: lambda part, shape: [Layer("ReLU")],
    nn.LeakyReLU: lambda part, shape: [Layer("LeakyReLU", slope=part.negative_slope)],
    nn.Tanh: lambda part, shape: [Layer("Tanh")],
    nn.Sigmoid: lambda part, shape: [SIGMOID],
    nn.Dropout: _nothing,
    nn.Dropout2d: _nothing,
    nn.Identity: _nothing,
}


def _agree(decode: nn.Module, layers: list[tuple[str, Layer]], codes: int, logits: bool) -> bool:
    """Whether the layers with the module's weights make of some codes what the module makes of them."""
    z = torch.randn(TRIED, codes, generator=torch.Generator().manual_seed(0))
    tensors = decode.state_dict()
    with torch.no_grad():
        expected = decode(z)
        if logits:
            expected = torch.sigmoid(expected)
        h = z
        for name, layer in layers:
            h = _run(layer, h, {key: tensors[f"{name}.{key}"] for key in layer.tensors})
    return bool(torch.allclose(h.flatten(1), expected.flatten(1), rtol=0.0, atol=TOLERANCE))


def _run(layer: Layer, h: Tensor, tensors: dict[str, Tensor]) -> Tensor:
    """One layer as it is declared, with its weights."""
    if layer.kind == "Reshape":
        return h.reshape(len(h), *layer.shape)
    if layer.kind == "Upsample":
        return F.interpolate(h, scale_factor=layer.stride, mode="nearest")
    if layer.kind == "Linear":
        return F.linear(h, **tensors)
    if layer.kind in ("Conv2d", "ConvTranspose2d"):
        move: Any = F.conv2d if layer.kind == "Conv2d" else F.conv_transpose2d
        found: Tensor = move(h, **tensors, stride=layer.stride, padding=layer.padding)
        return found
    if layer.kind == "GroupNorm":
        return F.group_norm(h, layer.groups, **tensors, eps=NORM_EPS)
    if layer.kind == "LeakyReLU":
        return F.leaky_relu(h, layer.slope)
    return {"ReLU": torch.relu, "Tanh": torch.tanh, "Sigmoid": torch.sigmoid}[layer.kind](h)
