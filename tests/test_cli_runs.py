"""The command line about a run: train, resume, evaluate, encode, decode, sample, export."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cli_shell import TINY, Shell
from PIL import Image
from run_writer import write_run
from safetensors import safe_open

from vaelab.cli import progress, training
from vaelab.images.files import open_image
from vaelab.runs import store
from vaelab.runs.plan import plan
from vaelab.workers import launch

pytestmark = pytest.mark.usefixtures("places")

# --- train, resume, evaluate -----------------------------------------------------------------------------------------


def test_train_ends_with_the_test_loss_that_evaluate_gives_again(shell: Shell) -> None:
    printed = shell("train", *TINY, "--epochs", "2", "--name", "mine", "--json")
    result = json.loads(printed.splitlines()[-1])
    assert (result["run"], result["state"], result["steps"]) == ("mine", "finished", 6)
    assert "epoch 2  100%" in printed
    assert shell.json("evaluate", "mine") == result["test"]
    test = result["test"]
    assert test["images"] == 297
    assert f"test loss {test['loss']:,.2f} nats per image, {test['loss'] - test['floor']:,.2f} above" in printed
    measured = shell.json("evaluate", "mine", "--importance-samples", "3", "--limit", "20", "--split", "train")
    assert measured["images"] == 20
    assert measured["nll"] > measured["floor"]


def test_the_same_seed_gives_the_same_numbers(shell: Shell) -> None:
    arguments = ("train", *TINY, "--epochs", "1", "--quiet")
    first, again, other = (shell.json(*arguments, "--seed", seed)["test"] for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_ctrl_c_stops_with_a_checkpoint_and_resume_finishes_as_if_nothing_had_been(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = shell.json("train", *TINY, "--epochs", "2", "--quiet")
    with monkeypatch.context() as patch:
        patch.setattr(progress.Progress, "show", lambda self, row: os.kill(os.getpid(), signal.SIGINT))
        printed = shell("train", *TINY, "--epochs", "2", "--name", "cut")
    assert "go on with: python -m vaelab resume cut" in printed
    assert 0 < store.find("cut").status().step < 6
    resumed = shell.json("resume", "cut")
    assert resumed["state"] == "finished"
    assert resumed["test"] == whole["test"]
    assert "finished" in shell.refuses("resume", "cut")


@pytest.mark.parametrize("lines", [0, 2])
def test_a_training_goes_on_when_the_reader_of_its_words_has_gone(lines: int) -> None:
    command = [sys.executable, "-m", "vaelab", "train", *TINY, "--epochs", "20", "--name", "unheard"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(lines):
            assert process.stdout.readline()
        process.stdout.close()  # what `head` does
        assert process.stderr.read() == ""
    status = store.find("unheard").status()
    assert (process.returncode, status.state, status.message) == (1, "finished", "")


def test_resume_turns_the_dials_first(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run("wild", state="diverged")
    monkeypatch.setattr(training, "_train_here", lambda run, **_: None)
    shell("resume", "wild", "--lr", "1e-4")
    assert (run.desired().lr, run.desired().beta) == (1e-4, None)
    assert "optim.lr" in shell.refuses("resume", "wild", "--lr", "nan")
    assert run.desired().lr == 1e-4


def test_a_device_that_is_absent_leaves_no_run(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert "got 'cuda'" in shell.refuses("train", "--dataset", "digits", "--device", "cuda")
    assert store.list_runs() == []


def test_pause_resume_and_stop_reach_a_run_in_another_process(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FIRST_HEARTBEAT", 1e6)  # the worker comes up slowly on a busy machine
    run = launch.start(plan("digits", "conv-vae", epochs=100_000, device="cpu"), "far")
    try:
        _wait_for(lambda: bool(run.metrics()) or not run.status().is_active)
        assert shell.json("pause", "far")["state"] == "paused"
        assert shell.json("resume", "far")["state"] == "running"
        _wait_for(lambda: run.status().state == "running")
        stopped = shell.json("stop", "far")
    finally:
        run.ask("stop")
    assert stopped["state"] == "stopped"
    assert stopped["step"] >= run.metrics()[-1]["step"] > 0
    assert run.latest_checkpoint() is not None


def _wait_for(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_run_dir_is_the_runs_very_path(shell: Shell, trained: Path, tmp_path: Path) -> None:
    assert store.Run(trained).status().state == "finished"
    assert shell.json("evaluate", trained, "--limit", "5")["images"] == 5
    assert "holds a run already" in shell.refuses("train", *TINY, "--run-dir", trained)
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert str(blocked) in shell.refuses("train", *TINY, "--run-dir", blocked / "run")


def test_a_run_can_be_renamed_and_deleted_but_not_stopped_when_it_has_ended(shell: Shell) -> None:
    shell("train", *TINY, "--epochs", "1", "--quiet", "--name", "old")
    assert "is finished, not in training" in shell.refuses("stop", "old")
    assert "is finished, not in training" in shell.refuses("pause", "old")
    assert shell.json("rename", "old", "new")["run"] == "new"
    assert shell.json("delete", "new", "--yes") == {"deleted": "new"}
    assert shell.json("runs") == {"runs": []}


# --- encode, decode, sample, export ----------------------------------------------------------------------------------


def test_encode_and_decode_an_image_file(shell: Shell, trained: Path, tmp_path: Path) -> None:
    picture, out = tmp_path / "in.png", tmp_path / "out.png"
    Image.new("RGB", (50, 40), (200, 30, 30)).save(picture)
    code = shell.json("encode", trained, picture)
    assert len(code["mu"]) == len(code["logvar"]) == 4
    assert np.isfinite(code["mu"] + code["logvar"]).all()
    assert f"z[3]  mu {code['mu'][3]:+.4f}" in shell("encode", trained, picture)
    written = shell.json("decode", trained, "--z", ",".join(map(str, code["mu"])), "-o", out)
    assert written["shape"] == [1, 32, 32]
    with Image.open(out) as image:
        assert image.size == (32, 32)
    assert "4 finite numbers" in shell.refuses("decode", trained, "--z", "0,0", "-o", out)
    assert "got '0,x,0,0'" in shell.refuses("decode", trained, "--z", "0,x,0,0", "-o", out)
    assert "finite" in shell.refuses("decode", trained, "--z", "0,nan,0,0", "-o", out)
    assert "--class needs a model with a label" in shell.refuses(
        "decode", trained, "--z", "0,0,0,0", "--class", "3", "-o", out
    )


def test_sample_writes_a_grid_that_its_seed_repeats(shell: Shell, trained: Path, tmp_path: Path) -> None:
    files = [tmp_path / f"{i}.png" for i in range(3)]
    for file, seed in zip(files, (0, 0, 1), strict=True):
        assert shell.json("sample", trained, "-n", "10", "--seed", seed, "-o", file)["images"] == 10
    pixels = [open_image(file.read_bytes()) for file in files]
    assert pixels[0].size == (4 * 32, 3 * 32)
    assert pixels[0].tobytes() == pixels[1].tobytes()
    assert pixels[0].tobytes() != pixels[2].tobytes()
    assert "0 is not in the range" in shell.refuses("sample", trained, "-n", "0", "-o", files[0])
    assert "cannot be written" in shell.refuses("sample", trained, "-o", tmp_path / "absent" / "grid.png")


def test_export_writes_the_file(shell: Shell, trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    found = shell.json("export", trained, "--format", "safetensors", "-o", file)
    assert found["bytes"] == file.stat().st_size
    with safe_open(file, "numpy") as tensors:
        assert "decoder.0.weight" in tensors.keys()  # noqa: SIM118
    assert "format must be one of" in shell.refuses("export", trained, "--format", "tflite", "-o", file)


def test_a_conditional_model_wants_its_class_by_name(shell: Shell, tmp_path: Path) -> None:
    shell("train", *TINY, "--epochs", "1", "--label", "class", "--name", "by-class", "--quiet")
    assert shell.json("sample", "by-class", "-n", "4", "--class", "7", "-o", tmp_path / "sevens.png")["images"] == 4
    message = shell.refuses("sample", "by-class", "-n", "4", "-o", tmp_path / "any.png")
    assert "--class must be a value of the label class: 0, 1, 2" in message
