"""A trained model as people use it from Python: plain numpy arrays in and out. `vaelab.load` gives one; docs/api.md is made from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vaelab.analysis import given
from vaelab.config.errors import ConfigError, ExportError, RunError, WeightsError
from vaelab.runs import store
from vaelab.runs.names import free_name

if TYPE_CHECKING:
    from vaelab.models.latent_model import LatentModel
    from vaelab.runs.files import Row
    from vaelab.runs.run_config import RunConfig

Images: TypeAlias = NDArray[np.uint8]  # (N, C, H, W)
Codes: TypeAlias = NDArray[np.float32]  # (N, Z)
Label: TypeAlias = int | str
FRAME = 760  # CSS pixels: how high a notebook shows the living decoder


class Model:
    """A trained model. Images are (N, C, H, W) uint8 in 0-255, codes (N, Z) float32, labels class numbers or names.

    Images of floats from 0 to 1 are taken too and rounded to 8 bits; one image (C, H, W) and one code (Z,) stand for N = 1.
    In a notebook it shows itself: the decoder, alive.

    >>> model = vaelab.load("pixel-faces-conv-vae")
    >>> model
    <Model pixel-faces-conv-vae: conv-vae, 16 numbers for an image of 3x32x32>
    """

    def __init__(self, run: store.Run) -> None:
        """The newest weights of a run. Raises RunError, WeightsError."""
        from vaelab.analysis.inference import load_run

        self.run, self.name = run, run.name
        self.module: LatentModel = load_run(run)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape))
        return f"<Model {self.name}: {self.config.model.name}, {self.latent_dim} numbers for an image of {shape}>"

    @cached_property
    def config(self) -> RunConfig:
        """Everything that the training was asked for."""
        return self.run.config()

    @property
    def latent_dim(self) -> int:
        """Z, how many numbers a code has."""
        return self.config.model.latent_dim

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        model = self.config.model
        return model.channels, model.image_size, model.image_size

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The names of the label's values, in the order of their numbers; empty for a model without a label.

        >>> vaelab.load("shapes-conv-vae-labelled").labels[:3]
        ('red', 'orange', 'lime')
        """
        from vaelab.analysis.decoder_facts import label_values

        return tuple(label_values(self.config, "en"))

    @property
    def z_mean(self) -> NDArray[np.float32]:
        """(Z,) the middle of the codes: 0 where the prior is N(0, I)."""
        return (
            self.module.code_mean.numpy().copy()
            if self.config.model.method.remembers_codes
            else np.zeros(self.latent_dim, np.float32)
        )

    @property
    def z_std(self) -> NDArray[np.float32]:
        """(Z,) the spread of the codes: 1 where the prior is N(0, I)."""
        return (
            self.module.code_std.numpy().copy()
            if self.config.model.method.remembers_codes
            else np.ones(self.latent_dim, np.float32)
        )

    def images(
        self, split: Literal["test", "train"] = "test", limit: int | None = None
    ) -> tuple[Images, NDArray[np.int64] | None]:
        """Images that the model learned from or was measured on, and their labels if it takes such.

        Returns (N, C, H, W) uint8 and (N,) or None. limit: the first so many. Raises DataError where the data set is not installed.

        >>> pixels, labels = model.images(limit=8)
        >>> pixels.shape, pixels.dtype, labels
        ((8, 3, 32, 32), dtype('uint8'), None)
        """
        from vaelab import data

        cfg = self.config
        first = (limit or 1) if split == "test" else limit or cfg.data.limit  # a limit never cuts the test images
        found = data.load(cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=first)
        part = (found.test if split == "test" else found.train).take(slice(0, limit))
        y = None if cfg.model.label is None else data.labels_of(part, cfg.model.label)
        return part.pixels, y

    def encode(self, images: ArrayLike, labels: Label | ArrayLike | None = None) -> Codes:
        """The codes of images: the mean of q(z|x), or what the encoder says where there is no distribution. -> (N, Z).

        Raises ConfigError for images of another shape, and where labels are missing or too many.

        >>> model.encode(pixels).shape
        (8, 16)
        """
        return self.posterior(images, labels)[0]

    def posterior(self, images: ArrayLike, labels: Label | ArrayLike | None = None) -> tuple[Codes, Codes | None]:
        """Mean and log-variance of q(z|x), (N, Z) each; None instead of the second for an autoencoder. Raises ConfigError as `encode`.

        >>> mu, logvar = model.posterior(pixels)
        >>> bool((np.exp(0.5 * logvar) < 1).all())
        True
        """
        from vaelab.analysis import inference

        x = given.pixels(images, self.shape)
        return inference.encode(self.module, x, self._labels(labels, len(x)))

    def decode(self, z: ArrayLike, labels: Label | ArrayLike | None = None) -> Images:
        """The images of codes. -> (N, C, H, W) uint8. Raises ConfigError for another Z, numbers that are not finite, wrong labels.

        >>> model.decode(np.zeros(16)).shape
        (1, 3, 32, 32)
        """
        from vaelab.analysis import inference

        codes = np.atleast_2d(np.asarray(z, dtype=np.float32))
        return inference.decode(self.module, codes, self._labels(labels, len(codes)))

    def reconstruct(self, images: ArrayLike, labels: Label | ArrayLike | None = None) -> Images:
        """What the decoder makes of each image's code. -> (N, C, H, W) uint8. Raises ConfigError as `encode`.

        >>> error = np.abs(model.reconstruct(pixels).astype(int) - pixels).mean()
        >>> bool(error < 20)  # of 255
        True
        """
        x = given.pixels(images, self.shape)
        y = self._labels(labels, len(x))
        return self.decode(self.encode(x, y), y)

    def sample_z(self, n: int = 16, *, seed: int = 0, temperature: float = 1.0) -> Codes:
        """Draws from the prior; for an autoencoder, which has none, around its codes. -> (n, Z); a seed always gives the same.

        >>> model.sample_z(3).shape
        (3, 16)
        """
        import torch

        generator = torch.Generator().manual_seed(seed)
        drawn: Codes = self.module.sample_z(n, generator=generator, temperature=temperature).numpy()
        return drawn

    def sample(
        self, n: int = 16, *, seed: int = 0, temperature: float = 1.0, labels: Label | ArrayLike | None = None
    ) -> Images:
        """New images: z from the prior, then the decoder. -> (n, C, H, W) uint8. Raises ConfigError for wrong labels.

        >>> model.sample(4, seed=1).shape
        (4, 3, 32, 32)
        >>> vaelab.load("shapes-conv-vae-labelled").sample(2, labels="green").shape
        (2, 3, 32, 32)
        """
        return self.decode(self.sample_z(n, seed=seed, temperature=temperature), labels)

    def interpolate(
        self,
        a: ArrayLike,
        b: ArrayLike,
        steps: int = 8,
        *,
        kind: Literal["spherical", "linear"] = "spherical",
        labels: Label | ArrayLike | None = None,
    ) -> Images:
        """A walk from one code to another, both ends among its images. a, b: (Z,) -> (steps, C, H, W) uint8.

        spherical keeps the distance from the origin that is typical of the prior; linear is the straight line. Raises ConfigError.

        >>> a, b = model.encode(pixels[:2])
        >>> walk = model.interpolate(a, b, steps=5)
        >>> walk.shape, bool((walk[0] == model.decode(a)[0]).all())
        ((5, 3, 32, 32), True)
        """
        from vaelab.analysis.walks import between

        return self.decode(
            between(given.code(a, self.latent_dim, "a"), given.code(b, self.latent_dim, "b"), steps, kind), labels
        )

    def traverse(
        self,
        z: ArrayLike | None = None,
        dims: Sequence[int] | None = None,
        *,
        steps: int = 8,
        reach: float = 3.0,
        labels: Label | ArrayLike | None = None,
    ) -> NDArray[np.uint8]:
        """One dimension after the other moved from -reach to +reach standard deviations, all others as in z.

        z: (Z,), by default the middle; dims: by default the first 8 of `used`. -> (len(dims), steps, C, H, W) uint8. Raises ConfigError.

        >>> model.traverse(dims=[0, 3], steps=6).shape
        (2, 6, 3, 32, 32)
        """
        from vaelab.analysis.walks import along

        start = self.z_mean if z is None else given.code(z, self.latent_dim, "z")
        rows = self.used[:8] if dims is None else list(dims)
        if not rows or not all(0 <= dim < self.latent_dim for dim in rows):
            raise ConfigError(f"dims must be numbers of latent dimensions, 0 to {self.latent_dim - 1}; got {rows}")
        if steps < 2:
            raise ConfigError(f"steps must be 2 or more, so that both ends are there; got {steps}")
        path = along(start, rows, self.z_mean, self.z_std, steps, reach)
        return self.decode(path.reshape(-1, self.latent_dim), labels).reshape(len(rows), steps, *self.shape)

    @cached_property
    def used(self) -> list[int]:
        """The dimensions that tell images apart, the most telling first, as the sliders of the app stand.

        >>> model.used[:3]
        [11, 15, 0]
        """
        from vaelab.analysis.decoder_facts import used_dims

        return used_dims(self.run, {name: tensor.numpy() for name, tensor in self.module.state_dict().items()})

    def evaluate(
        self,
        images: ArrayLike | None = None,
        labels: Label | ArrayLike | None = None,
        *,
        split: Literal["test", "train"] = "test",
        limit: int | None = None,
        importance_samples: int = 0,
        seed: int = 0,
    ) -> dict[str, Any]:
        """Means per image in nats, summed over pixels and dimensions: recon, kl, loss, floor, active_units and the method's own terms.

        images: of your own; else the split of its data set, of which limit takes the first. importance_samples: also nll, by so many draws.
        Raises ConfigError, DataError.

        >>> figures = model.evaluate(limit=100)
        >>> figures["images"], bool(figures["floor"] < figures["recon"])
        (100, True)
        """
        import torch

        from vaelab.analysis import inference

        if images is None:
            return inference.evaluate(self.run, split, importance_samples, limit, device="cpu", seed=seed)
        x = given.pixels(images, self.shape)[:limit]
        if importance_samples and not self.config.model.has_posterior:
            raise ConfigError("nll needs a density p(x), which an autoencoder has not; leave importance_samples out")
        y = self._labels(labels, len(x))
        return inference.measure(
            self.module, x, y, self.config.loss, importance_samples, torch.Generator().manual_seed(seed)
        )

    def train(
        self,
        images: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        *,
        epochs: int = 1,
        name: str | None = None,
        lr: float | None = None,
        beta: float | None = None,
        batch_size: int | None = None,
        limit: int | None = None,
        on_row: Callable[[Row], None] | None = None,
    ) -> Model:
        """Train further, as a new run that begins with these weights; this model stays as it is. Returns the new one.

        images: of your own, (N, C, H, W), every tenth of which is held out; else those that it learned from. They are kept as PNG files below
        the data folder, so that the run opens in the app as any other. limit: the first so many training images. on_row hears of every measured
        row. Ctrl-C stops with what was learned. Raises ConfigError, DataError, RunError when the training fails.

        >>> taught = model.train(pixels, epochs=1, name="api-example")
        >>> taught
        <Model api-example: conv-vae, 16 numbers for an image of 3x32x32>
        >>> bool((taught.decode(np.zeros(16)) != model.decode(np.zeros(16))).any())
        True
        """
        from vaelab.runs.plan import plan_further
        from vaelab.training.checkpoints import begin_from
        from vaelab.workers.train_worker import run_here

        kept = None if images is None else self._kept(images, labels, name)
        cfg = plan_further(self.config, kept, epochs=epochs, lr=lr, beta=beta, batch_size=batch_size, limit=limit)
        run = store.create_run(cfg, name)
        begin_from(run, self.module)
        status = run_here(run, on_row)
        if status.state not in ("finished", "stopped"):
            raise RunError(f"the training {run.name} is {status.state}: {status.message or 'see its worker.log'}")
        return Model(run)

    def _kept(self, images: ArrayLike, labels: ArrayLike | None, name: str | None) -> str:
        """The data set of images that were handed in. Raises ConfigError where the model takes another label than their class."""
        from vaelab.data.kept import keep
        from vaelab.data.paths import data_root

        x = given.pixels(images, self.shape)
        cfg = self.config.model
        if cfg.label not in (None, "class"):
            raise ConfigError(
                f"{self.name} is told the {cfg.label} of an image, which images of your own do not carry; leave images out"
            )
        y = self._labels(labels, len(x)) if cfg.label else None
        if y is not None and len(np.unique(y)) != cfg.classes:
            raise ConfigError(
                f"labels must name all {cfg.classes} classes of {self.name}, got {len(np.unique(y))} of them"
            )
        title = free_name(name or f"{self.name}-images")
        return keep(x, y, self.labels, data_root() / "arrays" / title, title)

    def export(self, path: str | Path, format: str | None = None) -> Path:
        """Write it for others: html (the living decoder in one file), safetensors, state-dict, onnx, folder or tensorboard.

        format: by the path's ending unless named; a path without an ending is a new folder, which `load` takes again.

        Raises ExportError.

        >>> model.export(folder / "faces.html").stat().st_size < 5_000_000
        True
        >>> vaelab.load(model.export(folder / "faces"))
        <Model faces: conv-vae, 16 numbers for an image of 3x32x32>
        """
        from vaelab.export import formats

        endings = {"": "folder", ".html": "html", ".safetensors": "safetensors", ".pt": "state-dict", ".onnx": "onnx"}
        chosen = format or endings.get(Path(path).suffix)
        if chosen is None:
            raise ExportError(
                f"{path} must end in {', '.join(filter(None, endings))} or nothing, or name a format: {', '.join(formats.FORMATS)}"
            )
        return formats.write(self.run, chosen, path)

    @classmethod
    def from_pretrained(cls, repository: str | Path, *, revision: str | None = None, token: str | None = None) -> Model:
        """A model from the Hugging Face hub, "owner/name", or from a folder that `export` wrote. Nothing in it is run.

        Raises ExportError without the package huggingface_hub or where the hub refuses; RunError, WeightsError for what is no model of the lab.
        """
        from vaelab.export.hub import fetched

        return cls(store.Run(fetched(repository, revision, token)))

    def push_to_hub(self, repository: str, *, private: bool = False, token: str | None = None) -> str:
        """Put it on the Hugging Face hub as "owner/name", as the folder that `export` writes; returns its address.

        Raises ExportError without the package huggingface_hub or where the hub refuses.
        """
        from vaelab.export.hub import pushed

        return pushed(self.run, repository, private, token)

    def html(self) -> str:
        """The living decoder as one HTML page, that needs nothing beside it. Raises ExportError where no browser could run it.

        >>> model.html().startswith("<!doctype html>")
        True
        """
        from vaelab.export import one_file

        return one_file.make(self.run).html

    def _repr_html_(self) -> str:
        """What a notebook shows: the living decoder in a frame of its own, which reaches nothing outside it."""
        try:
            page = self.html()
        except (ExportError, WeightsError) as error:
            return f"<p><code>{escape(repr(self))}</code></p><p>{escape(str(error))}</p>"
        return (
            f'<iframe title="{escape(self.name, quote=True)}" sandbox="allow-scripts allow-downloads" loading="lazy" '
            f'style="width:100%;height:{FRAME}px;border:0" srcdoc="{escape(page, quote=True)}"></iframe>'
        )

    def _labels(self, labels: Label | ArrayLike | None, count: int) -> NDArray[np.int64] | None:
        return given.labels(labels, self.labels, count)
