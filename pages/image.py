"""Your image: a picture of one's own through a trained model, and what autoencoders are used for."""

from vaelab.ui import your_image

your_image.page()
