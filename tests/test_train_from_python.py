"""vaelab.train: the config, the checks and the run folder of the command, from Python."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from cli_shell import Shell

import vaelab
from vaelab import data
from vaelab.config.errors import ConfigError, DataError, RunError, VaeLabError
from vaelab.runs import store

pytestmark = pytest.mark.usefixtures("places")

SMALL: dict[str, Any] = {"latent_dim": 4, "limit": 96, "batch_size": 32, "device": "cpu"}


def test_it_is_the_training_of_the_command(shell: Shell) -> None:
    rows: list[Any] = []
    model = vaelab.train("digits", **SMALL, epochs=2, beta=2.0, seed=3, name="here", on_row=rows.append)
    shell(
        *(
            "train",
            "--dataset",
            "digits",
            "--latent-dim",
            "4",
            "--limit",
            "96",
            "--batch-size",
            "32",
            "--device",
            "cpu",
        ),
        *("--epochs", "2", "--beta", "2", "--seed", "3", "--name", "there", "--quiet"),
    )
    there = vaelab.load("there")
    assert {**model.config.to_dict(), "id": ""} == {**there.config.to_dict(), "id": ""}
    for name, tensor in there.module.state_dict().items():
        assert torch.equal(tensor, model.module.state_dict()[name]), name
    assert model.run.status().state == "finished"
    assert rows == model.run.metrics()
    assert rows[-1]["step"] == 6
    assert sorted(path.name for path in model.run.path.iterdir()) == sorted(
        path.name for path in there.run.path.iterdir() if path.name != "worker.log"
    )


def test_ctrl_c_stops_with_what_was_learned() -> None:
    def interrupt(row: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    model = vaelab.train("digits", **SMALL, epochs=50, name="cut", on_row=interrupt)
    status = model.run.status()
    assert status.state == "stopped"
    assert 0 < status.step < status.total_steps
    assert model.run.latest_checkpoint() is not None
    assert signal.getsignal(signal.SIGINT) is before


def test_images_of_ones_own_with_their_classes() -> None:
    digits = data.load("digits").train
    assert digits.labels is not None
    words = np.where(digits.labels[:60] % 2 == 0, "even", "odd")
    model = vaelab.train(
        digits.pixels[:60, 0] / 255.0, "conv-vae", labels=words, label="class", epochs=1, batch_size=16, name="own"
    )
    assert model.labels == ("even", "odd")
    assert model.shape == (3, 32, 32)  # as every folder of images is taken
    images, labels = model.images("train")
    assert len(images) == 54
    assert labels is not None
    known = {image[0].tobytes(): word for image, word in zip(digits.pixels[:60], words, strict=True)}
    assert [known[image[0].tobytes()] for image in images] == [model.labels[k] for k in labels]


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"betta": 2.0}, ConfigError, "has no setting 'betta'"),
        ({"beta": -1.0}, ConfigError, "beta"),
        ({"dataset": "digitz"}, DataError, "digitz"),
        ({"labels": [1]}, ConfigError, "must be left out"),
        ({"dataset": np.zeros((4, 2, 8, 8), np.uint8)}, ConfigError, "C 1 or 3"),
        ({"dataset": np.zeros((4, 32, 32), np.uint8), "labels": [1, 2]}, ConfigError, "one for each of 4"),
        ({"dataset": np.zeros((4, 32, 32), np.uint8), "batch_size": 400}, ConfigError, "at most"),
        ({"name": "../out"}, RunError, "out"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_and_leaves_nothing(
    given: dict[str, Any], error: type[VaeLabError], words: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=words):
        vaelab.train(**{"dataset": "digits", **given})
    assert store.list_runs() == []
    assert not [*(tmp_path / "data").rglob("*.png")]
