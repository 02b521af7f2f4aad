"""Lesson 3: latent variable models."""

from vaelab.ui.learn import latent

latent.page()
