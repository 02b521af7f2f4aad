"""A latent flow: new codes for any trained model, by a field that carries noise to the codes of its images.

The decoder stays as it is. What the model's own draws miss (a prior that its codes do not fill, an autoencoder that has none),
the field learns from the codes alone: the second stage of latent diffusion (Rombach et al. 2022, section 3.2), here with flow
matching (Lipman et al. 2023) and a network of four layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from vaelab.analysis import latents
from vaelab.analysis.latents import Query
from vaelab.config.errors import WeightsError
from vaelab.models.latent_model import LatentModel
from vaelab.models.velocity import VelocityField, carry, matching_loss
from vaelab.models.weights import check_weights
from vaelab.runs.files import write_atomic

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Report = Callable[
    [VelocityField, int, float], bool
]  # (field so far, steps done, mean loss of late) -> whether to go on

BATCH = 256
RATE = 2e-3
HELD_OUT = 10  # every tenth code is kept for measuring
REPORT_EVERY = 50  # steps
SHARE = 0.995  # of the variance that the field's directions hold
MOST_DIMS = 128
LATENT_MOST = 2**16  # numbers of a code: no file makes us take more memory
MEASURED = 1_000  # codes on either side of a distance
COMPARED_DIMS = 16  # principal directions in which codes are compared: with hundreds all distances become alike
FRAMES = 17  # of the way from noise to codes


@dataclass(frozen=True)
class Targets:
    """What the field learns: mu and logvar, (N, Z), of images' codes, logvar None for points; y: (N,) labels or None."""

    mu: Floats
    logvar: Floats | None
    y: NDArray[np.int64] | None

    def rows(self, chosen: NDArray[np.bool_]) -> Targets:
        """Some of them."""
        parts = (None if part is None else part[chosen] for part in (self.logvar, self.y))
        return Targets(self.mu[chosen], *parts)  # type: ignore[arg-type]

    def drawn(self, generator: torch.Generator) -> Floats:
        """A draw from each image's posterior; a point is its own."""
        if self.logvar is None:
            return self.mu
        eps = torch.randn(self.mu.shape, generator=generator).numpy()
        return np.asarray(self.mu + np.exp(0.5 * self.logvar) * eps, dtype=np.float32)


def targets(wanted: Query) -> Targets:
    """The codes of a query. Raises WeightsError, DataError."""
    known = latents.codes(wanted)
    conditional = wanted.run.config().model.classes > 0
    return Targets(known.mu, known.logvar, known.y if conditional else None)


def split(known: Targets) -> tuple[Targets, Targets]:
    """Those to learn from, and those to measure by."""
    kept = np.arange(len(known.mu)) % HELD_OUT == 0
    return known.rows(~kept), known.rows(kept)


def axes(known: Targets) -> tuple[Floats, Floats, Floats]:
    """The average code (Z,), the principal directions that hold nearly all of the variance (K, Z), and the spread along each (K,)."""
    centre = known.mu.mean(axis=0)
    if known.logvar is None:
        from sklearn.decomposition import PCA

        fitted = PCA(min(MOST_DIMS, *known.mu.shape), random_state=0).fit(known.mu)
        variance, directions = fitted.explained_variance_, fitted.components_
        whole = float(known.mu.var(axis=0).sum())
    else:  # at most 256 numbers; each posterior's own spread counts
        covariance = np.cov(known.mu.astype(np.float64), rowvar=False) + np.diag(np.exp(known.logvar).mean(axis=0))
        variance, columns = np.linalg.eigh(covariance)
        variance, directions = variance[::-1], columns[:, ::-1].T
        whole = float(variance.sum())
    enough = int(np.searchsorted(np.cumsum(variance) / whole, SHARE)) + 1
    kept = min(enough, MOST_DIMS, len(variance))
    return _floats(centre), _floats(directions[:kept]), _floats(np.sqrt(variance[:kept]))


def _floats(values: NDArray[Any]) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float32)


def learn(
    known: Targets, classes: int = 0, *, steps: int, seed: int = 0, report: Report | None = None
) -> VelocityField:
    """A field for codes, by Adam with a rate that falls along a cosine. The same codes and seed give the same field on one thread.

    report hears every 50 steps, and stops the work by answering False: the field as it then is comes back.
    """
    centre, directions, scale = axes(known)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        field = VelocityField(len(directions), known.mu.shape[1], classes)
    field.centre.copy_(torch.from_numpy(centre))
    field.directions.copy_(torch.from_numpy(directions))
    field.scale.copy_(torch.from_numpy(scale))
    mu = torch.from_numpy(known.mu)
    sigma = None if known.logvar is None else torch.from_numpy(np.exp(0.5 * known.logvar))
    if sigma is None:
        mu = field.standardised(mu)  # once: points do not change
    y = None if known.y is None else torch.from_numpy(known.y)
    optimiser = torch.optim.Adam(field.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, RATE / 100.0)
    batch = min(BATCH, len(mu))
    total = 0.0
    for step in range(1, steps + 1):
        rows = torch.randint(len(mu), (batch,), generator=generator)
        z = mu[rows]
        if sigma is not None:
            z = field.standardised(z + sigma[rows] * torch.randn(z.shape, generator=generator))
        eps = torch.randn(z.shape, generator=generator)
        t = torch.rand(batch, generator=generator)
        loss = matching_loss(field, z, eps, t, None if y is None else y[rows])
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        total += loss.item()
        if step % REPORT_EVERY == 0 or step == steps:
            if report is not None and not report(field, step, total / ((step - 1) % REPORT_EVERY + 1)):
                break
            total = 0.0
    return field.eval().requires_grad_(False)


def field_noise(field: VelocityField, eps: Tensor) -> Tensor:
    """Noise of the latent space as the field's, (B, Z) -> (B, K): turned, so that a model's own draw and the field's begin alike."""
    return eps @ field.directions.T


def ways(
    field: VelocityField, model: LatentModel, eps: Tensor, y: Tensor | None = None, frames: int = FRAMES
) -> tuple[Floats, Floats]:
    """Where noise is on its way, and the code that is decoded there: (frames, B, Z) latent units each, eps: (B, Z).

    They differ where only some codes can be decoded, as the entries of a codebook.
    """
    path = carry(field, field_noise(field, eps), frames, y=y)
    codes = field.codes(path)
    with torch.no_grad():
        decodable = model.cfg.method.nearest_code(model, codes.flatten(0, 1)).reshape(codes.shape)
    return codes.numpy(), decodable.numpy()


def sample_z(field: VelocityField, model: LatentModel, eps: Tensor, y: Tensor | None = None) -> Floats:
    """New codes from noise, (N, Z)."""
    return np.asarray(ways(field, model, eps, y, frames=2)[1][-1])


def sample(
    field: VelocityField,
    model: LatentModel,
    n: int,
    *,
    seed: int = 0,
    y: NDArray[np.int64] | None = None,
    temperature: float = 1.0,
) -> Pixels:
    """n images drawn through the field, (n, C, H, W) uint8. temperature scales the noise."""
    from vaelab.analysis import inference

    eps = temperature * torch.randn(n, model.cfg.latent_dim, generator=torch.Generator().manual_seed(seed))
    z = sample_z(field, model, eps, None if y is None else torch.from_numpy(y))
    return inference.decode(model, z, y)


def distance(one: Floats, other: Floats) -> float:
    """How far two clouds of codes differ, 0 (alike) to 1: the energy coefficient of Székely & Rizzo 2013, section 4.

    one: (N, Z), other: (M, Z); along the 16 principal directions of `other`, each over its spread.
    """
    centre = other.mean(axis=0)
    _, spread, directions = np.linalg.svd(other - centre, full_matrices=False)
    dims = min(COMPARED_DIMS, int((spread > 1e-4 * spread[0]).sum()))
    turned = directions[:dims].T / spread[:dims] * np.sqrt(len(other))
    a, b = (
        torch.from_numpy(np.asarray((part[:MEASURED] - centre) @ turned, dtype=np.float64)) for part in (one, other)
    )
    between = 2.0 * float(torch.cdist(a, b).mean())
    inside = float(torch.cdist(a, a).mean()) + float(torch.cdist(b, b).mean())
    return max(0.0, (between - inside) / between)


def compared(
    field: VelocityField, model: LatentModel, learned: Targets, held_out: Targets, seed: int = 1
) -> dict[str, float]:
    """How far new codes are from those of held-out images: "before" (the model's own draws), "after", and "images" themselves."""
    generator = torch.Generator().manual_seed(seed)
    truth = held_out.drawn(generator)[:MEASURED]
    count = len(truth)
    eps = torch.randn(count, model.cfg.latent_dim, generator=generator)
    y = None if held_out.y is None else torch.from_numpy(held_out.y[:count])
    with torch.no_grad():
        own = model.cfg.method.codes_of_noise(model, eps).numpy()
    others = learned.drawn(generator)[np.linspace(0, len(learned.mu) - 1, count).round().astype(int)]
    new = sample_z(field, model, eps, y)
    return {"before": distance(own, truth), "after": distance(new, truth), "images": distance(others, truth)}


def write(field: VelocityField, path: Path) -> None:
    """The field as a safetensors file, replaced in one step."""
    write_atomic(path, save({name: tensor.contiguous() for name, tensor in field.state_dict().items()}))


def read(path: Path, classes: int) -> VelocityField:
    """The field of a file. Raises WeightsError when it cannot be used."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"the latent flow in {path} cannot be read ({error}); let it learn again") from error
    shape = tensors["directions"].shape if "directions" in tensors else ()
    if len(shape) != 2 or not 1 <= shape[0] <= shape[1] <= LATENT_MOST:
        raise WeightsError(
            f"the latent flow in {path} must hold directions of shape (K, Z), got {tuple(shape)}; let it learn again"
        )
    field = VelocityField(shape[0], shape[1], classes)
    shapes = {name: tuple(tensor.shape) for name, tensor in field.state_dict().items()}
    check_weights(tensors, shapes, f"{path} (latent flow)")
    field.load_state_dict(tensors)
    return field.eval().requires_grad_(False)
