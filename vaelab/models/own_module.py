"""A user's own nn.Module with encode and decode, as a network whose layers nobody declared: it trains like any other, and the server decodes."""

from __future__ import annotations

import inspect
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vaelab.config.errors import ConfigError
from vaelab.models.layers import SIGMOID, Architecture, Layer
from vaelab.models.networks.network import Network, NetworkShape
from vaelab.models.own_place import place_in
from vaelab.models.words import Words

if TYPE_CHECKING:
    import torch
    from torch import nn

# What images a class is first tried with, (C, side): its own size is found so where it takes no `channels` and `image_size`.
TRIED = ((3, 32), (1, 28), (1, 32), (3, 28), (3, 64), (1, 64), (3, 128), (1, 128), (3, 16), (1, 16))
OWN = "decoder.0.module."  # before the names of its weights in a model's state dict
EPS = 1e-6  # pixels that decode puts out are kept this far from 0 and 1, where a logit has no end
ABOUT = ("A module of one's own with encode and decode.", "自己写的模块，带有 encode 和 decode。")


@dataclass(frozen=True)
class Probe:
    """What a module did with two images. flat: it takes (B, pixels) instead of (B, C, H, W); pair: encode answers (mu, logvar).

    numbers: of the code; encoder, decoder: weights that each uses, those that both use counted in the encoder.
    """

    flat: bool
    pair: bool
    numbers: int
    encoder: int
    decoder: int


class OwnModule(Network):
    """A class over nn.Module. It is made with those of latent_dim, channels and image_size that its __init__ takes.

    encode(x) answers (mu, logvar), which makes it a VAE, or the code, which makes it an autoencoder; decode(z) the pixels in [0, 1], or
    what comes before their sigmoid where the class has `logits = True`.
    """

    takes_label = False
    convolutional = False

    def __init__(self, kind: type[nn.Module]) -> None:
        self.kind = kind
        self.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.__name__).lower()
        said = (inspect.getdoc(kind) if "__doc__" in vars(kind) else "") or ""
        told = said.strip().split("\n", 1)[0]
        self.words = Words(kind.__name__, told or ABOUT[0], kind.__name__, told or ABOUT[1])
        self.logits = bool(getattr(kind, "logits", False))
        self._probes: dict[tuple[int, int, int], Probe] = {}
        self._readings: dict[tuple[int, int, int], tuple[tuple[str, Layer], ...]] = {}
        self._takes = self._arguments()
        first, self.listed = self._first()
        self.method = "vae" if first.pair else "autoencoder"
        if "channels" not in self._takes:
            self.channels = tuple(channels for channels in (1, 3) if self._works(channels))

    def layers(self, shape: NetworkShape) -> Architecture:
        """Two layers that nobody knows from within. Raises ConfigError for a method or images that the module does not suit."""
        probe = self._probe(shape.channels, shape.image_size, shape.latent_dim)
        found = probe.numbers * (2 if probe.pair else 1)
        if found != shape.head:
            raise ConfigError(
                f"{self.kind.__name__}.encode must answer {shape.head} numbers an image for this method, got {found}"
                f" ({'mu and logvar' if probe.pair else 'a code'}); choose --model {self.name}"
            )
        features = Layer("Own", shape=(found,), own_params=probe.encoder)
        decoder = Layer("Own", shape=shape.image, own_params=probe.decoder)
        return Architecture((features,), (), (decoder, SIGMOID), self._read(shape))

    def _read(self, shape: NetworkShape) -> tuple[tuple[str, Layer], ...]:
        """What decode does, where it is no more than layers that are declared elsewhere; () otherwise."""
        key = (shape.channels, shape.image_size, shape.latent_dim)
        if key not in self._readings:
            import torch

            from vaelab.models.read_layers import read

            with torch.random.fork_rng(devices=[]), torch.device("cpu"):
                module = self.module(*key)
                self._readings[key] = read(module, shape.latent_dim, shape.image, logits=self.logits, prefix=OWN)
        return self._readings[key]

    @property
    def fixes_code(self) -> bool:
        """Whether __init__ takes no latent_dim."""
        return "latent_dim" not in self._takes

    def latent_dim(self, image_size: int) -> int | None:
        """The size of the code where __init__ does not take latent_dim."""
        if not self.fixes_code:
            return None
        failed: ConfigError | None = None
        for channels in self.channels[::-1]:
            try:
                return self._probe(channels, image_size, 0).numbers
            except ConfigError as error:
                failed = failed or error
        raise failed or ConfigError(f"{self.kind.__name__} takes no image that was tried; give its __init__ image_size")

    def module(self, channels: int, image_size: int, latent_dim: int) -> nn.Module:
        """A new one, with the weights that it draws itself. Raises ConfigError with the line of its file."""
        given = {"channels": channels, "image_size": image_size, "latent_dim": latent_dim}
        try:
            module = self.kind(**{name: given[name] for name in self._takes})
        except Exception as error:
            raise self._told("__init__", error) from error
        for part in module.modules():
            count = getattr(part, "num_batches_tracked", None)
            if count is not None:
                part.num_batches_tracked = count.float()  # files of weights hold floats alone
        return module

    def parts(self, channels: int, image_size: int, latent_dim: int) -> tuple[nn.Module, nn.Module]:
        """The encoder as it makes features, and the decoder up to the logits; the decoder holds the module, weights and all."""
        import torch

        from vaelab.models.own_parts import OwnDecoder, OwnEncoder

        probe = self._probe(channels, image_size, latent_dim)
        if torch.get_default_device().type == "meta":  # weights are about to be read; a module may not be made there
            with torch.random.fork_rng(devices=[]), torch.device("cpu"):
                module = self.module(channels, image_size, latent_dim)
        else:
            module = self.module(channels, image_size, latent_dim)
        image = (channels, image_size, image_size)
        return OwnEncoder(self, module, flat=probe.flat), OwnDecoder(self, module, image=image, logits=self.logits)

    def told(self, step: str, error: Exception) -> ConfigError:
        """What went wrong in the user's class, one sentence with the line of its file."""
        return self._told(step, error)

    def _told(self, step: str, error: Exception, hint: str = "") -> ConfigError:
        where = place_in(inspect.getfile(self.kind), error)
        return ConfigError(
            f"{where} must define a model that can be read, got {type(error).__name__} in {step}: {error}{hint}"
        )

    def _arguments(self) -> tuple[str, ...]:
        """Those of the three that __init__ takes. Raises ConfigError for one of its own that has no default."""
        known, taken = ("latent_dim", "channels", "image_size"), []
        for parameter in list(inspect.signature(self.kind).parameters.values()):
            if parameter.name in known:
                taken.append(parameter.name)
            elif parameter.default is parameter.empty and parameter.kind not in (
                parameter.VAR_POSITIONAL,
                parameter.VAR_KEYWORD,
            ):
                raise ConfigError(
                    f"{self.kind.__name__}.__init__ must have a default for {parameter.name!r}: it is made with"
                    f" {', '.join(known)} alone, as far as it takes them"
                )
        return tuple(taken)

    def _first(self) -> tuple[Probe, tuple[int, int]]:
        """The probe with the first images that it takes, and these. Raises ConfigError with what it said of those of 3x32x32."""
        said: ConfigError | None = None
        for channels, side in TRIED:
            try:
                return self._probe(channels, side, 16), (channels, side)
            except ConfigError as error:
                said = said or error
        assert said is not None
        raise said

    def _works(self, channels: int) -> bool:
        for tried, side in TRIED:
            if tried == channels:
                try:
                    self._probe(channels, side, 16)
                except ConfigError:
                    continue
                return True
        return False

    def _probe(self, channels: int, side: int, latent_dim: int) -> Probe:
        key = (channels, side, latent_dim if "latent_dim" in self._takes else 0)
        if key not in self._probes:
            self._probes[key] = self._try(channels, side, latent_dim)
        return self._probes[key]

    def _try(self, channels: int, side: int, latent_dim: int) -> Probe:
        import torch

        with torch.random.fork_rng(devices=[]), torch.device("cpu"), torch.enable_grad():
            module: Any = self.module(channels, side, latent_dim).eval()
            image = (channels, side, side)
            x = torch.rand(2, *image)
            flat, answer = self._encoded(module, x)
            pair = isinstance(answer, tuple | list)
            mu = answer[0] if pair else answer
            self._check_code(answer, mu, latent_dim)
            try:
                pixels = module.decode(mu.flatten(1))
            except Exception as error:
                raise self._told("decode", error) from error
            if not isinstance(pixels, torch.Tensor) or pixels.numel() != 2 * math.prod(image):
                got = tuple(pixels.shape) if isinstance(pixels, torch.Tensor) else type(pixels).__name__
                raise ConfigError(
                    f"{self.kind.__name__}.decode must answer images of shape (2, {', '.join(map(str, image))}) for 2 codes, got {got};"
                    " choose --image-size as the class was written, or let its __init__ take image_size and channels"
                )
            encoder = _used(module, answer if pair else (answer,))
            everything = sum(weight.numel() for weight in module.parameters())
            return Probe(flat, pair, mu.flatten(1).shape[1], encoder, everything - encoder)

    def _encoded(self, module: Any, x: torch.Tensor) -> tuple[bool, Any]:
        """Whether it wants flat images, and what it answers."""
        try:
            return False, module.encode(x)
        except Exception as error:
            try:
                return True, module.encode(x.flatten(1))
            except Exception:  # what it said of images is told
                hint = f" (for images of shape {tuple(x.shape)}; choose --image-size as the class was written)"
                raise self._told("encode", error, hint) from error

    def _check_code(self, answer: Any, mu: Any, latent_dim: int) -> None:
        import torch

        parts = answer[:2] if isinstance(answer, tuple | list) else (answer,)
        alike = all(isinstance(part, torch.Tensor) and part.shape == mu.shape and part.shape[0] == 2 for part in parts)
        if not alike or (isinstance(answer, tuple | list) and len(answer) < 2):
            raise ConfigError(
                f"{self.kind.__name__}.encode must answer (mu, logvar) of one shape, or the code, for each image, got {_described(answer)}"
            )
        if "latent_dim" in self._takes and mu.flatten(1).shape[1] != latent_dim:
            raise ConfigError(
                f"{self.kind.__name__}.encode must answer latent_dim = {latent_dim} numbers an image, got {mu.flatten(1).shape[1]}"
            )


def _used(module: nn.Module, answers: Any) -> int:
    """How many weights an answer depends on."""
    import torch

    weights = [weight for weight in module.parameters() if weight.requires_grad]
    total = sum(answer.sum() for answer in answers)
    if not weights or not total.requires_grad:
        return 0
    found = torch.autograd.grad(total, weights, allow_unused=True, retain_graph=True)
    return sum(weight.numel() for weight, gradient in zip(weights, found, strict=True) if gradient is not None)


def _described(answer: Any) -> str:
    """A tensor's shape, or what else it is."""
    if isinstance(answer, tuple | list):
        return f"({', '.join(map(_described, answer))})"
    return f"a tensor of shape {tuple(answer.shape)}" if hasattr(answer, "shape") else type(answer).__name__
