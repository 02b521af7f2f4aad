"""The training loop: the same numbers each time, exact resumes, live steering."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_training import CPU, images, numbers, settings, stop_at, train, weights

from vaelab.config.settings import LossConfig, OptimConfig, ScheduleConfig
from vaelab.models.model_config import ModelConfig
from vaelab.runs.files import Row
from vaelab.runs.recorder import Recorder
from vaelab.runs.store import Run, create_run
from vaelab.training import checkpoints, snapshots, trainer
from vaelab.training.batches import Noise, Shuffle
from vaelab.training.first_weights import new_model


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    torch.set_num_threads(1)  # a sum of few numbers is not worth a second thread


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One uninterrupted training that several tests compare with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(tmp_path_factory.mktemp("whole")))
        run, outcome = train(settings())
    assert outcome.state == "finished"
    return run


def test_a_training_learns_and_leaves_every_file(whole: Run) -> None:
    rows = whole.metrics()
    assert [row["step"] for row in rows] == [1, 2, *range(4, 41, 4), 41, *range(44, 82, 4), 82]
    assert rows[-1]["recon"] < rows[0]["recon"] - 50
    assert rows[-1]["recon"] > rows[-1]["floor"]
    for row in rows:
        assert row["loss"] == pytest.approx(row["recon"] + row["beta"] * row["kl"], rel=1e-5)
        assert sum(row["kl_per_dim"]) == pytest.approx(row["kl"], rel=1e-3)
    assert [row["step"] for row in rows if "test_loss" in row] == [41, 56, 82]
    status = whole.status()
    assert (status.state, status.step, status.total_steps, status.epoch) == ("finished", 82, 82, 2)
    assert whole.snapshots()[0] == 0
    assert whole.snapshots()[-1] == 82
    shapes = {name: array.shape for name, array in whole.snapshot(82).items()}
    assert shapes["recon"] == (12, 3, 32, 32)
    assert shapes["samples"] == (24, 3, 32, 32)
    assert shapes["probe_mu"] == shapes["probe_logvar"] == (40, 3)
    assert {name for name in shapes if name.startswith("decoder.")} == {
        n for n in weights(whole) if n.startswith("decoder.")
    }
    assert {name: array.shape for name, array in whole.fixed().items()} == {
        "originals": (12, 3, 32, 32),
        "sample_z": (24, 3),
        "probe_pixels": (40, 3, 32, 32),
        "probe_labels": (40,),
    }
    assert not list(whole.path.rglob("*.part"))


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(whole: Run) -> None:
    again, _ = train(settings())
    assert numbers(again) == numbers(whole)
    assert all(np.array_equal(weights(again)[name], array) for name, array in weights(whole).items())
    other, _ = train(settings(seed=1), act=stop_at(1))
    assert numbers(other)[0] != numbers(whole)[0]


@pytest.mark.parametrize("step", [1, 4, 20, 41])
def test_a_stopped_and_resumed_training_equals_the_uninterrupted_one(whole: Run, step: int) -> None:
    cfg = settings()
    run, outcome = train(cfg, act=stop_at(step))
    assert outcome.state == "stopped"
    reached = run.status().step
    assert step <= reached < 82
    assert train(cfg, run)[1].state == "finished"
    assert numbers(run) == numbers(whole)
    assert all(np.array_equal(weights(run)[name], array) for name, array in weights(whole).items())
    assert [(event["event"], event["step"]) for event in run.events()] == [("start", 0), ("resume", reached)]


def test_a_stop_between_two_rows_keeps_the_sums_of_the_next_row(whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    polls = iter(range(1, 1000))
    poll = Recorder.poll

    def stop_before_step_7(recorder: Recorder) -> Any:
        if next(polls) == 7:  # six steps are done, the row of steps 5 to 8 is half full
            recorder.request_stop()
        return poll(recorder)

    monkeypatch.setattr(Recorder, "poll", stop_before_step_7)
    cfg = settings()
    run, _ = train(cfg)
    assert run.status().step == 6
    assert [row["step"] for row in run.metrics()] == [1, 2, 4]
    train(cfg, run)
    assert numbers(run) == numbers(whole)


@pytest.mark.parametrize("stopped", [50, 131])
def test_where_rows_are_far_apart_a_resumed_training_and_an_equal_seed_give_the_same_numbers(
    monkeypatch: pytest.MonkeyPatch, stopped: int
) -> None:
    """Very many epochs of a tiny set: both stops come between two rows, one before and one after the steady pace."""
    cfg = settings(optim=OptimConfig(batch_size=5, epochs=5_000))
    due = [1, 2, 4, 8, *range(12, 33, 4), *range(36, 65, 4), *range(72, 97, 8), 103, 205, 206, 309]
    unbroken, again = (train(cfg, act=stop_at(300))[0] for _ in range(2))
    assert [row["step"] for row in unbroken.metrics()] == due
    assert numbers(again) == numbers(unbroken)

    poll, steps = Recorder.poll, iter(range(stopped + 1))

    def stop_there(recorder: Recorder) -> Any:
        if next(steps, None) == stopped:
            recorder.request_stop()
        return poll(recorder)

    monkeypatch.setattr(Recorder, "poll", stop_there)
    run, _ = train(cfg)
    assert run.status().step == stopped
    train(cfg, run, act=stop_at(300))
    assert numbers(run) == numbers(unbroken)
    assert all(np.array_equal(weights(run)[name], array) for name, array in weights(unbroken).items())


def test_a_killed_training_goes_on_from_its_last_checkpoint(whole: Run) -> None:
    """As after kill -9: rows, snapshots and half a checkpoint lie beyond the last whole one, whose name is behind."""
    cfg = settings()
    run, _ = train(cfg, act=stop_at(20))
    kept = run.latest_checkpoint()
    assert kept is not None
    with run.metrics_file.open("a") as file:
        file.write('{"step": 24, "loss": 1.0}\n{"step": 28, "lo')
    (run.snapshots_dir / "28").mkdir()
    (run.snapshots_dir / "28" / "snapshot.safetensors").write_bytes(b"")
    (run.checkpoints_dir / "28.part").mkdir()
    (run.checkpoints_dir / "latest").unlink()
    train(cfg, run)
    assert numbers(run) == numbers(whole)
    assert all(run.snapshot_file(step).stat().st_size for step in run.snapshots())  # a slow one makes its own of 28


def test_a_training_killed_before_its_first_checkpoint_begins_again(whole: Run) -> None:
    cfg = settings()
    run = create_run(cfg)
    run.metrics_file.write_text('{"event": "start", "step": 0}\n{"step": 1, "loss": 1.0}\n')
    train(cfg, run)
    assert numbers(run) == numbers(whole)
    assert [(event["event"], event["step"]) for event in run.events()] == [("start", 0), ("resume", 0)]


def test_snapshots_do_not_change_the_training(whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots.Snapshots, "due", lambda self: True)
    run, _ = train(settings())
    assert numbers(run) == numbers(whole)
    kept = run.snapshots()
    assert (len(kept), kept[0], kept[-1]) == (snapshots.KEPT, 0, 82)


def test_order_and_noise_are_drawn_anew_and_can_be_drawn_again() -> None:
    shuffle, noise = Shuffle(100, 7, CPU), Noise(50, 7, CPU)
    first, second = shuffle.rows(1, slice(0, 100)), shuffle.rows(2, slice(0, 100))
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(100))
    assert not torch.equal(first, second)
    assert torch.equal(Shuffle(100, 7, CPU).rows(1, slice(10, 20)), first[10:20])
    eps = torch.stack([noise.eps(step, 100) for step in range(1, 41)])  # 200,000 draws
    assert abs(eps.mean().item()) < 0.01
    assert abs(eps.std().item() - 1.0) < 0.01
    assert len(eps[:, 0, 0].unique()) == 40
    assert torch.equal(Noise(50, 7, CPU).eps(3, 100), eps[2])
    assert not torch.equal(Noise(50, 8, CPU).eps(3, 100), eps[2])


def test_the_weights_come_from_the_seed_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    first = new_model(ModelConfig(), 0)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)
    second = new_model(ModelConfig(), 0)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


# Steering


def test_dials_act_at_once_and_are_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaelab.runs.recorder.POLL_SECONDS", 0.0)

    def turn(recorder: Recorder, row: Row) -> None:
        if row["step"] == 20:
            recorder.run.ask(beta=8.0, lr=1e-5)

    cfg = settings(schedule=ScheduleConfig(kind="linear", warmup=1.0))
    run, _ = train(cfg, act=turn)
    rows = {row["step"]: row for row in run.metrics()}
    assert rows[20]["beta"] == pytest.approx(20 / 82)
    assert rows[24]["beta"] == pytest.approx(8.0 * 24 / 82)  # the warm-up goes on, towards the new value
    assert (rows[20]["lr"], rows[24]["lr"]) == (1e-3, 1e-5)
    dials = [event for event in run.events() if event["event"] == "dial"]
    assert [(event["step"], event["beta"], event["lr"]) for event in dials] == [(20, 8.0, 1e-5)]


def test_dials_outlive_a_resume(monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = settings()
    run, _ = train(cfg, act=stop_at(4))
    run.ask("run", beta=3.0, fresh=True)
    train(cfg, run, act=stop_at(12))
    run.control_file.unlink()  # a dial that was taken over is in the checkpoint too
    train(cfg, run)
    assert run.metrics()[-1]["beta"] == 3.0
    assert len([event for event in run.events() if event["event"] == "dial"]) == 1


def test_one_step_is_one_step_and_a_pause_loses_nothing(whole: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pause after row 20, single steps, then on: the person at the controls acts while the loop sleeps."""
    monkeypatch.setattr("vaelab.runs.recorder.POLL_SECONDS", 0.0)
    run = create_run(settings())
    seen: list[tuple[str, int]] = []

    def sleep(seconds: float) -> None:
        status = run.status()
        seen.append((status.state, status.step))
        if len(seen) == 1:
            assert run.latest_checkpoint() == run.checkpoints_dir / "20"
            assert run.snapshots()[-1] == 20
            run.ask("step")
            run.ask("step")
        elif len(seen) == 2:
            run.ask("step")
        else:
            run.ask("run")

    monkeypatch.setattr("vaelab.runs.recorder.time.sleep", sleep)
    monkeypatch.setattr("vaelab.runs.recorder.BEAT_SECONDS", 0.0)
    _, outcome = train(
        run.config(), run, act=lambda recorder, row: run.ask("pause") and None if row["step"] == 20 else None
    )
    assert outcome.state == "finished"
    assert seen == [("paused", 20), ("paused", 22), ("paused", 23)]
    steps = [row["step"] for row in run.metrics()]
    assert steps[:12] == [1, 2, 4, 8, 12, 16, 20, 21, 22, 23, 24, 28]
    assert {20, 21, 22, 23} <= set(run.snapshots())
    assert all(np.array_equal(weights(run)[name], array) for name, array in weights(whole).items())


def test_stop_while_paused_keeps_a_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaelab.runs.recorder.POLL_SECONDS", 0.0)
    run = create_run(settings())
    monkeypatch.setattr("vaelab.runs.recorder.time.sleep", lambda seconds: run.ask("stop"))
    run.ask("pause")
    assert train(run.config(), run)[1].state == "stopped"
    assert run.status().step == 0
    assert run.latest_checkpoint() == run.checkpoints_dir / "0"


# What can go wrong


def test_a_diverged_training_keeps_its_last_good_checkpoint() -> None:
    cfg = settings()
    run, _ = train(cfg, act=stop_at(12))
    good = run.latest_checkpoint()
    cfg_wild = settings(
        optim=OptimConfig(batch_size=5, epochs=2, lr=10.0), loss=LossConfig(likelihood="gaussian", sigma=0.01)
    )
    run.ask("run", lr=10.0, fresh=True)
    _, outcome = train(cfg_wild, run)
    assert outcome.state == "diverged"
    assert "learning rate, which is 10, to 0.001" in outcome.message
    assert outcome.message.startswith("Between steps 13 and 16 the loss stopped")
    assert run.status().state == "diverged"
    assert run.status().message == outcome.message
    assert run.latest_checkpoint() == good
    assert all(np.isfinite(array).all() for array in weights(run).values())
    assert "NaN" not in run.metrics_file.read_text()
    assert run.events()[-1]["event"] == "diverged"


def test_weights_that_break_after_the_last_row_are_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "FIRST_SECONDS", 1e9)  # none by the clock, which a slow machine would write before

    def poison(row: Row) -> None:
        if row["step"] == 82:
            model.decoder[0].weight.data.fill_(float("nan"))  # type: ignore[union-attr, operator]

    cfg = settings()
    run = create_run(cfg)
    model = new_model(cfg.model, cfg.seed)
    outcome = trainer.fit(model, images(), cfg, Recorder(run, on_row=poison), CPU)
    assert outcome.state == "diverged"
    assert run.latest_checkpoint() is None
