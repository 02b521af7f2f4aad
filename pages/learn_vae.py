"""Lesson 5: the variational autoencoder."""

from vaelab.ui.learn import vae

vae.page()
