"""Benchmarks: their arithmetic on known numbers, and that the contestants run. How fast they are is not a test."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from cli_shell import Shell
from run_writer import write_run

from vaelab import data
from vaelab.cli import cli
from vaelab.cli.bench import growing, growth, growth_plot, hands, photograph, project, pythae_loop, report, step, train
from vaelab.cli.bench.chosen import choose
from vaelab.cli.bench.report import SUBJECTS, Report, compare, in_turns
from vaelab.config.errors import VaeLabError
from vaelab.runs import store
from vaelab.runs.plan import plan
from vaelab.training.step_program import Program, Recipe


def test_contestants_take_turns() -> None:
    order: list[str] = []

    def contestant(name: str) -> float:
        order.append(name)
        return float(len(order))

    values = in_turns({"a": lambda: contestant("a"), "b": lambda: contestant("b")}, 3)
    assert order == ["a", "b"] * 3
    assert values == {"a": (1.0, 3.0, 5.0), "b": (2.0, 4.0, 6.0)}


@pytest.mark.parametrize(("more_is_better", "ratio"), [(True, 3.0), (False, 1 / 3)])
def test_a_ratio_is_the_median_over_the_rounds_and_above_one_is_better(more_is_better: bool, ratio: float) -> None:
    values = {"theirs": (10.0, 20.0, 10.0), "ours": (20.0, 60.0, 100.0)}  # 2, 3 and 10 times, round by round
    theirs, ours = compare("setting", "images/s", values, "theirs", more_is_better=more_is_better)
    assert theirs.ratio is None
    assert ours.ratio == pytest.approx(ratio)
    assert ours.median == 60.0
    assert ours.spread == pytest.approx(80 / 60)


def test_a_report_says_what_was_measured_and_where() -> None:
    entries = compare("setting", "s", {"theirs": (4.0,), "ours": (2.0,)}, "theirs", more_is_better=False)
    found = Report("train", 1, entries, ("A note.",))
    text, data = found.text(), json.loads(json.dumps(found.to_dict()))
    assert "2.00x" in text
    assert "1 repeats in turns" in text
    assert text.endswith("A note.")
    assert data["entries"][1]["ratio"] == 2.0
    assert data["machine"]["cores"] >= 1
    assert set(report.machine()) >= {"system", "python", "cores"}


def test_every_subject_is_offered() -> None:
    (subject, *_) = cli.commands["bench"].params
    assert list(subject.type.choices) == list(SUBJECTS)  # type: ignore[attr-defined]


def test_both_training_loops_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VAELAB_PROGRAMS", str(tmp_path))
    monkeypatch.setattr(train, "WARM_SECONDS", 0.02)
    asked: list[int] = []

    def build(recipe: Recipe) -> Program:
        asked.append(recipe.cfg.optim.batch_size)
        if asked[-1] == 512:
            raise RuntimeError("no C++ compiler")
        return Program(recipe.name, 1.02, None)

    found = train.measure(1, seconds=0.05, models=("linear-vae",), builder=build)
    assert asked == list(train.OUR_BATCHES)
    assert found.notes[2].endswith(
        "the compiled step was 1.02 times as fast as the eager one when it was built, too little to be used."
    )
    assert found.notes[3].endswith("batch 512: no compiled step: no C++ compiler.")
    assert [entry.contestant for entry in found.entries] == [
        train.PLAIN,
        *(f"vaelab, batch {batch}" for batch in train.OUR_BATCHES),
    ]
    assert all(entry.median > 0 for entry in found.entries)
    assert "trainer.fit" in found.notes[0]


def test_a_step_is_taken_apart() -> None:
    found = step.measure(1, models=("linear-vae",), steps=1)
    parts = {entry.contestant: entry.median for entry in found.entries}
    assert list(parts) == [
        train.PLAIN,
        *(f"{part}, batch {batch}" for batch in train.OUR_BATCHES for part in ("our step", "its products", "its Adam")),
    ]
    assert all(value > 0 for value in parts.values())


def test_products_are_counted_forwards_and_backwards_and_nothing_else() -> None:
    clock = iter(range(1000))  # a second for every operation
    x, w = torch.ones(2, 3), torch.ones(3, 4, requires_grad=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(step.time, "thread_time", lambda: float(next(clock)))
        with step.Parts() as found:
            ((x @ w).sum() * 2).backward()
            torch.optim.Adam([w], fused=True).step()
    assert (found.products, found.adam) == (2, 1)  # x is no weight: it asks for no product of its own


def test_pythaes_own_trainer_runs_on_the_same_model() -> None:
    pytest.importorskip("pythae", reason="pip install pythae==0.1.2")
    cfg, images = plan("pixel-faces", "linear-vae", batch_size=32), data.load("pixel-faces")
    assert pythae_loop.pythae_speed(cfg, images, torch.device("cpu"), 0.05, 0.01) > 0


def test_a_photograph_is_decoded_in_all_ways() -> None:
    found = photograph.measure(1, size=(1200, 900))
    assert [entry.contestant for entry in found.entries] == [
        "libjpeg alone",
        "in this process",
        "in the process with limits",
    ]
    assert all(entry.median > 0 for entry in found.entries)


def test_both_projections_run() -> None:
    found = project.measure(1, vectors=100, codes=200)
    assert {entry.setting for entry in found.entries} == {
        "PCA", "t-SNE", "200 codes", "t-SNE of 200", "encoding 200 images",
    }  # fmt: skip
    assert all(entry.median > 0 for entry in found.entries)


def test_runs_that_are_asked_for_are_copied_and_what_the_server_decodes_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Shell
) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    write_run("mine", cfg=plan("digits", latent_dim=4))
    write_run("wide", cfg=plan("pixel-faces", model="vq-vae", network="code-stack"))
    found = choose(("mine", "wide", "mnist-conv-vae", "mine"), tmp_path / "app")
    assert found.names == ("mine", "mnist-conv-vae")
    assert [path.name for path in (tmp_path / "app").iterdir()] == ["mine"]
    assert [sentence.partition(":")[0] for sentence in found.told] == ["mine", "wide", "mnist-conv-vae"]
    assert "Train expects 60" in found.told[0]
    assert "so the server decodes it" in found.told[1]
    with pytest.raises(VaeLabError, match="must be decoded in the browser"):
        choose(("wide",), tmp_path / "none")
    assert choose((), tmp_path).names == tuple(store.shipped())
    assert "--run is for the subjects decode and hands, got train" in shell.refuses("bench", "train", "--run", "mine")


@pytest.mark.slow
@pytest.mark.browser
def test_two_hands_paint_and_no_page_scrolls_under_the_finger() -> None:
    found = hands.measure(1, seconds=0.6, models=("mnist-conv-vae",))
    assert [entry.contestant for entry in found.entries] == ["pictures", "event to paint, p95"] * 2
    assert all(entry.median > 0.0 for entry in found.entries)
    assert found.notes[-1] == "No page scrolled under the finger."


def test_growth_says_what_costs_more_than_n_log_n() -> None:
    notes = growth.told("rows", (10, 100, 1_000), [1.0, 10.0, 1_000.0])
    assert notes == [
        "rows, 10 to 100: 10 times the CPU.",
        "rows, 100 to 1,000: 1e+02 times the CPU, more than n log n.",
    ]


def test_a_size_is_measured_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(growth.SUBJECTS, "rows", (10, 3_000))
    found = growth.measure(1, ("rows",))
    seconds = {entry.contestant: entry.median for entry in found.entries if entry.unit == "s of CPU"}
    assert list(seconds) == ["10", "3,000"]
    assert all(value > 0 for value in seconds.values())
    assert len(found.notes) == 1
    with pytest.raises(VaeLabError, match=r"nothing must be measured with 1 of them, got: KeyError: 'nothing'"):
        growth._apart("nothing", 1)


def test_all_that_grows_can_be_asked_for() -> None:
    assert set(growth.SUBJECTS) == {*growing.WORKS, "sessions"}


def test_growth_is_drawn_with_a_line_for_each_subject() -> None:
    entries = [
        report.Entry("rows", "10", "s of CPU", (0.1,)),
        report.Entry("rows", "1,000", "s of CPU", (1.0, 9.0, 1.0)),
        report.Entry("rows", "1,000", "MB", (77.0,)),
        report.Entry("runs & more", "100", "s of CPU", (0.0,)),
    ]
    lines = growth_plot.lines_of(entries)
    assert lines == {"rows": [(10.0, 0.1), (1000.0, 1.0)], "runs & more": [(100.0, 0.0)]}
    drawn = ElementTree.fromstring(growth_plot.svg(lines))
    space = "{http://www.w3.org/2000/svg}"
    dots = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in drawn.iter(f"{space}circle")]
    assert len(dots) == 3
    assert dots[0][0] < dots[2][0] < dots[1][0]  # 10, 100, 1,000
    assert dots[1][1] < dots[0][1] < dots[2][1]  # more seconds stand higher
    words = [text.text for text in drawn.iter(f"{space}text")]
    assert {"rows", "runs & more", "10", "100", "1,000"} <= set(words)
