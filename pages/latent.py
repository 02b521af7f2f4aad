"""Latent space: every image as a point, what the model makes of it, and how the map came about during training."""

from vaelab.ui.latent import latent_page

latent_page.page()
