"""The training loop: the same numbers each time, exact resumes, live steering, and what it leaves behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from vaelab import data, snapshots, trainer
from vaelab.batches import ImageSet, Noise, Shuffle
from vaelab.config import DataConfig, LossConfig, ModelConfig, OptimConfig, RunConfig, ScheduleConfig
from vaelab.errors import ConfigError, WeightsError
from vaelab.losses import kl_divergence, recon_loss
from vaelab.measures import HeldOut
from vaelab.recorder import Recorder
from vaelab.run_files import Row
from vaelab.runs import Run, create_run
from vaelab.snapshots import thin

CPU = torch.device("cpu")
CLOCKS = ("seconds", "throughput")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    torch.set_num_threads(1)  # a sum of few numbers is not worth a second thread


def images(channels: int = 3, train: int = 204, test: int = 40) -> data.Dataset:
    """Squares of random brightness on a random ground; the class says which is brighter."""
    draw = np.random.default_rng(3)
    pixels = np.repeat(draw.integers(0, 256, (train + test, channels, 1, 1), dtype=np.uint8), 32, axis=2).repeat(
        32, axis=3
    )
    inner = draw.integers(0, 256, len(pixels), dtype=np.uint8)
    pixels[:, :, 8:24, 8:24] = inner[:, None, None, None]
    everything = data.Images(pixels=pixels, labels=(inner > pixels[:, 0, 0, 0]).astype(np.int64))
    info = data.info("digits")
    return data.Dataset(info=info, train=everything.take(slice(train)), test=everything.take(slice(train, None)))


def settings(**changes: Any) -> RunConfig:
    """linear-vae, 41 steps of 5 images an epoch, a row every 4."""
    defaults: dict[str, Any] = {
        "data": DataConfig(name="digits"),
        "model": ModelConfig(name="linear-vae", latent_dim=3),
        "optim": OptimConfig(batch_size=5, epochs=2),
        "device": "cpu",
    }
    return RunConfig(**{**defaults, **changes})


class Steering:
    """Calls `act(recorder, row)` after each row, as somebody at the controls."""

    def __init__(self, act: Callable[[Recorder, Row], None]) -> None:
        self.act = act
        self.recorder: Recorder | None = None

    def __call__(self, row: Row) -> None:
        assert self.recorder is not None
        self.act(self.recorder, row)


def train(
    cfg: RunConfig, run: Run | None = None, act: Callable[[Recorder, Row], None] | None = None
) -> tuple[Run, trainer.Outcome]:
    run = run or create_run(cfg)
    steering = Steering(act) if act else None
    recorder = Recorder(run, on_row=steering)
    if steering:
        steering.recorder = recorder
    dataset = images(cfg.model.channels)
    outcome = trainer.fit(trainer.new_model(cfg.model, cfg.seed), dataset, cfg, recorder, CPU)
    recorder.close(outcome.state, outcome.message)
    return run, outcome


def stop_at(step: int) -> Callable[[Recorder, Row], None]:
    def act(recorder: Recorder, row: Row) -> None:
        if row["step"] >= step:
            recorder.request_stop()

    return act


def numbers(run: Run) -> list[Row]:
    return [{key: value for key, value in row.items() if key not in CLOCKS} for row in run.metrics()]


def weights(run: Run) -> dict[str, np.ndarray[Any, Any]]:
    return load_file(run.model_file())


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
    assert 28 not in run.snapshots()


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
    first = trainer.new_model(ModelConfig(), 0)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(1), drawn)
    second = trainer.new_model(ModelConfig(), 0)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


# Steering


def test_dials_act_at_once_and_are_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vaelab.recorder.POLL_SECONDS", 0.0)

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
    monkeypatch.setattr("vaelab.recorder.POLL_SECONDS", 0.0)
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

    monkeypatch.setattr("vaelab.recorder.time.sleep", sleep)
    monkeypatch.setattr("vaelab.recorder.BEAT_SECONDS", 0.0)
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
    monkeypatch.setattr("vaelab.recorder.POLL_SECONDS", 0.0)
    run = create_run(settings())
    monkeypatch.setattr("vaelab.recorder.time.sleep", lambda seconds: run.ask("stop"))
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
    assert run.status().state == "diverged"
    assert run.status().message == outcome.message
    assert run.latest_checkpoint() == good
    assert all(np.isfinite(array).all() for array in weights(run).values())
    assert "NaN" not in run.metrics_file.read_text()
    assert run.events()[-1]["event"] == "diverged"


def test_weights_that_break_after_the_last_row_are_not_saved() -> None:
    def poison(row: Row) -> None:
        if row["step"] == 82:
            model.decoder[0].weight.data.fill_(float("nan"))  # type: ignore[union-attr, operator]

    cfg = settings()
    run = create_run(cfg)
    model = trainer.new_model(cfg.model, cfg.seed)
    outcome = trainer.fit(model, images(), cfg, Recorder(run, on_row=poison), CPU)
    assert outcome.state == "diverged"
    assert run.latest_checkpoint() is None


def test_a_batch_larger_than_the_set_is_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"batch_size must be at most .* 204, got 205"):
        train(settings(optim=OptimConfig(batch_size=205)))


def test_images_and_labels_must_suit_the_model() -> None:
    with pytest.raises(ConfigError, match="1 x 32 x 32 for this model, got 3 x 32 x 32"):
        ImageSet(images(3).train, ModelConfig(channels=1), CPU)
    few = images(3).train
    many = data.Images(pixels=few.pixels, labels=few.labels * 5 if few.labels is not None else None)
    with pytest.raises(ConfigError, match="above every label 'class' of the data, got 2 with a label 5"):
        ImageSet(many, ModelConfig(label="class", classes=2), CPU)


@pytest.mark.parametrize(
    ("file", "spoil", "complaint"),
    [
        ("model.safetensors", lambda a: a.pop("head.0.bias") is None, "lacks the tensor head.0.bias"),
        ("model.safetensors", lambda a: a.update({"head.0.bias": np.full(128, np.nan, np.float32)}), "NaN"),
        ("optimiser.safetensors", lambda a: a.update({"head.0.bias.exp_avg": np.zeros(3, np.float32)}), "shape"),
        ("optimiser.safetensors", None, "whole safetensors file"),
        ("state.json", None, "must say where training stood"),
    ],
)
def test_a_foreign_or_broken_checkpoint_is_one_sentence(file: str, spoil: Any, complaint: str) -> None:
    cfg = settings()
    run, _ = train(cfg, act=stop_at(1))
    checkpoint = run.latest_checkpoint()
    assert checkpoint is not None
    if spoil is None:
        (checkpoint / file).write_text(json.dumps({"step": "x"}))
    else:
        arrays = load_file(checkpoint / file)
        spoil(arrays)
        save_file(arrays, checkpoint / file)
    with pytest.raises(WeightsError, match=complaint):
        train(cfg, run)


# Models and measurements


@pytest.mark.parametrize("name", ["autoencoder", "conv-vae", "conditional"])
def test_every_kind_of_model_trains_resumes_and_is_shown(name: str) -> None:
    model = {
        "autoencoder": ModelConfig(name="autoencoder"),
        "conv-vae": ModelConfig(channels=1, latent_dim=4),
        "conditional": ModelConfig(channels=1, latent_dim=2, label="class", classes=2),
    }[name]
    cfg = settings(model=model, optim=OptimConfig(batch_size=51, epochs=2))
    run, _ = train(cfg, act=stop_at(3))
    train(cfg, run)
    straight, _ = train(cfg)
    assert numbers(run) == numbers(straight)
    last, shown, fixed = run.metrics()[-1], run.snapshot(8), run.fixed()
    if name == "autoencoder":
        assert last["kl"] == last["test_kl"] == 0.0
        assert "kl_per_dim" not in last
        assert "probe_logvar" not in shown
        assert np.allclose(shown["code_mean"], shown["probe_mu"].mean(axis=0), atol=1e-5)
        assert np.array_equal(weights(run)["code_std"], shown["code_std"])
    else:
        assert len(last["kl_per_dim"]) == model.latent_dim
        assert not shown["code_mean"].any()
    assert ("sample_y" in fixed) == ("originals_y" in fixed) == ("probe_y" in fixed) == (name == "conditional")
    if name == "conditional":
        assert fixed["sample_y"].tolist() == [0, 1] * 12


def test_conv_vae_starts_with_the_average_colour() -> None:
    cfg = settings(model=ModelConfig(latent_dim=4), optim=OptimConfig(batch_size=204, epochs=1))
    run, _ = train(cfg, act=stop_at(1))
    mean = images().train.pixels.mean(axis=(0, 2, 3)) / 255
    bias = run.snapshot(0)["decoder.7.bias"]
    assert np.allclose(1 / (1 + np.exp(-bias)), mean, atol=1e-3)


def test_training_and_evaluation_give_the_same_number_on_the_same_batch() -> None:
    """One batch holds the whole set, and the held-out images are the same images with the same noise."""
    cfg = settings(optim=OptimConfig(batch_size=40, epochs=1), loss=LossConfig(beta=2.0))
    squares = images(train=40, test=0).train
    dataset = data.Dataset(info=data.info("digits"), train=squares, test=squares)
    model = trainer.new_model(cfg.model, cfg.seed)
    held_out = HeldOut(dataset, cfg, 40, CPU).measure(model, beta=2.0)
    x = torch.from_numpy(squares.pixels).float() / 255
    logits, q = model(x, None, Noise(3, cfg.seed, CPU).eps(0, 40, "held-out"))
    recon, kl = recon_loss(logits, x, cfg.loss).mean().item(), kl_divergence(q.mu, q.logvar).mean().item()
    assert held_out["test_recon"] == pytest.approx(recon, rel=1e-6)
    assert held_out["test_kl"] == pytest.approx(kl, rel=1e-5)
    assert held_out["test_loss"] == pytest.approx(recon + 2.0 * kl, rel=1e-6)
    assert held_out["test_floor"] == pytest.approx(held_out["floor"], rel=1e-6)
    assert HeldOut(dataset, cfg, 40, CPU).measure(model, beta=2.0) == held_out

    run = create_run(cfg)
    trainer.fit(model, dataset, cfg, Recorder(run), CPU)
    first = run.metrics()[0]
    same = trainer.new_model(cfg.model, cfg.seed)
    logits, q = same(
        x, None, Noise(3, cfg.seed, CPU).eps(1, 40)
    )  # the order within the batch differs: compare the noise-free term
    assert first["kl"] == pytest.approx(kl_divergence(q.mu, q.logvar).mean().item(), rel=1e-5)


def test_thinning_keeps_the_ends_and_covers_the_run() -> None:
    assert thin([0, 1, 2], keep=3) == []
    assert thin([], keep=3) == []
    kept: list[int] = []
    for step in range(0, 5000, 7):  # one after the other, as they are written
        kept.append(step)
        kept = sorted(set(kept) - set(thin(kept)))
    assert len(kept) == snapshots.KEPT
    assert (kept[0], kept[-1]) == (0, 4998)
    assert max(b - a for a, b in pairwise(kept)) < 600
    assert len([step for step in kept if step < 500]) >= 8
