"""What the lessons compute: small exact models and live experiments; every claim has a test against a known answer.

May import config, images, data, models, runs, training and analysis. No streamlit.
"""
