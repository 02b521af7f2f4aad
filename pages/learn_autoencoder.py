"""Lesson 4: the autoencoder, layer by layer, and its sizes worked out."""

from vaelab.ui.lessons import autoencoder

autoencoder.page()
