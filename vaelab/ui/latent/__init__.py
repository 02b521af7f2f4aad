"""The page Latent space: the map, its inspector, and the prior beside the codes.

May import what the whole of ui may.
"""
