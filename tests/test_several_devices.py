"""A training on several processes of the CPU over gloo: the same numbers as one, one writer, controls, deaths, resumes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ranks
from cli_shell import Shell
from small_training import numbers, weights

from vaelab.cli.bench.app_server import free_port
from vaelab.config.settings import DataConfig, OptimConfig
from vaelab.models import device
from vaelab.models.model_config import ModelConfig
from vaelab.runs import store
from vaelab.runs.files import Row
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run, create_run
from vaelab.workers import several, train_worker

CLOSE = 1e-5  # of a number, after all the steps of a run: float32, summed in another order
RUN = ["-m", "vaelab.workers"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    shutil.rmtree(tmp_path)


def settings(model: str = "linear-vae", epochs: int = 3, batch: int = 20) -> RunConfig:
    """61 images in batches of 20: the last of an epoch has one image, which three processes cannot share."""
    return RunConfig(
        data=DataConfig(name="digits", limit=61),
        model=ModelConfig(name=model, latent_dim=4),
        optim=OptimConfig(batch_size=batch, epochs=epochs),
        device="cpu",
    )


def alone(cfg: RunConfig) -> Run:
    run = create_run(cfg)
    assert train_worker.run_here(run).state == "finished"
    return run


def on(run: Run, size: int) -> None:
    """Train to the end on several processes."""
    with ranks.started([*RUN, str(run.path)], size) as processes:
        told = [process.communicate(timeout=ranks.PATIENCE)[0] for process in processes]
        assert ranks.codes(processes) == [0] * size, told


def assert_alike(found: Run, expected: Run) -> None:
    """The same rows and weights, but for the order of sums."""
    assert [row["step"] for row in found.metrics()] == [row["step"] for row in expected.metrics()]
    for ours, theirs in zip(numbers(found), numbers(expected), strict=True):
        assert _alike(ours, theirs), (ours, theirs)
    for name, array in weights(expected).items():
        assert weights(found)[name] == pytest.approx(array, rel=1e-3, abs=CLOSE)


def _alike(ours: Row, theirs: Row) -> bool:
    return ours.keys() == theirs.keys() and all(
        ours[key] == pytest.approx(theirs[key], rel=CLOSE, abs=CLOSE) for key in theirs
    )


def test_three_processes_train_as_one_does() -> None:
    """With the statistics of whole batches, in training and in what is held out."""
    cfg = settings("beta-tcvae")
    expected, run = alone(cfg), create_run(cfg)
    on(run, 3)
    assert_alike(run, expected)
    assert "test_loss" in run.metrics()[-1]
    status = run.status()
    assert (status.state, status.step) == ("finished", 12)
    assert status.device == "3 x cpu (1 thread)"
    assert status.device_memory_mb is not None
    assert status.device_memory_mb > 1.5 * (expected.status().device_memory_mb or 0.0)
    assert [event["event"] for event in run.events()] == ["start"]


@pytest.mark.slow
def test_pause_step_dials_and_stop_reach_all_and_any_number_of_processes_goes_on() -> None:
    """Paused, stepped and stopped on 3, then 2, then 1: the rows are those of one process with the same dials."""
    run = create_run(settings(epochs=100_000))
    with ranks.started([*RUN, str(run.path)], 3) as processes:
        ranks.wait_for(lambda: len(run.metrics()) > 3)
        run.ask("pause")
        ranks.wait_for(lambda: run.status().state == "paused")
        reached = run.status().step
        run.ask("step")
        ranks.wait_for(lambda: run.metrics()[-1]["step"] == reached + 1)
        run.ask("step", beta=3.0, lr=2e-3)
        ranks.wait_for(lambda: run.metrics()[-1]["step"] == reached + 2)
        assert run.metrics()[-1]["beta"] == 3.0
        run.ask("run")
        ranks.wait_for(lambda: run.metrics()[-1]["step"] > reached + 10)
        run.ask("stop")
        assert ranks.codes(processes) == [0, 0, 0]
    first = run.status()
    assert first.state == "stopped"
    assert run.latest_checkpoint() == run.checkpoints_dir / str(first.step)

    with ranks.started([*RUN, str(run.path)], 2) as processes:
        ranks.wait_for(lambda: len(run.events()) == 3 and run.metrics()[-1]["step"] > first.step + 4)
        os.kill(processes[1].pid, signal.SIGTERM)  # as when a computer is shut down: the run stops with a checkpoint
        assert ranks.codes(processes) == [0, 0]
    assert run.status().state == "stopped"
    assert run.events()[2]["event"] == "resume"
    assert run.events()[2]["step"] == first.step

    assert {row["beta"] for row in run.metrics() if row["step"] > first.step} == {
        3.0
    }  # the dials stay as they were turned
    second = run.status()
    third = train_worker.run_here(run, on_row=lambda row: _stop(run))
    assert third.state == "stopped"
    assert third.step > second.step


def _stop(run: Run) -> None:
    run.ask("stop")


@pytest.mark.slow
def test_a_resume_with_another_number_gives_the_numbers_of_one() -> None:
    cfg = settings(epochs=6)
    expected, run = alone(cfg), create_run(cfg)
    rows: list[Row] = []

    def stop_early(row: Row) -> None:
        rows.append(row)
        if row["step"] == 9:
            run.ask("stop")

    ran = train_worker.run_here(run, on_row=stop_early)
    assert ran.state in ("stopped", "finished")
    if ran.state == "stopped":
        on(run, 2)
    assert_alike(run, expected)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "told"), [(signal.SIGKILL, "without a word"), (signal.SIGSTOP, "without a word")])
def test_a_process_that_dies_or_hangs_ends_the_run_with_its_name(how: signal.Signals, told: str) -> None:
    run = create_run(settings(epochs=100_000))
    each = {rank: {"VAELAB_SILENCE_SECONDS": "15"} for rank in range(3)}
    with ranks.started([*RUN, str(run.path)], 3, each) as processes:
        ranks.wait_for(lambda: len(run.metrics()) > 3)
        os.kill(processes[1].pid, how)
        assert processes[0].wait(ranks.PATIENCE) == 1
        assert processes[2].wait(ranks.PATIENCE) == 1
    status = run.status()
    assert status.state == "failed"
    assert status.message.startswith("Rank 1 of 3 on ")
    assert told in status.message
    assert str(processes[1].pid) in status.message


@pytest.mark.slow
def test_what_one_process_cannot_do_is_told_as_its_own_words(tmp_path: Path) -> None:
    """Its images are others, or none: the run says whose, and nobody waits."""
    for folder in ("here", "there"):
        for k in range(4):
            _draw(tmp_path / folder / f"{k}.png", k if folder == "here" else k + 5)
    run = create_run(
        RunConfig(
            data=DataConfig(name="folder:pictures"),
            model=ModelConfig(name="linear-vae", latent_dim=2),
            optim=OptimConfig(batch_size=2, epochs=1),
            device="cpu",
        )
    )
    for folder, told in (("there", "must have the same images"), ("nowhere", "must name a folder that exists")):
        where = tmp_path / folder
        where.mkdir(exist_ok=True)
        if folder == "there":
            (tmp_path / "a").mkdir()
            (tmp_path / "a" / "pictures").symlink_to(tmp_path / "here")
            (tmp_path / "b").mkdir()
            (tmp_path / "b" / "pictures").symlink_to(where)
        homes = [tmp_path / "a", tmp_path / ("b" if folder == "there" else "nowhere")]
        code = "import os, sys; os.chdir(os.environ['HOME_OF_RANK']); from vaelab.workers.__main__ import main; sys.exit(main(sys.argv[1:]))"
        each = {rank: {"HOME_OF_RANK": str(home)} for rank, home in enumerate(homes)}
        with ranks.started(["-c", code, str(run.path)], 2, each) as processes:
            processes[0].wait(ranks.PATIENCE)
            processes[1].wait(ranks.PATIENCE)
        status = run.status()
        assert status.state == "failed"
        assert told in status.message
        assert "ank 1" in status.message


def _draw(path: Path, level: int) -> None:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (32, 32), (20 * level, 9, 9)).save(path)


@pytest.mark.slow
def test_an_error_in_one_process_is_told_as_its_own(tmp_path: Path) -> None:
    """Also what is no error of ours: here after three steps, while the others wait for its part of a sum."""
    run = create_run(settings(epochs=100_000))
    script = tmp_path / "fails.py"
    script.write_text(
        "import os, sys\n"
        "from vaelab.training.replica import Replica\n"
        "from vaelab.workers.__main__ import main\n"
        "take_step = Replica.take_step\n"
        "def fails(replica):\n"
        "    if os.environ['RANK'] == '2' and replica.at.step == 3:\n"
        "        raise MemoryError\n"
        "    return take_step(replica)\n"
        "Replica.take_step = fails\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    with ranks.started([str(script), str(run.path)], 3) as processes:
        assert ranks.codes(processes) == [1, 1, 1]
    assert run.status().state == "failed"
    assert run.status().message.startswith("Rank 2 of 3 failed: The memory is not enough for this training")


@pytest.mark.slow
def test_where_process_0_dies_the_others_end_and_where_it_diverges_too() -> None:
    wild = settings(epochs=100_000)
    run = create_run(wild)
    with ranks.started([*RUN, str(run.path)], 2) as processes:
        ranks.wait_for(lambda: len(run.metrics()) > 3)
        processes[0].kill()
        assert processes[1].wait(ranks.PATIENCE) == 1
    assert run.status().state == "interrupted"
    run.ask(lr=10.0)
    with ranks.started([*RUN, str(run.path)], 2) as processes:
        assert ranks.codes(processes) == [1, 0]
    assert run.status().state == "diverged"
    assert "stopped being finite numbers" in run.status().message


@pytest.mark.slow
def test_two_launchers_are_two_computers(tmp_path: Path) -> None:
    """torchrun twice, as on two computers; the second has no run directory."""
    cfg = settings()
    expected, run = alone(cfg), create_run(cfg)
    port = str(free_port())
    launchers = []
    for node, path in enumerate((run.path, tmp_path / "elsewhere")):
        command = ["-m", "torch.distributed.run", "--nnodes", "2", "--node-rank", str(node), "--nproc-per-node", "1"]
        address = ["--master-addr", "127.0.0.1", "--master-port", port]
        launchers.append(
            subprocess.Popen(
                [sys.executable, *command, *address, *RUN, str(path)],
                cwd=ranks.ROOT,
                env={**os.environ, "PYTHONPATH": str(ranks.ROOT)},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
    try:
        assert [launcher.wait(ranks.PATIENCE) for launcher in launchers] == [0, 0]
    finally:
        for launcher in launchers:
            launcher.terminate()
            launcher.wait()
    assert_alike(run, expected)
    assert not (tmp_path / "elsewhere").exists()


def test_the_command_trains_on_several_devices_and_ctrl_c_stops_it(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "cores", lambda: 2)
    tiny = ["train", "--dataset", "digits", "--model", "linear-vae", "--batch-size", "32", "--limit", "96"]
    tiny += ["--device", "cpu", "--latent-dim", "4", "--devices", "2"]
    whole = shell.json(*tiny[:-2], "--epochs", "2")
    split = shell.json(*tiny, "--epochs", "2", "--name", "split")
    assert split["device"].startswith("2 x cpu")
    assert split["test"]["loss"] == pytest.approx(whole["test"]["loss"], rel=CLOSE)
    refused = shell.refuses(*tiny[:-1], "3", "--name", "many")
    assert "devices must be at most the 2 CPU cores of this computer, got 3" in refused
    refused = shell.refuses(*tiny, "--batch-size", "1", "--name", "small")
    assert "batch_size must be at least the number of devices, 2, got 1" in refused
    assert {run.name for run in store.list_runs()} >= {"split"}
    assert not {"many", "small"} & {run.name for run in store.list_runs()}

    told: list[Row] = []

    def interrupt(self: object, row: Row) -> None:
        told.append(row)
        if len(told) == 1:  # a second one would end the launcher before the checkpoint
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("vaelab.cli.progress.Progress.show", interrupt)
    printed = shell(*tiny, "--epochs", "100000", "--name", "cut")
    assert "go on with: python -m vaelab resume cut" in printed
    assert store.find("cut").status().state == "stopped"


@pytest.mark.slow
def test_a_leader_that_is_killed_is_told_by_the_launcher() -> None:
    run = create_run(settings(epochs=100_000))

    def kill(row: Row) -> None:
        pid = run.status().pid
        assert pid is not None
        if run.status().state == "running":
            os.kill(pid, signal.SIGKILL)

    status = several.run_here(run, 2, on_row=kill)
    assert status.state == "failed"
    assert "rank 0, ended without a word" in status.message
    assert not run.worker_lock.is_taken()


def test_a_prepared_run_says_how_to_train_it(shell: Shell) -> None:
    told = shell.json("train", "--dataset", "digits", "--devices", "4", "--prepare", "--name", "later")
    assert told["command"].startswith("torchrun --standalone --nproc-per-node 4 -m vaelab.workers ")
    assert told["command"].endswith("later")
    assert store.find("later").metrics() == []
