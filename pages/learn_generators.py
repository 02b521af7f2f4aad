"""Lesson 12: from the VAE to image generators."""

from vaelab.ui.learn import generators

generators.page()
