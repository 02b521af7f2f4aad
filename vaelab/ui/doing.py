"""Everything that a page can have done on the server: each function asks `may` first, and a student's training its limits.

tests/test_roles.py fails for a page that has something done in another way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Literal

from vaelab import data
from vaelab.analysis.latents import Query
from vaelab.config.errors import AccessError, VaeLabError
from vaelab.runs import resting, store
from vaelab.runs.limits import Limits, check_epochs, check_training, limits, set_limits
from vaelab.runs.owner import TEACHER, Owner, write_owner
from vaelab.runs.run_config import RunConfig
from vaelab.runs.slim import slim
from vaelab.runs.store import Run
from vaelab.ui.access.people import Person, current
from vaelab.ui.access.rules import asks
from vaelab.ui.access.seen import own_runs
from vaelab.ui.access.uploads import UPLOADS
from vaelab.ui.rooms.rooms import ROOMS
from vaelab.workers import flow_worker, launch
from vaelab.workers import line as queue

_one_at_a_time = threading.Lock()  # between the counting of runs and the start of another


@asks("train")
def train(cfg: RunConfig) -> Run:
    """Start a training; a student's is marked as theirs. Raises as `launch.start` does, ConfigError or AccessError above a limit."""
    return _started([("", cfg)])[0]


@asks("train")
def train_all(planned: Sequence[tuple[str, RunConfig]]) -> list[Run]:
    """Start several, one after another; none begins when one of them cannot. Raises as `train` does."""
    return _started(planned)


def _started(planned: Sequence[tuple[str, RunConfig]]) -> list[Run]:
    person = current()
    if person.does_all:
        return _start(planned, TEACHER)
    with _one_at_a_time:
        for _, cfg in planned:
            check_students(cfg)
        check_room(person, len(planned))
        return _start(planned, Owner(person.tag, limits().minutes))


def _start(planned: Sequence[tuple[str, RunConfig]], owner: Owner) -> list[Run]:
    if len(planned) == 1 and not planned[0][0]:
        return [launch.start(planned[0][1], owner=owner)]
    return launch.start_all(planned, owner)


def check_students(cfg: RunConfig) -> None:
    """Whether a student may have this trained. Raises ConfigError above a limit, AccessError for images that are not for everybody."""
    if cfg.data.name not in data.names():
        raise AccessError("a student trains on the data sets of the list (ask the teacher to train on other images)")
    train_images, test_images = data.count(cfg.data.name, cfg.data.image_size)
    check_training(cfg, train_images, test_images, limits())


def check_room(person: Person, more: int) -> None:
    """Whether a student may have so many more runs. Raises AccessError with the number and the way out."""
    allowed, mine = limits(), own_runs(person)
    if not person.tag:
        raise AccessError(
            "a run of your own needs the cookie that this server gave your browser (allow cookies, then reload the page)"
        )
    if len(mine) + more > allowed.runs:
        raise AccessError(
            f"you have {len(mine)} runs and may keep {allowed.runs}, so {more} more are too many (delete one, or ask the teacher)"
        )
    others = [run for run in store.list_runs() if run.owner.is_student]
    if len(others) + more > allowed.all_runs:
        raise AccessError(
            f"all students together may keep {allowed.all_runs:,} runs, and they do (ask the teacher to clear some)"
        )
    _check_line(allowed, more)


def _check_line(allowed: Limits, more: int) -> None:
    busy = sum(place.owner.is_student for place in queue.line(fresh=True))
    if busy + more > allowed.waiting:
        raise AccessError(
            f"{busy} runs of students are in training or in line, and at most {allowed.waiting:,} may be (wait until one has ended)"
        )


@asks("resume")
def resume(run: Run, epochs: int | None = None) -> Run:
    """Let a run go on, with so many epochs in all. A student's goes on within its minutes, and without them once the teacher
    lets it. Raises as `launch.resume` does, ConfigError or AccessError above a limit.
    """
    owner = run.owner
    if current().does_all:
        if owner.minutes is not None:
            write_owner(run.path, Owner(owner.tag))
        return launch.resume(run, epochs)
    with _one_at_a_time:
        allowed = limits()
        check_epochs(epochs or run.config().optim.epochs, allowed)
        if owner.minutes is not None and run.status().seconds >= 60.0 * owner.minutes:
            raise AccessError(
                f"run {run.name} has trained for {owner.minutes:g} minutes, as long as a student's run may (the teacher can let it go on)"
            )
        _check_line(allowed, 1)
        return launch.resume(run, epochs)


@asks("steer")
def pause(run: Run) -> None:
    """As `launch.pause`. Raises AccessError where as many of the students' runs are paused as may be."""
    _check_pause(run)
    launch.pause(run)


def _check_pause(run: Run) -> None:
    """A paused run keeps its memory while the next one computes."""
    if current().does_all:
        return
    most = limits().paused
    paused = sum(p.state == "paused" and p.owner.is_student and p.run != run for p in queue.line(fresh=True))
    if paused >= most:
        raise AccessError(
            f"{paused} runs of students are paused, and at most {most:,} may be (stop this one instead: it can be resumed)"
        )


@asks("steer")
def unpause(run: Run) -> None:
    """As `launch.unpause`."""
    launch.unpause(run)


@asks("steer")
def step(run: Run) -> None:
    """As `launch.step`, after which a run stays paused."""
    _check_pause(run)
    launch.step(run)


@asks("steer")
def stop(run: Run) -> None:
    """As `launch.stop`; of a run that waits, its place in the line is given up."""
    launch.stop(run)


@asks("steer")
def set_dials(run: Run, beta: float | None = None, lr: float | None = None) -> None:
    """As `launch.set_dials`."""
    launch.set_dials(run, beta, lr)


@asks("rename")
def rename(run: Run, name: str) -> Run:
    """As `resting.rename_run`."""
    return resting.rename_run(run, name)


@asks("delete")
def delete(run: Run) -> None:
    """As `resting.delete_run`."""
    resting.delete_run(run)


@asks("delete")
def make_slim(run: Run) -> int:
    """As `runs.slim.slim`; the bytes that were freed."""
    return slim(run)


@asks("clear_runs")
def clear_students_runs() -> int:
    """Delete every run of a student that is not in training. How many; raises RunError at the first that cannot be deleted."""
    cleared = 0
    for run in store.list_runs():
        if run.owner.is_student and not run.status().is_active:
            resting.delete_run(run)
            cleared += 1
    return cleared


@asks("reorder")
def move(run: Run, way: Literal["up", "down"]) -> None:
    """As `workers.line.move`."""
    queue.move(run, way)


@asks("set_limits")
def change_limits(new: Limits) -> None:
    """What students may do from now on; runs that are there keep the minutes that they have."""
    set_limits(new)


@asks("import_images")
def import_zip(content: bytes, name: str) -> str:
    """As `data.import_zip`; on a server with roles the images are the session's, until a run was trained on them."""
    before, person = data.uploaded(), current()
    found = data.import_zip(content, name)
    if person.role != "alone":
        UPLOADS.hold(person, found, is_new=found not in before)
    return found


_flow_starters: dict[str, Owner] = {}  # latent flow: who has it learned, and may stop it


@asks("make_map")
def learn_flow(run: Run, learned: Query) -> None:
    """As `flow_worker.start`: learn a latent flow for the codes of a run."""
    if not flow_worker.jobs.state(learned.file_name).is_active:
        _flow_starters[learned.file_name] = Owner(current().tag)
    flow_worker.start(learned)


def starter_of_flow(learned: Query) -> Owner:
    """Who has it learned; the teacher where nobody is remembered."""
    return _flow_starters.get(learned.file_name, TEACHER)


@asks("stop_map")
def stop_flow(starter: Owner, learned: Query) -> None:
    """As `flow_worker.jobs.cancel`. starter: who has it learned."""
    flow_worker.jobs.cancel(learned.file_name)


@asks("open_room")
def open_room() -> None:
    """Open a room that students can follow. Raises RunError for too many rooms."""
    ROOMS.open(current().tag)


@asks("open_room")
def close_room() -> None:
    """End the teacher's room."""
    ROOMS.close(current().tag)


@asks("follow_room")
def join_room(code: str) -> bool:
    """Come into the room of a code, following. Whether there is such a room, with a place left."""
    return ROOMS.join(code, current().tag)


@asks("follow_room")
def leave_room() -> None:
    """Go out of the room that one is in."""
    ROOMS.leave(current().tag)


@asks("train_in_a_lesson")
def train_in_a_lesson(start: Callable[[], object]) -> None:
    """Start a lesson's own small training, of which the server computes a few at a time for everybody (lessons/race.py)."""
    start()


def problem_for_students(cfg: RunConfig) -> str | None:
    """Why whoever looks cannot start this training now, one sentence; None where nothing stands against it."""
    person = current()
    if person.does_all:
        return None
    try:
        check_students(cfg)
        check_room(person, 1)
    except VaeLabError as error:
        return str(error)
    return None
