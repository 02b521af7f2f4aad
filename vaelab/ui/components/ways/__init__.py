"""Noise on its way to codes along a learned field, under a slider."""
