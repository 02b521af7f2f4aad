"""The networks: one file each, the layers of encoder and decoder for an image shape and a latent size. No torch.

May import config and models.layers.
"""
