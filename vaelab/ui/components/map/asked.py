"""Which codes an address of the map names, and how its projection places them: the part of an answer that all of them share."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request

from vaelab.analysis import latents, projections
from vaelab.analysis.latents import Codes, Query, Split
from vaelab.analysis.projections import Projection
from vaelab.config.fields import is_number
from vaelab.ui.components.map.answers import NotFound, run_in_address
from vaelab.ui.components.routes import FOREVER, FRESH


def wanted_codes(request: Request) -> Query:
    """The query that an address names: the newest weights of the run, whatever the address says of older ones."""
    values = request.query_params
    split, count = values.get("split", "test"), values.get("count", "")
    if split not in get_args(Split) or not is_number(count) or int(count) not in latents.COUNTS:
        raise NotFound(f"a map shows {', '.join(map(str, latents.COUNTS))} images of the split test or train")
    return latents.query(run_in_address(request), split, int(count))  # type: ignore[arg-type]


def lasting(request: Request, wanted: Query) -> dict[str, str]:
    """An answer may be kept for ever if its address names the weights that it was computed with."""
    return FOREVER if request.query_params.get("v") == wanted.stamp else FRESH


def dims_of(request: Request, known: Codes) -> tuple[int, ...]:
    """The two or three dimensions that an address names; the most used ones where it names none."""
    text = request.query_params.get("dims", "")
    size = known.mu.shape[1]
    if re.fullmatch(r"\d{1,4}(,\d{1,4}){1,2}", text):
        dims = tuple(int(part) for part in text.split(","))
        if max(dims) < size:
            return dims
    order = np.argsort(-known.mu.var(axis=0), kind="stable")
    return tuple(int(k) for k in order[:3])


@lru_cache(maxsize=8)
def _pca(path: str, key: str, wanted: Query) -> projections.Pca:
    return projections.pca(latents.codes(wanted).mu, 3)


def principal(wanted: Query) -> projections.Pca:
    return _pca(str(wanted.run.path), wanted.key, wanted)


def three(points: NDArray[Any]) -> NDArray[Any]:
    """(N, K) as (N, 3), with zeros for what is missing."""
    wide = np.zeros((len(points), 3), dtype=np.float32)
    wide[:, : points.shape[1]] = points[:, :3]
    return wide


def projection(request: Request, wanted: Query) -> Projection:
    """That of an address: PCA, or two or three numbers of z as they are."""
    if request.query_params.get("projection") != "dims":
        found = principal(wanted)
        return Projection(found.mean, found.directions)
    known = latents.codes(wanted)
    size = known.mu.shape[1]
    return Projection(np.zeros(size), np.eye(size)[list(dims_of(request, known))])
