"""Whether tensors that were read are those of the model that they are meant for."""

from __future__ import annotations

import torch
from torch import Tensor

from vaelab.config.errors import WeightsError


def check_weights(tensors: dict[str, Tensor], shapes: dict[str, tuple[int, ...]], where: str) -> None:
    """Raises WeightsError for the first tensor that is missing, superfluous, of another shape, of whole numbers or not finite."""
    way_out = "these are the weights of another model: give the run its own config.json and model.safetensors"
    missing = [name for name in shapes if name not in tensors]
    if missing:
        raise WeightsError(f"{where} lacks the tensor {missing[0]} of shape {shapes[missing[0]]}; {way_out}")
    for name, shape in shapes.items():
        got = tuple(tensors[name].shape)
        if got != shape:
            raise WeightsError(f"{where}: the tensor {name} must have the shape {shape}, got {got}; {way_out}")
        if not tensors[name].is_floating_point():
            kind = str(tensors[name].dtype).removeprefix("torch.")
            raise WeightsError(f"{where}: the tensor {name} must hold floating-point numbers, got {kind}; {way_out}")
    superfluous = sorted(set(tensors) - set(shapes))
    if superfluous:
        raise WeightsError(f"{where} holds the tensor {superfluous[0]}, which the model does not have; {way_out}")
    for name in shapes:
        if not bool(torch.isfinite(tensors[name]).all()):
            raise WeightsError(
                f"{where}: the tensor {name} holds NaN or infinity; take an earlier checkpoint or train again"
            )
