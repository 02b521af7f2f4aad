"""Train: choose data, model and settings, press Start, and watch the model learn."""

import streamlit as st

from vaelab.errors import VaeLabError
from vaelab.ui.controls import run_controls, show_action_error
from vaelab.ui.guard import show_error
from vaelab.ui.live import live_view
from vaelab.ui.new_training import new_training
from vaelab.ui.widgets import pick_run

SIDE_WIDTH = 290  # pixels

with st.container(horizontal=True, gap="medium"):
    side = st.container(width=SIDE_WIDTH)
    wide = st.container(width="stretch")
with side:
    run = pick_run()
    show_action_error()
try:
    if run is None:
        new_training(side, wide)
    else:
        with side:
            run_controls(run)
        with wide:
            live_view(run)
except VaeLabError as error:
    with wide:
        show_error(error)
