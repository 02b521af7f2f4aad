"""The three views of lesson 12: three trainings, the code of one to paint on and to draw, and noise on its way to the codes of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from vaelab.images import palette
from vaelab.images.palette import markdown
from vaelab.lessons.race import Race, RaceFrame
from vaelab.ui import pictures
from vaelab.ui.components.studio.studio_view import studio_view
from vaelab.ui.components.ways.ways_view import Ways, ways_of_model
from vaelab.ui.learn.elbo_bound import remembered
from vaelab.ui.learn.race_view import lane_curves, lane_pictures, newest, progress_words
from vaelab.ui.pictures import Pixels
from vaelab.ui.text import t
from vaelab.ui.ticking import still
from vaelab.ui.widgets import figure, theme

if TYPE_CHECKING:
    from vaelab.lessons.generators import Whole

NAMES = ("vae", "codes", "flow")
CURVES = {"vae": ("recon", "kl"), "codes": ("recon", "kl"), "flow": ("recon",)}
RANGE = (0.0, 180.0)  # nats per image of 256 pixels; untrained, all guess grey: 177
COLUMNS = 4  # of a contestant's pictures
STRIP = 8  # digits in a row of new ones
CELL = 48  # pixels of one
MOVING, SHOWN, FRAMES = 200, 16, 17


def three(frame: RaceFrame) -> None:
    """A column for each contestant: its terms, its reconstructions, what it makes of noise."""
    for number, (column, name) in enumerate(zip(st.columns(3, gap="small"), NAMES, strict=True)):
        with column, st.container(gap="xsmall"):
            st.markdown(f"**{t(f'learn_generators.lane_{name}')}**", help=t(f"learn_generators.lane_{name}_help"))
            curves = frame.lanes[number].curves if frame.lanes else {}
            if name == "flow":
                apart = None
                if frame.lanes and len(curves["loss"]):
                    apart = newest(curves["loss"] - curves["recon"])
                label = markdown("z", t("learn_generators.field_name"))
                st.markdown(f"{label} **{figure(apart)}**", help=t("learn_generators.field_help"))
            key = f"generators_curves_{name}"
            lane_curves(curves, frame.steps, key, names=CURVES[name], height=120, domain=RANGE)
            lane_pictures(frame, number, COLUMNS, rows=2, samples="learn_generators.new")


def codes_stage(race: Race) -> None:
    """The VQ-VAE as far as it is trained: paint on its code, draw one; below, codes drawn in turn and apart."""
    found = _trained(race, "codes")
    if found is None:
        return
    model, step = found

    def make() -> tuple[dict[str, object], bytes, list[float], tuple[Pixels, Pixels]]:
        import torch

        from vaelab.lessons.generators import drawn_apart, drawn_in_turn, grown_digits, pictures_of, quantised

        z = model.encode(torch.from_numpy(grown_digits().test[3:4])).mean[0]
        strips = pictures_of(model, drawn_in_turn(model, STRIP)), pictures_of(model, drawn_apart(model, STRIP))
        return quantised(model), _decoder(model), [float(value) for value in z], strips

    facts, decoder, z, strips = remembered("lesson12_codes", (race, step), make)
    studio_view("generators_studio", facts, decoder, z)
    for name, strip in zip(("in_turn", "apart"), strips, strict=True):
        st.caption(t(f"learn_generators.{name}"), help=t(f"learn_generators.{name}_help"))
        with st.container(key=f"race_pictures_{name}"):
            still(pictures.strip(strip, STRIP, cell=CELL), t(f"learn_generators.{name}"))


def flow_stage(race: Race) -> None:
    """The autoencoder's codes on a plane, and noise that its field carries there, decoded on the way."""
    found = _trained(race, "flow")
    if found is None:
        return
    model, step = found

    def make() -> tuple[Ways, bytes]:
        from vaelab.analysis.projections import pca
        from vaelab.lessons.generators import grown_digits, noise_to_codes

        codes, path = noise_to_codes(model, MOVING, FRAMES)
        plane = pca(codes)
        places = np.stack([plane.place(frame) for frame in path])
        inks = palette.class_colours(theme())
        return Ways(plane.points, grown_digits().labels, inks, places, path[:, :SHOWN]), _decoder(model)

    ways, decoder = remembered("lesson12_flow", (race, step, theme()), make)
    ways_of_model("generators_ways", decoder, model.model.image_shape, ways, f"{step}-{theme()}")
    st.caption(t("learn_generators.ways_how"))


def _trained(race: Race, name: str) -> tuple[Whole, int] | None:
    """A contestant as it stands; a line on how far the training is, and that it may go on in the first view."""
    from vaelab.lessons.generators import Whole

    frame, found = race.look(), race.trained(name)
    if found is None:
        st.info(t("learn_generators.not_ready"), icon=":material/hourglass_empty:")
        return None
    model, step = found
    assert isinstance(model, Whole)
    hint = t("learn_generators.untrained") if step < frame.steps // 3 else t("learn_generators.as_trained")
    st.caption(f"{progress_words(frame)} · {hint}")
    return model, step


def _decoder(model: Whole) -> bytes:
    from vaelab.export.bundle import browser_bundle

    return browser_bundle(model.model.cfg, {name: value.numpy() for name, value in model.model.state_dict().items()})
