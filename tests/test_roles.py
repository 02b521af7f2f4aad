"""Who may do what: every route and everything that a page has done on the server asks one function, and that one answers rightly."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgi import ask
from run_writer import write_run
from starlette.routing import Route

from vaelab import data
from vaelab.config.errors import AccessError, RunError, VaeLabError
from vaelab.runs import resting, store
from vaelab.runs.owner import Owner, write_owner
from vaelab.runs.store import Run
from vaelab.ui import doing
from vaelab.ui.access import people, rules, seen
from vaelab.ui.access.people import ALONE, Person
from vaelab.ui.access.rules import ACTIONS, ASKED, may
from vaelab.ui.access.sign_in import sign_in_routes
from vaelab.ui.components import routes as answers
from vaelab.ui.components.map.map_routes import map_routes
from vaelab.ui.components.routes import routes
from vaelab.ui.start.evidence import evidence_routes
from vaelab.workers import launch, tsne_worker
from vaelab.workers import line as queue

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*sorted((ROOT / "vaelab" / "ui").rglob("*.py")), *sorted((ROOT / "pages").glob("*.py")), ROOT / "app.py"]
WORKERS = sorted((ROOT / "vaelab" / "workers").glob("*_worker.py"))
TEACHER, STUDENT, OTHER, NOBODY = (
    Person("teacher", "t"),
    Person("student", "a"),
    Person("student", "b"),
    Person("student"),
)


@pytest.fixture
def student(monkeypatch: pytest.MonkeyPatch) -> Iterator[Person]:
    """Whoever looks at a page is a student, on a server with roles."""
    monkeypatch.setenv(people.PASSWORD, "correct horse")
    for module in (rules, seen, doing):
        monkeypatch.setattr(module, "current", lambda: STUDENT)
    return STUDENT


# ---- the table


def expected(action: str, person: Person, of: str) -> bool:
    """By the words of the issue. of: whose thing it is, "nothing" for an action on none."""
    if person.role != "student":
        return True
    return {
        "everyone": True,
        "class": of in ("class", "own"),
        "owner": of == "own",
        "teacher": False,
    }[ACTIONS[action]]


@pytest.mark.parametrize("action", ACTIONS)
def test_who_may(action: str) -> None:
    owners = {"class": Owner(), "own": Owner(STUDENT.tag), "others": Owner(OTHER.tag), "broken": Owner("?", 0.0)}
    for of, owner in owners.items():
        for person in (ALONE, TEACHER, STUDENT):
            assert may(action, owner, person) is expected(action, person, of), (of, person)
    assert may(action, None, STUDENT) is (ACTIONS[action] == "everyone")
    assert may(action, Owner(), NOBODY) is (ACTIONS[action] in ("everyone", "class"))
    assert may(action, Owner(NOBODY.tag), NOBODY) is (
        ACTIONS[action] in ("everyone", "class")
    )  # no tag is the teacher's


def test_an_action_that_is_not_listed_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        may("fly", None, TEACHER)
    with pytest.raises(KeyError):
        rules.asks("fly")


# ---- everything that asks


def all_routes() -> list[Route]:
    return [*routes(), *map_routes(), *evidence_routes(), *sign_in_routes()]


def test_the_app_serves_these_routes_and_no_others() -> None:
    """app.py is read, since importing it starts what it starts."""
    tree = ast.parse((ROOT / "app.py").read_text(encoding="utf-8"))
    call = next(n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "st.App")
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    assert (
        given["routes"] == "[*routes(), *map_routes(), *evidence_routes(), *sign_in_routes(), *room_routes()]"
    )  # the last: test_rooms.py
    assert given["middleware"].startswith("[Middleware(Access)"), "before anything else"
    made = [
        path.name
        for path in PAGES
        if re.search(r"\bRoute\(|WebSocketRoute\(|Mount\(", path.read_text(encoding="utf-8"))
    ]
    assert made == ["routes.py"]  # `asking`, which asks


@pytest.mark.parametrize("route", all_routes(), ids=lambda route: f"{min(route.methods)} {route.path}")
@pytest.mark.parametrize("visible", [True, False])
def test_every_route_asks_before_it_answers(
    route: Route, visible: bool, own_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To somebody who may do nothing, no route says anything about a run, nor does anything."""
    run = write_run("a-run", rows=3)
    (run.path / "model.safetensors").write_bytes(b"weights")
    asked: list[str] = []

    def refuse(action: str, on: Any = None, person: Any = None) -> bool:
        asked.append(action)
        return visible and action == "see_run"

    monkeypatch.setattr(rules, "may", refuse)
    monkeypatch.setattr(answers, "may", refuse)
    monkeypatch.setattr(tsne_worker, "start", lambda *_: pytest.fail("done without asking"))
    monkeypatch.setattr(tsne_worker.jobs, "cancel", lambda *_: pytest.fail("done without asking"))
    path = re.sub(
        r"\{(\w+)(:\w+)?\}", lambda part: {"run": run.name, "name": "board/board.js"}.get(part[1], "1"), route.path
    )
    method = "POST" if "POST" in route.methods else "GET"
    got = ask(method, path.lstrip("/"), body=b"password=x")
    assert asked, "the route did not ask"
    if visible and asked[0] == "see_run":
        return  # it may answer
    assert got.status in (403, 404, 409), (got.status, got.body)
    assert len(got.body) < 300


# What changes something on the server or costs it much, by the name that pages call it.
EFFECTS = {
    *(
        f"launch.{name}"
        for name, f in vars(launch).items()
        if inspect.isfunction(f) and f.__module__ == launch.__name__
    ),
    *("store.create_run", "resting.rename_run", "resting.delete_run", "slim", "data.import_zip", "data.download"),
    *(f"ROOMS.{name}" for name in ("open", "close", "join", "leave", "stream")),
    *("set_limits", "write_owner", "queue.move", "RACES.start"),
    *(f"{path.stem}.{name}" for path in WORKERS for name in ("start", "jobs.cancel")),
} - {f"launch.{name}" for name in ("check", "check_resumable", "warm_up", "cool_down")}
# Effects that stand elsewhere than in a function that asks, and who has asked for them.
ASKED_ELSEWHERE = {
    ("downloads.py", "run", "data.download"): "the thread that `_begin` starts",
    ("map_routes.py", "change_tsne", "tsne_worker.start"): "a route",
    ("map_routes.py", "change_tsne", "tsne_worker.jobs.cancel"): "a route, which asks once more",
    ("doing.py", "_start", "launch.start"): "behind `train` and `train_all`",
    ("doing.py", "_start", "launch.start_all"): "behind `train` and `train_all`",
    ("room_socket.py", "_receive", "ROOMS.stream"): "a WebSocket, which asks at every message",
    ("race_view.py", "go", "RACES.start"): "handed to doing.train_in_a_lesson",
}


def effects(path: Path) -> Iterator[tuple[str, str, str, bool]]:
    """(file, function, effect, whether the function asks) of every effect that a file names."""

    def walk(node: ast.AST, inside: str, asks: bool) -> Iterator[tuple[str, str, str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                decorated = any(ast.unparse(d).startswith("asks(") for d in child.decorator_list)
                yield from walk(child, child.name, asks or decorated)
            else:
                if isinstance(child, ast.Call) and (name := ast.unparse(child.func)) in EFFECTS | {"run.ask"}:
                    yield path.name, inside, name, asks
                yield from walk(child, inside, asks)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "", False)


def test_everything_that_a_page_has_done_asks_first() -> None:
    found = [effect for path in PAGES for effect in effects(path)]
    assert len(found) > 15  # the search itself works
    wrong = [effect for effect in found if not effect[3] and effect[:3] not in ASKED_ELSEWHERE]
    assert not wrong
    assert ASKED_ELSEWHERE.keys() <= {effect[:3] for effect in found}
    imported = {
        (path.name, name.name)
        for path in PAGES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith("vaelab.ui")
        for name in node.names
        if name.asname is None and f"{node.module.rsplit('.', 1)[-1]}.{name.name}" in EFFECTS
    }
    assert not imported, "an effect under a bare name is not found by this test"


LESSONS = ("vae.py", "autoencoder_layers.py", "kinds_images.py", "one_face.py")  # on shipped models


def test_pages_find_runs_only_where_it_is_asked_who_sees_them() -> None:
    allowed = {
        "seen.py",
        "doing.py",  # counts
        "limits_view.py",  # counts
        "uploads.py",  # looks for what was trained on
        "model_picker.py",  # shipped ones
        "routes.py",  # run_named, behind `run_of`
        "lesson_home.py",  # the models that lessons show, by their constants
        *LESSONS,
    }
    found = {
        path.name
        for path in PAGES
        if re.search(
            r"store\.(list_runs|find)\(|runs\.store import .*(list_runs|find)\b", path.read_text(encoding="utf-8")
        )
    }
    assert found - allowed == set()
    lessons = [p for p in PAGES if p.name in LESSONS]
    named = {name for path in lessons for name in re.findall(r"store\.find\((\w+)\)", path.read_text(encoding="utf-8"))}
    assert named <= {"MODEL", "model"}, "a lesson shows shipped models, by a constant's name"


def test_every_action_is_asked_about_somewhere() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in PAGES if path.name != "rules.py")
    asked = set(re.findall(r"(?:asks|asking|check|may)\(\s*\"(\w+)\"", text))
    assert asked == set(ACTIONS)


def test_what_asks_is_refused_before_it_does_anything(
    student: Person, own_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every function of doing.py that is not for everyone: called for another's run, it raises and nothing is done."""
    run = write_run("others", state="stopped", rows=3)
    write_owner(run.path, Owner(OTHER.tag))
    for name in ("start", "start_all", "resume", "pause", "unpause", "step", "stop", "set_dials"):
        monkeypatch.setattr(launch, name, lambda *_, **__: pytest.fail("done"))
    for module, name in (
        (resting, "rename_run"),
        (resting, "delete_run"),
        (data, "import_zip"),
        (queue, "move"),
        (doing, "set_limits"),
    ):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("done"))
    tried = 0
    for name, function in inspect.getmembers(doing, inspect.isfunction):
        action = ASKED.get(f"{doing.__name__}.{name}")
        if action is None or ACTIONS[action] == "everyone":
            continue
        takes_run = "run" in inspect.signature(function).parameters
        rest = {"rename": ["x"], "move": ["up"], "import_zip": [b"", "x"], "change_limits": [None]}.get(name, [])
        with pytest.raises(AccessError):
            function(*([run] if takes_run else []), *rest)
        tried += 1
    assert tried >= 11


def test_every_module_of_the_ui_that_asks_is_known_here() -> None:
    for path in PAGES:
        if "@asks(" in path.read_text(encoding="utf-8"):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    files = {name.rsplit(".", 1)[0] for name in ASKED}
    assert {
        "vaelab.ui.doing",
        "vaelab.ui.access.folders",
        "vaelab.ui.image.source",
        "vaelab.ui.train.downloads",
    } <= files


# ---- what a student sees


def test_a_student_sees_own_runs_and_the_teachers(student: Person, own_models: None) -> None:
    for name, owner in (("mine", Owner(STUDENT.tag, 5)), ("theirs", Owner(OTHER.tag, 5)), ("class", Owner())):
        write_owner(write_run(name, rows=0, with_snapshot=False).path, owner)
    assert {run.name for run in seen.list_runs()} == {"mine", "class"}
    assert seen.find("mine").name == "mine"
    with pytest.raises(RunError, match="that you can see"):
        seen.find("theirs")
    assert {run.name for run in seen.list_runs(TEACHER)} == {"mine", "theirs", "class"}


def test_an_owner_that_cannot_be_read_is_nobodys(student: Person, own_models: None) -> None:
    run = write_run("odd", rows=0, with_snapshot=False)
    (run.path / "owner.json").write_text('{"tag": 7}')
    assert not may("see_run", run)
    assert may("see_run", run, TEACHER)


def test_without_roles_nothing_is_asked_and_nothing_hidden(own_models: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(people.PASSWORD, raising=False)
    run = write_run("a", rows=0, with_snapshot=False)
    write_owner(run.path, Owner("somebody"))
    assert people.current() is ALONE
    assert [r.name for r in seen.list_runs()] == ["a"]
    doing.rename(run, "b")
    assert not (store.runs_root() if hasattr(store, "runs_root") else run.path.parent).joinpath(".access").exists()


# ---- a student's training


def test_a_students_training_is_theirs_and_within_the_limits(
    student: Person, own_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vaelab.runs.plan import plan

    begun: list[Run] = []
    monkeypatch.setattr(launch, "_begin", begun.append)
    monkeypatch.setenv("VAELAB_STUDENT_RUNS", "2")
    monkeypatch.setenv("VAELAB_STUDENT_MINUTES", "7")
    monkeypatch.setenv("VAELAB_STUDENT_IMAGES", "1000")
    cfg = plan("digits", latent_dim=4, limit=500)
    run = doing.train(cfg)
    assert run.owner == Owner(STUDENT.tag, 7)
    assert begun == [run]
    for bad, words in (
        (plan("digits", latent_dim=4), "at most 1,000 images, got 1,500"),
        (plan("digits", latent_dim=4, limit=500, epochs=21), "at most 20 epochs"),
        (plan("shapes", latent_dim=4, limit=500, image_size=256, batch_size=500), "MB of memory"),
    ):
        with pytest.raises(VaeLabError, match=words):
            doing.train(bad)
        assert words.split()[0] in (doing.problem_for_students(bad) or "")
    with pytest.raises(AccessError, match="you have 1 runs and may keep 2, so 2 more"):
        doing.train_all([("x", cfg), ("y", cfg)])
    doing.train(cfg)
    with pytest.raises(AccessError, match="may keep 2"):
        doing.train(cfg)
    assert len(begun) == 2


def test_the_teacher_has_no_limits_and_owns_nothing_by_tag(own_models: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from vaelab.runs.plan import plan

    monkeypatch.setenv("VAELAB_STUDENT_RUNS", "0")
    monkeypatch.setattr(doing, "current", lambda: TEACHER)
    monkeypatch.setattr(rules, "current", lambda: TEACHER)
    monkeypatch.setattr(launch, "_begin", lambda run: None)
    run = doing.train(plan("digits", latent_dim=4, epochs=500))
    assert run.owner == Owner()
    assert not (run.path / "owner.json").exists()


def test_a_student_cannot_train_on_a_folder(student: Person, own_models: None, tmp_path: Path) -> None:
    from PIL import Image

    from vaelab.runs.plan import plan

    for k in range(4):
        Image.new("RGB", (32, 32), (k, 0, 0)).save(tmp_path / f"{k}.png")
    with pytest.raises(AccessError, match="data sets of the list"):
        doing.train(plan(f"folder:{tmp_path}", latent_dim=4))


def test_minutes_are_lifted_by_the_teachers_resume_alone(
    student: Person, own_models: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run("mine", state="stopped", rows=3)  # has trained for 75 s
    write_owner(run.path, Owner(STUDENT.tag, 1))
    monkeypatch.setattr(launch, "_begin", lambda run: None)
    with pytest.raises(AccessError, match="for 1 minutes"):
        doing.resume(run)
    assert run.owner.minutes == 1
    for module in (rules, doing):
        monkeypatch.setattr(module, "current", lambda: TEACHER)
    doing.resume(run)
    assert run.owner == Owner(STUDENT.tag)
