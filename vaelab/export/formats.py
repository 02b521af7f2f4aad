"""Write a run's model for other programs (safetensors, a PyTorch state dict, ONNX, a folder, TensorBoard) or for people (one HTML file)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from shutil import make_archive
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, get_args

from vaelab.config.errors import ExportError

if TYPE_CHECKING:
    from vaelab.models.latent_model import LatentModel
    from vaelab.runs.store import Run

Format = Literal["folder", "safetensors", "state-dict", "onnx", "tensorboard", "html"]
Part = Literal["model", "encoder", "decoder"]
FOLDERS = ("folder", "tensorboard")  # formats of more than one file
FORMATS: tuple[str, ...] = get_args(Format)
PARTS: tuple[str, ...] = get_args(Part)


def write(run: Run, format: str, path: str | Path, *, part: str = "model") -> Path:
    """Write the model of a run to a file or a new folder, whole or not at all; returns the path.

    safetensors and state-dict hold every tensor in float32 under the names of docs/architecture.md; the state dict loads
    with ``torch.load(path, weights_only=True)``; html is the living decoder (one_file.py),
    folder what `load` takes again (hub_folder.py), tensorboard event files (tensorboard_events.py). part is for ONNX alone: see onnx_model. Raises ExportError for an unknown
    format or part, a missing optional package or a path that cannot be written; RunError, WeightsError.
    """
    if format not in FORMATS:
        raise ExportError(f"format must be one of {', '.join(FORMATS)}; got {format!r}")
    if part not in PARTS:
        raise ExportError(f"part must be one of {', '.join(PARTS)}; got {part!r}")
    if part != "model" and format != "onnx":
        raise ExportError(f"part {part} needs the format onnx; {format} always holds the whole model")
    if format in FOLDERS:
        return _write_folder(run, format, Path(path))
    if format == "html":
        from vaelab.export.one_file import make

        replace(Path(path), lambda part_file: part_file.write_bytes(make(run).bytes))
        return Path(path)
    from vaelab.analysis.inference import load_run  # torch is imported only when a model is wanted

    target, model = Path(path), load_run(run)
    replace(target, lambda part_file: write_model(model, format, part_file, part))
    return target


def missing(format: str) -> str:
    """The package that a format needs and this installation lacks; empty where nothing is missing."""
    needed = {"onnx": "onnx", "tensorboard": "tensorboard"}.get(format, "")
    return needed if needed and find_spec(needed) is None else ""


def as_bytes(run: Run, format: str) -> bytes:
    """The model in a format as one file to send; a folder as a zip that holds it. Raises as `write`."""
    with TemporaryDirectory() as place:
        written = write(run, format, Path(place) / run.name)
        if written.is_dir():
            written = Path(make_archive(str(Path(place) / "zipped"), "zip", place, run.name))
        return written.read_bytes()


def _write_folder(run: Run, format: str, target: Path) -> Path:
    """A folder of a format, made whole. Raises ExportError where something is there already or nothing can be written."""
    from vaelab.config.folders import make_whole
    from vaelab.export import hub_folder, tensorboard_events

    def fill(folder: Path) -> None:
        if format == "folder":
            hub_folder.fill(run, folder, target.resolve().name)
        else:
            tensorboard_events.fill(run, folder)

    try:
        make_whole(target, fill)
    except FileExistsError as error:
        raise ExportError(f"{target} is there already and not empty; give the name of a new folder") from error
    except OSError as error:
        raise ExportError(
            f"{target} cannot be written ({error.strerror}); choose a folder that exists and can be written"
        ) from error
    return target


def write_model(model: LatentModel, format: str, path: Path, part: str = "model") -> None:
    """The file of a format that holds one model: safetensors, state-dict or onnx. Raises ExportError without the package onnx."""
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    if format == "safetensors":
        from safetensors.torch import save

        metadata = {"format": "pt", "model": json.dumps(model.cfg.to_dict())}
        path.write_bytes(save(tensors, metadata=metadata))  # its save_file would close the file to other users
    elif format == "state-dict":
        import torch

        torch.save(tensors, path)
    else:
        from vaelab.export.onnx_graph import onnx_model

        path.write_bytes(onnx_model(model.cfg, {name: t.numpy() for name, t in tensors.items()}, part))


def replace(target: Path, write_to: Callable[[Path], object]) -> None:
    """Let write_to fill a file beside the target, then put it in the target's place at once. Raises ExportError."""
    from safetensors import SafetensorError

    if target.is_dir():
        raise ExportError(f"{target} is a folder; give the name of a file to write")
    scratch = target.with_name(target.name + ".part")
    try:
        write_to(scratch)
        os.replace(scratch, target)
    except (OSError, RuntimeError, SafetensorError) as error:  # torch.save reports a missing folder as RuntimeError
        scratch.unlink(missing_ok=True)
        reason = str(error).splitlines()[0]
        raise ExportError(
            f"{target} cannot be written ({reason}); choose a folder that exists and can be written"
        ) from error
