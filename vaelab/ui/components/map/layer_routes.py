"""What lies over the points of a map, as it is asked for: the modes of a mixture prior, and arrows from damaged to clean codes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from vaelab.analysis import latents
from vaelab.analysis.latents import Query
from vaelab.analysis.projections import Projection
from vaelab.ui.components.map.answers import NotFound, binary, sheet
from vaelab.ui.components.map.asked import lasting, projection, three, wanted_codes
from vaelab.ui.components.routes import Answer

if TYPE_CHECKING:
    from vaelab.analysis.damage_arrows import Arrows
    from vaelab.analysis.posterior import Gaussians
    from vaelab.analysis.prior_modes import Modes

UPPER = np.triu_indices(3)  # of a symmetric matrix: xx, xy, xz, yy, yz, zz


def layer_answers() -> dict[str, Answer]:
    """What answers each name below a run's address."""
    return {
        "modes.bin": modes_placed,
        "mode-{k:few}.png": modes_decoded,
        "pseudo-{k:few}.png": modes_inputs,
        "arrows.bin": arrows_placed,
        "arrows.json": arrows_told,
    }


@lru_cache(maxsize=8)
def _modes(path: str, key: str, wanted: Query) -> Modes:
    """The Modes of a run whose prior is a mixture; raises NotFound for another. path, key: what the answer is kept under."""
    if not wanted.run.config().model.method.mixture_prior:
        raise NotFound(
            f"the prior of {wanted.run.name} is no mixture and has no modes; choose a run of mixture-vae or vamp-vae"
        )
    from vaelab.analysis import inference, prior_modes
    from vaelab.models.one_thread import alone

    known = latents.codes(wanted)
    return alone(lambda: prior_modes.modes(inference.load_run(wanted.run), known))


def found_modes(wanted: Query) -> Modes:
    """The Modes of a query, found once."""
    return _modes(str(wanted.run.path), wanted.key, wanted)


def placed(modes: Modes | Gaussians, shown: Projection) -> NDArray[np.float32]:
    """(K, 10): place x, y, z, covariance xx, xy, xz, yy, yz, zz, weight; zeros for axes that there are not."""
    from vaelab.analysis.prior_modes import covariances

    wide = np.zeros((len(modes.mu), 3, 3), dtype=np.float32)
    size = len(shown.directions)
    wide[:, :size, :size] = covariances(modes.sigma, shown.directions)
    columns = np.c_[three(shown.place(modes.mu)), wide[:, UPPER[0], UPPER[1]], modes.weights]
    return np.asarray(columns, dtype=np.float32)


def modes_placed(request: Request) -> Response:
    """Where the components of the prior are, (K, 10) float32 as `placed` has them."""
    wanted = wanted_codes(request)
    return binary(placed(found_modes(wanted), projection(request, wanted)), lasting(request, wanted))


def modes_decoded(request: Request) -> Response:
    """256 of the decoded means, 16 in a row."""
    wanted = wanted_codes(request)
    return sheet(found_modes(wanted).decoded, request, lasting(request, wanted))


def modes_inputs(request: Request) -> Response:
    """256 of the pseudo-inputs, 16 in a row."""
    wanted = wanted_codes(request)
    inputs = found_modes(wanted).inputs
    if inputs is None:
        raise NotFound(f"the prior of {wanted.run.name} is not made of images")
    return sheet(inputs, request, lasting(request, wanted))


@lru_cache(maxsize=8)
def _arrows(path: str, key: str, wanted: Query) -> Arrows:
    run = wanted.run
    if not run.config().model.method.damages_input:
        raise NotFound(f"{run.name} was not trained on damaged images; choose a run of denoising-autoencoder")
    if not latents.has_images(run):
        raise NotFound(
            f"arrows need the images of {run.config().data.name}, which are not installed; download them on the page Train"
        )
    from vaelab.analysis import damage_arrows, inference
    from vaelab.models.one_thread import alone

    known = latents.codes(wanted)
    return alone(lambda: damage_arrows.arrows(inference.load_run(run), known))


def arrows_placed(request: Request) -> Response:
    """The codes of damaged images, (M, 4) float32: the row of the same image undamaged, then place x, y, z."""
    wanted = wanted_codes(request)
    found = _arrows(str(wanted.run.path), wanted.key, wanted)
    places = three(projection(request, wanted).place(found.damaged))
    return binary(np.c_[found.rows, places], lasting(request, wanted))


def arrows_told(request: Request) -> Response:
    """How many arrows there are, and how long they are on average in standard deviations of the codes."""
    wanted = wanted_codes(request)
    found = _arrows(str(wanted.run.path), wanted.key, wanted)
    return JSONResponse({"n": len(found.rows), "length": found.length}, headers=lasting(request, wanted))
