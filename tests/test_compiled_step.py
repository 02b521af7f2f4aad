"""A compiled step: the eager gradient but for last digits, taken up between two steps, and a resume that repeats it bit for bit."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_training import CLOCKS, CPU, images, numbers, settings, train
from torch.fx.experimental.proxy_tensor import make_fx

from vaelab.config.places import programs_root
from vaelab.config.settings import DataConfig, OptimConfig
from vaelab.models.model_config import ModelConfig
from vaelab.models.presets import presets
from vaelab.runs.files import Row
from vaelab.runs.recorder import Recorder
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.training import build_program, compiling, step_program, trainer
from vaelab.training.compiled_step import CompiledStep, why_eager
from vaelab.training.compiling import Compiling
from vaelab.training.first_weights import new_model
from vaelab.training.group import ALONE
from vaelab.training.measures import Meter
from vaelab.training.replica import Replica
from vaelab.training.step import Step, optimizer_for
from vaelab.training.step_program import Program, Recipe, gradient_of, inputs_of

COMPILED = OptimConfig(batch_size=5, epochs=2, step="compiled")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VAELAB_PROGRAMS", str(tmp_path / "programs"))
    torch.set_num_threads(1)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of machine code: the function that is traced for it, a little off as machine code is. It is looked for at every step, and never
    built: on a busy machine enough would be left to do for that.
    """

    def load(program: Program) -> step_program.Gradient:
        cfg = settings(optim=COMPILED)
        exact = gradient_of(new_model(cfg.model, 1), recipe_of(cfg))
        return lambda *inputs: tuple(tensor * (1 + 1e-6) for tensor in exact(*inputs))

    monkeypatch.setattr(Program, "load", load)
    monkeypatch.setattr(Recorder, "beat_due", lambda recorder: True)
    monkeypatch.setattr(compiling, "LEAST_SECONDS_LEFT", math.inf)


def recipe_of(cfg: RunConfig) -> Recipe:
    size = cfg.model.image_size
    return Recipe.of(cfg, torch.zeros(cfg.optim.batch_size, cfg.model.channels, size, size))


def publish(speedup: float = 1.5) -> Path:
    """A built program for `settings(optim=COMPILED)`."""
    folder = programs_root() / recipe_of(settings(optim=COMPILED)).name
    folder.mkdir(parents=True)
    (folder / "facts.json").write_text(json.dumps({"speedup": speedup}))
    if speedup > build_program.WORTH:
        (folder / "step.pt2").touch()
    return folder


def publish_at(step: int, stop: int | None = None) -> Callable[[Recorder, Row], None]:
    def act(recorder: Recorder, row: Row) -> None:
        if row["step"] == step:
            publish()
        if row["step"] == stop:
            recorder.request_stop()

    return act


def compiled_events(run: Run) -> list[int]:
    return [row["step"] for row in run.events() if row["event"] == "compiled"]


POSSIBLE = [
    name
    for name in presets()
    if why_eager(settings(model=ModelConfig(name=name, network="linear", latent_dim=8)), CPU, 1) is None
]


@pytest.mark.parametrize("name", POSSIBLE)
def test_the_traced_gradient_is_the_eager_one_for_other_batches_and_another_beta(name: str) -> None:
    """What a method reads beside its inputs would stand in the graph as it was when traced."""
    cfg = RunConfig(
        data=DataConfig(image_size=16),
        model=ModelConfig(name=name, network="linear", latent_dim=8, image_size=16),
        optim=OptimConfig(batch_size=4),
    )
    recipe = recipe_of(cfg)
    model = new_model(cfg.model, 0)
    traced = make_fx(gradient_of(model, recipe))(*inputs_of(model, torch.ones(()), *build_program._batch(recipe, 0)))
    model, batch = new_model(cfg.model, 7), build_program._batch(recipe, 3)
    parts = model, cfg, optimizer_for(model, cfg, CPU), Meter(cfg.model, CPU)
    found = traced(*inputs_of(model, torch.tensor(0.3), *batch))
    Step(*parts)(*batch, 0.3, 1e-3)
    assert torch.allclose(found[0], parts[3].sums, rtol=1e-5, atol=1e-5)
    for (named, parameter), gradient in zip(model.named_parameters(), found[1:], strict=True):
        assert parameter.grad is not None
        assert torch.allclose(gradient, parameter.grad, rtol=1e-4, atol=1e-6), named


def test_some_methods_may_have_a_compiled_step_and_others_say_why_not() -> None:
    assert {"linear-vae", "autoencoder", "beta-tcvae", "iwae"} <= set(POSSIBLE)
    cfg = settings()
    assert "cuda" in (why_eager(cfg, torch.device("cuda"), 1) or "")
    assert "processes" in (why_eager(cfg, CPU, 2) or "")
    kept = settings(model=ModelConfig(name="sigma-vae", latent_dim=3))
    assert "sigma-vae keeps" in (why_eager(kept, CPU, 1) or "")


def test_a_program_that_is_there_takes_every_step_and_the_curve_is_the_eager_one(stand_in: None) -> None:
    eager, _ = train(settings())
    publish()
    run, outcome = train(settings(optim=COMPILED))
    assert outcome.state == "finished"
    assert compiled_events(run) == [0]
    assert run.status().compiled_from == 1
    assert numbers(run) != numbers(eager)
    for found, expected in zip(run.metrics(), eager.metrics(), strict=True):
        for name in expected.keys() - set(CLOCKS):
            assert found[name] == pytest.approx(expected[name], rel=1e-3, abs=1e-3), name


def test_a_resume_repeats_the_compiled_steps_bit_for_bit(stand_in: None, capsys: pytest.CaptureFixture[str]) -> None:
    whole, _ = train(settings(optim=COMPILED), act=publish_at(20))
    assert compiled_events(whole) == [20]
    assert whole.status().compiled_from == 21
    assert "from step 21 on each step is a compiled one, measured as 1.5 times as fast" in capsys.readouterr().err
    shutil.rmtree(programs_root())
    broken, outcome = train(settings(optim=COMPILED), act=publish_at(20, stop=32))
    assert outcome.state == "stopped"
    train(settings(optim=COMPILED), broken)
    assert compiled_events(broken) == [20]
    assert broken.status().compiled_from == 21
    assert numbers(broken) == numbers(whole)


def test_a_run_killed_after_the_change_resumes_from_it(stand_in: None) -> None:
    """The checkpoint of the change is the earliest that a resume can begin from."""
    run, _ = train(settings(optim=COMPILED), act=publish_at(20, stop=24))
    assert 20 in [int(folder.name) for folder in run.checkpoints()]
    state = json.loads((run.checkpoints_dir / "20" / "state.json").read_text())
    assert state["program"] == recipe_of(settings(optim=COMPILED)).name


def test_a_resume_without_its_program_says_so_and_goes_on_eagerly(stand_in: None) -> None:
    run, _ = train(settings(optim=COMPILED), act=publish_at(20, stop=32))
    shutil.rmtree(programs_root())
    _, outcome = train(settings(optim=COMPILED), run)
    assert outcome.state == "finished"
    (fallback,) = [row for row in run.events() if row["event"] == "fallback"]
    assert fallback["message"].startswith("From step 33 on the steps are eager")
    assert run.status().compiled_from is None


def test_an_eager_training_looks_for_nothing(stand_in: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "Compiling", None)
    publish()
    run, outcome = train(settings())
    assert outcome.state == "finished"
    assert compiled_events(run) == []


def test_a_program_that_is_hardly_faster_is_remembered_and_not_used(stand_in: None) -> None:
    publish(speedup=1.04)
    run, _ = train(settings(optim=COMPILED))
    assert compiled_events(run) == []
    beside = Compiling(recipe_of(settings(optim=COMPILED)), print)
    assert beside.look(1e6) is None
    assert beside.is_over


def test_it_is_built_only_when_enough_is_left_and_a_failure_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "no compiled step for this training: no C++ compiler"
    program = f"import sys; sys.stdin.read(); print({line!r}); print('more'); sys.exit(1)"
    monkeypatch.setattr(compiling, "BUILDER", (sys.executable, "-c", program))
    told: list[str] = []
    beside = Compiling(recipe_of(settings(optim=COMPILED)), told.append)
    for seconds in (None, 0.0, compiling.LEAST_SECONDS_LEFT - 1):
        assert beside.look(seconds) is None
        assert beside._process is None
    assert beside.look(compiling.LEAST_SECONDS_LEFT) is None
    assert beside._process is not None
    beside._process.wait()
    assert beside.look(1e6) is None
    assert beside.look(1e6) is None
    assert told == [line]
    beside.close()


def test_the_end_of_a_training_ends_what_is_being_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "BUILDER", (sys.executable, "-c", "import time; time.sleep(600)"))
    beside = Compiling(recipe_of(settings(optim=COMPILED)), print)
    beside.look(1e6)
    assert beside._process is not None
    beside.close()
    assert beside._process.returncode is not None


def test_a_program_that_others_may_write_is_not_loaded() -> None:
    library = publish() / "step.pt2"
    library.chmod(0o666)
    with pytest.raises(PermissionError, match="must be yours"):
        Program("x", 1.5, library).load()


def test_a_recipe_survives_its_journey_and_names_what_matters() -> None:
    recipe = recipe_of(settings(optim=COMPILED))
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe_of(settings(seed=5, optim=dataclasses.replace(COMPILED, epochs=9, lr=0.1))).name == recipe.name
    others: list[dict[str, Any]] = [{"strides": (1, 2, 3, 4)}, {"threads": 7}]
    others += [{"cfg": settings(optim=OptimConfig(batch_size=6))}]
    assert all(dataclasses.replace(recipe, **change).name != recipe.name for change in others)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear-vae", "conv-vae"])
def test_torch_builds_a_program_beside_and_its_step_is_the_eager_one(name: str) -> None:
    if not shutil.which("g++") and not shutil.which("clang++"):
        pytest.skip("no C++ compiler")
    cfg = settings(model=ModelConfig(name=name, latent_dim=3), optim=COMPILED)
    replica = Replica(new_model(cfg.model, 0), images(), cfg, CPU, ALONE)
    x, _ = replica.images.take(slice(0, 5))
    recipe, told = Recipe.of(cfg, x), []
    beside = Compiling(recipe, told.append)
    beside.look(1e6)
    assert beside._process is not None
    assert beside._process.wait() == 0, told
    beside.look(1e6)
    assert "times as fast as the eager one" in told[0]
    model = build_program._model(recipe)
    library = programs_root() / "again.pt2"
    build_program.compile_gradient(model, recipe, library)
    library.chmod(0o600)
    gradient = Program("again", 1.0, library).load()
    losses = []
    for compiled in (False, True):
        model = build_program._model(recipe)
        parts = model, cfg, optimizer_for(model, cfg, CPU), Meter(cfg.model, CPU)
        step = CompiledStep(*parts, recipe, gradient) if compiled else Step(*parts)
        for k in range(30):
            step(*build_program._batch(recipe, k), 1.0, 1e-3)
        losses.append(parts[3].read().loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
