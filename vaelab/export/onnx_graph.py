"""The ONNX graph of a model, built from the layers that a network declares (models/architecture.py). Needs the optional package `onnx`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import ExportError
from vaelab.export.bundle import is_closed
from vaelab.models.architecture import architecture
from vaelab.models.folding import with_made
from vaelab.models.layers import LEAK, NORM_EPS, Layer, Shape, shapes
from vaelab.models.model_config import ModelConfig

OPSET = 18  # the first in which Split counts its outputs
INT64 = 7  # of onnx.TensorProto
IR_VERSION = 9  # the oldest that carries the opset: runtimes refuse a newer one than they know

Floats = NDArray[np.float32]


def onnx_model(cfg: ModelConfig, tensors: dict[str, Floats], part: str) -> bytes:
    """The serialised graph. Batch size N is free; all floats are float32; y (N,) int64 is an input of a conditional model.

    - model: x (N, C, H, W) in [0, 1] -> mu, logvar (N, Z), x_hat (N, C, H, W) decoded from mu
    - encoder: x -> mu, logvar
    - decoder: z (N, Z) -> x_hat

    An autoencoder has no logvar. Raises ExportError when the package `onnx` is missing.
    """
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError as error:
        raise ExportError("the format onnx needs the package onnx; run: pip install onnx") from error

    if part != "decoder" and not cfg.method.head_is_code:
        raise ExportError(
            f"the format onnx holds the decoder of {cfg.name} alone, because more is done to its code than layers do; add --part decoder"
        )
    if is_closed(cfg, "decoder" if part == "decoder" else "encoder"):
        way = "add --part decoder" if part != "decoder" and not is_closed(cfg) else "export it as safetensors"
        raise ExportError(f"the format onnx needs declared layers, and nobody declared those of {cfg.network}; {way}")
    layers = architecture(cfg)
    image: list[str | int | None] = ["N", cfg.channels, cfg.image_size, cfg.image_size]
    code: list[str | int | None] = ["N", cfg.latent_dim]
    graph = _Graph(helper, with_made(layers.named("decoder"), tensors) if part == "decoder" else tensors)
    inputs = {"x" if part != "decoder" else "z": image if part != "decoder" else code}
    outputs: dict[str, list[str | int | None]] = {}
    if cfg.classes:
        graph.one_hot("y", cfg.classes, "label")
    if part != "decoder":
        pixels = (cfg.channels, cfg.image_size, cfg.image_size)
        flat = math.prod(shapes(layers.features, pixels)[-1] if layers.features else pixels)
        h = graph.add("Flatten", [graph.run(layers.named("features"), "x", pixels)], axis=1)
        if cfg.classes:
            h = graph.add("Concat", [h, "label"], axis=1)
        h = graph.run(layers.named("head"), h, (flat + cfg.classes,))
        outputs["mu"] = code
        if not cfg.has_posterior:
            graph.add("Identity", [h], "mu")
        else:
            outputs["logvar"] = code
            graph.nodes.append(helper.make_node("Split", [h], ["mu", "logvar"], axis=1, num_outputs=2))
    if part != "encoder":
        z = "mu" if part == "model" else "z"
        if cfg.classes:
            z = graph.add("Concat", [z, "label"], axis=1)
        graph.add("Identity", [graph.run(layers.named("decoder"), z, (cfg.latent_dim + cfg.classes,))], "x_hat")
        outputs["x_hat"] = image
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    if cfg.classes:
        values.append(helper.make_tensor_value_info("y", TensorProto.INT64, ["N"]))
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            f"{cfg.name}-{part}",
            values,
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="vaelab",
    )
    onnx.checker.check_model(proto, full_check=True)
    written: bytes = proto.SerializeToString()
    return written


class _Graph:
    """Collects nodes and constants; every method returns the name of the value that it computes."""

    def __init__(self, helper: Any, tensors: dict[str, Floats]) -> None:
        self.helper = helper
        self.tensors = tensors
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, op: str, inputs: list[str], output: str = "", **attributes: Any) -> str:
        output = output or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self.helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def one_hot(self, label: str, classes: int, output: str) -> None:
        depth = self.constant("classes", np.array([classes], np.int64))
        self.add("OneHot", [label, depth, self.constant("off_on", np.array([0, 1], np.float32))], output, axis=-1)

    def run(self, layers: tuple[tuple[str, Layer], ...], value: str, start: Shape) -> str:
        """The layers of one part, with what the names of their tensors begin with, over a value of shape (N, *start)."""
        values = [value]
        flow = shapes(tuple(layer for _, layer in layers), start)
        for (name, layer), shape in zip(layers, flow, strict=True):
            if layer.kind == "Add":
                values.append(self.add("Add", [values[-1], values[-layer.back]]))
            elif layer.kind == "GroupNorm":
                values.append(self._group_norm(layer, name, values[-1], shape))
            elif layer.kind == "Embedding":
                values.append(self._embedding(layer, name, values[-1], shape))
            elif layer.kind == "Coupling":
                values.append(self._coupling(layer, name, values[-1]))
            else:
                values.append(self._layer(layer, name, values[-1]))
        return values[-1]

    def _group_norm(self, layer: Layer, name: str, value: str, shape: Shape) -> str:
        """Every group as one channel of an InstanceNormalization: ONNX's own GroupNormalization changed its meaning between opsets."""
        groups = self.constant(f"{name}.groups", np.array([0, layer.groups, -1], np.int64))
        whole = self.constant(f"{name}.whole", np.array([0, *shape], np.int64))
        ones = self.constant(f"{name}.ones", np.ones(layer.groups, np.float32))
        zeros = self.constant(f"{name}.zeros", np.zeros(layer.groups, np.float32))
        flat = self.add("Reshape", [value, groups])
        normal = self.add("InstanceNormalization", [flat, ones, zeros], epsilon=NORM_EPS)
        scale, shift = (
            self.constant(f"{name}.{kind}", self.tensors[f"{name}.{kind}"].reshape(-1, *(1,) * (len(shape) - 1)))
            for kind in ("weight", "bias")
        )
        return self.add("Add", [self.add("Mul", [self.add("Reshape", [normal, whole]), scale]), shift])

    def _embedding(self, layer: Layer, name: str, value: str, shape: Shape) -> str:
        """The number of a code, rounded as layer_modules.Embedding does (ONNX's Round takes a half to the even number), then its entry."""
        half, lowest, highest = (
            self.constant(f"{name}.{key}", np.array(number, np.float32))
            for key, number in (("half", 0.5), ("lowest", 0), ("highest", layer.inputs - 1))
        )
        near = self.add("Clip", [self.add("Floor", [self.add("Add", [value, half])]), lowest, highest])
        codes = self.add("Cast", [self.add("Flatten", [near], axis=1)], to=INT64)
        entries = self.add("Gather", [self.constant(f"{name}.weight", self.tensors[f"{name}.weight"]), codes], axis=0)
        whole = self.constant(f"{name}.whole", np.array([0, *shape], np.int64))
        return self.add("Reshape", [self.add("Transpose", [entries], perm=[0, 2, 1]), whole])

    def _coupling(self, layer: Layer, name: str, value: str) -> str:
        """x exp(tanh(s)) + t, and the order turned round."""
        parts = self.constant(f"{name}.parts", np.array([layer.kept, layer.inputs - layer.kept], np.int64))
        stays, moves, s, t = (f"{name}.{part}" for part in ("stays", "moves", "s", "t"))
        self.nodes.append(self.helper.make_node("Split", [value, parts], [stays, moves], axis=1))
        first, second = layer.inner
        told = self.add("LeakyRelu", [self._layer(first, f"{name}.first", stays)], alpha=LEAK)
        self.nodes.append(
            self.helper.make_node("Split", [self._layer(second, f"{name}.second", told)], [s, t], axis=1, num_outputs=2)
        )
        scale = self.add("Exp", [self.add("Tanh", [s])])
        moved = self.add("Add", [self.add("Mul", [moves, scale]), t])
        turned = self.constant(f"{name}.turned", np.arange(layer.inputs - 1, -1, -1, dtype=np.int64))
        return self.add("Gather", [self.add("Concat", [stays, moved], axis=1), turned], axis=1)

    def _layer(self, layer: Layer, name: str, value: str) -> str:
        if layer.kind in ("Linear", "Conv2d", "MaskedConv2d", "ConvTranspose2d"):
            tensors = {kind: self.tensors[f"{name}.{kind}"] for kind in ("weight", "bias")}
            if layer.kind == "MaskedConv2d":
                seen = np.arange(layer.kernel**2).reshape(layer.kernel, layer.kernel) < layer.taps
                tensors["weight"] = tensors["weight"] * seen.astype(np.float32)
            weights = [self.constant(f"{name}.{kind}", values) for kind, values in tensors.items()]
            if layer.kind == "Linear":
                return self.add("Gemm", [value, *weights], transB=1)
            return self.add(
                "ConvTranspose" if layer.kind == "ConvTranspose2d" else "Conv",
                [value, *weights],
                kernel_shape=[layer.kernel] * 2,
                strides=[layer.stride] * 2,
                pads=[layer.padding] * 4,
            )
        if layer.kind == "Reshape":  # 0 keeps the size of the batch
            return self.add("Reshape", [value, self.constant(f"{name}.shape", np.array([0, *layer.shape], np.int64))])
        if layer.kind == "Upsample":
            scales = self.constant(f"{name}.scales", np.array([1, 1, layer.stride, layer.stride], np.float32))
            return self.add(
                "Resize",
                [value, "", scales],
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
        if layer.kind == "LeakyReLU":
            return self.add("LeakyRelu", [value], alpha=layer.slope)
        return self.add({"ReLU": "Relu", "Tanh": "Tanh", "Sigmoid": "Sigmoid"}[layer.kind], [value])
