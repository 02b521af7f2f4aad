"""The models: layers as plain data, networks, the latent model in torch, the losses, and the device it computes on.

May import config.
"""
