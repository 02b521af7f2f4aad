"""Lesson 5: the variational autoencoder."""

from vaelab.ui.lessons import vae

vae.page()
