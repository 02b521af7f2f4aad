"""A teacher and students at one server: what each sees, what is refused, who goes first."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_runs import PATIENCE, end_all, until
from PIL import Image

from vaelab.cli.bench.app_server import running_app
from vaelab.runs.store import Run, list_runs

pytestmark = pytest.mark.browser

PASSWORD = "correct horse"
SETTINGS = "set_dataset=Digits%208%C3%978&set_latent_dim=4&set_epochs={epochs}&set_device=cpu"


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all: everybody in a test is new there, and the last test alone changes what holds for others."""
    folder = tmp_path_factory.mktemp("school")
    limits = {"VAELAB_STUDENT_EPOCHS": "100000", "VAELAB_STUDENT_MEGABYTES": "1", "VAELAB_STUDENT_RUNS": "2"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(folder / "runs"))
        with running_app(
            folder / "runs", VAELAB_TEACHER_PASSWORD=PASSWORD, VAELAB_DATA=str(folder / "data"), **limits
        ) as found:
            yield found


@pytest.fixture
def address(school: str) -> Iterator[str]:
    """Its address; whatever still trains there at the end of a test is stopped."""
    yield school
    end_all()


def press(page: Any, key: str) -> None:
    page.locator(f".st-key-{key} button").first.click()


def sign_in(page: Any, address: str, lang: str = "en") -> None:
    page.goto(f"{address}/classroom?lang={lang}", wait_until="commit")
    page.locator("a.vl-sign-in").click()
    page.fill("#password", PASSWORD)
    page.locator("form button").click()
    page.locator(".st-key-sign_out button").first.wait_for()


def start(page: Any, address: str, epochs: int, before: int) -> Run:
    """Start a training from the Train page; the new run."""
    page.goto(f"{address}/train?{SETTINGS.format(epochs=epochs)}&run=", wait_until="commit")
    page.get_by_text("297 held out").first.wait_for()
    press(page, "start_training")
    until(lambda: len(list_runs()) == before + 1, "a run")
    return list_runs()[0]


def named(run: Run) -> Any:
    return re.compile(re.escape(run.name))


def test_a_teacher_and_two_students(browser: Any, new_page: Any, address: str) -> None:
    from playwright.sync_api import TimeoutError

    ada, ben = new_page(), new_page()  # each a browser context of its own
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(1000 * PATIENCE)
    teacher, other_tab = context.new_page(), context.new_page()
    sign_in(teacher, address)
    cookies = {cookie["name"]: cookie for cookie in teacher.context.cookies()}
    assert cookies["vaelab_teacher"]["httpOnly"]
    assert cookies["vaelab_teacher"]["sameSite"] == "Strict"
    assert teacher.evaluate("document.cookie").find("vaelab") == -1

    # Ada trains; Ben sees nothing of it but that somebody does.
    hers = start(ada, address, 100_000, 0)
    ada.locator(".st-key-do_stop button").first.wait_for()
    assert hers.owner.is_student
    assert hers.owner.minutes == 10
    until(lambda: hers.status().state == "running", "her training")
    ben.goto(f"{address}/train?run={hers.name}", wait_until="commit")
    ben.get_by_text("There is no run").first.wait_for()
    assert ben.request.get(f"{address}/vaelab/weights/{hers.name}/newest.json").status == 404
    assert ada.request.get(f"{address}/vaelab/weights/{hers.name}/newest.json").status == 200
    assert teacher.request.get(f"{address}/vaelab/weights/{hers.name}/newest.json").status == 200

    # Ben's and the teacher's wait behind it; the teacher's goes before Ben's though it was asked for later.
    his = start(ben, address, 100_000, 1)
    ben.get_by_text("another student's run").first.wait_for()
    theirs = start(teacher, address, 100_000, 2)
    assert theirs.owner.tag == ""
    until(lambda: theirs.status().state == his.status().state == "queued", "two that wait")
    ben.goto(f"{address}/classroom?lang=en", wait_until="commit")
    ben.get_by_text("waits, no. 2").wait_for()
    ben.get_by_role("link", name=named(his)).wait_for()
    ben.get_by_role("link", name=named(theirs)).wait_for()
    assert hers.name not in ben.inner_text("body")

    # A student steers neither Ada's run nor the teacher's, and says why.
    ben.goto(f"{address}/train?run={theirs.name}&lang=en", wait_until="commit")
    ben.get_by_text("This run is not yours").wait_for()
    assert ben.locator(".st-key-do_stop, .st-key-do_pause, .st-key-do_rename, .st-key-do_delete").count() == 0

    # The teacher stops Ada's; the teacher's own begins, then Ben's once that one has stopped.
    teacher.goto(f"{address}/classroom?lang=en", wait_until="commit")
    teacher.locator(f".st-key-line_stop_{hers.name} button").first.wait_for()
    press(teacher, f"line_stop_{hers.name}")
    until(lambda: hers.status().state == "stopped", "her training to stop")
    until(lambda: theirs.status().state == "running", "the teacher's training")
    assert his.status().state == "queued"
    # The list shows it: a button that moves while it is pressed hears nothing.
    first = f".st-key-line_0:not(:has(.st-key-line_up_{theirs.name}))"
    teacher.locator(f"{first} .st-key-line_stop_{theirs.name} button").first.wait_for()
    press(teacher, f"line_stop_{theirs.name}")
    until(lambda: his.status().state == "running", "his training")

    # Signed out, the teacher is a student: at once, and in a page that is still open.
    other_tab.goto(f"{address}/train?run={his.name}&lang=en", wait_until="commit")
    other_tab.locator(".st-key-do_stop button").first.wait_for()
    press(teacher, "sign_out")
    teacher.locator("a.vl-sign-in").wait_for()
    told = other_tab.get_by_text("that you can see").or_(other_tab.get_by_text("There is no run")).first

    def refused() -> bool:
        """By the button of before, of a page that knows no better, or by a redraw that takes it."""
        with contextlib.suppress(TimeoutError):
            other_tab.locator(".st-key-do_stop button").first.click(timeout=2000)
        return bool(told.is_visible())

    until(refused, "a refusal")
    assert his.status().state in ("running", "stalled")
    assert teacher.request.get(f"{address}/vaelab/weights/{his.name}/newest.json").status == 404
    context.close()


def test_a_student_has_limits_that_are_shown_and_hold(new_page: Any, address: str) -> None:
    page = new_page()
    page.goto(f"{address}/train?{SETTINGS.format(epochs=200000)}&lang=en", wait_until="commit")
    page.get_by_text("Yours: 0 of 2 runs").wait_for()
    page.goto(f"{address}/train?set_epochs=5&lang=en&set_image_size=128", wait_until="commit")
    page.get_by_text("MB of memory, and this one needs about").first.wait_for()
    assert page.locator(".st-key-start_training button").first.is_disabled()
    assert page.get_by_text("are for the teacher to bring in").count() == 1
    page.locator(".st-key-set_dataset input").click()
    page.get_by_role("option", name="Shapes").wait_for()
    assert page.get_by_role("option", name="My own images").count() == 0


def test_an_upload_beyond_the_session_is_refused(new_page: Any, address: str, tmp_path: Path) -> None:
    import numpy as np

    small, large = tmp_path / "small.png", tmp_path / "large.png"
    noise = np.random.default_rng(0).integers(0, 255, (520, 520, 3), dtype=np.uint8)
    Image.fromarray(noise).save(small)  # noise does not shrink: 0.8 MB
    Image.fromarray(noise[:300, :300]).save(large)  # 0.27 MB: too much after the other
    page = new_page()
    page.goto(f"{address}/image?lang=en", wait_until="commit")
    page.get_by_text("upload", exact=False).first.wait_for()
    page.get_by_role("radio", name=re.compile("Upload|File", re.IGNORECASE)).first.click()
    page.get_by_text("You can upload 1.0 MB more in this session, of 1 MB").wait_for()
    page.locator("input[type=file]").set_input_files(small)
    page.get_by_text("You can upload 0.2 MB more").wait_for()
    with page.expect_response(lambda answer: "upload_file" in answer.url and answer.request.method == "PUT") as refused:
        page.locator("input[type=file]").set_input_files(large)
    assert refused.value.status == 413
    page.goto(f"{address}/classroom?lang=en", wait_until="commit")
    page.get_by_text("Uploaded in this session: 0.8 of 1 MB").wait_for()


def test_the_teacher_changes_limits_for_everybody(new_page: Any, address: str) -> None:
    teacher, student = new_page(), new_page()
    student.goto(f"{address}/train?lang=zh", wait_until="commit")
    student.get_by_text("最多 2 个").wait_for()
    sign_in(teacher, address, "zh")
    teacher.locator(".st-key-limit_runs input").fill("5")
    teacher.locator(".st-key-limit_runs input").press("Enter")
    teacher.get_by_text("新的限额已生效").wait_for()
    student.reload(wait_until="commit")
    student.get_by_text("最多 5 个").wait_for()


def test_a_login_of_streamlits_own_makes_a_listed_user_the_teacher(new_page: Any, tmp_path: Path) -> None:
    """The cookie that st.login leaves is made here as Streamlit makes it, since no provider can be reached."""
    import json

    from streamlit.web.server.starlette.starlette_app_utils import create_signed_value

    from vaelab.config.places import LAB

    secret = "a secret of thirty-two characters or more"
    home = tmp_path / "home"
    (home / ".streamlit").mkdir(parents=True)
    (home / ".streamlit" / "secrets.toml").write_text(
        f'[auth]\nredirect_uri = "http://127.0.0.1/oauth2callback"\ncookie_secret = "{secret}"\nclient_id = "x"\n'
        'client_secret = "x"\nserver_metadata_url = "http://127.0.0.1:9/"\n'
    )
    assert not (LAB / ".streamlit" / "secrets.toml").exists()
    with running_app(
        tmp_path / "runs", VAELAB_TEACHERS="ada@school.example", HOME=str(home), VAELAB_DATA=str(tmp_path / "data")
    ) as address:
        for email, role in (("ada@school.example", "Teacher"), ("eve@school.example", "Student")):
            page = new_page()
            said = json.dumps({"origin": address, "is_logged_in": True, "email": email, "email_verified": True})
            value = create_signed_value(secret, "_streamlit_user", said).decode()
            page.context.add_cookies([{"name": "_streamlit_user", "value": value, "url": address}])
            page.goto(f"{address}/classroom?lang=en", wait_until="commit")
            page.get_by_role("link", name=role).first.wait_for()
            signing_out = page.get_by_text("Sign out of your account")
            if role == "Student":
                signing_out.first.wait_for()
            else:
                page.locator("[data-testid=stCaptionContainer]").first.wait_for()
                assert signing_out.count() == 0
