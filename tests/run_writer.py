"""Writes run directories as a worker would, in the contract's format, without training: for tests of what reads them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from vaelab import data
from vaelab.models.architecture import architecture
from vaelab.runs.plan import plan
from vaelab.runs.processes import ProcessIdentity
from vaelab.runs.run_config import RunConfig
from vaelab.runs.status import State
from vaelab.runs.store import Run, create_run

PROBE = 40


def write_run(
    name: str,
    *,
    state: State = "finished",
    cfg: RunConfig | None = None,
    rows: int = 20,
    with_snapshot: bool = True,
    idle_dims: int = 0,
    message: str = "",
) -> Run:
    """A run in VAELAB_RUNS whose loss is 100 / step; an active state carries this process as its worker."""
    cfg = cfg or plan("digits", latent_dim=4)
    run = create_run(cfg, name)
    identity = ProcessIdentity.mine()
    status = {
        "state": state,
        "step": rows,
        "total_steps": 100,
        "epoch": 2,
        "heartbeat": time.time(),
        "device": "cpu",
        "device_memory_mb": 321.0,
        "throughput": 1234.5,
        "seconds": 75.0,
        "remaining_seconds": 3700.0,
        "message": message,
        "pid": identity.pid,
        "start_time": identity.start_time,
        "boot_id": identity.boot_id,
    }
    run.status_file.write_text(json.dumps(status))
    lines: list[dict[str, object]] = [{"event": "start", "step": 0}]
    for step in range(1, rows + 1):
        row: dict[str, object] = {
            "step": step,
            "epoch": 1,
            "seconds": 1.0 * step,
            "beta": 1.0,
            "lr": 1e-3,
            "floor": 2.0,
        }
        row |= {"loss": 100.0 / step, "recon": 90.0 / step, "kl": 10.0 / step}
        row["kl_per_dim"] = [10.0 / step / cfg.model.latent_dim] * cfg.model.latent_dim
        lines.append(row)
    if rows:
        lines[-1] |= {"test_loss": 7.0, "test_recon": 6.0, "test_kl": 1.0, "test_floor": 2.5}
    run.metrics_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if with_snapshot:
        _write_snapshot(run, cfg, rows, idle_dims)
    return run


def _write_snapshot(run: Run, cfg: RunConfig, step: int, idle_dims: int) -> None:
    test = data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=1).test
    generator = np.random.default_rng(0)
    mu = generator.normal(size=(PROBE, cfg.model.latent_dim)).astype(np.float32)
    mu[:, cfg.model.latent_dim - idle_dims :] = 0.0
    labels = np.full(PROBE, -1) if test.labels is None else test.labels[:PROBE]
    samples = test.pixels[:24]
    _save(
        run.fixed_file,
        originals=test.pixels[:12],
        sample_z=np.zeros((24, cfg.model.latent_dim), np.float32),
        probe_pixels=test.pixels[:PROBE],
        probe_labels=labels,
    )
    decoder: dict[str, np.ndarray] = {}
    for index, layer in enumerate(architecture(cfg.model).decoder):
        if layer.kind == "Linear":
            decoder[f"decoder.{index}.weight"] = np.zeros((layer.outputs, layer.inputs), np.float32)
        elif layer.kind == "ConvTranspose2d":
            shape = (layer.inputs, layer.outputs, layer.kernel, layer.kernel)
            decoder[f"decoder.{index}.weight"] = np.zeros(shape, np.float32)
        else:
            continue
        decoder[f"decoder.{index}.bias"] = np.zeros(layer.outputs, np.float32)
    _save(
        run.snapshot_file(step),
        recon=test.pixels[:12],
        samples=samples,
        probe_mu=mu,
        probe_logvar=np.zeros_like(mu),
        code_mean=np.zeros(cfg.model.latent_dim, np.float32),
        code_std=np.ones(cfg.model.latent_dim, np.float32),
        **decoder,
    )


def _save(path: Path, **arrays: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save({name: np.ascontiguousarray(values) for name, values in arrays.items()}))
