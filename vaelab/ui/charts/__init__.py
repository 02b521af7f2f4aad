"""Figures from plain arrays: Altair and Vega-Lite charts in the colours of images/palette.py.

May import config and images. No streamlit, no torch.
"""
