"""Training on a CUDA card: the recorded step against the eager one, resume, and no waiting for the device. Skipped where there is none."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

from vaelab import data
from vaelab.models.latent_model import LatentModel
from vaelab.runs.plan import plan
from vaelab.runs.recorder import Recorder
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import create_run
from vaelab.training import trainer
from vaelab.training.first_weights import new_model
from vaelab.training.step import Step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA card")
CUDA = torch.device("cuda")


def config(model: str, **changes: object) -> RunConfig:
    settings: dict[str, object] = {"epochs": 3, "batch_size": 64, "limit": 400, "lr": 1e-3, "device": "cuda"}
    return plan("pixel-faces", model, **(settings | changes))  # type: ignore[arg-type]


def train(
    cfg: RunConfig, folder: Path, model: LatentModel | None = None
) -> tuple[LatentModel, list[dict[str, object]]]:
    """A model trained on the card in a run directory of its own, and its rows."""
    model = model or new_model(cfg.model, cfg.seed)
    run = create_run(cfg, path=folder)
    dataset = data.load(cfg.data.name, channels=cfg.model.channels, limit=cfg.data.limit)
    recorder = Recorder(run)
    recorder.close(trainer.fit(model, dataset, cfg, recorder, CUDA).state)
    return model, run.metrics()


@pytest.mark.parametrize("name", ["linear-vae", "autoencoder", "conv-vae"])
def test_a_recorded_step_learns_what_the_eager_one_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 images in batches of 64: the last of each epoch is smaller and runs eagerly."""
    cfg = config(name)
    _, recorded = train(cfg, tmp_path / "recorded")
    monkeypatch.setattr(trainer, "RecordedStep", Step)
    _, eager = train(cfg, tmp_path / "eager")
    assert [row["step"] for row in recorded] == [row["step"] for row in eager]
    for a, b in zip(recorded, eager, strict=True):
        assert a["loss"] == pytest.approx(b["loss"], rel=2e-3)


def test_the_loss_is_that_of_the_cpu(tmp_path: Path) -> None:
    """The same first weights and images: only the noise differs, which is drawn on the device."""
    cfg = config("conv-vae", epochs=1)
    _, rows = train(cfg, tmp_path / "cuda")
    cpu = config("conv-vae", epochs=1, device="cpu")
    run = create_run(cpu, path=tmp_path / "cpu")
    recorder = Recorder(run)
    dataset = data.load("pixel-faces", limit=400)
    trainer.fit(new_model(cpu.model, cpu.seed), dataset, cpu, recorder, torch.device("cpu"))
    assert rows[0]["loss"] == pytest.approx(run.metrics()[0]["loss"], rel=5e-3)


def test_a_step_never_waits_for_the_device(tmp_path: Path) -> None:
    cfg = config("conv-vae", limit=640, epochs=50)
    run = create_run(cfg, path=tmp_path / "run")
    training = trainer.Training(new_model(cfg.model, 0), data.load("pixel-faces", limit=640), cfg, Recorder(run), CUDA)
    training.begin()
    for _ in range(10):
        training.take_step()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as waits:
            warnings.simplefilter("always")
            for _ in range(30):
                training.take_step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert not [str(wait.message) for wait in waits if "synchron" in str(wait.message).lower()]


def test_a_training_resumes(tmp_path: Path) -> None:
    cfg = config("linear-vae", limit=None, epochs=5)
    stopped = create_run(cfg, path=tmp_path / "stopped")
    recorder = Recorder(stopped, on_row=lambda row: recorder.request_stop() if row["step"] > 200 else None)
    dataset = data.load("pixel-faces")
    assert trainer.fit(new_model(cfg.model, 0), dataset, cfg, recorder, CUDA).state == "stopped"
    straight = create_run(cfg, path=tmp_path / "straight")
    for run in (stopped, straight):
        assert trainer.fit(new_model(cfg.model, 0), dataset, cfg, Recorder(run), CUDA).state == "finished"
    a, b = (run.metrics()[-1]["loss"] for run in (stopped, straight))
    assert a == pytest.approx(b, rel=2e-3)
