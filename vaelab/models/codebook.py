"""Codes from a codebook: the nearest entry at each place, and a prior that tells one place's entry from those before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab.models.layer_modules import look_up

EMBEDDING = 16  # numbers that stand for a code in the prior
HIDDEN = 64  # units of the prior
MEMORY = 0.99  # share of the running use that a step leaves as it was
DEAD = 0.05  # of an even share: a code used less begins anew


class Codebook(nn.Module):
    """K vectors of D numbers, and how much each was used of late: entries (K, D), use (K,), which adds up to 1."""

    use: Tensor

    def __init__(self, codes: int, size: int) -> None:
        super().__init__()
        self.entries = nn.Parameter(torch.randn(codes, size))
        self.register_buffer("use", torch.full((codes,), 1.0 / codes))

    def vectors(self, h: Tensor) -> Tensor:
        """(B, Z) as the vectors of its places, (B, P, D): the D numbers of a place lie P apart, as in feature maps."""
        return h.reshape(len(h), self.entries.shape[1], -1).transpose(1, 2)

    def flat(self, vectors: Tensor) -> Tensor:
        """The way back: (B, P, D) -> (B, Z)."""
        return vectors.transpose(1, 2).flatten(1)

    def nearest(self, vectors: Tensor) -> Tensor:
        """The nearest entry of each vector, (B, P, D) -> (B, P) int64."""
        with torch.no_grad():
            return torch.cdist(vectors, self.entries[None]).argmin(dim=2)

    @torch.no_grad()
    def start_at(self, vectors: Tensor) -> None:
        """Begin with vectors (B, P, D) of images, evenly chosen."""
        self.entries.copy_(_evenly(vectors.flatten(0, 1), len(self.entries)))

    @torch.no_grad()
    def count(self, codes: Tensor, vectors: Tensor) -> None:
        """Remember which codes a step used, (B, P); one that is hardly used any more takes the place of a vector of the step."""
        share = torch.bincount(codes.flatten(), minlength=len(self.use)).to(self.use.dtype) / codes.numel()
        self.use.mul_(MEMORY).add_(share, alpha=1.0 - MEMORY)
        dead = self.use < DEAD / len(self.use)
        chosen = _evenly(vectors.flatten(0, 1), len(self.use))
        self.entries.copy_(torch.where(dead[:, None], chosen, self.entries))
        self.use.copy_(torch.where(dead, torch.full_like(self.use, 1.0 / len(self.use)), self.use))


def _evenly(rows: Tensor, count: int) -> Tensor:
    places = torch.linspace(0, len(rows) - 1, count, device=rows.device).round().long()
    return rows[places]


class CodePrior(nn.Module):
    """p(codes) = prod_p p(code_p | codes before it), by a recurrent network that walks along the places."""

    def __init__(self, codes: int) -> None:
        super().__init__()
        self.codes = codes
        self.embedding = nn.Embedding(codes + 1, EMBEDDING)  # the last stands before the first place
        self.walk = nn.GRU(EMBEDDING, HIDDEN, batch_first=True)
        self.logits = nn.Linear(HIDDEN, codes)

    def forward(self, codes: Tensor) -> Tensor:
        """-log p of each image's codes. (B, P) int64 -> (B,) nats."""
        before = torch.cat([torch.full_like(codes[:, :1], self.codes), codes[:, :-1]], dim=1)
        h, _ = self.walk(self.embedding(before))
        told = F.cross_entropy(self.logits(h).flatten(0, 1), codes.flatten(), reduction="none")
        return told.reshape(codes.shape).sum(dim=1)

    @torch.no_grad()
    def draw(self, uniform: Tensor, temperature: float = 1.0) -> Tensor:
        """Codes for numbers in (0, 1), one for each place: (N, P) -> (N, P) int64. Temperature 0 takes the likeliest."""
        code = torch.full((len(uniform), 1), self.codes, device=uniform.device)
        state: Tensor | None = None
        found = []
        for place in range(uniform.shape[1]):
            h, state = self.walk(self.embedding(code), state)
            below = torch.cumsum(torch.softmax(self.logits(h[:, 0]) / max(temperature, 1e-3), dim=1), dim=1)
            code = torch.searchsorted(below, uniform[:, place : place + 1].contiguous()).clamp(max=self.codes - 1)
            found.append(code)
        return torch.cat(found, dim=1)


class QuantisedPosterior:
    """The code of an image in entries of a codebook. vectors: (B, P, D) of the encoder; codes: (B, P)."""

    logvar = None

    def __init__(self, vectors: Tensor, codebook: Codebook) -> None:
        self.vectors, self.codebook = vectors, codebook
        self.codes = codebook.nearest(vectors)

    @property
    def entries(self) -> Tensor:
        """The entries that stand for the vectors, (B, P, D)."""
        return look_up(self.codes, self.codebook.entries).transpose(1, 2)

    @property
    def mean(self) -> Tensor:
        """(B, Z). The gradient passes from the entries straight to the vectors (van den Oord et al. 2017, section 3.2)."""
        entries = self.entries
        if torch.is_grad_enabled():
            entries = self.vectors + (entries - self.vectors).detach()
        return self.codebook.flat(entries)

    def sample(self, eps: Tensor | None = None, *, generator: torch.Generator | None = None) -> Tensor:
        """The entries: there is nothing to draw."""
        return self.mean

    def draw(self, eps: Tensor) -> tuple[Tensor, Tensor]:
        """The entries, and 0: all of q(z|x) lies on them."""
        return self.mean, self.vectors.new_zeros(len(self.vectors))

    def kl(self) -> Tensor:
        """Zeros, (B,): what the codes cost is the prior's to say."""
        return self.vectors.new_zeros(len(self.vectors))

    def kl_per_dim(self) -> Tensor:
        """Zeros, (B, Z)."""
        return torch.zeros_like(self.codebook.flat(self.vectors))
