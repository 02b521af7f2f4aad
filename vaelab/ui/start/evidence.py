"""The first page's pictures of what its model makes of real images and of noise, as files: the page is there before they are.

They need torch, which a new server imports once its first page is out (ui/warming.py); whoever asks earlier waits here, and not with the page.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vaelab import data
from vaelab.config.errors import DataError, VaeLabError
from vaelab.runs.store import Run
from vaelab.ui import pictures, warming
from vaelab.ui.components.carrier import PREFIX, quoted
from vaelab.ui.components.map.answers import png
from vaelab.ui.components.routes import FOREVER, FRESH, asking, base_path, refused, run_of
from vaelab.ui.pictures import Pixels
from vaelab.ui.tags import img_at

COLUMNS = 11
ROWS = {"pairs": 2, "samples": 1}


def evidence_routes() -> list[Route]:
    """Every route, below server.baseUrlPath where that is set."""
    return [asking("see_run", f"{base_path()}{PREFIX}/evidence/{{run}}/{{sheet}}.png", evidence)]


def evidence_html(run: Run, name: str, words: str) -> str:
    """A sheet of ROWS as HTML: faint tiles until the picture is there. words: what stands for it where it cannot be seen."""
    stamp = run.model_file().stat().st_mtime_ns
    tiles = pictures.empty_strip(ROWS[name], COLUMNS)
    return img_at(f"{PREFIX}/evidence/{quoted(run.name)}/{name}.png?v={stamp}", tiles, words)


def evidence(request: Request) -> Response:
    """Held-out images over their reconstructions ("pairs"), or samples, as one picture."""
    run, name = run_of(request), request.path_params["sheet"]
    if run is None or name not in ROWS:
        return refused(request, "there is no such picture", 404)
    warming.wait()
    try:
        sheet = _sheets(str(run.path), run.model_file().stat().st_mtime_ns)[name]
    except VaeLabError as error:
        return refused(request, str(error), 409)
    return png(sheet, FOREVER if "v" in request.query_params else FRESH)


@lru_cache(maxsize=4)
def _sheets(path: str, stamp: int) -> dict[str, Pixels]:
    """The sheets of ROWS; samples stand in for images that are absent. stamp: of the weights."""
    from vaelab.analysis import inference  # imports torch

    run = Run(path)
    cfg = run.config()
    model = inference.load_run(run)
    classes = cfg.model.classes
    y = None if classes == 0 else np.arange(COLUMNS) % classes
    samples = inference.sample(model, COLUMNS, seed=0, y=y)
    try:
        test = data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=1).test.take(
            slice(0, COLUMNS)
        )
        labels = None if cfg.model.label is None else data.labels_of(test, cfg.model.label)
        originals = test.pixels
    except DataError:
        originals, labels = samples, y
    made = inference.reconstruct(model, originals, labels)
    return {"pairs": pictures.pairs(originals, made, COLUMNS), "samples": pictures.strip(samples, COLUMNS)}
