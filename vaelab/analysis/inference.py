"""What a trained model can be asked: load it, encode, decode, sample, and measure it per image in nats."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vaelab import data
from vaelab.config.errors import ConfigError, DataError, WeightsError
from vaelab.config.settings import LossConfig
from vaelab.models.device import choose
from vaelab.models.latent_model import LatentModel
from vaelab.models.losses import active_units, floor, log_normal
from vaelab.models.model_config import ModelConfig
from vaelab.models.posteriors import Posterior
from vaelab.models.weights import check_weights
from vaelab.runs import store
from vaelab.runs.run_config import RunConfig

Pixels = NDArray[np.uint8]  # (N, C, H, W)
Floats = NDArray[np.float32]

BATCH = 512
IMPORTANCE_PIXELS = 6_000_000  # decoded at once, 24 MB: memory stays the same for larger images and more samples
PRIOR_ROWS = 2048  # z at once: a mixture of 500 Gaussians takes 80 kB for each z of 40 numbers


def load(name_or_path: str | Path) -> LatentModel:
    """The model of a run, a path or a name in weights/: in evaluation mode, on the CPU, without gradients.

    Raises RunError when there is no such run, WeightsError when its weights cannot be used.
    """
    return load_run(store.find(str(name_or_path)))


def load_run(run: store.Run) -> LatentModel:
    """The model of a run, from its newest whole checkpoint. Raises WeightsError."""
    return load_weights(run.model_file(), run.config().model)


def load_weights(path: Path, cfg: ModelConfig) -> LatentModel:
    """The model of a config with the weights of a safetensors file. Raises WeightsError."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"the weights in {path} cannot be read as safetensors ({error}); train again or restore the file"
        ) from error
    with torch.device("meta"):  # shapes alone: drawing weights would cost time and move the global random state
        model = LatentModel(cfg)
    check_weights(tensors, {name: tuple(t.shape) for name, t in model.state_dict().items()}, f"{path} ({cfg.name})")
    model.load_state_dict({name: t.float() for name, t in tensors.items()}, assign=True)
    return model.eval().requires_grad_(False)


def to_unit(pixels: Pixels, device: torch.device | str = "cpu") -> Tensor:
    """uint8 pixels (N, C, H, W) as floats in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).to(device).float() / 255.0


def to_uint8(x: Tensor) -> Pixels:
    """Images in [0, 1] as uint8 pixels, (N, C, H, W), rounded to the nearest level."""
    pixels: Pixels = (x.detach().clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).cpu().numpy()
    return pixels


def _classes(y: NDArray[np.int64] | None, start: int, stop: int, device: torch.device) -> Tensor | None:
    return None if y is None else torch.from_numpy(np.asarray(y[start:stop], dtype=np.int64)).to(device)


def _device_of(model: LatentModel) -> torch.device:
    return model.code_mean.device


@torch.no_grad()
def encode(
    model: LatentModel, pixels: Pixels, y: NDArray[np.int64] | None = None, *, batch: int = BATCH
) -> tuple[Floats, Floats | None]:
    """mu and logvar, (N, Z) each; logvar is None for an autoencoder, whose code is a point.

    pixels: (N, C, H, W) uint8; y: (N,) classes if the model is conditional. Raises ConfigError for another shape.
    """
    if pixels.shape[1:] != model.image_shape:
        raise ConfigError(
            f"the model takes images of shape {model.image_shape} (C, H, W), got {tuple(pixels.shape[1:])}"
        )
    device = _device_of(model)
    mu: list[Floats] = []
    logvar: list[Floats] = []
    for start in range(0, len(pixels), batch):
        q = model.encode(to_unit(pixels[start : start + batch], device), _classes(y, start, start + batch, device))
        mu.append(q.mean.cpu().numpy())
        if q.logvar is not None:
            logvar.append(q.logvar.cpu().numpy())
    empty = np.zeros((0, model.cfg.latent_dim), np.float32)
    return np.concatenate([empty, *mu]), np.concatenate([empty, *logvar]) if model.has_posterior else None


@torch.no_grad()
def decode(model: LatentModel, z: Floats, y: NDArray[np.int64] | None = None, *, batch: int = BATCH) -> Pixels:
    """The decoder's images of latents z: (N, Z) -> (N, C, H, W) uint8. Raises ConfigError for another Z or not finite."""
    z = np.asarray(z, dtype=np.float32)
    if z.ndim != 2 or z.shape[1] != model.cfg.latent_dim:
        raise ConfigError(f"z must hold {model.cfg.latent_dim} numbers for each image, got shape {z.shape}")
    if not np.isfinite(z).all():
        raise ConfigError("z must hold finite numbers, got NaN or infinity (0 is the centre of the prior)")
    device = _device_of(model)
    images = [np.zeros((0, *model.image_shape), np.uint8)]
    for start in range(0, len(z), batch):
        latents = torch.from_numpy(z[start : start + batch]).to(device)
        images.append(to_uint8(model.decode(latents, _classes(y, start, start + batch, device))))
    return np.concatenate(images)


def reconstruct(model: LatentModel, pixels: Pixels, y: NDArray[np.int64] | None = None) -> Pixels:
    """What the decoder makes of each image's mean code. pixels and result: (N, C, H, W) uint8."""
    return decode(model, encode(model, pixels, y)[0], y)


@torch.no_grad()
def sample(
    model: LatentModel, n: int, *, seed: int = 0, y: NDArray[np.int64] | None = None, temperature: float = 1.0
) -> Pixels:
    """n images from the model's prior, (n, C, H, W) uint8; the same seed gives the same images on every device."""
    z = model.sample_z(n, generator=torch.Generator().manual_seed(seed), temperature=temperature)
    return decode(model, z.cpu().numpy(), y)


def importance_nll(
    q: Posterior,
    recon_at: Callable[[Tensor], Tensor],
    samples: int,
    *,
    generator: torch.Generator | None = None,
    rows: int = 2048,
    log_prior: Callable[[Tensor], Tensor] = log_normal,
) -> Tensor:
    """-log p(x) per image, estimated with `samples` draws from q: an upper bound on average that tightens with more.

    recon_at(z): -log p(x|z) for z (K, B, Z) -> (K, B) nats, log_prior(z): log p(z) likewise. -> (B,) nats. Burda et al.
    2016, equation 8, in chunks of about `rows` latents so that memory does not grow with `samples`.
    """
    centre = q.mean
    images, dims = centre.shape
    chunk = max(1, rows // max(1, images))
    total = centre.new_full((images,), -math.inf)
    for start in range(0, samples, chunk):
        k = min(chunk, samples - start)
        eps = torch.randn(k, images, dims, generator=generator, dtype=centre.dtype).to(centre.device)
        z, log_q = q.draw(eps)
        log_weight = -recon_at(z) + log_prior(z) - log_q
        total = torch.logaddexp(total, torch.logsumexp(log_weight, dim=0))
    return math.log(samples) - total


@torch.no_grad()
def nll(
    model: LatentModel,
    x: Tensor,
    y: Tensor | None,
    loss: LossConfig,
    samples: int,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """-log p(x) of a VAE, (B,) nats, by importance sampling. x: (B, C, H, W) in [0, 1]; y: (B,) if conditional.

    Raises ConfigError for an autoencoder, which defines no density.
    """
    q = model.encode(x, y)
    method = model.cfg.method
    if not method.has_posterior:
        raise ConfigError(
            "nll needs a model with a density p(x); an autoencoder has none (take linear-vae or conv-vae)"
        )

    def recon_at(z: Tensor) -> Tensor:
        k, images, dims = z.shape
        logits = model.decode_logits(z.reshape(k * images, dims), None if y is None else y.repeat(k))
        return method.recon(model, logits, x.repeat(k, 1, 1, 1), loss).reshape(k, images)

    def log_prior(z: Tensor) -> Tensor:
        parts = torch.split(z.reshape(-1, z.shape[-1]), PRIOR_ROWS)
        return torch.cat([method.log_prior(model, part) for part in parts]).reshape(z.shape[:-1])

    rows = IMPORTANCE_PIXELS // x[0].numel()
    return importance_nll(q, recon_at, samples, generator=generator, rows=rows, log_prior=log_prior)


@torch.no_grad()
def evaluate(
    run: store.Run,
    split: str = "test",
    importance_samples: int = 0,
    limit: int | None = None,
    device: str | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure a run on a split: means per image, in nats, with one draw of z for each image.

    Keys: images, recon, kl, loss (with the run's own beta), floor, active_units, the method's further terms, and nll with
    importance_samples > 0. The draws depend on the seed alone, not on the device. Raises RunError, DataError,
    WeightsError, and ConfigError for the nll of an autoencoder.
    """
    cfg = run.config()
    if split not in ("train", "test"):
        raise ConfigError(f"split must be train or test, got {split!r}")
    if importance_samples < 0:
        raise ConfigError(f"importance_samples must be 0 or more, got {importance_samples} (0 leaves nll out)")
    if importance_samples and not cfg.model.has_posterior:
        raise ConfigError("nll needs a density p(x), which an autoencoder has not; leave --importance-samples out")
    model = load_run(run).to(choose(RunConfig.from_dict({"device": device or "auto"}).device))
    dataset = data.load(
        cfg.data.name, image_size=cfg.data.image_size, channels=cfg.model.channels, limit=cfg.data.limit
    )
    images = dataset.test if split == "test" else dataset.train
    pixels = images.pixels[:limit]
    if len(pixels) == 0:
        raise DataError(f"{cfg.data.name} has no image in its {split} split to measure")
    label = cfg.model.label
    y = None if label is None else data.labels_of(images, label)[:limit]
    return measure(model, pixels, y, cfg.loss, importance_samples, torch.Generator().manual_seed(seed))


def batches_of_terms(
    model: LatentModel,
    pixels: Pixels,
    y: NDArray[np.int64] | None,
    loss: LossConfig,
    generator: torch.Generator,
) -> Iterator[tuple[Tensor, Tensor | None, Mapping[str, Tensor]]]:
    """(x, y, terms) of one batch after the other, with one draw of z for each image. pixels: (N, C, H, W) uint8.

    terms: recon (B,), kl_per_dim (B, Z) and the method's own, in nats.
    """
    device = _device_of(model)
    method = model.cfg.method
    shape = method.noise_shape(model.cfg)
    # At once: batches draw other numbers.
    noise = None if shape is None else torch.randn(len(pixels), *shape, generator=generator)
    for start in range(0, len(pixels), BATCH):
        x = to_unit(pixels[start : start + BATCH], device)
        labels = _classes(y, start, start + BATCH, device)
        eps = None if noise is None else noise[start : start + BATCH].to(device)
        yield x, labels, method.terms(model, x, labels, eps, loss)


@torch.no_grad()
def measure(
    model: LatentModel,
    pixels: Pixels,
    y: NDArray[np.int64] | None,
    loss: LossConfig,
    importance_samples: int,
    generator: torch.Generator,
) -> dict[str, Any]:
    """What `evaluate` answers, of any images that fit the model: (N, C, H, W) uint8, N >= 1; y: (N,) for a conditional model."""
    device = _device_of(model)
    method = model.cfg.method
    sums = dict.fromkeys(("recon", "kl", "floor", "nll", *method.curves), 0.0)
    means: list[Tensor] = []
    for x, labels, terms in batches_of_terms(model, pixels, y, loss, generator):
        for name in ("recon", *method.curves):
            sums[name] += terms[name].double().sum().item()
        sums["kl"] += terms["kl_per_dim"].sum(dim=1).double().sum().item()
        sums["floor"] += floor(x, method.scored(model, loss)).double().sum().item()
        means.append(model.encode(x, labels).mean.cpu())
    if importance_samples:
        for start in range(0, len(pixels), BATCH):  # a loop of its own: its draws leave recon and kl as they are
            x = to_unit(pixels[start : start + BATCH], device)
            labels = _classes(y, start, start + BATCH, device)
            sums["nll"] += nll(model, x, labels, loss, importance_samples, generator=generator).double().sum().item()
    n = len(pixels)
    terms_of = {name: sums[name] / n for name in ("recon", "kl", *method.curves)}
    result = {
        "images": n,
        **terms_of,
        "loss": method.combine(model.cfg, terms_of, loss.beta),
        "floor": sums["floor"] / n,
        "active_units": active_units(torch.cat(means)),
    }
    return result | ({"nll": sums["nll"] / n} if importance_samples else {})
