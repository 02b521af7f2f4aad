"""The one question: `may(action)`. Every route and everything that a page has done on the server asks it, here alone is the answer.

`check` raises where `may` says no; `asks` is a decorator for functions that ask it first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from vaelab.config.errors import AccessError
from vaelab.runs.owner import Owner
from vaelab.runs.store import Run
from vaelab.ui.access.people import Person, current

# Whose an action is. everyone: within the limits of runs/limits.py; class: on what is shipped, the teacher's or one's own;
# owner: on one's own alone; teacher: no student's. The teacher, and the one person of a server without roles, may all.
Who = Literal["everyone", "class", "owner", "teacher"]
ACTIONS: dict[str, Who] = {
    "read_scripts": "everyone",
    "sign_in": "everyone",
    "see_run": "class",
    "make_map": "class",
    "stop_map": "owner",
    "upload_image": "everyone",
    "train": "everyone",
    "train_in_a_lesson": "everyone",
    "steer": "owner",
    "resume": "owner",
    "rename": "owner",
    "delete": "owner",
    "reorder": "teacher",
    "import_images": "teacher",
    "name_folder": "teacher",
    "download_data": "teacher",
    "set_limits": "teacher",
    "clear_runs": "teacher",
    "follow_room": "everyone",
    "open_room": "teacher",
}


def may(action: str, on: Run | Owner | None = None, person: Person | None = None) -> bool:
    """Whether somebody may do this. on: the run, or the owner of the thing, that it is done to; person: who asks, by default
    whoever looks at the page that runs now. Raises KeyError for an action that is not listed.
    """
    who = ACTIONS[action]
    person = current() if person is None else person
    if person.does_all or who == "everyone":
        return True
    if who == "teacher" or on is None:
        return False
    owner = on.owner if isinstance(on, Run) else on
    return person.owns(owner) or (who == "class" and not owner.is_student)


def check(action: str, on: Run | Owner | None = None, person: Person | None = None) -> None:
    """Raises AccessError, one sentence, where `may` says no."""
    if may(action, on, person):
        return
    if isinstance(on, Run) and not may("see_run", on, person):
        raise AccessError(f"there is no run {on.name!r} that you can see (choose another one)")
    if ACTIONS[action] == "owner":
        name = on.name if isinstance(on, Run) else "of somebody else"
        raise AccessError(f"run {name} is not yours: you can watch it (train one of your own, or ask the teacher)")
    raise AccessError("this is the teacher's to do on this server (ask the teacher, or sign in as one)")


P = ParamSpec("P")
T = TypeVar("T")
ASKED: dict[str, str] = {}  # every function that asks before it does anything, MODULE.NAME: its action


def asks(action: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function ask before it does anything: about its first argument where that is a run. It raises AccessError then."""
    if action not in ACTIONS:
        raise KeyError(f"{action} must be one of {', '.join(ACTIONS)}")

    def asking(function: Callable[P, T]) -> Callable[P, T]:
        ASKED[f"{function.__module__}.{function.__qualname__}"] = action

        @wraps(function)
        def asked(*args: P.args, **kwargs: P.kwargs) -> T:
            first: Any = args[0] if args else None
            check(action, first if isinstance(first, Run | Owner) else None)
            return function(*args, **kwargs)

        return asked

    return asking
