"""Numbers that belong to a model without being learned by gradient: saved with it, and moved with it."""

from __future__ import annotations

import torch
from torch import nn


class Kept(nn.Module):
    """Named numbers as buffers, (): a running average, the number of training images."""

    def __init__(self, **values: float) -> None:
        super().__init__()
        for name, value in values.items():
            self.register_buffer(name, torch.tensor(float(value)))
