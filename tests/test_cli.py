"""The command line, command by command: what it prints, what it writes, and one sentence for whatever is wrong."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from PIL import Image
from run_writer import write_run
from safetensors import safe_open

from vaelab.cli import cli, main, training
from vaelab.config.settings import OptimConfig
from vaelab.images.files import open_image
from vaelab.runs import store
from vaelab.runs.plan import TRAIN_OPTIONS, plan, train_command
from vaelab.workers import launch

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = sorted(cli.commands)
TINY = ["--dataset", "digits", "--batch-size", "32", "--limit", "96", "--device", "cpu", "--latent-dim", "4"]

SPEC_AUTOENCODER = [
    ("Conv2d", [12, 16, 16], 588),
    ("ReLU", [12, 16, 16], 0),
    ("Conv2d", [24, 8, 8], 4_632),
    ("ReLU", [24, 8, 8], 0),
    ("Conv2d", [48, 4, 4], 18_480),
    ("ReLU", [48, 4, 4], 0),
    ("Conv2d", [96, 2, 2], 73_824),
    ("ReLU", [96, 2, 2], 0),
    ("ConvTranspose2d", [48, 4, 4], 73_776),
    ("ReLU", [48, 4, 4], 0),
    ("ConvTranspose2d", [24, 8, 8], 18_456),
    ("ReLU", [24, 8, 8], 0),
    ("ConvTranspose2d", [12, 16, 16], 4_620),
    ("ReLU", [12, 16, 16], 0),
    ("ConvTranspose2d", [3, 32, 32], 579),
    ("Sigmoid", [3, 32, 32], 0),
]


class Shell:
    """Runs a command in this process and reads what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object, code: int = 0) -> str:
        """stdout; stderr instead for a code other than 0."""
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        printed = self._capsys.readouterr()
        assert end.value.code == code, printed.out + printed.err
        return printed.err if code else printed.out

    def json(self, *arguments: object) -> dict[str, Any]:
        """The JSON object on the last line."""
        found: dict[str, Any] = json.loads(self(*arguments, "--json").splitlines()[-1])
        return found

    def refuses(self, *arguments: object) -> str:
        """The one sentence on stderr of a command that ends with 2."""
        message = self(*arguments, code=2)
        assert message.startswith("vaelab: ")
        assert message.count("\n") == 1, message
        assert "Traceback" not in message
        return message


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and data sets of each test lie in a folder of its own."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conv-vae that was trained for one epoch by the command itself; the path of its run."""
    path = tmp_path_factory.mktemp("trained") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(path.parent))
        with pytest.raises(SystemExit) as end:
            main(["train", *TINY, "--epochs", "1", "--run-dir", str(path), "--quiet"])
    assert not end.value.code
    return path


# --- help and documents ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_and_a_place_in_the_readme(name: str, shell: Shell) -> None:
    command = cli.commands[name]
    assert command.help, f"{name} has no help"
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name != "output":
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"
    assert command.help.splitlines()[0][:40] in " ".join(shell(name, "--help").split())
    assert f"vaelab {name}" in (ROOT / "README.md").read_text(encoding="utf-8"), f"README.md does not show {name}"


def test_every_command_answers_in_json() -> None:
    for name, command in cli.commands.items():
        assert "--json" in [option for parameter in command.params for option in parameter.opts], name


def test_help_and_defaults_of_train_come_from_the_config(shell: Shell) -> None:
    options = {parameter.opts[0]: parameter for parameter in training.train.params}
    for option, (owner, _, name) in TRAIN_OPTIONS.items():
        parameter = options[option]
        assert isinstance(parameter, click.Option)
        assert parameter.help == owner.help(name)  # type: ignore[attr-defined]
        assert parameter.default == owner.__dataclass_fields__[name].default  # type: ignore[attr-defined]
    assert OptimConfig.help("lr").split(".")[0] in " ".join(shell("train", "--help").split())


def test_the_command_of_a_config_asks_for_that_config() -> None:
    cfg = plan("digits", "conv-vae", latent_dim=3, label="class", epochs=2, lr=3e-4, beta=0.5, warmup="linear", seed=4)
    command = train_command(cfg).split()
    assert command[:4] == ["python", "-m", "vaelab", "train"]
    settings = training.train.make_context("train", command[4:]).params
    chosen = {name: value for name, value in settings.items() if name not in ("name", "run_dir", "quiet", "as_json")}
    assert plan(**chosen) == cfg


# --- summary, datasets, models, runs ---------------------------------------------------------------------------------


def test_summary_of_the_autoencoder_is_the_table_of_the_specification(shell: Shell) -> None:
    found = shell.json("summary", "autoencoder")
    assert [(row["layer"], row["output"], row["params"]) for row in found["layers"]] == SPEC_AUTOENCODER
    assert found["params"] == 194_955
    printed = shell("summary", "autoencoder")
    for layer, output, params in SPEC_AUTOENCODER:
        cells = f"{layer} {', '.join(map(str, output))} {params:,}"
        assert any(" ".join(line.split()).endswith(cells) for line in printed.splitlines()), cells
    assert "194,955" in printed.splitlines()[-1]


def test_summary_of_the_linear_vae(shell: Shell) -> None:
    found = shell.json("summary", "linear-vae")
    assert found["params"] == 795_936
    assert [row["output"] for row in found["layers"] if row["layer"] == "Linear"] == [[128], [32], [128], [3072]]
    assert shell.json("summary", "linear-vae", "--latent-dim", "2")["layers"][2]["output"] == [4]
    assert shell.json("summary", "conv-vae", "--image-size", "64")["layers"][-1]["output"] == [3, 64, 64]


def test_datasets_are_listed_with_what_is_there(shell: Shell) -> None:
    listed = {row["name"]: row for row in shell.json("datasets")["datasets"]}
    assert {"cifar10", "mnist", "fashion-mnist", "fashion-mnist-10k", "pixel-faces", "digits", "shapes"} <= set(listed)
    assert listed["pixel-faces"]["available"]
    assert not listed["cifar10"]["available"]  # VAELAB_DATA is empty here
    assert listed["cifar10"]["train_images"] == 50_000


def test_models_and_runs_are_listed(shell: Shell, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shell.json("models")
    assert {row["name"]: row["params"] for row in found["models"] if row["reference"]} == {
        "autoencoder": 194_955,
        "linear-vae": 795_936,
    }
    assert [row["name"] for row in found["weights"]] == store.shipped()
    assert shell.json("runs") == {"runs": []}
    assert "No run yet" in shell("runs")
    monkeypatch.setenv("VAELAB_RUNS", str(trained.parent))
    (row,) = shell.json("runs")["runs"]
    assert (row["name"], row["state"], row["dataset"], row["step"]) == ("tiny", "finished", "digits", 3)


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
        patch.setattr(training._Progress, "show", lambda self, row: os.kill(os.getpid(), signal.SIGINT))
        printed = shell("train", *TINY, "--epochs", "2", "--name", "cut")
    assert "go on with: python -m vaelab resume cut" in printed
    assert 0 < store.find("cut").status().step < 6
    resumed = shell.json("resume", "cut")
    assert resumed["state"] == "finished"
    assert resumed["test"] == whole["test"]
    assert "finished" in shell.refuses("resume", "cut")


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


def test_pause_resume_and_stop_reach_a_run_in_another_process(shell: Shell) -> None:
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


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "cifar11"], "cifar10"),
        (["--dataset", "cifar10"], "cifar10"),  # known, but absent and not downloaded
        (["--model", "gan"], "autoencoder, linear-vae, conv-vae"),
        (["--latent-dim", "0"], "latent_dim must be from 2 to 256, got 0"),
        (["--batch-size", "2000"], "1,500 training images of digits"),
        (["--limit", "20"], "20 training images of digits under the limit"),
        (["--epochs", "0"], "epochs must be from 1"),
        (["--beta", "nan"], "beta must be a finite number"),
        (["--lr", "-1"], "lr must be above 0"),
        (["--likelihood", "poisson"], "bernoulli, gaussian"),
        (["--warmup", "cosine"], "constant, linear, cyclic"),
        (["--image-size", "50"], "a multiple of 4 from 16 to 256"),
        (["--label", "hair"], "hair"),
        (["--model", "linear-vae", "--label", "class"], "conv-vae"),
        (["--device", "tpu"], "auto, cpu, cuda, mps"),
        (["--name", "../up"], "letters"),
        (["--epochs", "many"], "'many' is not a valid integer"),
        (["--colour", "red"], "No such option"),
        (["--name", "a", "--run-dir", "b"], "exclude each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_bad_setting_is_one_sentence_and_leaves_no_run(arguments: list[str], words: str, shell: Shell) -> None:
    given = arguments if "--dataset" in arguments else ["--dataset", "digits", *arguments]
    assert words in shell.refuses("train", *given)
    assert store.list_runs() == []


def test_folders_without_usable_images_are_refused(shell: Shell, tmp_path: Path) -> None:
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    empty.mkdir()
    broken.mkdir()
    for i in range(3):
        (broken / f"{i}.png").write_bytes(b"not an image")
    for folder in (empty, broken, tmp_path / "absent"):
        assert str(folder) in shell.refuses("train", "--dataset", f"folder:{folder}", "--batch-size", "1")
    # also where the batch is larger than the folder: that nothing can be read comes first
    assert "can be read, got 0 among 3 files" in shell.refuses("train", "--dataset", f"folder:{broken}")
    (broken / "1.png").unlink()
    (broken / "2.png").unlink()
    refusal = shell.refuses("train", "--dataset", f"folder:{broken}")
    assert "at least two images that can be read, got 0 among 1 file" in refusal
    assert store.list_runs() == []


def test_unusable_weights_and_files_are_refused(
    shell: Shell, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(trained.parent))
    assert shell.refuses("evaluate", "tinny") == "vaelab: there is no run 'tinny'; choose one of tiny\n"
    assert "absent.png" in shell.refuses("encode", trained, tmp_path / "absent.png")
    odd = tmp_path / "odd.png"
    odd.write_bytes(b"not an image")
    shell.refuses("encode", trained, odd)
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "config.json").write_bytes((trained / "config.json").read_bytes())
    assert "no" in shell.refuses("evaluate", copy)  # nothing saved yet
    (copy / "model.safetensors").write_bytes(b"not weights")
    assert "cannot be read as safetensors" in shell.refuses("evaluate", copy)
    settings = json.loads((trained / "config.json").read_text())
    settings["model"]["latent_dim"] = 9
    (copy / "config.json").write_text(json.dumps(settings))
    (copy / "model.safetensors").write_bytes(store.Run(trained).model_file().read_bytes())
    assert "weights of another model" in shell.refuses("evaluate", copy)


def test_bad_questions_are_one_sentence(shell: Shell, trained: Path) -> None:
    assert "No such command" in shell.refuses("trane")
    assert "autoencoder, linear-vae, conv-vae" in shell.refuses("summary", "vae")
    assert "latent_dim" in shell.refuses("summary", "linear-vae", "--latent-dim", "0")
    assert "split must be train or test" in shell.refuses("evaluate", trained, "--split", "validation")
    assert "'faster' is not one of" in shell.refuses("bench", "faster")
    assert "cifar11" in shell.refuses("datasets", "--download", "cifar11")
