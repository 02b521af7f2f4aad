"""A run for TensorBoard: its curves, pictures and codes as event files, which `tensorboard --logdir FOLDER` shows.

Curves are named as in metrics.jsonl, train/ before those of training batches and test/ before those of held-out images; evaluation/ holds
what `vaelab evaluate` says of the newest weights. The embedding projector gets codes of test images with labels and pictures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.config.errors import DataError, ExportError
from vaelab.export.hub_folder import at_home
from vaelab.runs.plan import train_command
from vaelab.runs.store import Run

POINTS = 1_000  # in the projector
CURVED_DIMS = 64  # dimensions whose KL has a curve of its own
PLACES = frozenset({"step", "epoch", "seconds"})  # of a row: where it stands, not what it says


def fill(run: Run, folder: Path) -> None:
    """Write the event files into a folder that is there and empty.

    Raises ExportError where the package tensorboard is not installed; RunError, WeightsError.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ExportError("tensorboard needs the package of that name; pip install tensorboard") from error
    from vaelab.analysis import inference

    cfg, rows = at_home(run.config()), run.every_metric()
    last = max([int(row["step"]) for row in rows], default=run.status().step)
    start = _start(run, rows)
    writer: Any = SummaryWriter(log_dir=str(folder))
    try:
        for row in rows:
            for name, value in _curves(row):
                writer.add_scalar(name, value, row["step"], walltime=start + float(row["seconds"]))
        writer.add_text("config", f"```\n{json.dumps(cfg.to_dict(), indent=1)}\n```", last)
        writer.add_text("command", f"    {train_command(cfg)}", last)
        _pictures(run, writer)
        test = (run.evaluation() or {}).get("test")
        try:
            test = test or inference.evaluate(run, device="cpu")
            _codes(run, writer, last)
        except DataError:
            pass  # without the images there are neither figures nor codes
        for name, value in (test or {}).items():
            writer.add_scalar(f"evaluation/{name}", value, last)
    finally:
        writer.close()


def _start(run: Run, rows: list[dict[str, Any]]) -> float:
    """When the training began, in seconds of the clock, as its file of rows tells; pauses count as if they had not been."""
    return run.metrics_file.stat().st_mtime - float(rows[-1]["seconds"]) if rows else 0.0


def _curves(row: dict[str, Any]) -> list[tuple[str, float]]:
    """Names and values of a row of metrics.jsonl."""
    found = []
    for name, value in row.items():
        if name in PLACES or isinstance(value, bool):
            continue
        if isinstance(value, int | float):
            side, bare = ("test", name.removeprefix("test_")) if name.startswith("test_") else ("train", name)
            found.append((f"{side}/{bare}", float(value)))
        elif name == "kl_per_dim" and value is not None:
            found += [(f"kl_per_dim/z{k}", float(nats)) for k, nats in enumerate(value[:CURVED_DIMS])]
    return found


def _pictures(run: Run, writer: Any) -> None:
    """Reconstructions below their originals, and samples, of every snapshot."""
    from vaelab.images.files import grid

    fixed = run.fixed()
    if not fixed:
        return
    for step in run.snapshots():
        arrays = run.snapshot(step)
        pair = np.concatenate([fixed["originals"], arrays["recon"]])
        writer.add_image(
            "originals above, reconstructions below", grid(pair, len(fixed["originals"])), step, dataformats="HWC"
        )
        writer.add_image("samples", grid(arrays["samples"], len(fixed["originals"])), step, dataformats="HWC")


def _codes(run: Run, writer: Any, step: int) -> None:
    """Codes of test images for the embedding projector: tensors, labels, a sprite of pictures. Raises DataError without images."""
    import torch

    from vaelab.analysis import latents

    known = latents.codes(latents.query(run, "test", POINTS))
    names = list(known.labels)
    columns = [[words[int(k)] for k in values] for values, words in known.labels.values()]
    rows: list[Any] = [list(row) for row in zip(*columns, strict=True)]
    header = names if len(names) > 1 else None
    metadata = (rows if header else [row[0] for row in rows]) if names else None
    writer.add_embedding(
        torch.from_numpy(known.mu),
        metadata=metadata,
        metadata_header=header,
        label_img=torch.from_numpy(_colour(known.pixels)).float() / 255.0,
        global_step=step,
        tag="codes",
    )


def _colour(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(N, 1 or 3, H, W) -> (N, 3, H, W)."""
    return np.repeat(pixels, 3, axis=1) if pixels.shape[1] == 1 else pixels
