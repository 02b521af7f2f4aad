"""The files of a run: rows that are torn, garbled or very many, files that are replaced, and what is read of them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from test_runs import home  # noqa: F401

from vaelab.config.errors import WeightsError
from vaelab.runs import files, resting, store
from vaelab.runs.files import RowReader, append_row, end_torn_line, last_measured, read_arrays
from vaelab.runs.run_config import RunConfig

ROOT = Path(__file__).resolve().parents[1]


def test_rows_survive_torn_lines_and_never_hold_nan() -> None:
    run = store.create_run(RunConfig())
    assert run.metrics() == []
    append_row(run.metrics_file, {"event": "start", "step": 0})
    append_row(run.metrics_file, {"step": 1, "loss": 2.5, "test_loss": float("nan"), "kl_per_dim": [1.0, float("inf")]})
    assert "NaN" not in run.metrics_file.read_text()
    first = {"step": 1, "loss": 2.5, "test_loss": None, "kl_per_dim": [1.0, None]}
    with run.metrics_file.open("a") as file:
        file.write('{"step": 2, "lo')
    assert run.metrics() == [first]
    with run.metrics_file.open("a") as file:
        file.write('ss": 2.0}\n{"step": 3, "lo')
    second = {"step": 2, "loss": 2.0}
    assert run.metrics() == [first, second]
    end_torn_line(run.metrics_file)  # the writer was killed here; the next one goes on
    end_torn_line(run.metrics_file)
    append_row(run.metrics_file, {"step": 3, "loss": 1.0})
    assert run.metrics() == [first, second, {"step": 3, "loss": 1.0}]
    assert run.events() == [{"event": "start", "step": 0}]


def test_a_resume_takes_back_later_rows() -> None:
    run = store.create_run(RunConfig())
    for row in (
        {"event": "start", "step": 0},
        {"step": 1, "loss": 9.0},
        {"step": 5, "loss": 5.0},
        {"event": "dial", "step": 6, "beta": 2.0},
        {"step": 8, "loss": 4.0},
        {"event": "resume", "step": 5},
        {"step": 8, "loss": 4.5},
    ):
        append_row(run.metrics_file, row)
        run.metrics()  # a reader that looks all the time must agree with one that looks at the end
    assert [(row["step"], row["loss"]) for row in run.metrics()] == [(1, 9.0), (5, 5.0), (8, 4.5)]
    assert [row["event"] for row in run.events()] == ["start", "resume"]


def test_a_new_file_under_an_old_name_is_read_anew() -> None:
    run = store.create_run(RunConfig(), "again")
    append_row(run.metrics_file, {"step": 1, "loss": 1.0})
    assert len(run.metrics()) == 1
    resting.delete_run(run)
    assert run.metrics() == []
    run = store.create_run(RunConfig(), "again")
    append_row(run.metrics_file, {"step": 1, "loss": 2.0})
    assert [row["loss"] for row in run.metrics()] == [2.0]


def test_the_files_are_plain_json() -> None:
    run = store.create_run(RunConfig())
    run.ask("pause")
    for file in (run.config_file, run.control_file):
        assert isinstance(json.loads(file.read_text()), dict)
    assert not list(run.path.glob("*.part"))


def test_the_last_measured_row_is_read_from_the_end(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    assert last_measured(file) is None
    for step in range(1, 1_001):  # far more than the end that is read
        append_row(file, {"step": step, "loss": float(step), "kl_per_dim": [0.1] * 16})
    append_row(file, {"step": 1_000, "event": "dial", "beta": 2.0})
    with file.open("ab") as torn:
        torn.write(b'{"step": 1001, "loss"')
    assert (last_measured(file) or {})["loss"] == 1_000.0
    end_torn_line(file)
    append_row(file, {"step": 400, "event": "resume"})
    assert (last_measured(file) or {})["loss"] == 400.0  # what came later is trained again


def long_file(file: Path, steps: range) -> None:
    """A row a step, held-out figures every tenth, an event in between every thousandth."""
    with file.open("a") as rows:
        for step in steps:
            test = {"test_loss": 2.0 * step} if step % 10 == 0 else {}
            rows.write(json.dumps({"step": step, "loss": float(step), **test}) + "\n")
            if step % 1_000 == 500:
                rows.write(json.dumps({"step": step, "event": "dial", "beta": float(step)}) + "\n")


@pytest.mark.parametrize("part", [2**12, 2**20])
def test_of_a_very_long_run_rows_spread_over_all_of_it_are_kept(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PART", part)
    file = tmp_path / "metrics.jsonl"
    long_file(file, range(20_000))
    reader, whole = RowReader(file, most=100), RowReader(file, most=None)
    assert [row["step"] for row in whole.read() if "event" not in row] == list(range(20_000))
    for end in (20_000, 20_007):  # at once, then row by row
        long_file(file, range(20_000, end))
        rows = reader.read()
        measured = [row for row in rows if "event" not in row]
        steps = [row["step"] for row in measured]
        assert steps == sorted(set(steps))
        assert (steps[0], steps[-1]) == (0, end - 1)
        assert 100 < len(steps) < 900
        assert max(b - a for a, b in pairwise(steps)) < 600
        assert all(row["loss"] == row["step"] for row in measured)
        held_out = [row for row in measured if "test_loss" in row]
        assert len(held_out) > 90
        assert all(row["test_loss"] == 2 * row["step"] for row in held_out)
        assert [row["beta"] for row in rows if "event" in row] == [500.0 + 1_000 * k for k in range(20)]
    for end in range(20_100, 23_000, 100):  # a page that watches it meanwhile does not keep more and more
        long_file(file, range(end - 100, end))
        assert len(reader.read()) < 500
    append_row(file, {"step": 5_000, "event": "resume"})
    append_row(file, {"step": 5_001, "loss": 1.0})
    steps = [row["step"] for row in reader.read() if "event" not in row]
    assert steps[-2] <= 5_000
    assert steps[-1] == 5_001
    assert len(whole.read()) == 5_001 + 5 + 1 + 1


def test_an_unreadable_file_of_weights_is_told_in_a_short_sentence(tmp_path: Path) -> None:
    head = json.dumps({"a": {"dtype": "X" * 2_000, "shape": [1], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head + b"0000")
    with pytest.raises(WeightsError) as found:
        read_arrays(path)
    assert len(str(found.value)) < 400
