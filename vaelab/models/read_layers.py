"""What a user's own decode does, as declared layers: read from a trace of it, and believed only where both give the same images."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from vaelab.models.folding import with_made
from vaelab.models.layers import NORM_EPS, SIGMOID, Layer, Made, Shape, shapes

TRIED = 4  # codes, drawn from N(0, 1)
TOLERANCE = 1e-5  # of a pixel in [0, 1]
WEIGHING = ("Linear", "Conv2d", "ConvTranspose2d")
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
    # How many layers led to a node, and the shape of what it answers.
    known: dict[fx.Node, tuple[int, Shape]] = field(default_factory=dict)
    # After so many layers, what comes is multiplied by the first number, and the second added.
    line: tuple[int, float, float] | None = None

    def arrive(self, node: fx.Node) -> None:
        """What the layers so far put out is this node's answer."""
        self.here = node
        self.known[node] = len(self.layers), self.shape

    def add(self, layer: Layer, name: str = "") -> None:
        self.layers.append((layer.made.name if layer.made else name, layer))
        self.shape = shapes((layer,), self.shape)[0]

    def add_sum(self, first: Any, second: Any) -> None:
        """What came out last and what came out before. Raises Unread where neither is the last, or their shapes differ."""
        earlier = second if first is self.here else first
        if self.here not in (first, second) or earlier not in self.known:
            raise Unread
        count, shape = self.known[earlier]
        back = len(self.layers) - count + 1
        if shape != self.shape or back < 2:
            raise Unread
        self.layers.append(("", Layer("Add", back=back)))

    def goes_on_alone(self, count: int) -> bool:
        """Whether what so many layers put out is used once: then the last of them may be another."""
        return all(len(node.users) == 1 for node, (after, _) in self.known.items() if after == count)

    def normalise(self, part: Any, name: str) -> None:
        """A batch normalisation, in evaluation: within the layer before it, where nothing else takes what that puts out. Raises Unread."""
        if part.running_mean is None or part.running_var is None:
            raise Unread
        norm = Made(norm=name, affine=part.weight is not None, eps=part.eps)
        before_name, before = self.layers[-1] if self.layers else ("", SIGMOID)
        alone = self.goes_on_alone(len(self.layers))
        if before.kind in WEIGHING and alone and not (before.made and before.made.norm):
            came = before.made or Made(before_name)
            made = replace(norm, source=came.source, bias=came.bias, grown=came.grown)
            self.layers[-1] = made.name, replace(before, made=made)
        elif len(self.shape) == 1:
            self.add(Layer("Linear", self.shape[0], self.shape[0], made=norm))
        else:
            self.add(Layer("Conv2d", self.shape[0], self.shape[0], kernel=1, made=norm))

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
        if reading.line is not None:
            _take_tanh(reading, *reading.line)
        elif not logits:
            _take_sigmoid(reading)
        reading.reshape(image)
        reading.add(SIGMOID)
        found = tuple(_named(name, layer, prefix) for name, layer in reading.layers)
        kinds = [layer.kind for _, layer in found]
        return found if kinds.count("Sigmoid") == 1 and _agree(decode, reading.layers, codes, logits) else ()
    except Exception:  # a user's code may do anything while it is traced; the server then decodes, and says so
        return ()


def _named(name: str, layer: Layer, prefix: str) -> tuple[str, Layer]:
    """A layer with the names of its weights as they are in the model's state dict."""
    if layer.made is None:
        return name.replace("module.", prefix, 1), layer
    source, norm = (of.replace("module.", prefix, 1) for of in (layer.made.source, layer.made.norm))
    made = replace(layer.made, source=source, norm=norm)
    return made.name, replace(layer, made=made)


def _take_sigmoid(reading: _Reading) -> None:
    """Off the end, where only changes of shape follow it: it is put back as the last layer. Raises Unread."""
    at = max((i for i, (_, layer) in enumerate(reading.layers) if layer.kind != "Reshape"), default=-1)
    if at < 0 or reading.layers[at][1] != SIGMOID:
        raise Unread
    del reading.layers[at]


def _take_tanh(reading: _Reading, count: int, times: float, plus: float) -> None:
    """(tanh(h) + 1) / 2 off the end: it is sigmoid(2 h), so the layer before it is doubled. Raises Unread for other numbers."""
    if (times, plus) != (0.5, 0.5) or any(layer.kind != "Reshape" for _, layer in reading.layers[count:]):
        raise Unread
    at = max((i for i, (_, layer) in enumerate(reading.layers[:count]) if layer.kind != "Reshape"), default=-1)
    if at < 1 or reading.layers[at][1].kind != "Tanh":
        raise Unread
    name, layer = reading.layers[at - 1]
    if layer.kind not in WEIGHING or not reading.goes_on_alone(at):
        raise Unread
    made = replace(layer.made or Made(name), times=2.0)
    reading.layers[at - 1 : at + 1] = [(made.name, replace(layer, made=made))]


def _step(reading: _Reading, decode: nn.Module, node: fx.Node) -> None:
    """Take in one node of the trace. Raises Unread."""
    if node.op == "placeholder":
        reading.arrive(node)
        return
    if node.op == "output":
        if node.args != (reading.here,):
            raise Unread
        return
    if _counts_images(reading, node):
        reading.batch.add(node)
        return
    came, *more = node.args
    if _moves_on_a_line(reading, node):
        reading.arrive(node)
        return
    if _is_sum(node):
        reading.add_sum(came, more[0])
        reading.arrive(node)
        return
    if came is not reading.here or any(isinstance(value, fx.Node) for value in node.kwargs.values()):
        raise Unread
    if node.op == "call_module":
        name = str(node.target)
        part = decode.get_submodule(name)
        if type(part) in (nn.BatchNorm1d, nn.BatchNorm2d):
            reading.normalise(part, name)
        for layer in _of_module(part, reading.shape, name):
            reading.add(layer, name)
    elif node.op in ("call_function", "call_method"):
        _call(reading, node, more)
    else:
        raise Unread
    reading.arrive(node)


def _moves_on_a_line(reading: _Reading, node: fx.Node) -> bool:
    """h + 1, h / 2, 0.5 * h and so on, which are taken in; whether it is one of them."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    numbers = [part for part in node.args if isinstance(part, int | float)]
    if name not in ("add", "mul", "truediv", "div") or len(node.args) != 2 or len(numbers) != 1 or node.kwargs:
        return False
    if reading.here not in node.args or (name in ("truediv", "div") and node.args[0] is not reading.here):
        raise Unread
    count, times, plus = reading.line or (len(reading.layers), 1.0, 0.0)
    number = float(numbers[0])
    if name == "add":
        reading.line = count, times, plus + number
    else:
        by = number if name == "mul" else 1.0 / number
        reading.line = count, times * by, plus * by
    return True


def _is_sum(node: fx.Node) -> bool:
    """a + b, a += b, torch.add(a, b), a.add(b) of two answers, as they are."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "")
    called = node.op in ("call_function", "call_method") and name in ("add", "iadd", "add_")
    return called and len(node.args) == 2 and not node.kwargs and all(isinstance(part, fx.Node) for part in node.args)


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


def _of_module(part: nn.Module, shape: Shape, name: str) -> list[Layer]:
    """The layers that stand for one of torch's modules in evaluation. Raises Unread."""
    for kind, made in _KNOWN.items():
        if type(part) is kind:
            return [_completed(layer, part, name) for layer in made(part, shape)]
    raise Unread


def _completed(layer: Layer, part: Any, name: str) -> Layer:
    """A layer with the bias and the kernel that the module leaves out."""
    grown = layer.kernel - part.kernel_size[0] if layer.kernel else 0
    if not layer.tensors or (part.bias is not None and not grown):
        return layer
    return replace(layer, made=Made(name, bias=part.bias is not None, grown=grown))


def _linear(part: Any, shape: Shape) -> list[Layer]:
    if len(shape) != 1:
        raise Unread
    return [Layer("Linear", part.in_features, part.out_features)]


def _convolution(part: Any, shape: Shape) -> list[Layer]:
    usual = (part.dilation, part.groups, part.padding_mode) == ((1, 1), 1, "zeros")
    sizes = part.kernel_size, part.stride, part.padding, part.output_padding
    if not usual or isinstance(part.padding, str) or any(len(set(both)) != 1 for both in sizes):
        raise Unread
    kind: Any = type(part).__name__
    kernel, stride, padding, grown = (both[0] for both in sizes)
    return [Layer(kind, part.in_channels, part.out_channels, kernel + grown, stride, padding)]


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
    nn.BatchNorm1d: _nothing,  # Reading.normalise has taken it in
    nn.BatchNorm2d: _nothing,
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
    """Whether the layers with the module's weights make of some codes what the module makes of them.

    A normalisation of a copy is given numbers at random first: a new one changes nothing, and would agree with anything.
    """
    generator = torch.Generator().manual_seed(0)
    decode = copy.deepcopy(decode)
    for part in decode.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d | nn.GroupNorm):
            for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
                if tensor.dim():
                    drawn = torch.randn(tensor.shape, generator=generator)
                    tensor.data = 0.5 + drawn.abs() if name == "running_var" else tensor + 0.5 * drawn
    z = torch.randn(TRIED, codes, generator=generator)
    tensors = with_made(layers, {name: tensor.detach().numpy() for name, tensor in decode.state_dict().items()})
    with torch.no_grad():
        expected = decode(z)
        if logits:
            expected = torch.sigmoid(expected)
        flow = [z]
        for name, layer in layers:
            if layer.kind == "Add":
                flow.append(flow[-1] + flow[-layer.back])
            else:
                weights = {key: torch.from_numpy(tensors[f"{name}.{key}"]) for key in layer.tensors}
                flow.append(_run(layer, flow[-1], weights))
    return bool(torch.allclose(flow[-1].flatten(1), expected.flatten(1), rtol=0.0, atol=TOLERANCE))


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
