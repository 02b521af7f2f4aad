"""Start: a trained model that answers, the lessons, the ways on and what is new, in one screen."""

import streamlit as st

from vaelab.ui.start import doors, lessons_list, news, showcase

model = showcase.favourite()
with st.container(horizontal=True, gap="medium", key="start_screen"):
    with st.container(width="stretch", gap="small", key="start_stage"):
        showcase.living_decoder(model)
        lessons_list.lessons_list()
    with st.container(width=showcase.SIDE, gap="small", key="start_side"):
        doors.doors()
        news.news()
if model:
    showcase.evidence(model)
