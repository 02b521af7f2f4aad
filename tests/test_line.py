"""The line before a device: ranks, places that are changed, several trainings at a time, and what is told of it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from run_writer import write_run

from vaelab.config.errors import ConfigError, RunError
from vaelab.runs.owner import TEACHER, Owner, write_owner
from vaelab.runs.queue import VARIABLE, DeviceQueue
from vaelab.runs.recorder import Recorder
from vaelab.runs.store import Run
from vaelab.workers import line as queue

STUDENT = Owner("a" * 16, 5)


@pytest.fixture(autouse=True)
def home(places: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_students_ticket_never_goes_before_the_teachers(tmp_path: Path) -> None:
    busy = DeviceQueue(tmp_path, "cpu", 0.0)
    assert busy.try_take()
    student, teacher = DeviceQueue(tmp_path, "cpu", 1.0, rank=1), DeviceQueue(tmp_path, "cpu", 2.0)
    assert not student.try_take()
    assert not teacher.try_take()
    busy.release()
    assert not student.try_take(), "asked earlier, but the teacher waits"
    assert teacher.try_take()
    teacher.release()
    assert student.try_take()


def test_a_place_can_be_changed_while_waiting(tmp_path: Path) -> None:
    busy, first, second = (DeviceQueue(tmp_path, "cpu", at, rank=1) for at in (0.0, 1.0, 2.0))
    assert busy.try_take()
    assert not first.try_take()
    assert not second.try_take()
    second.stand_at(0.5)
    busy.release()
    assert not first.try_take()
    second.stand_at(None)  # back to the time of asking
    assert not second.try_take()
    assert first.try_take()
    first.release()
    assert second.try_take()
    assert not list((tmp_path / ".queue").glob("*.ticket"))


def test_a_students_place_cannot_be_changed_before_the_teachers(tmp_path: Path) -> None:
    busy, teacher, student = (DeviceQueue(tmp_path, "cpu", at, rank) for at, rank in ((0.0, 0), (5.0, 0), (1.0, 1)))
    assert busy.try_take()
    assert not teacher.try_take()
    student.stand_at(-0.0)
    assert not student.try_take()
    busy.release()
    assert not student.try_take()
    assert teacher.try_take()


def test_so_many_at_a_time_as_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "2")
    first, second, third = (DeviceQueue(tmp_path, "cpu", at) for at in (1.0, 2.0, 3.0))
    assert first.try_take()
    assert DeviceQueue(tmp_path, "cpu", 9.0).is_free()
    assert second.try_take()
    assert not DeviceQueue(tmp_path, "cpu", 9.0).is_free()
    assert not third.try_take()
    first.release()
    assert third.try_take()
    assert third.held
    monkeypatch.delenv(VARIABLE)
    assert not DeviceQueue(tmp_path, "cpu", 9.0).try_take()  # the first lock is the one of a server with one at a time


@pytest.mark.parametrize("text", ["0", "65", "two", "-1", "1.5", "9" * 5000])
def test_a_number_at_a_time_out_of_range_is_told(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match="from 1 to 64"):
        DeviceQueue(tmp_path, "cpu", 1.0)


def waiting(name: str, asked: float, owner: Owner = TEACHER) -> Run:
    import json

    run = write_run(name, state="queued", rows=0, with_snapshot=False)
    status = json.loads(run.status_file.read_text()) | {"queued_at": asked}
    run.status_file.write_text(json.dumps(status))
    write_owner(run.path, owner)
    return run


def names() -> list[str]:
    return [place.run.name for place in queue.line(fresh=True)]


def test_the_line_is_told_in_its_order() -> None:
    now = time.time()
    waiting("late", now - 10, STUDENT)
    waiting("early", now - 20, STUDENT)
    waiting("teachers", now - 1)
    write_run("computes", state="running", rows=1, with_snapshot=False)
    write_run("done", rows=1, with_snapshot=False)
    assert names() == ["computes", "teachers", "early", "late"]
    assert [place.ahead for place in queue.line()] == [0, 0, 1, 2]
    assert queue.place_of(Run("/nowhere")) is None


def test_neighbours_change_places_within_their_rank() -> None:
    now = time.time()
    runs = {name: waiting(name, now - 60 + k, STUDENT) for k, name in enumerate(("a", "b", "c", "d"))}
    teachers = waiting("t", now)
    queue.move(runs["d"], "up")
    assert names() == ["t", "a", "b", "d", "c"]
    queue.move(runs["b"], "up")
    assert names() == ["t", "b", "a", "d", "c"]
    queue.move(runs["b"], "down")
    queue.move(runs["b"], "down")
    queue.move(runs["b"], "down")
    assert names() == ["t", "a", "d", "c", "b"]
    for run, way in ((runs["a"], "up"), (runs["b"], "down"), (teachers, "up"), (teachers, "down")):
        assert not queue.may_move(queue.line(), run, way)
        with pytest.raises(RunError, match="nobody of its kind"):
            queue.move(run, way)


def test_a_moved_run_takes_its_place_in_the_real_queue_and_a_new_start_forgets_it(tmp_path: Path) -> None:
    """What the page shows is what the tickets do: the worker stands where control.json says."""
    now = time.time()
    busy = DeviceQueue(tmp_path, "cpu", 0.0)
    assert busy.try_take()
    first, second = waiting("first", now - 20, STUDENT), waiting("second", now - 10, STUDENT)
    queues = [DeviceQueue(tmp_path, "cpu", run.status().queued_at, 1) for run in (first, second)]
    recorders = [Recorder(run, queue=q) for run, q in zip((first, second), queues, strict=True)]
    assert not any(q.try_take() for q in queues)
    queue.move(second, "up")
    for recorder in recorders:
        recorder._polled = 0.0
        recorder.poll()
        recorder._take_turn()
    busy.release()
    assert not queues[0].try_take()
    assert queues[1].try_take()
    assert second.desired().turn is not None
    assert second.ask("run", fresh=True).turn is None


def test_a_run_stops_when_its_owners_minutes_are_over() -> None:
    run = write_run("limited", state="running", rows=1, with_snapshot=False)
    write_owner(run.path, Owner(STUDENT.tag, 2))
    recorder = Recorder(run)
    recorder.update(seconds=119.0)
    assert recorder.poll().desired == "run"
    recorder.update(seconds=120.0)
    assert recorder.poll().desired == "stop"
    assert recorder.close("stopped").message.startswith("It has trained for 2 minutes, as long as")
    write_owner(run.path, Owner(STUDENT.tag))
    assert Recorder(run).poll().desired == "run"


def test_a_run_of_an_older_version_and_one_without_an_owner_are_the_teachers() -> None:
    run = write_run("old", rows=0, with_snapshot=False)
    assert run.owner == Owner()
    assert run.owner.rank == 0
    write_owner(run.path, STUDENT)
    assert run.owner == STUDENT
    assert run.config() is not None  # config.json knows nothing of it
    write_owner(run.path, Owner())
    assert not (run.path / "owner.json").exists()


def test_a_students_run_is_not_paused_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    from vaelab.runs import recorder

    monkeypatch.setattr(recorder, "STUDENTS_PAUSE", 0.0)
    run = write_run("held", state="running", rows=1, with_snapshot=False)
    run.ask("pause")
    write_owner(run.path, STUDENT)
    held = Recorder(run)
    assert held.hold() == "stop"
    assert held.close("stopped").message.startswith("It was paused for 0 minutes")
    run.ask("run")
    assert Recorder(run).hold() == "run", "one that is to go on does"
    write_owner(run.path, TEACHER)
    run.ask("step")
    assert Recorder(run).hold() == "step"


def test_only_so_many_of_the_students_are_paused(monkeypatch: pytest.MonkeyPatch) -> None:
    from vaelab.config.errors import AccessError
    from vaelab.ui import doing
    from vaelab.ui.access import people, rules
    from vaelab.ui.access.people import Person

    monkeypatch.setenv(people.PASSWORD, "x")
    monkeypatch.setenv("VAELAB_STUDENT_PAUSED", "1")
    person = Person("student", "ada")
    for module in (doing, rules):
        monkeypatch.setattr(module, "current", lambda: person)
    others = write_run("others", state="paused", rows=1, with_snapshot=False)
    mine = write_run("mine", state="running", rows=1, with_snapshot=False)
    write_owner(mine.path, Owner(person.tag, 5))
    doing.pause(mine)  # the teacher's does not count
    write_owner(others.path, STUDENT)
    for action in (doing.pause, doing.step):
        with pytest.raises(AccessError, match="1 runs of students are paused, and at most 1"):
            action(mine)
    assert mine.desired().desired == "pause"
    doing.unpause(mine)
    doing.stop(mine)
