"""Lesson 4: the autoencoder, layer by layer, and its sizes worked out."""

from vaelab.ui.learn import autoencoder

autoencoder.page()
