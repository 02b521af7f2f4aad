"""The HTTP side of the browser decoder: serves its modules and the weights of runs. app.py adds these routes to the app.

`asking` is how every route of ours is made: it asks who may do what (access/rules.py) before its answer is begun.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, cast, get_args

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from vaelab.config.errors import AccessError, VaeLabError
from vaelab.config.fields import is_number
from vaelab.config.places import runs_root, weights_root
from vaelab.export.bundle import Part, browser_bundle, number_bytes
from vaelab.runs.files import read_arrays
from vaelab.runs.store import Run
from vaelab.ui.access.people import of_request
from vaelab.ui.access.rules import ACTIONS, check, may
from vaelab.ui.components.carried import PLANES, packed
from vaelab.ui.components.carrier import PREFIX, bundle_url, modules, modules_digest
from vaelab.ui.error_text import in_words
from vaelab.ui.text import language_of_page

FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
FRESH = {"Cache-Control": "no-store"}
Answer = Callable[[Request], Response]
SlowAnswer = Callable[[Request], Awaitable[Response]]


def routes() -> list[Route]:
    """Every route, below server.baseUrlPath where that is set."""
    root = f"{base_path()}{PREFIX}"
    return [
        asking("read_scripts", f"{root}/js/{{digest}}/{{name:path}}", module),
        asking("see_run", f"{root}/weights/{{run}}/newest.json", newest),
        asking("see_run", f"{root}/weights/{{run}}/{{source}}/{{part}}.bin", bundle),
    ]


def base_path() -> str:
    """The app's root in an address, as server.baseUrlPath has it: "/" or "/lab/"."""
    from streamlit import get_option

    base = str(get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/" if base else "/"


def asking(action: str, path: str, answer: Answer | SlowAnswer, methods: Sequence[str] = ("GET",)) -> Route:
    """A route that asks before its answer is begun; about the run that its address names, where it names one.

    answer: a function, or a coroutine where it reads what was sent.
    """
    if action not in ACTIONS:
        raise KeyError(f"{action} must be one of {', '.join(ACTIONS)}")

    @wraps(answer)
    def asked(request: Request) -> Response:
        return _refusal(request, action) or _kept_by_whom(request, cast(Answer, answer)(request))

    @wraps(answer)
    async def asked_slowly(request: Request) -> Response:
        return _refusal(request, action) or _kept_by_whom(request, await cast(SlowAnswer, answer)(request))

    return Route(path, asked_slowly if inspect.iscoroutinefunction(answer) else asked, methods=list(methods))


def asking_socket(action: str, path: str, talk: Callable[[WebSocket], Awaitable[None]]) -> WebSocketRoute:
    """A WebSocket that asks before it is opened, and opens to pages of this server alone: a browser sends its cookies from others' too."""
    if action not in ACTIONS:
        raise KeyError(f"{action} must be one of {', '.join(ACTIONS)}")

    @wraps(talk)
    async def asked(socket: WebSocket) -> None:
        if _is_from_here(socket) and may(action, person=of_request(socket)):
            await talk(socket)
        else:
            await socket.close(1008)  # policy violation

    return WebSocketRoute(path, asked)


def _is_from_here(socket: WebSocket) -> bool:
    """Whether the page that opens it is of the address that it opens; what is no browser names none."""
    origin = socket.headers.get("origin")
    return origin is None or origin.partition("://")[2].lower() == socket.headers.get("host", "").lower()


def _refusal(request: Request, action: str) -> Response | None:
    """The answer to somebody who may not do this. A run that they cannot see is told by the answer itself as one that is absent."""
    run, person = run_named(str(request.path_params.get("run", ""))), of_request(request)
    try:
        check(action, run, person)
    except AccessError as error:
        if "run" not in request.path_params or (run is not None and may("see_run", run, person)):
            return refused(request, str(error), 403)
    return None


def _kept_by_whom(request: Request, answer: Response) -> Response:
    """A student's run may be kept by the owner's browser, by nothing that others share."""
    run = run_named(str(request.path_params.get("run", "")))
    if run is not None and run.owner.is_student:
        answer.headers["Cache-Control"] = answer.headers.get("Cache-Control", "").replace("public", "private")
    return answer


def module(request: Request) -> Response:
    """One JavaScript module. An address of an older version gets today's text, not to be kept."""
    path = modules().get(request.path_params["name"])
    if path is None:
        return refused(request, "there is no such module", 404)
    headers = FOREVER if request.path_params["digest"] == modules_digest() else FRESH
    return FileResponse(path, media_type="text/javascript", headers=headers)


def newest(request: Request) -> Response:
    """{"state", "active", "step", "decoder", "encoder"}: addresses of the newest weights, null before any were saved."""
    run = run_of(request)
    if run is None:
        return refused(request, "there is no such run", 404)
    status = run.status()
    steps = run.snapshots()
    saved = run.model_file_or_none()
    if steps and (status.is_active or saved is None):
        decoder: str | None = bundle_url(run, "decoder", steps[-1])
    else:
        decoder = bundle_url(run, "decoder") if saved else None
    answer: dict[str, Any] = {
        "state": status.state,
        "active": status.is_active,
        "step": steps[-1] if steps else status.step,
        "decoder": decoder,
        "encoder": bundle_url(run, "encoder") if saved and run.config().model.method.head_is_code else None,
    }
    return JSONResponse(answer, headers=FRESH)


def bundle(request: Request) -> Response:
    """One half of a model as vaelab.export.bundle writes it; source: "model" or the step of a snapshot."""
    run = run_of(request)
    part, source = request.path_params["part"], request.path_params["source"]
    if run is None or part not in get_args(Part) or not (source == "model" or is_number(source)):
        return refused(request, "there are no such weights", 404)
    try:
        file = run.model_file() if source == "model" else run.snapshot_file(int(source))
        content = browser_bundle(run.config().model, read_arrays(file), part)
    except VaeLabError as error:
        return refused(request, str(error), 409)
    headers = FOREVER if "v" in request.query_params else FRESH
    if "gzip" in request.headers.get("accept-encoding", ""):
        width = number_bytes(content)
        content = packed(content, width)
        headers = headers | {"Content-Encoding": "gzip", PLANES: str(width)}
    else:  # said, so that the server does not pack it either
        headers = headers | {"Content-Encoding": "identity"}
    headers = headers | {"Vary": "Accept-Encoding"}
    return Response(content, media_type="application/octet-stream", headers=headers)


def run_of(request: Request) -> Run | None:
    """The run that an address names; None where there is none, and where whoever asks cannot see it: the two look alike."""
    run = run_named(request.path_params["run"])
    return run if run is not None and may("see_run", run, of_request(request)) else None


def run_named(name: str) -> Run | None:
    """A run or a shipped model by its bare name; a name that could lead out of the two folders finds nothing."""
    if not name or name.startswith(".") or Path(name).name != name or "\\" in name or "\0" in name:
        return None
    for root in (runs_root(), weights_root()):
        if os.path.isfile(root / name / "config.json"):  # a name that is too long is no file either
            return Run(root / name)
    return None


def refused(request: Request, sentence: str, status: int) -> Response:
    """The sentence in the language of the page that asks: browsers name its address in Referer."""
    lang = language_of_page(request.headers.get("referer", ""))
    return PlainTextResponse(in_words(sentence, lang), status_code=status, headers=FRESH)
