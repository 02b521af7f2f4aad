"""The map of the latent space: points, camera, legend, time travel."""
