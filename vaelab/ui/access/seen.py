"""The runs that somebody can see: of a student's those that are shipped, the teacher's and their own. Pages list and find runs here alone."""

from __future__ import annotations

from vaelab.config.errors import RunError
from vaelab.runs import store
from vaelab.runs.store import Run
from vaelab.ui.access.people import Person, current
from vaelab.ui.access.rules import may


def list_runs(person: Person | None = None) -> list[Run]:
    """All runs that this person can see, newest first."""
    person = current() if person is None else person
    runs = store.list_runs()
    return runs if person.does_all else [run for run in runs if may("see_run", run, person)]


def find(name: str) -> Run:
    """A run or a shipped model by its name; raises RunError when there is none that this person can see."""
    person = current()
    if person.does_all:
        return store.find(name)
    known = {run.name: run for run in list_runs(person)}
    if name in known:
        return known[name]
    if name in store.shipped():
        return store.find(name)
    raise RunError(f"there is no run {name!r} that you can see (choose another one)")


def own_runs(person: Person) -> list[Run]:
    """The runs of one student."""
    return [run for run in store.list_runs() if person.owns(run.owner)]
