"""Several trainings that differ in a few settings: planned whole, named by what varies, started or printed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from cli_shell import Shell
from run_writer import write_run

from vaelab.config.errors import ConfigError
from vaelab.runs import store
from vaelab.runs.names import check_name
from vaelab.runs.plan import plan
from vaelab.runs.sweep import combinations
from vaelab.workers import launch


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs are made and none trains; their names in order."""
    names: list[str] = []
    monkeypatch.setattr(launch, "_begin", lambda run: names.append(run.name))
    return names


def test_every_combination_is_planned_with_one_seed() -> None:
    planned = combinations({"dataset": "digits", "epochs": 2}, {"beta": [1.0, 4.0], "latent_dim": [2, 8]})
    assert [name for name, _ in planned] == [
        "digits-conv-vae-beta1-latent-dim2",
        "digits-conv-vae-beta1-latent-dim8",
        "digits-conv-vae-beta4-latent-dim2",
        "digits-conv-vae-beta4-latent-dim8",
    ]
    for (_, cfg), (beta, dims) in zip(planned, [(1.0, 2), (1.0, 8), (4.0, 2), (4.0, 8)], strict=True):
        assert cfg == plan("digits", epochs=2, beta=beta, latent_dim=dims)
        assert cfg.seed == 0


def test_names_can_be_those_of_runs() -> None:
    varied = {"model": ["autoencoder", "conv-vae"], "lr": [1e-3, 3e-4], "warmup": ["constant", "linear"]}
    names = [name for name, _ in combinations({"dataset": "digits"}, varied)]
    assert len(set(names)) == 8
    assert all(check_name(name) == name for name in names)
    assert names[0] == "digits-autoencoder-lr0.001-warmup-constant"


def test_too_many_are_refused() -> None:
    with pytest.raises(ConfigError, match="1 to 64 trainings, got 90"):
        combinations({"dataset": "digits"}, {"seed": list(range(9)), "latent_dim": list(range(1, 11))})


def test_none_begins_when_one_cannot(begun: list[str]) -> None:
    good = ("a", plan("digits", latent_dim=4))
    with pytest.raises(ConfigError, match="batch_size"):
        launch.start_all([good, ("b", plan("pixel-faces", batch_size=10_000)), ("c", _too_large())])
    assert begun == []
    assert store.list_runs() == []


def _too_large() -> object:
    from dataclasses import replace

    cfg = plan("digits", latent_dim=4)
    return replace(cfg, optim=replace(cfg.optim, batch_size=60_000))


def test_a_taken_name_gets_the_next_number(begun: list[str]) -> None:
    write_run("digits-conv-vae-beta1")
    write_run("digits-conv-vae-beta1-2")
    launch.start_all(combinations({"dataset": "digits"}, {"beta": [1.0, 2.0]}))
    assert begun == ["digits-conv-vae-beta1-3", "digits-conv-vae-beta2"]


@pytest.mark.usefixtures("places")
def test_the_command_line_starts_prints_and_refuses(shell: Shell, begun: list[str]) -> None:
    made = shell.json("sweep", "--dataset", "digits", "--beta", "1,4", "--latent-dim", "2,8", "--epochs", "3")["runs"]
    assert begun == made
    assert [store.find(name).config().loss.beta for name in made] == [1.0, 4.0, 1.0, 4.0]
    commands = shell("sweep", "--dataset", "digits", "--beta", "1,4", "--print", "commands").splitlines()
    for command, beta in zip(commands, (1.0, 4.0), strict=True):
        words = shlex.split(command)
        assert words[:4] == ["python", "-m", "vaelab", "train"]
        assert words[words.index("--name") + 1] == f"digits-conv-vae-beta{beta:g}"
    script = shell("sweep", "--dataset", "digits", "--seed", "1,2,3", "--print", "slurm")
    assert script.startswith("#!/bin/bash\n#SBATCH")
    assert "--array=0-2" in script
    assert script.count("python -m vaelab train") == 3
    assert len(begun) == 4  # printing starts nothing
    assert "--beta must be numbers with commas between, got 'two'" in shell.refuses("sweep", "--beta", "1,two")
    assert "--beta must have a value" in shell.refuses("sweep", "--beta", ",")
