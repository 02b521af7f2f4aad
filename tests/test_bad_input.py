"""Odd files, names and values from outside: one sentence that names the thing and the way out, no traceback, nothing half-made."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_shell import Shell
from run_writer import write_run
from safetensors.torch import load_file, save_file

from vaelab.config.errors import ConfigError, DataError, WeightsError
from vaelab.config.folders import make_whole
from vaelab.data.idx import read_idx
from vaelab.models import registry
from vaelab.models.model_config import ModelConfig
from vaelab.runs import limits, store
from vaelab.runs.files import finite_or_none, read_npz
from vaelab.runs.plan import plan
from vaelab.runs.sweep import combinations
from vaelab.ui.access.folders import allowed_roots
from vaelab.workers import launch

pytestmark = pytest.mark.usefixtures("places")

ROOT = Path(__file__).resolve().parents[1]


# --- models of one's own ---------------------------------------------------------------------------------------------


def test_an_own_file_that_ends_the_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script whose argparse meets our command line: the command ended without a word, or with the script's."""
    file = tmp_path / "script.py"
    file.write_text("import sys\n\nsys.exit(3)\n")
    with pytest.raises(ConfigError, match=r"script\.py.* SystemExit: 3 \(put .* `if __name__"):
        registry.named(f"{file}:Net")


@pytest.mark.parametrize("path", ["~nosuchuser/net.py:Net", "loop.py:Net"])
def test_a_path_that_cannot_be_followed_is_a_sentence(
    path: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop.py").symlink_to("loop.py")
    assert path.partition(":")[0] in shell.refuses("summary", path)


def test_a_list_of_own_models_that_is_not_text_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "named.txt").write_bytes(b"/home/jos\xe9/net.py:Net\n~nosuchuser/net.py:Net\n")
    answer = subprocess.run(
        [sys.executable, "-m", "vaelab", "models", "--json"],
        cwd=ROOT,
        env={"VAELAB_MODELS": str(tmp_path / "models"), "PATH": "", "PYTHONIOENCODING": "utf-8:strict"},
        capture_output=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr.decode()
    assert b"conv-vae" in answer.stdout


# --- runs and their files --------------------------------------------------------------------------------------------


def test_a_name_that_no_encoding_has_does_not_end_the_list(shell: Shell) -> None:
    settings = json.loads((write_run("odd").path / "config.json").read_text())
    settings["data"]["name"] = "folder:/tmp/\ud800"
    (store.find("odd").path / "config.json").write_text(json.dumps(settings))
    assert "odd" in shell("runs")


@pytest.mark.parametrize("place", [".", "/"])
def test_a_folder_without_a_name_of_its_own(
    place: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("note.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        make_whole(Path(place), lambda folder: None)
    if place == "/":
        assert "has no name" in shell.refuses("train", "--dataset", "digits", "--run-dir", place, "--prepare")
    else:
        shell("train", "--dataset", "digits", "--run-dir", place, "--prepare")
        assert (tmp_path / "config.json").is_file()


def test_a_resume_that_is_refused_changes_nothing(shell: Shell) -> None:
    run = write_run("half")
    before = run.config()
    assert "beta" in shell.refuses("resume", "half", "--epochs", "20", "--beta", "-1")
    assert store.find("half").config() == before


def test_a_start_that_is_refused_leaves_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_TRAININGS", "x")
    with pytest.raises(ConfigError, match="VAELAB_TRAININGS"):
        launch.start(plan("digits", latent_dim=4))
    assert store.list_runs() == []


def test_numbers_beyond_json_are_null(shell: Shell, trained: Path, tmp_path: Path) -> None:
    assert finite_or_none({"a": [1.0, float("nan")], "b": {"c": float("inf")}}) == {"a": [1.0, None], "b": {"c": None}}
    run = tmp_path / "far"
    shutil.copytree(trained, run)
    file = store.Run(run).model_file()
    tensors = load_file(file)
    name = next(key for key in tensors if key.startswith("head") and key.endswith("bias"))
    tensors[name] = tensors[name] + 3000.0  # exp of half of it is beyond float
    save_file(tensors, file)
    picture = tmp_path / "x.png"
    shell("sample", trained, "-n", "1", "-o", picture)
    assert "sigma inf" in shell("encode", run, picture)
    assert shell.json("evaluate", run, "--limit", "20")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"channels": 3.0}, r"channels must be 1 \(grey\) or 3 \(RGB\), got 3\.0"),
        ({"classes": 0.0}, "classes must be 0 without a label and at least 2 with one, got 0.0"),
        ({"label": ["class"], "classes": 3}, "label must be text or null"),
        ({"settings": 5}, "settings must be an object with named settings, got 5"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_config_of_another_type_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ModelConfig.from_dict({"name": "conv-vae", **wrong})


def test_broken_files_beside_a_model(shell: Shell, trained: Path, tmp_path: Path) -> None:
    codes = tmp_path / "latents.npz"
    for content in (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", b"PK\x03\x04cut", b""):
        codes.write_bytes(content)
        with pytest.raises(WeightsError, match=r"latents\.npz must be arrays"):
            read_npz(codes)
    np.savez(codes, other=np.zeros(3))
    with pytest.raises(WeightsError, match="must hold mu"):
        read_npz(codes, "mu")
    run = tmp_path / "copy"
    shutil.copytree(trained, run)
    (run / "metrics.json").write_text('{"test": [1]}')
    assert store.Run(run).evaluation() == {}
    images = tmp_path / "train-images-idx3-ubyte.gz"
    whole = gzip.compress(b"\x00\x00\x08\x01\x00\x00\xff\xff" + bytes(range(256)) * 256)
    images.write_bytes(whole[:30] + b"\xff" * 200 + whole[230:])
    with pytest.raises(DataError, match="could not be read"):
        read_idx(images)


def test_a_run_is_not_renamed_onto_a_folder(shell: Shell) -> None:
    run = write_run("first")
    other = run.path.parent / "other"
    other.mkdir()
    (other / "note.txt").write_text("mine")
    assert "is in the way and holds no run" in shell.refuses("rename", "first", "other")
    assert store.find("first").path == run.path


def test_a_run_is_deleted_only_when_somebody_says_so(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run("kept")
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: "n")
    assert "kept was not deleted (`--yes` does not ask)" in shell.refuses("delete", "kept")
    assert store.find("kept")


# --- other commands --------------------------------------------------------------------------------------------------


def test_tensors_that_cannot_be_joined(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "theirs (1).pt"
    torch.save({"a": torch.zeros(3, 4), "b": torch.zeros(5, 6)}, file)
    importing = ("import", file, "--dataset", "digits", "--model", "linear-vae")
    assert "differ in their first length alone" in shell.refuses(*importing, "--map", "a+b=head.0.weight")
    assert "one of them twice" in shell.refuses(*importing, "--map", "a+a=head.0.weight")
    torch.save({}, file)
    assert "torch.save(model.state_dict(), ...)" in shell.refuses(*importing)


def test_a_table_needs_a_folder_before_the_work(shell: Shell, trained: Path, tmp_path: Path) -> None:
    refusal = shell.refuses("encode", trained, "digits", "-o", tmp_path / "absent" / "codes.csv")
    assert "must be a folder, for codes.csv to be written into it" in refusal


def test_a_variable_out_of_range_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("99999", "-1"):
        monkeypatch.setenv("VAELAB_STUDENT_RUNS", text)
        with pytest.raises(ConfigError, match="VAELAB_STUDENT_RUNS"):
            limits.limits()


def test_a_folder_of_nobody_opens_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_FOLDERS", f"~nosuchuser/photos:{tmp_path}")
    assert allowed_roots() == (tmp_path.resolve(),)


def test_long_names_of_a_sweep_are_told_apart() -> None:
    planned = combinations(
        {"dataset": "digits", "image_size": 32},
        {"latent_dim": [2], "batch_size": [64], "warmup_share": [0.125], "lr": [0.0001234], "seed": [1, 2]},
    )
    names = [name for name, _ in planned]
    assert len(set(names)) == 2
    assert max(map(len, names)) <= 60
