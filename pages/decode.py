"""Drag a latent, see the image: the decoder in the browser, for shipped models and for a training that is still running."""

from vaelab.ui.decode import decode_page

decode_page.page()
