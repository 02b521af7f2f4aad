"""Your image: a picture of one's own through a trained model, and what autoencoders are used for."""

from vaelab.ui.image import image_page

image_page.page()
