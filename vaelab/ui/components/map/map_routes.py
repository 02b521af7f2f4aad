"""The HTTP side of the Latent space page: points, colours, pictures and t-SNE, as source.js asks for them.

The page itself sends addresses only: nothing here waits for a rerun, and a rerun never waits for this.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vaelab.analysis import latents, posterior, projections
from vaelab.analysis.latents import Query
from vaelab.config.errors import AccessError, VaeLabError
from vaelab.config.fields import is_number
from vaelab.runs.owner import TEACHER, Owner
from vaelab.runs.store import Run
from vaelab.ui.access.people import of_request
from vaelab.ui.access.rules import check
from vaelab.ui.components.carrier import PREFIX, quoted
from vaelab.ui.components.map.answers import NotFound, binary, sheet
from vaelab.ui.components.map.asked import dims_of, lasting, principal, three, wanted_codes
from vaelab.ui.components.map.film_routes import film_answers
from vaelab.ui.components.map.layer_routes import layer_answers
from vaelab.ui.components.routes import FRESH, Answer, asking, base_path, refused
from vaelab.workers import tsne_worker


class Few(Convertor[int]):
    """A number in an address, of at most nine digits: Python refuses to read very long ones, and the server would fail."""

    regex = "[0-9]{1,9}"

    def convert(self, value: str) -> int:
        """As Starlette asks."""
        return int(value)

    def to_string(self, value: int) -> str:
        """As Starlette asks."""
        return str(value)


register_url_convertor("few", Few())
DENSITY_CELLS = 96
DENSITY_REACH = 4.0  # standard deviations of the prior


def map_base(run: Run) -> str:
    """Where everything about a run's map is, relative to the root of the app."""
    return f"{PREFIX}/map/{quoted(run.name)}"


def map_query(wanted: Query) -> dict[str, str]:
    """What names the codes of a query in an address."""
    return {"split": wanted.split, "count": str(wanted.count), "v": wanted.stamp}


def map_routes() -> list[Route]:
    """Every route, below server.baseUrlPath where that is set."""
    root = f"{base_path()}{PREFIX}/map/{{run}}"
    answers: dict[str, Answer] = {
        "facts.json": facts,
        "places.bin": places,
        "axes.json": axes,
        "trust.json": trust,
        "lift.bin": lift,
        "codes.bin": code_values,
        "density.bin": density,
        "colours.bin": colours,
        "tsne.bin": tsne_map,
        "sheet-{k:few}.png": pictures,
        **layer_answers(),
        **film_answers(),
    }
    routes = [asking("see_run", f"{root}/{name}", _answering(answer)) for name, answer in answers.items()]
    return [
        *routes,
        asking("see_run", f"{root}/tsne.json", _answering(tsne)),
        asking("make_map", f"{root}/tsne.json", _answering(change_tsne), methods=["POST"]),
    ]


def _answering(answer: Answer) -> Answer:
    """Errors for users become one sentence with status 409, 403 where something is not theirs to do."""

    @wraps(answer)
    def guarded(request: Request) -> Response:
        try:
            return answer(request)
        except VaeLabError as error:
            return refused(request, str(error), 403 if isinstance(error, AccessError) else 409)

    return guarded


def facts(request: Request) -> Response:
    """How many points there are and what they are made of; waits until they are encoded."""
    wanted = wanted_codes(request)
    known = latents.codes(wanted)
    method = wanted.run.config().model.method
    answer = {
        "n": len(known),
        "shape": list(known.pixels.shape[1:]),
        "source": known.source,
        "variational": known.logvar is not None,
        "standard": method.has_prior and method.standard_prior,
        "dims": int(known.mu.shape[1]),
    }
    return JSONResponse(answer, headers=FRESH)


def places(request: Request) -> Response:
    """Where the points are by PCA or by single dimensions, (N, 3) float32 in latent units."""
    wanted = wanted_codes(request)
    if request.query_params.get("projection") == "dims":
        known = latents.codes(wanted)
        points = known.mu[:, list(dims_of(request, known))]
    else:
        points = principal(wanted).points
    return binary(three(points), lasting(request, wanted))


def axes(request: Request) -> Response:
    """The axes' names, their shares of the variance, and where the code 0, the prior's middle, lies."""
    wanted = wanted_codes(request)
    if request.query_params.get("projection") == "dims":
        names = [{"name": f"z{k}"} for k in dims_of(request, latents.codes(wanted))]
        return JSONResponse({"axes": names, "origin": [0.0, 0.0, 0.0]}, headers=FRESH)
    found = principal(wanted)
    named = [{"name": f"PC {k + 1}", "share": float(share)} for k, share in enumerate(found.explained)]
    origin = three(found.place(np.zeros((1, len(found.mean)))))[0]
    return JSONResponse({"axes": named, "origin": [float(value) for value in origin]}, headers=FRESH)


@lru_cache(maxsize=64)
def _trust(key: str, projection: str, dims: tuple[int, ...], wanted: Query) -> float:
    known = latents.codes(wanted)
    points = known.mu[:, list(dims)] if projection == "dims" else principal(wanted).points[:, : len(dims)]
    return projections.trust(known.mu, points)


def trust(request: Request) -> Response:
    """Trustworthiness of a map, 0 to 1; of a cloud where the address names three dimensions."""
    wanted = wanted_codes(request)
    if request.query_params.get("projection") == "dims":
        projection, dims = "dims", dims_of(request, latents.codes(wanted))
    else:
        projection, dims = "pca", tuple(range(3 if request.query_params.get("dims", "").count(",") == 2 else 2))
    return JSONResponse({"trust": round(_trust(wanted.key, projection, dims, wanted), 4)}, headers=FRESH)


@dataclass(frozen=True)
class Plane:
    """How places of a flat map become codes, z = base + x across + y up; all (Z,). across, up: orthonormal."""

    base: NDArray[Any]
    across: NDArray[Any]
    up: NDArray[Any]


def _plane(request: Request, wanted: Query) -> Plane:
    """The plane of PCA, or of two dimensions with the others at their average."""
    known = latents.codes(wanted)
    mean = known.mu.mean(axis=0).astype(float)
    if request.query_params.get("projection") != "dims":
        found = principal(wanted)
        return Plane(found.mean, found.directions[0], found.directions[1])
    first, second = dims_of(request, known)[:2]
    units = np.eye(len(mean))
    return Plane(mean * (1.0 - units[first] - units[second]), units[first], units[second])


def lift(request: Request) -> Response:
    """The inverse of PCA's or two dimensions' map, (3, Z) float32: a code, and what a step across and up adds to it.

    With ?row= of a chosen image the plane goes through its code: what the map does not show is then as in that image.
    """
    wanted = wanted_codes(request)
    plane = _plane(request, wanted)
    base = plane.base
    mu = latents.codes(wanted).mu
    row = request.query_params.get("row", "")
    if is_number(row) and int(row) < len(mu):
        apart = mu[int(row)] - base
        base = base + apart - plane.across * (apart @ plane.across) - plane.up * (apart @ plane.up)
    return binary(np.stack([base, plane.across, plane.up]), lasting(request, wanted))


def code_values(request: Request) -> Response:
    """The codes themselves, (N, Z) float32: t-SNE has no inverse, so the browser mixes near ones."""
    wanted = wanted_codes(request)
    return binary(latents.codes(wanted).mu, lasting(request, wanted))


def density(request: Request) -> Response:
    """q(z) on the plane of a flat map: centre x and y and reach, then (G, G) float32 row by row from below."""
    wanted = wanted_codes(request)
    known, plane = latents.codes(wanted), _plane(request, wanted)
    axes = np.stack([plane.across, plane.up])
    points = (known.mu - plane.base) @ axes.T
    mu, sigma = posterior.some(points, posterior.spread(known.mu, known.sigma, 2))
    about_prior = known.sigma is not None and wanted.run.config().model.method.standard_prior
    centre = -plane.base @ axes.T if about_prior else points.mean(axis=0)
    reach = DENSITY_REACH if about_prior else 1.1 * float(np.abs(points - centre).max())
    found = posterior.plane_density(mu, sigma**2 @ (axes**2).T, centre, reach, DENSITY_CELLS)
    return binary(np.concatenate([centre, [reach], found.ravel()]), lasting(request, wanted))


def colours(request: Request) -> Response:
    """What the points are coloured by, (N,) float32: a label's value indices, error in nats, or sigma."""
    known = latents.codes(wanted_codes(request))
    by = request.query_params.get("by", "")
    values: NDArray[Any] | None
    if by in known.labels:
        values = known.labels[by][0]
    else:
        values = known.error if by == "error" else known.uncertainty if by == "uncertainty" else None
    if values is None:
        values = np.full(len(known), -1.0)
    return binary(values, FRESH)


def pictures(request: Request) -> Response:
    """256 pictures of the points, 16 in a row."""
    wanted = wanted_codes(request)
    return sheet(latents.codes(wanted).pixels, request, lasting(request, wanted))


_starters: dict[str, Owner] = {}  # map: who had it made, and may stop it; the teacher's where nobody is remembered


def change_tsne(request: Request) -> Response:
    """Have a t-SNE map made with ?action=start, stop it with ?action=cancel; how far it is then."""
    wanted, person = wanted_codes(request), of_request(request)
    name = wanted.file_name
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise NotFound("a map is started and stopped from its own page")
    if request.query_params.get("action") == "cancel":
        check("stop_map", _starters.get(name, TEACHER), person)
        tsne_worker.jobs.cancel(name)
    else:
        if not tsne_worker.jobs.state(name).is_active:
            _starters[name] = Owner(person.tag)
        tsne_worker.start(name, latents.codes(wanted).mu)
    return tsne(request)


def tsne(request: Request) -> Response:
    """How far t-SNE is."""
    state = tsne_worker.jobs.state(wanted_codes(request).file_name)
    shown = ("state", "round", "rounds", "version", "seconds", "remaining")
    answer = {key: getattr(state, key) for key in shown} | {"trust": state.told.get("trust")}
    return JSONResponse(answer, headers=FRESH)


def tsne_map(request: Request) -> Response:
    """The newest t-SNE map, (N, 2) float32."""
    found = tsne_worker.points(wanted_codes(request).file_name)
    if found is None:
        raise NotFound("there is no map yet; it appears a second or two after the start")
    return binary(found, FRESH)
