"""VAE Lab: see how autoencoders and variational autoencoders work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaelab.models.latent_model import LatentModel

__version__ = "0.1.0"


def load(name: str) -> LatentModel:
    """A trained model by the name of a run, a path or a name in weights/; it has encode, decode and sample."""
    from vaelab.analysis.inference import load as load_model  # torch is imported only when a model is wanted

    return load_model(name)
