"""The film of a run on the Latent space page: its frames as they are asked for, and the whole as a file."""

from __future__ import annotations

from functools import lru_cache
from typing import cast
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vaelab.analysis.film import film
from vaelab.export import film_file
from vaelab.runs.store import Run
from vaelab.ui.components.map.answers import NotFound, binary, png, run_in_address, sheet
from vaelab.ui.components.map.layer_routes import placed
from vaelab.ui.components.routes import FOREVER, FRESH, Answer
from vaelab.ui.pictures import strip

FRAME_COLUMNS = 12  # pictures in a row of the film


def film_answers() -> dict[str, Answer]:
    """What answers each name below a run's address."""
    return {
        "film.json": film_facts,
        "film.bin": film_places,
        "film-modes.bin": film_modes,
        "film-mode-{step:few}-{k:few}.png": film_modes_decoded,
        **{f"film.{format}": film_as_file for format in film_file.FORMATS},
        "originals.png": film_originals,
        "probe-{k:few}.png": probe_pictures,
        "frame-{step:few}.png": film_frame,
    }


def probe_pictures(request: Request) -> Response:
    """256 of the probe images, 16 in a row."""
    return sheet(film(run_in_address(request)).probes, request, FOREVER)


def film_facts(request: Request) -> Response:
    """The film's steps and labels. stamp changes when frames are added."""
    run = run_in_address(request)
    shown = film(run)
    originals = run.fixed_file.stat().st_mtime_ns
    answer = {
        "steps": list(shown.steps),
        "stamp": f"{originals:x}-{len(shown.steps)}-{shown.steps[-1]}",
        "originals": f"{originals:x}",
        "probes": len(shown.probes),
        "shape": list(shown.probes.shape[1:]),
        "labels": None if shown.labels is None else shown.labels.tolist(),
        "names": list(shown.names),
        "title": shown.title,
        "reach": shown.reach,
        "modes": max(0 if prior is None else len(prior.mu) for prior in shown.priors),
        "file": run.name,
        "formats": [format for format in ("gif", "mp4") if not film_file.missing(format)],
    }
    return JSONResponse(answer, headers=FRESH)


def film_places(request: Request) -> Response:
    """The probe images' places in every frame, (F, P, 2) float32."""
    return binary(film(run_in_address(request)).points, FOREVER)


def film_modes(request: Request) -> Response:
    """The components of the prior in every frame, (F, K, 10) float32 as `placed` has them; not numbers where a frame holds none."""
    shown = film(run_in_address(request))
    most = max(0 if prior is None else len(prior.mu) for prior in shown.priors)
    rows = np.full((len(shown.steps), most, 10), np.nan, np.float32)
    for k, (prior, plane) in enumerate(zip(shown.priors, shown.planes, strict=True)):
        if prior is not None:
            rows[k, : len(prior.mu)] = placed(prior, plane)
    return binary(rows, FOREVER)


@lru_cache(maxsize=16)
def _modes_then(path: str, stamp: int, step: int, run: Run) -> NDArray[np.uint8]:
    from vaelab.analysis.prior_modes import decoded_then
    from vaelab.models.one_thread import alone

    return alone(decoded_then, run, step)


def film_modes_decoded(request: Request) -> Response:
    """256 of one frame's component means as its decoder draws them, 16 in a row."""
    run, step = run_in_address(request), request.path_params["step"]
    if step not in run.snapshots():
        raise NotFound(f"there is no snapshot of step {step} any more; reload the page")
    decoded = _modes_then(str(run.path), run.snapshot_file(step).stat().st_mtime_ns, step, run)
    return sheet(decoded, request, FOREVER)


def film_originals(request: Request) -> Response:
    """The originals of the reconstructions, in a row."""
    return png(strip(film(run_in_address(request)).originals, FRAME_COLUMNS, cell=1), FOREVER)


def film_frame(request: Request) -> Response:
    """One frame's reconstructions in a row, its samples in two rows below."""
    shown = film(run_in_address(request))
    step = request.path_params["step"]
    if step not in shown.steps:
        raise NotFound(f"there is no snapshot of step {step} any more; reload the page")
    k = shown.steps.index(step)
    images = np.concatenate([shown.recon[k], shown.samples[k]])
    return png(strip(images, FRAME_COLUMNS, cell=1), FOREVER)


def film_as_file(request: Request) -> Response:
    """The film as a file to keep, in the format that its address ends in."""
    run = run_in_address(request)
    format = cast(film_file.Format, request.url.path.rsplit(".", 1)[-1])
    name = quote(f"{run.name}.{format}")
    headers = {**FOREVER, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(film_file.encoded(run, format), media_type=film_file.MIME[format], headers=headers)
