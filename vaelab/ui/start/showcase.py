"""The trained model that the first page shows alive: a decoder that moves, then what it makes of real images and of noise."""

from __future__ import annotations

import numpy as np
import streamlit as st

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.images.palette import markdown
from vaelab.runs.store import Run
from vaelab.ui import pictures
from vaelab.ui.access import seen
from vaelab.ui.components.decoder.decoder_view import compact_decoder
from vaelab.ui.model_picker import shipped
from vaelab.ui.pictures import Pixels
from vaelab.ui.text import t

COLUMNS = 11
PICTURE = 352  # pixels: 11 times 32
SIDE = 310  # pixels of the column beside it; start.css widens it on a projector
LARGE = 640  # on a projector: decoder/compact.js takes it where the window is as large as --vl-views of shell.css asks


def favourite() -> Run | None:
    """The shipped favourite, else another shipped model, else the newest run that has saved weights."""
    candidates = [*shipped().values(), *seen.list_runs()]
    return next((run for run in candidates if run.model_file_or_none() is not None), None)


def living_decoder(run: Run | None) -> None:
    """A decoder that moves by itself until it is touched; where no model is trained yet, how to get one."""
    if run is None:
        st.info(t("start.no_model"), icon=":material/lightbulb:")
        return
    st.markdown(t("start.tagline", model=run.name))
    with st.container(key="living_decoder"):
        compact_decoder(run.name, key="start_decoder", size=PICTURE, large=LARGE)


def reserve() -> st.delta_generator.DeltaGenerator:
    """The place of `evidence`, with faint tiles of the same size."""
    place = st.empty()
    with place.container():
        _rows(pictures.empty_strip(2, COLUMNS), pictures.empty_strip(1, COLUMNS))
    return place


def evidence(run: Run, place: st.delta_generator.DeltaGenerator) -> None:
    """Held-out images over their reconstructions, and samples. Fills its place last: the first call imports torch."""
    file = run.model_file()
    originals, reconstructions, samples = _evidence(str(run.path), file.stat().st_mtime_ns)
    with place.container():
        _rows(pictures.pairs(originals, reconstructions, COLUMNS), pictures.strip(samples, COLUMNS))


def _rows(pairs: Pixels, samples: Pixels) -> None:
    for role, name, sheet in (("decoder", "reconstructions", pairs), ("z", "samples", samples)):
        with st.container(gap=None):
            st.markdown(f"**{markdown(role, t(f'start.{name}'))}** :small[{t(f'start.{name}_how')}]")  # type: ignore[arg-type]
            st.image(sheet, output_format="PNG", alt=t(f"start.{name}"))


@st.cache_data(max_entries=4, show_spinner=False)
def _evidence(path: str, stamp: int) -> tuple[Pixels, Pixels, Pixels]:
    """(originals, reconstructions, samples), (COLUMNS, C, H, W) uint8 each; samples stand in where the images are absent."""
    from vaelab.analysis import inference  # imports torch: seconds that nobody should wait for before the page is there

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
    return originals, inference.reconstruct(model, originals, labels), samples
