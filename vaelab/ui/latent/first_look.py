"""What the map shows to who has not chosen yet: the projection and the colour that separate best, measured on codes that are stored."""

from __future__ import annotations

import streamlit as st

from vaelab.analysis.decoder_facts import codes_of
from vaelab.analysis.latents import stored_with_labels
from vaelab.analysis.separation import FirstView, first_view
from vaelab.config.errors import VaeLabError
from vaelab.images.palette import is_ordered, own_colour
from vaelab.runs.store import Run
from vaelab.ui.latent.map_panel import MOST_COLOURS

SHOWN = "latent_first_of"  # in the session: the model that the first look was chosen for
CHOSEN = "latent_view_chosen"  # in the session: whoever has chosen a view keeps it from model to model


def look_first(run: Run) -> None:
    """Set the controls of the map to the first look of this model, unless its reader has already chosen another view."""
    state = st.session_state
    kept = "latent_projection" in state and (state.get(CHOSEN) or state.get(SHOWN) == run.name)
    state[SHOWN] = run.name
    if kept:
        return
    found = measured(run)
    state["latent_projection"] = found.projection
    if found.dims:
        state["latent_dims"] = list(found.dims)
    if found.by is not None:
        state["latent_colour"] = found.by


def chose_view() -> None:
    """The reader has chosen a projection or a colour: from now on no other is chosen for them."""
    st.session_state[CHOSEN] = True


def measured(run: Run) -> FirstView:
    """The first look of a model; of a run in training that of its newest snapshot."""
    steps = run.snapshots()
    try:
        file = run.model_file()
        return _measured(str(run.path), file.stat().st_mtime_ns, steps[-1] if steps else None)
    except (VaeLabError, OSError):
        return FirstView("pca", None, (), 0.0)


@st.cache_data(max_entries=64, show_spinner=False)
def _measured(path: str, stamp: int, step: int | None) -> FirstView:
    run = Run(path)
    found = stored_with_labels(run)
    if found is None:
        codes = codes_of(run, run.config(), step)
        found = codes.mu, dict(codes.labels)
    mu, labels = found
    told = {name: pair for name, pair in labels.items() if len(pair[1]) <= MOST_COLOURS or _are_shades(pair[1])}
    return first_view(mu, told)


def _are_shades(names: tuple[str, ...]) -> bool:
    """Whether many values can still be told apart: each in its own colour, or in order."""
    return is_ordered(names) or all(own_colour(name) for name in names)
