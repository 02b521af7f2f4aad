"""What a run takes on the disk: decoders in half precision that look the same, and runs made smaller without losing what they ended with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from app_page import opened
from run_writer import write_run
from safetensors.numpy import load_file, save_file
from small_training import settings, train
from trained import write_model

from vaelab.analysis import inference
from vaelab.config.errors import RunError
from vaelab.export.bundle import browser_bundle
from vaelab.runs import slim
from vaelab.runs.plan import plan
from vaelab.runs.store import Run, create_run
from vaelab.training import snapshots
from vaelab.ui.text import strings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


def trained_run(name: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """82 steps, a snapshot at each."""
    monkeypatch.setattr(snapshots.Snapshots, "due", lambda self: True)
    return train(settings(), create_run(settings(), name))[0]


def test_half_a_decoder_shows_the_same_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained_run("whole", monkeypatch)
    arrays = run.snapshot(82)
    decoder = {name: array for name, array in arrays.items() if name.startswith("decoder.")}
    assert decoder
    assert {array.dtype for array in decoder.values()} == {np.dtype(np.float16)}
    assert arrays["probe_mu"].dtype == np.float32
    model = inference.load_run(run)
    z = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    exact = model.decode(z)
    model.load_state_dict({name: torch.from_numpy(array).float() for name, array in decoder.items()}, strict=False)
    difference = (model.decode(z) - exact).abs().max()
    assert 0 < float(difference) < 0.5 / 255  # no pixel of a screen changes by more than one level
    assert browser_bundle(run.config().model, arrays)[:8] == b"VAEBUNDL"  # what the browser asks for


def test_weights_that_half_precision_cannot_hold_stay_whole() -> None:
    small, large, broken = (torch.tensor([0.5, value]) for value in (3.0, 70_000.0, float("nan")))
    assert snapshots._half(small).dtype == torch.float16
    assert snapshots._half(large).dtype == torch.float32
    assert snapshots._half(broken).dtype == torch.float32


def test_a_slim_run_still_decodes_resumes_and_remembers(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained_run("large", monkeypatch)
    whole = {name: file.read_bytes() for name in ("config.json", "metrics.jsonl") if (file := run.path / name)}
    weights = run.model_file().read_bytes()
    before = slim.size(run)
    assert before.total > before.snapshots + before.checkpoints > 0
    freed = slim.slim(run, 5)
    after = slim.size(run)
    assert freed == before.total - after.total > 0
    assert after.snapshots < before.snapshots / 4
    steps = run.snapshots()
    assert (len(steps), steps[0], steps[-1]) == (5, 0, 82)
    assert run.model_file().read_bytes() == weights
    assert {name: (run.path / name).read_bytes() for name in whole} == whole
    assert len(run.checkpoints()) == 1
    assert slim.slim(run, 5) == 0  # nothing is left to free


def test_old_snapshots_are_halved_and_broken_ones_left(tmp_path: Path) -> None:
    cfg = plan("digits", latent_dim=4)
    run = write_run("old", cfg=cfg)
    write_model(run.path, cfg)
    file = run.snapshot_file(20)
    weights = np.linspace(-1, 1, 5, dtype=np.float32)
    save_file({**load_file(file), "decoder.0.weight": weights, "decoder.0.bias": weights * 1e6}, file)
    broken = run.snapshot_file(10)
    broken.parent.mkdir(exist_ok=True)
    broken.write_bytes(b"no tensors")
    slim.slim(run)
    arrays = load_file(file)
    assert arrays["decoder.0.weight"].dtype == np.float16
    assert arrays["decoder.0.weight"] == pytest.approx(weights, abs=1e-3)
    assert np.array_equal(arrays["decoder.0.bias"], weights * 1e6)
    assert broken.read_bytes() == b"no tensors"


def test_runs_that_are_at_work_or_not_yours_are_left_alone(shell: Any) -> None:
    run = write_run("busy", cfg=plan("digits", latent_dim=4))
    with run.worker_lock as lock:
        assert lock.take()
        with pytest.raises(RunError, match="still in training and cannot be changed"):
            slim.slim(run)
    assert "cannot be changed" in shell.refuses("slim", "mnist-conv-vae")
    assert "not both" in shell.refuses("slim", "busy", "--all")


def test_the_command_lists_and_frees(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No run yet" in shell("slim")
    run = trained_run("mine", monkeypatch)
    listed = shell.json("slim")["runs"]
    assert listed == [{"name": "mine", **vars(slim.size(run))}]
    freed = shell.json("slim", "--all", "--keep", 3)["freed"]
    assert freed["mine"] > 0
    assert len(run.snapshots()) == 3


@pytest.mark.parametrize("keep", [2, 3, 10])
def test_the_first_and_the_last_stay(keep: int) -> None:
    steps = [0, *(2**k for k in range(12))]
    left = sorted(set(steps) - set(slim.thin(steps, keep)))
    assert (len(left), left[0], left[-1]) == (keep, 0, 2048)


def test_the_page_says_what_a_run_takes_and_frees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained_run("mine", monkeypatch)
    before = slim.size(run)
    app = opened("train", run="mine")
    app.button(key="do_slim").click().run()
    assert not app.exception
    assert not app.error
    after = slim.size(run)
    assert after.total < before.total
    said = strings("en", "train")["room_freed"].format(size=f"{(before.total - after.total) / 1e6:,.1f}")
    assert said in [message.value for message in app.success]
