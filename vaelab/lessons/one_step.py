"""One training step taken apart: the lines that vaelab.training.trainer.fit runs for every batch, with a stop after each."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vaelab import data
from vaelab.analysis.inference import to_uint8, to_unit
from vaelab.models.latent_model import LatentModel
from vaelab.models.losses import bernoulli_recon
from vaelab.models.posteriors import GaussianPosterior
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig
from vaelab.training.batches import ImageSet, Noise, Shuffle
from vaelab.training.cadence import Cadence
from vaelab.training.first_weights import new_model, start_at_mean_image

CPU = torch.device("cpu")
IMAGES = 2_048  # of the training set: enough for 64 batches, loaded in a moment
SHOWN = 4  # images of a batch
FIRST = 4  # values of a tensor

Stop = tuple[str, dict[str, Tensor]]
StepCode = Callable[[LatentModel, torch.optim.Optimizer, Tensor, Tensor, float], Iterator[Stop]]


def one_step(
    model: LatentModel, optimizer: torch.optim.Optimizer, x: Tensor, eps: Tensor, beta: float
) -> Iterator[Stop]:
    """One step of the training, stopping after each part with the tensors that it made. x: (B, C, H, W) in [0, 1]; eps: (B, Z).

    Kingma & Welling 2014, algorithm 1, on one batch; the numbers are those of vaelab.training.trainer.fit.
    """
    q = model.encode(x)
    assert isinstance(q, GaussianPosterior)
    yield "encode", {"x": x, "mu": q.mu, "logvar": q.logvar}
    sigma = torch.exp(0.5 * q.logvar)
    z = q.mu + sigma * eps
    yield "sample", {"sigma": sigma, "eps": eps, "z": z}
    logits = model.decode_logits(z)
    x_hat = torch.sigmoid(logits)
    yield "decode", {"logits": logits, "x_hat": x_hat}
    recon = bernoulli_recon(logits, x)
    yield "recon", {"recon": recon}
    kl_per_dim = q.kl_per_dim()
    kl = kl_per_dim.sum(dim=1)
    yield "kl", {"kl_per_dim": kl_per_dim, "kl": kl}
    loss = (recon + beta * kl).mean()
    yield "loss", {"recon": recon, "kl": kl, "loss": loss}
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    yield "backward", {name: gradient(p) for name, p in model.named_parameters()}
    before = weights_of(model)
    optimizer.step()
    yield "update", {name: now - before[name] for name, now in weights_of(model).items()}


def gradient(parameter: Tensor) -> Tensor:
    """How the loss changes with each weight."""
    assert parameter.grad is not None
    return parameter.grad


def weights_of(model: LatentModel) -> dict[str, Tensor]:
    """A copy of every weight as it is now."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}


@dataclass(frozen=True)
class Peek:
    """What is shown of a tensor. norm: root of the sum of squares; first: its first values."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    low: float
    mean: float
    high: float
    norm: float
    first: tuple[float, ...]


def peek(name: str, tensor: Tensor) -> Peek:
    """Look at a tensor without keeping it."""
    flat = tensor.detach().flatten()
    low, high = torch.aminmax(flat)
    numbers = (float(low), float(flat.mean()), float(high), float(torch.linalg.vector_norm(flat)))
    return Peek(
        name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), *numbers, tuple(flat[:FIRST].tolist())
    )


@dataclass(frozen=True)
class Step:
    """One step on record. stops: what each part made; x, x_hat: (SHOWN, C, H, W) uint8; recon, kl, loss: nats per image."""

    number: int
    epoch: int
    stops: tuple[tuple[str, tuple[Peek, ...]], ...]
    x: NDArray[np.uint8]
    x_hat: NDArray[np.uint8]
    recon: float
    kl: float
    loss: float


def configuration(model: str = "linear-vae", *, images: int = IMAGES, epochs: int = 10, seed: int = 0) -> RunConfig:
    """The reference training of a VAE, on pixel faces: Adam, 1e-3, batches of 32."""
    return plan("pixel-faces", model, limit=images, batch_size=32, lr=1e-3, epochs=epochs, seed=seed)


@lru_cache(maxsize=2)
def dataset(images: int) -> data.Dataset:
    """The images, shared by all who take the lesson: read only."""
    return data.load("pixel-faces", limit=images)


class Training:
    """A small training that is taken step by step. Model, batches and noise are those that trainer.fit takes for the config."""

    def __init__(self, cfg: RunConfig | None = None) -> None:
        self.cfg = cfg or configuration()
        images = dataset(self.cfg.data.limit or IMAGES)
        self.cadence = Cadence.of(len(images.train), len(images.test), self.cfg.optim)
        self.images = ImageSet(images.train, self.cfg.model, CPU)
        self.shuffle = Shuffle(len(self.images), self.cfg.seed, CPU)
        self.noise = Noise(self.cfg.model.latent_dim, self.cfg.seed, CPU)
        self.model = new_model(self.cfg.model, self.cfg.seed).train()
        start_at_mean_image(self.model, self.images)
        if self.cfg.model.built_with.convolutional:
            self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.cfg.optim.lr, fused=True)
        self.steps: list[Step] = []  # the last one whole, of the others only the losses: a session may take thousands
        self.run: StepCode = one_step
        self.unbroken: Training | None = None  # the same training since the moment at which a line was broken
        self.broken_at = 0  # the last step before that

    def change(self, run: StepCode) -> None:
        """From now on run this code for a step; a copy of the training goes on with the whole one, to compare."""
        if self.unbroken is None and run is not one_step:
            twin = copy.copy(self)
            twin.model, twin.optimizer = copy.deepcopy((self.model, self.optimizer))  # together: it holds its weights
            twin.steps = list(self.steps)
            self.unbroken, self.broken_at = twin, len(self.steps)
        self.run = run

    def take(self, look: bool = True) -> Step:
        """Take the next step and keep what was seen. look: at every tensor on the way; without, only at both terms."""
        if self.unbroken:
            self.unbroken.take(look=False)
        number = len(self.steps) + 1
        epoch = self.cadence.epoch(number)
        x, _ = self.images.take(self.shuffle.rows(epoch, self.cadence.batch(number)))
        eps = self.noise.eps(number, len(x))
        stops: list[tuple[str, tuple[Peek, ...]]] = []
        seen: dict[str, Tensor] = {}
        for name, tensors in self.run(self.model, self.optimizer, x, eps, self.cfg.loss.beta):
            if look:
                stops.append((name, tuple(peek(key, tensor) for key, tensor in tensors.items())))
            seen |= tensors if name in ("decode", "loss") else {}
        step = Step(
            number,
            epoch,
            tuple(stops),
            to_uint8(x[:SHOWN]),
            to_uint8(seen["x_hat"][:SHOWN]),
            float(seen["recon"].detach().mean()),
            float(seen["kl"].detach().mean()),
            float(seen["loss"].detach()),
        )
        if self.steps:
            before = self.steps[-1]
            self.steps[-1] = replace(before, stops=(), x=before.x[:0].copy(), x_hat=before.x_hat[:0].copy())
        self.steps.append(step)
        return step

    @torch.no_grad()
    def reconstruct(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """What the model makes of one image by now, from the mean of q(z|x). (C, H, W) uint8 each."""
        x_hat = to_uint8(self.model.decode(self.model.encode(to_unit(pixels[None])).mean))
        return np.asarray(x_hat[0])
