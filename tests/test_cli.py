"""The command line, command by command: what it prints, what it writes, and one sentence for whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from cli_shell import Shell

from vaelab.cli import cli, training
from vaelab.config.settings import OptimConfig
from vaelab.runs import store
from vaelab.runs.plan import TRAIN_OPTIONS, plan, train_command

pytestmark = pytest.mark.usefixtures("places")

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = sorted(cli.commands)

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


def test_no_command_at_all_lists_the_commands(shell: Shell) -> None:
    lines = shell().splitlines()
    assert len(lines) > len(COMMANDS)  # as it is laid out, not run together into one sentence
    assert all(any(line.split()[:1] == [name] for line in lines) for name in COMMANDS)


def test_every_command_answers_in_json() -> None:
    for name, command in cli.commands.items():
        if name == "app":
            continue  # answers in the browser
        assert "--json" in [option for parameter in command.params for option in parameter.opts], name


def test_help_and_defaults_of_train_come_from_the_config(shell: Shell) -> None:
    options = {parameter.opts[0]: parameter for parameter in training.train.params}
    for option, (owner, _, name) in TRAIN_OPTIONS.items():
        parameter = options[option]
        assert isinstance(parameter, click.Option)
        # What the command line alone may do stands behind what holds for a config.
        assert (parameter.help or "").startswith(owner.help(name).removesuffix("."))  # type: ignore[attr-defined]
        # How many images there are decides the usual batch.
        expected = None if option == "--batch-size" else owner.__dataclass_fields__[name].default  # type: ignore[attr-defined]
        assert parameter.default == expected
    assert OptimConfig.help("lr").split(".")[0] in " ".join(shell("train", "--help").split())


def test_the_command_of_a_config_asks_for_that_config() -> None:
    cfg = plan("digits", "conv-vae", latent_dim=3, label="class", epochs=2, lr=3e-4, beta=0.5, warmup="linear", seed=4)
    command = train_command(cfg).split()
    assert command[:4] == ["python", "-m", "vaelab", "train"]
    settings = training.train.make_context("train", command[4:]).params
    how = ("name", "run_dir", "quiet", "as_json", "devices", "prepare")  # how it is run, not what is trained
    chosen = {name: value for name, value in settings.items() if name not in how}
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
    *_, total, work = printed.splitlines()
    assert "194,955" in total
    assert work.startswith("multiply-adds of one image: encoder ")


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


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset", "cifar11"], "cifar10"),
        (["--dataset", "cifar10"], "cifar10"),  # known, but absent and not downloaded
        (["--model", "gan"], "autoencoder, linear-vae, conv-vae"),
        (["--latent-dim", "0"], "latent_dim must be from 2 to 256, got 0"),
        (["--batch-size", "2000"], "1,500 training images of digits"),
        (["--limit", "20", "--batch-size", "21"], "20 training images of digits under the limit"),
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
    refusal = shell.refuses("train", "folder:pictures")  # where --dataset was left out
    assert "unexpected extra argument (folder:pictures)" in refusal
    assert "vaelab train --help` lists what it takes" in refusal
    assert "autoencoder, linear-vae, conv-vae" in shell.refuses("summary", "vae")
    assert "latent_dim" in shell.refuses("summary", "linear-vae", "--latent-dim", "0")
    assert "split must be train or test" in shell.refuses("evaluate", trained, "--split", "validation")
    assert "'faster' is not one of" in shell.refuses("bench", "faster")
    assert "cifar11" in shell.refuses("datasets", "--download", "cifar11")
