"""What a method declares: what a code is, which terms a batch has, how the prior is drawn from, and what a page may show of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaelab.config.errors import ConfigError
from vaelab.models.words import Words

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.posteriors import Posterior

Value = float | int | str


@dataclass(frozen=True)
class MethodSetting:
    """A setting of one method: its default, its bounds (or its choices, for text) and its words."""

    name: str
    default: Value
    low: float
    high: float
    words: Words
    choices: tuple[str, ...] = ()

    def check(self, value: Value) -> Value:
        """The value as the default's type. Raises ConfigError outside the bounds."""
        where = f"model.settings.{self.name}"
        if self.choices:
            if value not in self.choices:
                raise ConfigError(f"{where} must be one of {', '.join(self.choices)}; got {value!r}")
            return value
        whole = isinstance(self.default, int)
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            kind = "whole number" if whole else "number"
            raise ConfigError(f"{where} must be a {kind} from {self.low:g} to {self.high:g}, got {value!r}")
        if not self.low <= value <= self.high:
            raise ConfigError(
                f"{where} must be from {self.low:g} to {self.high:g}, got {value!r} (the default is {self.default})"
            )
        return value if whole else float(value)


class Method:
    """One way to learn a code. A subclass in a file of its own sets the names below, then calls `register`.

    Everything that is not about this one method asks these questions; nothing asks for its name.
    """

    name: str
    words: Words  # its title and one sentence, in both languages
    paper: str  # author, year, title, and where its formula stands
    network = "conv"  # what it is built with where no network is asked for
    settings: tuple[MethodSetting, ...] = ()
    has_posterior = True  # q(z|x) is a distribution: it has a sigma and a KL term, in each dimension
    has_prior = True  # p(z) is what the codes are drawn to: samples come from it, not from around the codes
    # Names of terms beside recon and kl, each a live curve: its name, its words. Per image, in nats unless the help says otherwise.
    curves: dict[str, Words] = {}  # noqa: RUF012

    def head(self, latent_dim: int) -> int:
        """How many numbers the encoder puts out for one image."""
        return 2 * latent_dim if self.has_posterior else latent_dim

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """Modules beside encoder and decoder that belong to the model: a learned prior, a codebook."""
        return {}

    def posterior(self, model: LatentModel, h: Tensor) -> Posterior:
        """The code of a batch. h: (B, head), what the encoder put out."""
        raise NotImplementedError

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The terms of the loss, per image: "recon" (B,), "kl_per_dim" (B, Z) nats, and the names in `curves` (B,).

        x: (B, C, H, W) in [0, 1]; y: (B,) or None; eps: (B, Z) from N(0, I), None for a method without a posterior.
        """
        from vaelab.models.losses import recon_loss

        logits, q = model(x, y, eps)
        return {"recon": recon_loss(logits, x, cfg), "kl_per_dim": q.kl_per_dim()}

    def loss(self, terms: dict[str, Tensor], beta: float | Tensor) -> Tensor:
        """What is minimised, averaged over the batch, () nats. beta: the weight of the KL term as it is dialled now."""
        return (terms["recon"] + beta * terms["kl_per_dim"].sum(dim=1)).mean()

    def draw(
        self, model: LatentModel, n: int, *, generator: torch.Generator | None = None, temperature: float = 1.0
    ) -> Tensor:
        """n codes to decode into new images, (n, Z): from N(0, I), or around the training images' codes without a prior."""
        import torch

        eps = torch.randn(n, model.cfg.latent_dim, generator=generator).to(model.code_mean.device)
        return self.codes_of_noise(model, eps, temperature)

    def codes_of_noise(self, model: LatentModel, eps: Tensor, temperature: float = 1.0) -> Tensor:
        """The draws that standard normal noise stands for, (N, Z) each: the same noise gives the same codes at every step."""
        return model.code_mean + temperature * model.code_std * eps
