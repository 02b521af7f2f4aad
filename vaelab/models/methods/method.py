"""What a method declares: what a code is, which terms a batch has, how the prior is drawn from, and what a page may show of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from vaelab.config.errors import ConfigError
from vaelab.models.words import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch
    from torch import Tensor, nn

    from vaelab.config.settings import LossConfig
    from vaelab.models.latent_model import LatentModel
    from vaelab.models.model_config import ModelConfig
    from vaelab.models.posteriors import Posterior

Value = float | int | str
Term = TypeVar("Term", "Tensor", float)


@dataclass(frozen=True)
class MethodSetting:
    """A setting of one method: its default, its bounds (or its choices, for text) and its words."""

    name: str
    default: Value
    low: float
    high: float
    words: Words
    choices: tuple[str, ...] = ()
    choice_words: tuple[tuple[str, str], ...] = ()  # of each choice, in English and in Chinese

    def worded(self, value: Value, language: str) -> str:
        """A value in words of a language: a choice by its name, a number as it is."""
        named = dict(zip(self.choices, self.choice_words, strict=False))
        return named[str(value)][language == "zh"] if value in named else f"{value}"

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
    kl_by_dimension = True  # the KL term is a sum over dimensions; otherwise one number for the whole code
    standard_prior = True  # p(z) = N(0, I)
    mixture_prior = False  # p(z) is a mixture of Gaussians, which `components` gives
    damages_input = False  # `shown_input` is an image that is spoilt on purpose
    head_is_code = True  # the head puts out the code itself: mu, and logvar after it; otherwise more is done to it
    fixed_likelihood = True  # how a pixel is scored is the config's alone; otherwise it changes with the training
    # Names of terms beside recon and kl, each a live curve: its name, its words. Per image, in nats unless the help says otherwise.
    curves: dict[str, Words] = {}  # noqa: RUF012
    # The colour of each of them where it is not the KL's: a role of images/palette.py.
    curve_roles: dict[str, str] = {}  # noqa: RUF012
    # Names of pictures that belong to the model itself, as `shown` gives them: pseudo-inputs, a codebook.
    pictures: dict[str, Words] = {}  # noqa: RUF012

    @property
    def has_normal_kl(self) -> bool:
        """Whether the KL term is that of a diagonal Gaussian from N(0, I), known from mu and logvar alone."""
        return self.has_posterior and self.kl_by_dimension and self.standard_prior and self.head_is_code

    @property
    def remembers_codes(self) -> bool:
        """Whether the average and spread of the codes stand in for the prior's 0 and 1."""
        return not (self.has_prior and self.standard_prior)

    def head(self, latent_dim: int) -> int:
        """How many numbers the encoder puts out for one image."""
        return 2 * latent_dim if self.has_posterior else latent_dim

    def check(self, cfg: ModelConfig) -> None:
        """Whether the settings go together with the sizes. Raises ConfigError."""

    def noise_shape(self, cfg: ModelConfig) -> tuple[int, ...] | None:
        """Normal random numbers that one image needs in a step; None where nothing is drawn."""
        return (cfg.latent_dim,) if self.has_posterior else None

    def extras(self, model: LatentModel) -> dict[str, nn.Module]:
        """Modules beside encoder and decoder that belong to the model: a learned prior, a codebook."""
        return {}

    def initialise(self, model: LatentModel) -> None:
        """First weights of the modules in `extras`, where the usual ones would not do."""

    def begin(self, model: LatentModel, x: Tensor, images: int) -> None:
        """What depends on the training images, before the first step. x: some of them, (N, C, H, W); images: how many there are."""

    def after_step(self, model: LatentModel, terms: dict[str, Tensor]) -> None:
        """What is kept of a step beside the gradient: running averages. terms: of that step's batch."""

    def posterior(self, model: LatentModel, h: Tensor) -> Posterior:
        """The code of a batch. h: (B, head), what the encoder put out."""
        raise NotImplementedError

    def terms(
        self, model: LatentModel, x: Tensor, y: Tensor | None, eps: Tensor | None, cfg: LossConfig
    ) -> dict[str, Tensor]:
        """The terms of the loss, per image: "recon" (B,), "kl_per_dim" (B, Z) nats, and the names in `curves` (B,).

        x: (B, C, H, W) in [0, 1]; y: (B,) or None; eps: (B, *noise_shape) from N(0, I), None where nothing is drawn. Where
        `kl_by_dimension` is False, "kl_per_dim" is (B, 1).
        """
        z, kl = self.code_and_kl(model, model.encode(x, y), eps)
        return {"recon": self.recon(model, model.decode_logits(z, y), x, cfg), "kl_per_dim": kl}

    def code_and_kl(self, model: LatentModel, q: Posterior, eps: Tensor | None) -> tuple[Tensor, Tensor]:
        """A draw of z, (B, Z), and the KL term of q, (B, Z) nats or (B, 1). eps: (B, Z) or None."""
        return q.sample(eps), q.kl_per_dim()

    def log_prior(self, model: LatentModel, z: Tensor) -> Tensor:
        """log p(z). z: (..., Z) -> (...) nats."""
        from vaelab.models.losses import log_normal

        return log_normal(z)

    def components(self, model: LatentModel) -> tuple[Tensor, Tensor, Tensor]:
        """The prior's Gaussians where it is a mixture: mu, logvar (K, Z) and log-weights (K,)."""
        raise NotImplementedError

    def component_images(self, model: LatentModel) -> Tensor | None:
        """The images whose posteriors the components are, (K, C, H, W) in [0, 1]; None where they come from none."""
        return None

    def component_labels(self, model: LatentModel) -> Tensor | None:
        """The labels that those images have in a conditional model, (K,); None where there are none."""
        return None

    def likelihood(self, cfg: LossConfig, tensors: Mapping[str, Any]) -> LossConfig:
        """How a pixel is scored by a model with these tensors, by their names in its state dict; no torch."""
        return cfg

    def scored(self, model: LatentModel, cfg: LossConfig) -> LossConfig:
        """How a pixel is scored by the model as it stands."""
        return cfg if self.fixed_likelihood else self.likelihood(cfg, dict(model.named_buffers()))

    def recon(self, model: LatentModel, logits: Tensor, x: Tensor, cfg: LossConfig) -> Tensor:
        """-log p(x|z), (B,) nats. logits, x: (B, C, H, W)."""
        from vaelab.models.losses import recon_loss

        return recon_loss(logits, x, self.scored(model, cfg))

    def combine(self, cfg: ModelConfig, terms: Mapping[str, Term], beta: float) -> Term:
        """The loss from "recon", "kl" and `curves`, linear in them: of each image, (B,), or of their means. beta: as it is dialled now."""
        return terms["recon"] + beta * terms["kl"]

    def loss(self, cfg: ModelConfig, terms: dict[str, Tensor], beta: float) -> Tensor:
        """What is minimised, averaged over the batch, () nats."""
        return self.combine(cfg, {**terms, "kl": terms["kl_per_dim"].sum(dim=1)}, beta).mean()

    def shown(self, model: LatentModel) -> dict[str, Tensor]:
        """The pictures that `pictures` names, (N, C, H, W) in [0, 1] each."""
        return {}

    def shown_input(self, model: LatentModel, x: Tensor) -> Tensor | None:
        """What the encoder is really given while it learns, where that is not x itself. x: (B, C, H, W), as the result."""
        return None

    def upper_level(self, cfg: ModelConfig) -> int:
        """How many of the latent numbers, the first of them, decide what the others are likely to be; 0 where all stand side by side."""
        return 0

    def codebook(self, tensors: Mapping[str, Any]) -> Any | None:
        """The only vectors that a code is put together from, (K, D), of a model with these tensors; None where every z is a code."""
        return None

    def code_prior(self, tensors: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The weights of a prior that draws a code entry by entry, as ui/components/decoder/prior.js reads them; None where there is none."""
        return None

    def lower_prior(self, tensors: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The weights of what an upper level makes likely of a lower one, as ui/components/decoder/levels.js reads them; None where there is none."""
        return None

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

    def nearest_code(self, model: LatentModel, z: Tensor) -> Tensor:
        """The code that can be decoded next to z, (N, Z) each: z itself, unless codes are entries of a codebook."""
        return z
