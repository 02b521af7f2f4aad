"""Weights from elsewhere: a PyTorch state dict or safetensors file, read without unpickling, and fitted to one of our models.

Names differ from tutorial to tutorial, shapes and their order hardly do: what has our name is taken by it, what the caller names by
that, and the rest in order by shape.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from vaelab.config.errors import WeightsError
from vaelab.config.fields import is_number

State = dict[str, Tensor]
Shapes = Mapping[str, tuple[int, ...]]

HOLDERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "weights",
)  # keys under which checkpoints keep a state dict
PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile and Lightning
IGNORED = ("num_batches_tracked",)
LAST = ("dec", "final", "out")  # parts of names that stand at the end of a model
JOINT = "+"  # between two names of theirs that make one tensor of ours


@dataclass(frozen=True)
class Fitted:
    """Tensors by our names, float32. taken: (their name, ours), in our order; left: names of theirs that mean nothing here."""

    tensors: State
    taken: tuple[tuple[str, str], ...]
    left: tuple[str, ...] = field(default=())


def read_state(path: Path) -> State:
    """The tensors of a .pt, .pth, .bin or .safetensors file, by their names without the prefixes of wrappers.

    Raises WeightsError for a file that is neither, or that would need code to be run.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the pickle's protocol; what matters is raised
            is_safe = path.suffix == ".safetensors"
            found: Any = load_file(path) if is_safe else torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise WeightsError(f"{path} must be a file of weights, and there is none; check the path") from error
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} cannot be read as tensors alone: it is no file of weights, or opening it would run code from it; save the state"
            " dict alone: torch.save(model.state_dict(), ...)"
        ) from error
    except Exception as error:  # of any other bytes torch's reader says whatever its first wrong step leads to
        raise WeightsError(
            f"{path} must be a PyTorch state dict or a safetensors file, and it cannot be read as either; torch.save(model.state_dict(), ...)"
            " writes one"
        ) from error
    while isinstance(found, Mapping):  # a checkpoint may hold a loss, which is a tensor too, beside its state dict
        inner = next((found[key] for key in HOLDERS if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            break
        found = inner
    if not isinstance(found, Mapping) or not any(isinstance(value, Tensor) for value in found.values()):
        raise WeightsError(
            f"{path} must hold a state dict (names and tensors), and it holds a {type(found).__name__}{' without tensors' if isinstance(found, Mapping) else ''};"
            " torch.save(model.state_dict(), ...) writes one"
        )
    state = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    return _without_prefixes(state)


def _without_prefixes(state: State) -> State:
    """Names without what every one of them begins with, as wrappers put it there."""
    for prefix in PREFIXES * 2:
        if state and all(name.startswith(prefix) for name in state):
            state = {name.removeprefix(prefix): tensor for name, tensor in state.items()}
    return state


def fit(state: State, shapes: Shapes, renamed: Mapping[str, str], where: str) -> Fitted:
    """Their tensors as ours. shapes: of every tensor that is wanted, in order; renamed: their name, or two with + between, to ours.

    Two of theirs that stand for one of ours, as heads for mu and log-variance do, are joined along the first axis. Raises WeightsError
    for the first tensor that does not fit, naming it, the shape that is expected and the one that is found.
    """
    # safetensors keeps names in the order of the alphabet: layers.10 comes after layers.2, and the decoder last, as they are built.
    is_sorted = list(state) == sorted(state)
    order = sorted(
        state, key=lambda name: (any(part in name.lower() for part in LAST), _numbered(name) if is_sorted else ())
    )
    theirs = {name: state[name] for name in order if not name.endswith(IGNORED)}
    left = [name for name in state if name not in theirs]
    found: dict[str, tuple[str, Tensor]] = {}
    for names, ours in renamed.items():
        found[ours] = _named(theirs, shapes, names, ours, where)
    for ours, shape in shapes.items():
        if ours not in found and ours in theirs and tuple(theirs[ours].shape) == shape:
            found[ours] = (ours, theirs.pop(ours))
    for ours, shape in shapes.items():
        if ours not in found:
            found[ours] = _beside(theirs, found, ours, shape) or _by_shape(theirs, ours, shape, where)
    if theirs:
        name, tensor = next(iter(theirs.items()))
        raise WeightsError(
            f"{where} holds {len(theirs)} tensors that the model has not, the first is {name} of shape {tuple(tensor.shape)};"
            " choose the model, its latent size and image size as they were when it was trained"
        )
    tensors = {ours: _as_float(found[ours][1], found[ours][0], where) for ours in shapes}
    return Fitted(tensors, tuple((found[ours][0], ours) for ours in shapes), tuple(left))


def _named(theirs: State, shapes: Shapes, names: str, ours: str, where: str) -> tuple[str, Tensor]:
    """The tensor or the joined tensors that --map names."""
    if ours not in shapes:
        raise WeightsError(f"the model has no tensor {ours!r} to map to; it has {', '.join(shapes)}")
    parts = names.split(JOINT)
    for name in parts:
        if name not in theirs:
            raise WeightsError(f"{where} has no tensor {name!r} to map from; it has {', '.join(theirs)}")
    if len(set(parts)) < len(parts):
        raise WeightsError(f"--map {names}={ours} must join different tensors, got one of them twice")
    taken = [theirs.pop(name) for name in parts]
    if len({(part.ndim, *part.shape[1:]) for part in taken}) > 1 or (len(taken) > 1 and not taken[0].ndim):
        found = ", ".join(str(tuple(part.shape)) for part in taken)
        raise WeightsError(
            f"--map {names}={ours} must join tensors that differ in their first length alone, got {found}"
        )
    tensor = _joined(taken)
    if tuple(tensor.shape) != shapes[ours]:
        raise WeightsError(f"{where}: {ours} must have the shape {shapes[ours]}, and {names} has {tuple(tensor.shape)}")
    return names, tensor


def _numbered(name: str) -> tuple[tuple[int, str], ...]:
    """For sorting: numbers by their value, weights before biases."""
    parts = re.split(r"([0-9]+)", name.replace("weight", "0"))
    return tuple((int(part), "") if is_number(part) else (-1, part) for part in parts)


def _beside(
    theirs: State, found: Mapping[str, tuple[str, Tensor]], ours: str, shape: tuple[int, ...]
) -> tuple[str, Tensor] | None:
    """The bias of the layers whose weights were taken already: two biases of one size cannot be told apart by their shapes."""
    stem, is_bias, _ = ours.rpartition(".bias")
    if not is_bias or f"{stem}.weight" not in found:
        return None
    names = [f"{name.removesuffix('weight')}bias" for name in found[f"{stem}.weight"][0].split(JOINT)]
    if not all(name in theirs for name in names):
        return None
    tensor = _joined([theirs[name] for name in names])
    if tuple(tensor.shape) != shape:
        return None
    for name in names:
        theirs.pop(name)
    return JOINT.join(names), tensor


def _is_head_of(name: str, words: tuple[str, ...]) -> bool:
    return any(word in name.lower() for word in words)


def _by_shape(theirs: State, ours: str, shape: tuple[int, ...], where: str) -> tuple[str, Tensor]:
    """The first tensor of this shape that is left, or the first two that make it together."""
    for name, tensor in theirs.items():
        if tuple(tensor.shape) == shape:
            return name, theirs.pop(name)
    half = (shape[0] // 2, *shape[1:]) if shape and shape[0] % 2 == 0 else None
    alike = [name for name, tensor in theirs.items() if tuple(tensor.shape) == half]
    mean = next((name for name in alike if _is_head_of(name, ("mu", "mean", "loc", "embedding"))), None)
    spread = next(
        (name for name in alike if _is_head_of(name, ("var",)) and not _is_head_of(name, ("mu", "mean"))), None
    )
    if mean and spread:  # a head that is called std holds other numbers than a log-variance
        return JOINT.join((mean, spread)), _joined([theirs.pop(mean), theirs.pop(spread)])
    if not theirs:
        raise WeightsError(f"{where} has no tensor left for {ours}, which must have the shape {shape}")
    name, tensor = next(iter(theirs.items()))
    raise WeightsError(
        f"{where}: {ours} must have the shape {shape}, and the next tensor, {name}, has {tuple(tensor.shape)}; choose the model,"
        " its latent size and image size as they were when it was trained, or say which is which with --map"
    )


def _joined(parts: list[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _as_float(tensor: Tensor, theirs: str, where: str) -> Tensor:
    """float32. Raises WeightsError for whole numbers, NaN and infinity."""
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise WeightsError(
            f"{where}: {theirs} must hold floating-point numbers, got {kind}; save the weights as floats"
        )
    numbers = tensor.float().contiguous().clone()
    if not bool(numbers.isfinite().all()):
        raise WeightsError(f"{where}: {theirs} holds NaN or infinity; take an earlier checkpoint")
    return numbers
