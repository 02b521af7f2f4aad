"""Lesson 9's broken lines: what is shown is what runs, the copy beside it is the whole training, and each mistake does what the lesson says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vaelab.lessons import broken_step as broken
from vaelab.lessons.broken_step import BREAKS
from vaelab.lessons.one_step import Training, configuration, one_step
from vaelab.ui.learn import code

STEPS = 80  # after the break: enough for every claim


def last(training: Training, term: str) -> float:
    return float(np.mean([getattr(step, term) for step in training.steps[-code.MEAN_OF :]]))


@pytest.fixture(scope="module")
def trained():
    """For each break a training that was broken after two steps."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = {}
    for name in BREAKS:
        training = Training(configuration(images=512))
        training.take()
        training.take()
        training.change(broken.broken_step(name))
        for _ in range(STEPS):
            training.take(look=False)
        found[name] = training
    torch.set_num_threads(threads)
    return found


@pytest.mark.parametrize("name", list(BREAKS))
def test_one_line_is_broken_and_no_other(name):
    before, after = broken.broken_source("").splitlines(), broken.broken_source(name).splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 1
    assert BREAKS[name].line in changed[0][0]
    assert BREAKS[name].broken in changed[0][1]
    shown = [line for part in code.parts().values() for line in part]
    assert shown.count(BREAKS[name].line) == 1, "the stage shows it as a line that can be pressed"


def test_nothing_is_broken_at_first():
    assert broken.broken_step("") is one_step
    training = Training(configuration(images=80))
    training.change(one_step)
    assert training.unbroken is None


def test_the_copy_goes_on_as_if_nothing_had_been_broken(trained):
    never = Training(configuration(images=512))
    for _ in range(STEPS + 2):
        never.take(look=False)
    for name, training in trained.items():
        whole = training.unbroken
        assert training.broken_at == 2
        assert [step.loss for step in whole.steps] == pytest.approx([step.loss for step in never.steps], rel=1e-4), name
        ours = dict(training.model.named_parameters())
        assert any(not torch.equal(p, ours[key]) for key, p in whole.model.named_parameters()), name


@pytest.mark.parametrize("name", ["half", "noise"])
def test_two_mistakes_make_the_loss_look_better(trained, name):
    ours, whole = trained[name], trained[name].unbroken
    assert last(ours, "recon") < last(whole, "recon")
    assert last(ours, "kl") < last(whole, "kl")


def test_the_other_mistakes_do_what_the_lesson_says(trained):
    def ratio(name: str, term: str) -> float:
        return last(trained[name], term) / last(trained[name].unbroken, term)

    assert ratio("mean", "recon") == pytest.approx(1 / 3072, rel=0.3)
    assert last(trained["mean"], "kl") < 0.1 < last(trained["mean"].unbroken, "kl")
    assert last(trained["sign"], "kl") > 1_000
    assert last(trained["sign"], "loss") < 0, "a reward without end"
    assert ratio("zero", "recon") > 1.03
    moved = Training(configuration(images=512))
    moved.take()
    moved.take()
    for name, p in moved.model.named_parameters():
        assert torch.equal(p, dict(trained["step"].model.named_parameters())[name]), "no weight moves"
    assert {name for name in BREAKS if last(trained[name], "loss") < last(trained[name].unbroken, "loss")} >= {
        "half",
        "noise",
    }


def test_a_mended_training_runs_the_whole_line_again(trained):
    training = trained["mean"]
    training.change(one_step)
    step = training.take()
    assert step.recon > 1_000
    assert training.unbroken is not None, "the comparison stays"
