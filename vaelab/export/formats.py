"""Write a run's model for other programs, safetensors, a PyTorch state dict or ONNX, or for people, as one HTML file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from vaelab.config.errors import ExportError

if TYPE_CHECKING:
    from vaelab.models.latent_model import LatentModel
    from vaelab.runs.store import Run

Format = Literal["safetensors", "state-dict", "onnx", "html"]
Part = Literal["model", "encoder", "decoder"]
FORMATS: tuple[str, ...] = get_args(Format)
PARTS: tuple[str, ...] = get_args(Part)


def write(run: Run, format: str, path: str | Path, *, part: str = "model") -> Path:
    """Write the model of a run to a file, whole or not at all; returns the path.

    safetensors and state-dict hold every tensor in float32 under the names of docs/architecture.md; the state dict loads
    with ``torch.load(path, weights_only=True)``; html is the living decoder (one_file.py). part is for ONNX alone: see onnx_model. Raises ExportError for an unknown
    format or part, a missing optional package or a path that cannot be written; RunError, WeightsError.
    """
    if format not in FORMATS:
        raise ExportError(f"format must be one of {', '.join(FORMATS)}; got {format!r}")
    if part not in PARTS:
        raise ExportError(f"part must be one of {', '.join(PARTS)}; got {part!r}")
    if part != "model" and format != "onnx":
        raise ExportError(f"part {part} needs the format onnx; {format} always holds the whole model")
    if format == "html":
        from vaelab.export.one_file import make

        replace(Path(path), lambda part_file: part_file.write_bytes(make(run).bytes))
        return Path(path)
    from vaelab.analysis.inference import load_run  # torch is imported only when a model is wanted

    target, model = Path(path), load_run(run)
    replace(target, lambda part_file: _write_as(model, format, part_file, part))
    return target


def _write_as(model: LatentModel, format: str, path: Path, part: str) -> None:
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
