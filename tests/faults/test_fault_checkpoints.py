"""A damaged or foreign checkpoint: the other one goes on bit for bit, what was wrong is said, and the bad one is kept aside."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from small_training import CPU, numbers, settings, stop_at, train, weights

from vaelab.config.errors import WeightsError
from vaelab.runs.store import Run
from vaelab.training import checkpoints
from vaelab.training.first_weights import new_model
from vaelab.training.measures import Meter
from vaelab.training.step import optimizer_for


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One uninterrupted training, to compare with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(tmp_path_factory.mktemp("whole")))
        return train(settings())[0]


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Stopped at step 20 and at step 40: two checkpoints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(tmp_path_factory.mktemp("stopped")))
        patch.setattr(checkpoints, "FIRST_SECONDS", 1e9)  # none in between, however slow the machine
        run, _ = train(settings(), act=stop_at(20))
        train(settings(), run, act=stop_at(40))
    assert [folder.name for folder in run.checkpoints()] == ["40", "20"]
    return run


@pytest.fixture
def run(stopped_once: Run, tmp_path: Path) -> Run:
    return Run(shutil.copytree(stopped_once.path, tmp_path / "runs" / "hurt"))


def cut(name: str) -> Callable[[Path], None]:
    """Leave the first half of a file."""

    def change(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return change


def in_tensor(name: str, ending: str, value: float) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        arrays = load_file(folder / name)
        tensor = min(tensor for tensor in arrays if tensor.endswith(ending))
        arrays[tensor] = arrays[tensor].copy()
        arrays[tensor].reshape(-1)[0] = value
        save_file(arrays, folder / name)

    return change


def in_state(**values: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        state = json.loads((folder / "state.json").read_text()) | values
        (folder / "state.json").write_text(json.dumps(state))

    return change


DAMAGES: dict[str, Callable[[Path], None]] = {
    "half a model": cut("model.safetensors"),
    "half an optimiser": cut("optimiser.safetensors"),
    "half a state": cut("state.json"),
    "no model": lambda folder: (folder / "model.safetensors").unlink(),
    "NaN in the model": in_tensor("model.safetensors", "weight", float("nan")),
    "NaN in the moments": in_tensor("optimiser.safetensors", "weight.exp_avg", float("nan")),
    "a square below 0": in_tensor("optimiser.safetensors", "weight.exp_avg_sq", -1.0),
    "more steps of Adam than there were": in_tensor("optimiser.safetensors", "weight.step", 1e9),
    "a step below 0": in_state(step=-5),
    "a step beyond the end": in_state(step=10**12),
    "another step than its folder's": in_state(step=41),
    "half a step": in_state(step=40.5),
    "a rate of NaN": in_state(lr=float("nan")),
    "a rate below 0": in_state(lr=-1.0),
    "an endless beta": in_state(beta=float("inf")),
    "a beta below 0": in_state(beta=-1.0),
    "time that runs back": in_state(seconds=-1.0),
    "images below 0": in_state(images_since_row=-3),
    "another run's": in_state(run="0" * 32),
    "of before there were ids": in_state(run=""),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_other_checkpoint_is_taken_up_and_the_bad_one_kept_aside(kind: str, run: Run) -> None:
    folder = run.checkpoints_dir / "40"
    DAMAGES[kind](folder)
    held = {file.name: file.read_bytes() for file in folder.iterdir()}
    cfg, told = run.config(), list[str]()
    model = new_model(cfg.model, 1)
    progress = checkpoints.Checkpoints(run, 82).load(
        model, optimizer_for(model, cfg, CPU), Meter(cfg.model, CPU), told.append
    )
    assert progress is not None
    assert progress.step == 20
    expected = load_file(run.checkpoints_dir / "20" / "model.safetensors")
    assert all(np.array_equal(tensor.numpy(), expected[name]) for name, tensor in model.state_dict().items())
    assert {file.name: file.read_bytes() for file in (run.checkpoints_dir / "40.damaged").iterdir()} == held
    assert len(told) == 1
    assert told[0].startswith("Training goes on from the checkpoint of step 20, because that of step 40")


def test_the_training_ends_as_if_nothing_had_been_damaged_and_says_what_was(run: Run, whole: Run) -> None:
    cut("optimiser.safetensors")(run.checkpoints_dir / "40")
    seen: list[str] = []
    _, outcome = train(run.config(), run, act=lambda recorder, row: seen.append(recorder.status.message))
    assert outcome.state == "finished"
    assert numbers(run) == numbers(whole)
    assert all(np.array_equal(weights(run)[name], array) for name, array in weights(whole).items())
    note = next(event["message"] for event in run.events() if event["event"] == "fallback")
    assert "from the checkpoint of step 20, because that of step 40" in note
    assert set(seen) == {note}  # what status.json says while it trains


def test_a_foreign_checkpoint_of_the_same_shape_is_refused(run: Run, whole: Run) -> None:
    """Copied over the newest, as a mistaken restore does."""
    shutil.rmtree(run.checkpoints_dir)
    shutil.copytree(whole.checkpoints_dir, run.checkpoints_dir)
    with pytest.raises(WeightsError, match="must be a checkpoint of this run, and it is one of another"):
        train(run.config(), run)
    assert run.latest_checkpoint() == run.checkpoints_dir / "82"  # nothing was moved: there is no better one


def test_where_none_is_whole_nothing_is_moved_and_the_newest_is_named(run: Run) -> None:
    for step in ("20", "40"):
        cut("model.safetensors")(run.checkpoints_dir / step)
    with pytest.raises(WeightsError, match=r"40/model\.safetensors must be a whole safetensors file"):
        train(run.config(), run)
    assert [folder.name for folder in run.checkpoints()] == ["40", "20"]


def test_a_newest_name_that_is_no_number_is_left_out(run: Run, whole: Run) -> None:
    (run.checkpoints_dir / "latest").write_text("²\n")
    (run.checkpoints_dir / "²").mkdir()
    (run.checkpoints_dir / "²" / "state.json").write_text("{}")
    train(run.config(), run)
    assert numbers(run) == numbers(whole)


def test_the_first_checkpoint_comes_early_and_the_later_ones_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(checkpoints.time, "perf_counter", lambda: now[0])
    saved: list[float] = []
    save = checkpoints.Checkpoints.save

    def noted(self: checkpoints.Checkpoints, *arguments: Any) -> None:
        saved.append(now[0] - 100.0)
        save(self, *arguments)

    monkeypatch.setattr(checkpoints.Checkpoints, "save", noted)

    def a_second_passes(recorder: object, row: object) -> None:
        now[0] += 1.0

    train(settings(), act=a_second_passes)
    assert saved[:3] == [2.0, 4.0, 8.0]
