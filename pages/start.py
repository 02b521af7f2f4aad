"""Start: a trained model that answers, three doors, and the runs on record."""

import streamlit as st

from vaelab.ui.start import doors, showcase
from vaelab.ui.train import run_cards

WAYS_WIDTH = 300  # pixels

model = showcase.favourite()
with st.container(horizontal=True, gap="large"):
    with st.container(width="stretch"):
        showcase.living_decoder(model)
        place = showcase.reserve() if model else None
    with st.container(width=WAYS_WIDTH):
        doors.doors()
run_cards.run_cards()
if model and place:
    showcase.evidence(model, place)
