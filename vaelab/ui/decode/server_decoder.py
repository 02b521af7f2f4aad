"""Decoding on the server, for a model that a browser cannot run fast enough: native sliders, one picture after each move."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from vaelab.images import files
from vaelab.runs.store import Run
from vaelab.ui.decode.spec import component_spec
from vaelab.ui.text import t

SLIDERS = 16
REACH = 3.0  # standard deviations, as in the browser


@st.cache_resource(max_entries=2, show_spinner=False)
def _model(path: str, stamp: int) -> object:
    from vaelab.analysis import inference

    return inference.load_run(Run(path))


def decode_on_server(run: Run, start: Sequence[float], label: int) -> tuple[list[float], int]:
    """Sliders of the most used dimensions and the picture they give. start: z to begin with. -> z and label as they stand now.

    Raises VaeLabError when the weights cannot be used.
    """
    import numpy as np

    from vaelab.analysis import inference
    from vaelab.models.latent_model import LatentModel

    file = run.model_file()
    model = _model(str(run.path), file.stat().st_mtime_ns)
    assert isinstance(model, LatentModel)
    facts = component_spec(run)["model"]
    z = np.array(start, np.float32)
    left, right = st.columns(2)
    with right:
        if facts["classes"]:
            names = facts["classes"]
            label = st.selectbox(facts["labelTitle"], range(len(names)), label, format_func=names.__getitem__)
        for i in facts["order"][: min(SLIDERS, facts["used"])]:
            key = f"server_{run.name}_{i}"
            if key not in st.session_state:
                position = (start[i] - facts["mean"][i]) / facts["std"][i]
                st.session_state[key] = float(min(REACH, max(-REACH, round(position, 2))))
            position = st.slider(f"z{i} (σ)", -REACH, REACH, step=0.05, key=key)
            z[i] = facts["mean"][i] + position * facts["std"][i]
    y = np.array([label], np.int64) if facts["classes"] else None
    picture = inference.decode(model, z[None], y)[0]
    with left:
        scale = max(1, 512 // picture.shape[-1])
        st.image(files.grid(picture[None], columns=1, scale=scale), caption=t("decode.server_caption"), width="content")
    return z.tolist(), label
