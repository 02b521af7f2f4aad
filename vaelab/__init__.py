"""VAE Lab: see how autoencoders and variational autoencoders work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from vaelab.api import Model

__all__ = ["Model", "__version__", "load"]

__version__ = "0.1.0"


def load(name: str | Path) -> Model:
    """A trained model by the name of a run, a path, or a name in weights/.

    Raises RunError when there is no such run, WeightsError when its weights cannot be used.

    >>> vaelab.load("pixel-faces-conv-vae").latent_dim
    16
    """
    from vaelab.api import Model  # numpy and torch are imported only when a model is wanted
    from vaelab.runs import store

    return Model(store.find(str(name)))


def __getattr__(name: str) -> Any:
    """`vaelab.Model`, imported when it is asked for."""
    if name == "Model":
        from vaelab.api import Model

        return Model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
