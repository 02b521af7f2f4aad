"""Lesson 11: beyond the Gaussian."""

from vaelab.ui.learn import beyond

beyond.page()
