"""Train: choose data, model and settings, press Start, and watch the model learn."""

import streamlit as st

from vaelab.config.errors import VaeLabError
from vaelab.ui.guard import show_error
from vaelab.ui.train.controls import run_controls, show_action_error
from vaelab.ui.train.live import live_view
from vaelab.ui.train.new_training import new_training
from vaelab.ui.widgets import fold_button, picked_run, run_picker

SIDE_WIDTH, FOLDED_WIDTH = 290, 40  # pixels

run = picked_run()
folded = run is not None and bool(st.session_state.get("side_folded"))
with st.container(horizontal=True, gap="medium"):
    side = st.container(width=FOLDED_WIDTH if folded else SIDE_WIDTH)
    wide = st.container(width="stretch", key="train_live" if run else None)
with side:
    if not folded:
        run_picker(run)
        show_action_error()
try:
    if run is None:
        new_training(side, wide)
    else:
        status = run.status()  # once: a training that ends between two looks would leave controls for one that runs
        with side:
            if not folded:
                run_controls(run, status)
            fold_button("side_folded")
        with wide:
            live_view(run, status)
except VaeLabError as error:
    with wide:
        show_error(error)
