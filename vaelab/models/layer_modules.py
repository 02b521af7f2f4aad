"""Layer kinds of layers.py that torch does not have: a masked convolution, an embedding of code numbers, a coupling."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab.models.flows import Coupling


class MaskedConv2d(nn.Conv2d):
    """A convolution of stride 1 whose places see those before them alone, row by row from the top left, and themselves where centre.

    The weights of what is not seen are kept and have no effect: the mask is a rule of the layer, not a tensor of the state dict.
    van den Oord et al. 2016, Pixel recurrent neural networks, section 3.4.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, centre: bool) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        self.seen = kernel**2 // 2 + centre

    def forward(self, h: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        kernel = self.kernel_size[0]
        order = torch.arange(kernel**2, device=h.device).reshape(kernel, kernel)
        return F.conv2d(h, self.weight * (order < self.seen).to(h.dtype), self.bias, padding=self.padding)


class Embedding(nn.Embedding):
    """Entries for code numbers: each number that comes in is rounded (a half upwards) to one from 0 to K - 1, and that entry stands for it.

    A gradient reaches the number as if the entries lay on a straight line there, from the one below to the one above (rounding alone
    would let none through; straight-through as in Bengio et al. 2013, Estimating or propagating gradients, section 2.4).
    """

    def forward(self, h: Tensor) -> Tensor:
        """(B, P) -> (B, D P), the D numbers of a place P apart; (B, 1, H, W) -> (B, D, H, W)."""
        last = self.num_embeddings - 1
        places = h if h.ndim == 2 else h[:, 0]
        codes = torch.floor(places.detach() + 0.5).clamp(0, last).long()
        found = look_up(codes, self.weight)
        if torch.is_grad_enabled() and h.requires_grad:
            entries = self.weight.detach()
            slope = look_up((codes + 1).clamp(max=last), entries) - look_up((codes - 1).clamp(min=0), entries)
            found = found + slope / 2 * (places - places.detach())[:, None]
        return found.flatten(1) if h.ndim == 2 else found


class CouplingLayer(Coupling):
    """A step of a flow as a layer, for which only the place it moves a vector to matters."""

    def forward(self, z: Tensor) -> Tensor:  # type: ignore[override]
        """(B, D) -> (B, D)."""
        return super().forward(z)[0]


def look_up(codes: Tensor, entries: Tensor) -> Tensor:
    """The entries of codes, as maps: (B, *places) int64 and (K, D) -> (B, D, *places)."""
    return F.embedding(codes, entries).movedim(-1, 1)
