"""Sliders, pad, grid, walks and the pipeline around the engine."""
