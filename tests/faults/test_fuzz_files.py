"""Files of a run as another version, another program or a broken disk may have left them: no error but a sentence, for that run alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from fuzz import tries, values, words
from hypothesis import example, given
from hypothesis import strategies as st
from run_writer import write_run

from vaelab.cli.catalog import _run_row
from vaelab.config.errors import WeightsError
from vaelab.data import folder
from vaelab.runs.files import read_rows
from vaelab.runs.run_config import RunConfig
from vaelab.runs.store import Run
from vaelab.training.checkpoints import _state
from vaelab.workers.folder_job import Jobs, Work, read_array


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(tmp_path_factory.mktemp("fuzz") / "runs"))
        hurt = write_run("hurt")
        hurt.ask("run")
        yield hurt


@st.composite
def changed(draw: st.DrawFn, whole: Any) -> Any:
    """A JSON value with some of its parts replaced, left out or added, at any depth."""
    if isinstance(whole, dict) and whole and draw(st.integers(0, 4)):
        found = dict(whole)
        for name in draw(st.lists(st.sampled_from(sorted(found)), max_size=3, unique=True)):
            if draw(st.booleans()):
                found[name] = draw(changed(found[name]))
            else:
                found.pop(name)
        return found | draw(st.dictionaries(words, values, max_size=1))
    return draw(values)


def text_of(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def read_everything(run: Run) -> None:
    """As the lists and pages do. A damaged run may be refused, by a sentence."""
    row = _run_row(run)
    assert json.dumps(row, allow_nan=False)
    assert row["state"] == "damaged" or isinstance(run.config(), RunConfig)
    run.status(), run.desired(), run.metrics(), run.events(), run.unknown_settings(), run.checkpoints(), run.snapshots()
    run.status().to_dict()


@pytest.mark.parametrize("name", ["config.json", "status.json", "control.json", "metrics.json"])
@tries(40, 4000)
@given(data=st.data())
def test_json_of_another_version(name: str, data: st.DataObject, run: Run) -> None:
    file = run.path / name
    before = file.read_bytes() if file.exists() else None
    start = json.loads(before) if before else {"test": {"loss": 1.0}}
    try:
        file.write_bytes(text_of(data.draw(changed(start))))
        read_everything(run)
    finally:
        file.unlink(missing_ok=True)
        if before is not None:
            file.write_bytes(before)


@pytest.mark.parametrize("name", ["config.json", "status.json", "control.json", "metrics.jsonl"])
@tries(25, 2000)
@given(content=st.one_of(st.binary(max_size=200), st.lists(values.map(text_of), max_size=4).map(b"\n".join)))
def test_bytes_of_anything(name: str, content: bytes, run: Run) -> None:
    file = run.path / name
    before = file.read_bytes()
    try:
        file.write_bytes(content)
        read_everything(run)
    finally:
        file.write_bytes(before)


ROW = {
    "step": 3,
    "epoch": 1,
    "seconds": 1.0,
    "recon": 2.0,
    "kl": 1.0,
    "loss": 3.0,
    "kl_per_dim": [1.0, 2.0],
    "event": "resume",
}


@tries(60, 6000)
@given(rows=st.lists(changed(ROW), max_size=5))
def test_rows_of_anything(rows: list[Any], run: Run) -> None:
    before = run.metrics_file.read_bytes()
    try:
        run.metrics_file.write_bytes(b"\n".join(map(text_of, rows)) + b"\n")
        read_everything(run)
        for row in read_rows(run.metrics_file):
            assert isinstance(row["step"], int)
            assert "event" in row or isinstance(row["loss"], int | float)
    finally:
        run.metrics_file.write_bytes(before)


@tries(60, 6000)
@given(state=changed({"run": "a", "step": 7, "seconds": 1.5, "beta": 1.0, "lr": 0.01, "images_since_row": 3}))
def test_the_state_of_a_checkpoint(state: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    checkpoint = tmp_path_factory.getbasetemp() / "7"
    checkpoint.mkdir(exist_ok=True)
    (checkpoint / "state.json").write_bytes(text_of(state))
    try:
        progress, images = _state(checkpoint, "a", 20)
    except WeightsError:
        return
    assert (progress.step, images >= 0, progress.lr > 0) == (7, True, True)


JOB = {
    "state": "running",
    "round": 1,
    "rounds": 2,
    "version": 1,
    "seconds": 1.0,
    "told": {"trust": 0.9},
    "pid": 1,
    "start_time": 5,
    "asked_at": 9.0,
}


@tries(60, 6000)
@given(state=changed(JOB))
@example(state=JOB | {"asked_at": "now", "pid": None})
@example(state=JOB | {"pid": "1"})
@example(state=JOB | {"version": [1]})
def test_the_state_of_a_job(state: Any, run: Run) -> None:
    jobs = Jobs(".maps", "vaelab.workers.tsne_worker", 5)
    place = jobs.folder_of("map")
    place.mkdir(parents=True, exist_ok=True)
    (place / "state.json").write_bytes(text_of(state))
    found = jobs.state("map")
    assert found.told.get("trust", 0.0) is not None
    assert Work(place).version >= 0
    shutil.rmtree(place)


@tries(40, 4000)
@given(
    content=st.one_of(
        st.binary(max_size=80), st.just(b""), st.binary(max_size=40).map(lambda rest: b"\x93NUMPY\x01\x00" + rest)
    )
)
@example(
    content=b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 2), }"
    + b" " * 45
    + b"\n"
)
def test_an_array_of_anything(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "points.npy"
    file.write_bytes(content)
    read_array(file)


@tries(40, 4000)
@given(names=changed({"title": "pets", "labels": {"label_000": "cat"}, "skipped": ["a"]}))
@example(names={"title": "pets", "labels": {}, "skipped": 10**12})
@example(names={"title": "pets", "labels": {}, "skipped": -(10**30)})
def test_the_names_of_an_upload(names: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.getbasetemp() / "upload"
    place.mkdir(exist_ok=True)
    (place / folder.NAMES_FILE).write_bytes(text_of(names))
    title, labels, left_out = folder._names(place)
    assert all(isinstance(text, str) for text in (title, *labels, *labels.values(), *left_out))
    (place / folder.NAMES_FILE).write_bytes(b"[" * 200_000)
    assert folder._names(place)[0] == "upload"


@tries(40, 4000)
@given(text=words)
def test_a_latent_vector_in_an_address(text: str) -> None:
    from vaelab.analysis import latent_text

    for written in (text, f"i8:{text}", f"i8:0.1:{text}"):
        latent_text.read(written, 3)
