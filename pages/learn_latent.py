"""Lesson 3: latent variable models."""

from vaelab.ui.lessons import latent

latent.page()
