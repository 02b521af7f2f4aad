"""The page where the teacher signs in: a form of plain HTML, because a cookie that no script can read comes with an answer to a request."""

from __future__ import annotations

import html
import math
import os
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from vaelab.images.palette import css_variables_of_both
from vaelab.ui.access.middleware import cookie
from vaelab.ui.access.people import (
    PASSWORD,
    PERSON_COOKIE,
    PERSON_SECONDS,
    TEACHER_COOKIE,
    has_password,
    new_person,
    of_request,
    sign_in,
)
from vaelab.ui.access.tries import Tries, is_same
from vaelab.ui.components.carrier import PREFIX
from vaelab.ui.components.routes import FRESH, asking, base_path
from vaelab.ui.text import LANGUAGES, Language, language_of_page, strings

PAGE = "classroom"
NAME = "sign-in"
WORDS = (
    "sign_in_title",
    "sign_in_how",
    "sign_in_password",
    "sign_in_button",
    "sign_in_back",
    "sign_in_wrong",
    "sign_in_wait",
)
MOST_BYTES = 4096  # of a form
TRIES = Tries()
# No script, nothing from elsewhere, in no frame; the form goes to this server alone.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
HEADERS = {
    **FRESH,
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def sign_in_routes() -> list[Route]:
    """The page and what its form sends."""
    path = f"{base_path()}{PREFIX}/{NAME}"
    return [asking("sign_in", path, show), asking("sign_in", path, enter, methods=["POST"])]


def address(lang: str, theme: str, back: str) -> str:
    """Where the page is. theme: "light" or "dark", as the app shows it; back: the app's page to return to, from its root."""
    return f"{base_path()}{PREFIX}/{NAME}?{urlencode({'lang': lang, 'theme': theme, 'back': back})}"


def show(request: Request) -> Response:
    """The form; where no password is set, the app."""
    return _page(request) if has_password() else RedirectResponse(base_path(), 303, FRESH)


async def enter(request: Request) -> Response:
    """What the form sends: the right password gives the cookie and the page that one came from."""
    if not has_password():
        return RedirectResponse(base_path(), 303, FRESH)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return _page(request, "sign_in_wrong", status=413)
    given = parse_qs(body.decode(errors="replace"), keep_blank_values=True).get("password", [""])[0]
    came_from = request.client.host if request.client else ""
    wait = TRIES.attempt(came_from, lambda: is_same(given, os.environ[PASSWORD]))
    if wait is not None:
        said = "sign_in_wait" if wait else "sign_in_wrong"
        return _page(request, said, seconds=math.ceil(wait), status=429 if wait else 401)
    answer = RedirectResponse(base_path() + _back(request), 303, FRESH)
    person = of_request(request)
    if not person.id:
        person, word = new_person()
        line = cookie(PERSON_COOKIE, word, request, max_age=PERSON_SECONDS, same_site="lax")
        answer.headers.append("set-cookie", line)
    answer.headers.append("set-cookie", cookie(TEACHER_COOKIE, sign_in(person), request, same_site="strict"))
    return answer


def _back(request: Request) -> str:
    """The app's page that one came from, below its root; its first page for anything that could lead elsewhere."""
    back = request.query_params.get("back", "").lstrip("/")
    path = back.partition("?")[0]
    harmless = back.isascii() and back.isprintable() and not any(sign in path for sign in ":\\/")
    return back if harmless and len(back) <= 2000 else ""


def _page(request: Request, said: str = "", *, seconds: int = 0, status: int = 200) -> Response:
    """The page. said: the sentence above the form; seconds: to wait before the next try."""
    lang, theme = language_of_page(str(request.url)), request.query_params.get("theme", "")
    scheme = theme if theme in ("light", "dark") else "light dark"
    words = {key: html.escape(strings(lang, PAGE)[key]) for key in WORDS}
    told = f'<p class="told" role="alert">{words[said].format(seconds=seconds)}</p>' if said else ""
    others = " · ".join(_other_language(request, name, title) for name, title in LANGUAGES.items() if name != lang)
    content = (SHEET.parent / "sign_in.html").read_text(encoding="utf-8")
    filled = {
        "lang": "zh-CN" if lang == "zh" else "en",
        "style": f":root{{color-scheme:{scheme};{css_variables_of_both()}}}{SHEET.read_text(encoding='utf-8')}",
        "told": told,
        "back": html.escape(base_path() + _back(request)),
        "others": others,
        **words,
    }
    for name, value in filled.items():
        content = content.replace(f"{{{{{name}}}}}", value)
    headers = {**HEADERS, **({"Retry-After": str(seconds)} if seconds else {})}
    return HTMLResponse(content, status, headers)


def _other_language(request: Request, name: Language, title: str) -> str:
    query = urlencode({**dict(request.query_params), "lang": name})
    return f'<a href="?{html.escape(query)}" lang="{name}">{title}</a>'


SHEET = Path(__file__).with_name("sign_in.css")
