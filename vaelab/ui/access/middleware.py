"""What every request passes on a server with roles: a browser that comes for a page gets the cookie that tells it from others, an upload is counted."""

from __future__ import annotations

import re
from http.cookies import SimpleCookie
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vaelab.config.errors import AccessError, VaeLabError
from vaelab.ui.access.people import PERSON_COOKIE, PERSON_SECONDS, Person, has_roles, new_person, of_request
from vaelab.ui.access.rules import check
from vaelab.ui.access.uploads import UPLOADS
from vaelab.ui.components.routes import base_path
from vaelab.ui.error_text import in_words
from vaelab.ui.text import language_of_page

UPLOAD = re.compile(r"_stcore/upload_file/[^/]+/[^/]+/?")


class Access:
    """The middleware. Without roles it passes everything on as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI asks."""
        if scope["type"] != "http" or not has_roles():
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        if scope["method"] == "PUT" and UPLOAD.fullmatch(request.url.path.removeprefix(base_path())):
            await self._upload(request, scope, receive, send)
        elif scope["method"] == "GET" and "text/html" in request.headers.get("accept", ""):
            await self._page(request, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _page(self, request: HTTPConnection, scope: Scope, receive: Receive, send: Send) -> None:
        """Somebody opens a page: who is new here gets a cookie with the answer."""
        try:
            if of_request(request).id:
                await self._app(scope, receive, send)
                return
            _, word = new_person()
        except VaeLabError as error:  # the runs' folder cannot be written
            await PlainTextResponse(in_words(str(error), language_of_page(str(request.url))), 500)(scope, receive, send)
            return
        line = cookie(PERSON_COOKIE, word, request, max_age=PERSON_SECONDS, same_site="lax")

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", line)
            await send(message)

        await self._app(scope, receive, with_cookie)

    async def _upload(self, request: HTTPConnection, scope: Scope, receive: Receive, send: Send) -> None:
        """Count an upload as it comes, and end it where it becomes more than is left."""
        person = of_request(request)
        try:
            _check_upload(person, request)
        except VaeLabError as error:
            await _refused(request, error)(scope, receive, send)
            return
        refusal: list[VaeLabError] = []
        began = False

        async def counted() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                try:
                    UPLOADS.add(person, len(message.get("body", b"")))
                except VaeLabError as error:
                    refusal.append(error)
                    return {"type": "http.disconnect"}  # ends the reading; nothing of it is kept
            return message

        async def unless_refused(message: Message) -> None:
            nonlocal began
            if not refusal:
                began = True
                await send(message)

        try:
            await self._app(scope, counted, unless_refused)
        except ClientDisconnect:  # what Starlette's reading raises where `counted` ended it, or the browser itself
            if not refusal:
                raise
        if refusal and not began:
            await _refused(request, refusal[0])(scope, receive, send)


def _check_upload(person: Person, request: HTTPConnection) -> None:
    """Raises AccessError where it is known before a byte is read."""
    check("upload_image", person=person)
    if not person.id:
        raise AccessError(
            "an upload needs the cookie that this server gave your browser (allow cookies, then reload the page)"
        )
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) <= 15 and int(length) > UPLOADS.left(person):
        UPLOADS.add(person, int(length))  # raises, and says which limit it is


def _refused(request: HTTPConnection, error: VaeLabError) -> Response:
    lang = language_of_page(request.headers.get("referer", ""))
    return PlainTextResponse(in_words(str(error), lang), status_code=413, headers={"Cache-Control": "no-store"})


def cookie(name: str, value: str, request: HTTPConnection, *, same_site: str, max_age: int | None = None) -> str:
    """A Set-Cookie header: HttpOnly, for the app's own paths, Secure where the browser came by HTTPS. max_age: seconds; None ends it with the browser."""
    made: SimpleCookie = SimpleCookie()
    made[name] = value
    crumb: Any = made[name]
    crumb["path"] = base_path()
    crumb["httponly"] = True
    crumb["samesite"] = same_site
    if max_age is not None:
        crumb["max-age"] = max_age
    if is_secure(request):
        crumb["secure"] = True
    return crumb.OutputString()  # type: ignore[no-any-return]


def is_secure(request: HTTPConnection) -> bool:
    """Whether the browser came by HTTPS, as the server or the proxy before it says."""
    said = request.headers.get("x-forwarded-proto", "").split(",")[0].strip()
    return request.url.scheme == "https" or said == "https"
