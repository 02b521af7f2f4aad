"""Decoding on the server, for a model that a browser cannot run fast enough: native sliders, one picture after each move."""

from __future__ import annotations

import streamlit as st

from vaelab import images
from vaelab.runs import Run
from vaelab.ui.decode_spec import component_spec
from vaelab.ui.text import t

SLIDERS = 16
REACH = 3.0  # standard deviations, as in the browser


@st.cache_resource(max_entries=2, show_spinner=False)
def _model(path: str, stamp: int) -> object:
    from vaelab import inference

    return inference.load_run(Run(path))


def decode_on_server(run: Run) -> None:
    """Sliders of the most used dimensions and the picture they give. Raises VaeLabError when the weights cannot be used."""
    import numpy as np

    from vaelab import inference
    from vaelab.models import LatentModel

    file = run.model_file()
    model = _model(str(run.path), file.stat().st_mtime_ns)
    assert isinstance(model, LatentModel)
    facts = component_spec(run)["model"]
    z = np.array(facts["mean"], np.float32)
    left, right = st.columns(2)
    with right:
        label = 0
        if facts["classes"]:
            label = st.selectbox(
                t("decode.server_label"), range(len(facts["classes"])), format_func=facts["classes"].__getitem__
            )
        for i in facts["order"][: min(SLIDERS, facts["used"])]:
            position = st.slider(f"z{i} (σ)", -REACH, REACH, 0.0, 0.05, key=f"server_{run.name}_{i}")
            z[i] = facts["mean"][i] + position * facts["std"][i]
    y = np.array([label], np.int64) if facts["classes"] else None
    picture = inference.decode(model, z[None], y)[0]
    with left:
        scale = max(1, 512 // picture.shape[-1])
        st.image(
            images.grid(picture[None], columns=1, scale=scale), caption=t("decode.server_caption"), width="content"
        )
