"""VAE Lab: see how autoencoders and variational autoencoders work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import ArrayLike

    from vaelab.api import Model
    from vaelab.runs.files import Row

__all__ = ["Model", "__version__", "load", "train"]

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


def train(
    dataset: str | ArrayLike = "pixel-faces",
    model: str = "conv-vae",
    *,
    labels: ArrayLike | None = None,
    name: str | None = None,
    on_row: Callable[[Row], None] | None = None,
    **options: Any,
) -> Model:
    """Train a new model from scratch; the run lies in runs/ and opens in the app as any other.

    dataset: the name of a data set, or images of your own, (N, H, W) or (N, C, H, W), uint8 or floats from 0 to 1, every tenth of which is
    held out; they are kept as PNG files below the data folder, and grey ones are trained as colours, as those of every folder. labels: the class of each of them, a number or a word. options: every setting of
    `vaelab train` by its name, such as epochs=5, beta=2.0, latent_dim=8, lr=1e-3, batch_size=64, label="class", seed=1, device="cpu", and
    settings={...} of the method itself. on_row hears of every measured row: step, epoch, seconds, recon, kl, loss, and test_loss where the
    held-out images were measured. Ctrl-C stops with what was learned, and `vaelab resume NAME` goes on.

    Raises ConfigError for a setting that cannot be used, DataError for images that are not there, RunError when the training fails.

    >>> rows = []
    >>> small = vaelab.train("digits", latent_dim=4, epochs=1, limit=256, name="api-digits", on_row=rows.append)
    >>> small
    <Model api-digits: conv-vae, 4 numbers for an image of 1x32x32>
    >>> rows[-1]["step"], bool(rows[-1]["recon"] > rows[-1]["kl"])
    (2, True)
    >>> stripes = np.zeros((40, 32, 32), np.uint8)
    >>> for k, image in enumerate(stripes):
    ...     image[:, k % 8 :: 8] = 255
    >>> vaelab.train(stripes, "linear-vae", epochs=2, batch_size=12, beta=0.5, name="api-stripes").evaluate()["images"]
    4
    """
    from vaelab.api import Model  # numpy and torch are imported only when a model is wanted
    from vaelab.workers import from_python

    return Model(from_python.train(dataset, model, labels, name, on_row, options))


def __getattr__(name: str) -> Any:
    """`vaelab.Model`, imported when it is asked for."""
    if name == "Model":
        from vaelab.api import Model

        return Model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
