"""What is uploaded on a server with roles: counted on its way, shown to nobody else, gone with the session unless trained on."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgi import ask
from PIL import Image
from run_writer import write_run
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.web.server.starlette import starlette_routes

from vaelab import data
from vaelab.config.errors import AccessError
from vaelab.data.uploads import uploads_root
from vaelab.runs.files import read_json, write_json
from vaelab.ui import doing
from vaelab.ui.access import keys, middleware, people, rules, uploads
from vaelab.ui.access.people import PASSWORD, PERSON_COOKIE, Person
from vaelab.ui.access.uploads import HELD, MB, Uploads

ADA, BEN, TEACHER = Person("student", "ada"), Person("student", "ben"), Person("teacher", "t")


@pytest.fixture(autouse=True)
def kept(places: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploads]:
    monkeypatch.setenv(PASSWORD, "correct horse")
    monkeypatch.setenv("VAELAB_STUDENT_MEGABYTES", "2")
    monkeypatch.setenv("VAELAB_STUDENT_ALL_MEGABYTES", "3")
    found = Uploads(patience=0.0)
    for module in (uploads, middleware, doing):
        monkeypatch.setattr(module, "UPLOADS", found)
    keys._kept.cache_clear()
    yield found
    keys._kept.cache_clear()


def test_a_session_and_the_server_have_a_limit(kept: Uploads) -> None:
    kept.opened(ADA, "page 1")
    kept.add(ADA, 2 * MB)
    assert (kept.taken(ADA), kept.left(ADA)) == (2 * MB, 0)
    with pytest.raises(AccessError, match=r"at most 2 MB in a session and have uploaded 2\.0 MB"):
        kept.add(ADA, 1)
    kept.opened(BEN, "page 2")
    assert kept.left(BEN) == MB, "the server's"
    with pytest.raises(AccessError, match="at most 3 MB of uploads at a time"):
        kept.add(BEN, MB + 1)
    with pytest.raises(AccessError, match="at most 3 MB"):
        kept.add(TEACHER, MB + 1)
    kept.add(BEN, MB)
    kept.closed("page 1")
    assert kept.taken(ADA) == 0
    kept.add(TEACHER, 2 * MB)


def test_a_reload_is_no_new_session(kept: Uploads) -> None:
    kept.opened(ADA, "before")
    kept.add(ADA, MB)
    kept.opened(ADA, "after")
    kept.closed("before")
    assert kept.taken(ADA) == MB
    kept.closed("after")
    assert kept.taken(ADA) == 0


def test_a_page_that_comes_back_in_time_goes_on() -> None:
    now = [0.0]
    kept = Uploads(patience=100.0, clock=lambda: now[0])
    kept.opened(ADA, "page")
    kept.add(ADA, MB)
    kept.closed("page")
    now[0] = 99.0
    kept.sweep()
    assert kept.taken(ADA) == MB
    kept.opened(ADA, "page")
    now[0] = 300.0
    kept.sweep()
    assert kept.taken(ADA) == MB
    kept.closed("page")
    now[0] = 400.0
    kept.sweep()
    assert kept.taken(ADA) == 0


# ---- on its way


async def swallow(request: Request) -> Response:
    """Reads a body as Streamlit's own route does."""
    return PlainTextResponse(str(len(await request.body())))


APP = Starlette(routes=[Route("/_stcore/upload_file/{session}/{file}", swallow, methods=["PUT"]), Route("/", swallow)])


def put(count: int, cookies: str, *, told: bool = True) -> Any:
    headers = ((b"content-length", str(count).encode()),) if told else ()
    path = "_stcore/upload_file/a-session/a-file"
    return ask("PUT", path, cookies=cookies, body=b"x" * count, headers=headers, app=middleware.Access(APP))


@pytest.mark.parametrize("told", [True, False], ids=["its length is told", "its length is not told"])
def test_an_upload_is_counted_on_its_way(told: bool, kept: Uploads) -> None:
    person, word = people.new_person()
    cookies = f"{PERSON_COOKIE}={word}"
    kept.opened(person, "page")
    assert put(MB, cookies, told=told).body == str(MB).encode()
    assert kept.taken(person) == MB
    refused = put(MB + 1, cookies, told=told)
    assert refused.status == 413
    assert b"at most 2 MB in a session" in refused.body
    assert kept.taken(person) == MB
    assert put(MB, cookies, told=told).status == 200


def test_streamlits_own_route_ends_as_a_refusal(kept: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its parser of forms between."""
    monkeypatch.setattr(starlette_routes, "is_xsrf_enabled", lambda: False)

    class Active:
        def is_active_session(self, session: str) -> bool:
            return True

    held = MemoryUploadedFileManager("/upload")
    app = middleware.Access(Starlette(routes=starlette_routes.create_upload_routes(Active(), held, None)))  # type: ignore[arg-type]
    _, word = people.new_person()
    form = (b"content-type", b"multipart/form-data; boundary=x")
    begin = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    codes = []
    for size in (10, 3 * MB):
        answer = ask(
            "PUT",
            "_stcore/upload_file/a-session/a-file",
            cookies=f"{PERSON_COOKIE}={word}",
            body=begin + b"x" * size + b"\r\n--x--\r\n",
            headers=(form,),
            app=app,
        )
        codes.append((answer.status, len(held.get_files("a-session", ["a-file"]))))
    assert codes == [(204, 1), (413, 1)]
    assert b"at most 2 MB in a session" in answer.body


def test_another_error_of_an_upload_is_not_kept_quiet(kept: Uploads) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise ValueError("not of the reading")

    _, word = people.new_person()
    with pytest.raises(ValueError, match="not of the reading"):
        ask(
            "PUT",
            "_stcore/upload_file/a-session/a-file",
            cookies=f"{PERSON_COOKIE}={word}",
            body=b"x" * 3 * MB,
            app=middleware.Access(broken),
        )


def test_an_upload_without_a_cookie_is_refused() -> None:
    for cookies in ("", f"{PERSON_COOKIE}=made.up"):
        answer = put(10, cookies)
        assert answer.status == 413
        assert b"needs the cookie" in answer.body


def test_without_roles_nothing_is_counted_and_no_cookie_given(kept: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PASSWORD)
    assert put(5 * MB, "").status == 200
    page = ask("GET", "", headers=((b"accept", b"text/html"),), app=middleware.Access(APP))
    assert page.cookies == []


def test_a_page_gives_a_newcomer_a_cookie_and_nobody_else() -> None:
    app, accept = middleware.Access(APP), ((b"accept", b"text/html,*/*"),)
    first = ask("GET", "", headers=accept, app=app)
    assert len(first.cookies) == 1
    assert "HttpOnly" in first.cookies[0]
    assert "samesite=lax" in first.cookies[0].lower()
    word = first.cookies[0].split(";")[0]
    assert ask("GET", "", cookies=word, headers=accept, app=app).cookies == []
    assert len(ask("GET", "", cookies=f"{PERSON_COOKIE}=forged.00", headers=accept, app=app).cookies) == 1
    assert ask("GET", "", headers=((b"accept", b"image/png"),), app=app).cookies == []


# ---- zips


def a_zip(shade: int = 0) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for k in range(3):
            picture = io.BytesIO()
            Image.new("RGB", (32, 32), (k, shade, 0)).save(picture, "PNG")
            archive.writestr(f"{k}.png", picture.getvalue())
    return buffer.getvalue()


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch, kept: Uploads) -> None:
    for module in (rules, doing):
        monkeypatch.setattr(module, "current", lambda: TEACHER)
    kept.opened(TEACHER, "page")


def folder_of(name: str) -> Path:
    return Path(name.removeprefix("folder:"))


@pytest.mark.usefixtures("teacher")
def test_an_imported_zip_goes_with_its_session(kept: Uploads) -> None:
    name = doing.import_zip(a_zip(), "birds.zip")
    assert data.uploaded() == (name,)
    assert (folder_of(name) / HELD).is_file()
    assert data.count(name)[0] > 0
    kept.opened(TEACHER, "another tab")
    kept.closed("page")
    assert data.uploaded() == (name,)
    kept.closed("another tab")
    assert data.uploaded() == ()
    assert list(uploads_root().iterdir()) == []


@pytest.mark.usefixtures("teacher")
def test_one_that_was_trained_on_stays(kept: Uploads) -> None:
    from vaelab.runs.plan import plan

    name = doing.import_zip(a_zip(), "birds.zip")
    run = write_run("a", cfg=plan("digits", latent_dim=4), rows=0, with_snapshot=False)
    values = read_json(run.config_file) or {}
    write_json(run.config_file, {**values, "data": {**values["data"], "name": name}})
    kept.closed("page")
    assert data.uploaded() == (name,)
    assert not (folder_of(name) / HELD).exists()
    uploads.forget_left_over()
    assert data.uploaded() == (name,)


@pytest.mark.usefixtures("teacher")
def test_what_was_there_before_stays(kept: Uploads) -> None:
    birds = a_zip()  # one made a moment later has another time in it
    name = data.import_zip(birds, "birds.zip")  # by the one person of a server without roles
    assert doing.import_zip(birds, "birds.zip") == name
    kept.closed("page")
    assert data.uploaded() == (name,)


@pytest.mark.usefixtures("teacher")
def test_what_a_server_left_that_is_gone_goes_at_the_next_start(kept: Uploads) -> None:
    mine, left, before = (doing.import_zip(a_zip(k), "z.zip") for k in range(3))
    said = json.loads((folder_of(left) / HELD).read_text())
    (folder_of(left) / HELD).write_text(json.dumps({**said, "start_time": 1}))
    (folder_of(before) / HELD).unlink()
    uploads.forget_left_over()
    assert set(data.uploaded()) == {mine, before}


@pytest.mark.usefixtures("teacher")
def test_nothing_outside_the_uploads_is_ever_removed(kept: Uploads, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    uploads.forget(elsewhere)
    assert elsewhere.is_dir()


@pytest.mark.usefixtures("teacher")
def test_a_zip_that_two_brought_in_stays_until_both_have_gone(kept: Uploads) -> None:
    name = doing.import_zip(a_zip(), "birds.zip")
    other = Person("teacher", "u")
    kept.opened(other, "theirs")
    kept.hold(other, name, is_new=False)
    kept.closed("page")
    assert data.uploaded() == (name,)
    kept.closed("theirs")
    assert data.uploaded() == ()
