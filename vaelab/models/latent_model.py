"""Every model in torch: an encoder and a decoder over the layers that its network declares, with the code that its method makes of them.

``encode`` gives a posterior (the caller says ``mean`` or ``sample``), ``decode_logits`` gives pixels before the sigmoid, which is what the
losses use. Decoders hold only layers that the browser decoder can run.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vaelab.config.errors import ConfigError
from vaelab.models.architecture import architecture
from vaelab.models.flows import Coupling
from vaelab.models.layer_modules import CouplingLayer, Embedding, MaskedConv2d
from vaelab.models.layers import NORM_EPS, Layer
from vaelab.models.model_config import ModelConfig
from vaelab.models.own_module import OwnModule
from vaelab.models.posteriors import Posterior


class LatentModel(nn.Module):
    """An encoder and a decoder with a latent vector z of cfg.latent_dim numbers between them.

    The code's average and spread over the training images are kept as buffers (``code_mean``, ``code_std``, both (Z,)):
    for a VAE they stay 0 and 1, its prior; an autoencoder has no prior, so ``sample`` draws around its codes instead.
    With cfg.label it is the conditional VAE p(x|z, y): the one-hot label joins the features and z (Sohn et al. 2015).
    """

    code_mean: Tensor
    code_std: Tensor

    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__()
        self.cfg = cfg
        layers, network = architecture(cfg), cfg.built_with
        if isinstance(network, OwnModule):
            encoder, decoder = network.parts(cfg.channels, cfg.image_size, cfg.latent_dim)
            self.features, self.head = nn.Sequential(encoder), nn.Sequential()
            self.decoder = nn.Sequential(decoder, nn.Sigmoid())
        else:
            self.features = _sequential(layers.features)
            self.head = _sequential(layers.head)
            self.decoder = _sequential(layers.decoder)
        self.register_buffer("code_mean", torch.zeros(cfg.latent_dim))
        self.register_buffer("code_std", torch.ones(cfg.latent_dim))
        for name, module in cfg.method.extras(self).items():
            self.add_module(name, module)

    @property
    def has_posterior(self) -> bool:
        """Whether the encoder outputs a distribution."""
        return self.cfg.method.has_posterior

    @property
    def draws_itself(self) -> bool:
        """Whether it is a user's own module, which draws its first weights itself."""
        return isinstance(self.cfg.built_with, OwnModule)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.cfg.channels, self.cfg.image_size, self.cfg.image_size

    def encode(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """The posterior of z. x: (B, C, H, W) in [0, 1]; y: (B,) class indices if the model is conditional.

        Raises ConfigError when a label is missing, superfluous or of another length.
        """
        h = self.head(self._with_label(self.features(x).flatten(1), y))
        return self.cfg.method.posterior(self, h)

    def decode_logits(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Pixels before the sigmoid. z: (B, Z); y: (B,) if conditional -> (B, C, H, W)."""
        logits: Tensor = self.decoder[:-1](self._with_label(z, y))
        return logits

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """x_hat in [0, 1]. z: (B, Z); y: (B,) if conditional -> (B, C, H, W)."""
        return torch.sigmoid(self.decode_logits(z, y))

    def sample(
        self, n: int, *, generator: torch.Generator | None = None, y: Tensor | None = None, temperature: float = 1.0
    ) -> Tensor:
        """n images from the model: z from the prior, then the decoder. -> (n, C, H, W) in [0, 1]."""
        return self.decode(self.sample_z(n, generator=generator, temperature=temperature), y)

    def sample_z(self, n: int, *, generator: torch.Generator | None = None, temperature: float = 1.0) -> Tensor:
        """n draws from the prior (for an autoencoder: around its codes). -> (n, Z)."""
        return self.cfg.method.draw(self, n, generator=generator, temperature=temperature)

    @torch.no_grad()
    def remember_codes(self, z: Tensor) -> None:
        """Keep the average and spread of codes z: (N, Z), around which an autoencoder's ``sample`` draws."""
        if self.cfg.method.remembers_codes:
            self.code_mean.copy_(z.mean(dim=0))
            self.code_std.copy_(z.std(dim=0, unbiased=False))

    def forward(self, x: Tensor, y: Tensor | None = None, eps: Tensor | None = None) -> tuple[Tensor, Posterior]:
        """Logits of the reconstruction from a sampled z, and the posterior. eps: (B, Z), drawn if absent."""
        q = self.encode(x, y)
        return self.decode_logits(q.sample(eps), y), q

    def _with_label(self, h: Tensor, y: Tensor | None) -> Tensor:
        """h with the one-hot label beside it, (B, D) -> (B, D + classes); h itself for an unconditional model."""
        classes = self.cfg.classes
        if classes == 0:
            if y is not None:
                raise ConfigError("y must be left out for a model without a label (train one with model.label set)")
            return h
        if y is None or len(y) != len(h):
            got = "none" if y is None else f"{len(y)}"
            raise ConfigError(f"y must hold one class from 0 to {classes - 1} for each of {len(h)} images, got {got}")
        return torch.cat([h, nn.functional.one_hot(y.long(), classes).to(h.dtype)], dim=1)


def _module(layer: Layer) -> nn.Module:
    if layer.kind == "Linear":
        return nn.Linear(layer.inputs, layer.outputs)
    if layer.kind == "Conv2d":
        return nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding)
    if layer.kind == "ConvTranspose2d":
        return nn.ConvTranspose2d(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding)
    if layer.kind == "Upsample":
        return nn.Upsample(scale_factor=layer.stride, mode="nearest")
    if layer.kind == "Reshape":
        return nn.Unflatten(1, layer.shape)
    if layer.kind == "LeakyReLU":
        return nn.LeakyReLU(layer.slope)
    if layer.kind == "GroupNorm":
        return nn.GroupNorm(layer.groups, layer.outputs, NORM_EPS)
    if layer.kind == "Add":
        return Add(layer.back)
    if layer.kind == "MaskedConv2d":
        return MaskedConv2d(layer.inputs, layer.outputs, layer.kernel, centre=layer.centre)
    if layer.kind == "Embedding":
        return Embedding(layer.inputs, layer.outputs)
    if layer.kind == "Coupling":
        return CouplingLayer(layer.inputs, hidden=layer.hidden)
    if layer.kind == "Tanh":
        return nn.Tanh()
    return nn.ReLU() if layer.kind == "ReLU" else nn.Sigmoid()


class Add(nn.Module):
    """A residual sum with what came out `back` layers before, which `WithSums` hands to it."""

    def __init__(self, back: int) -> None:
        super().__init__()
        self.back = back

    def forward(self, h: Tensor, earlier: Tensor) -> Tensor:
        """h + earlier, of one shape."""
        return h + earlier


class WithSums(nn.Sequential):
    """Layers one after another, some of them sums with an earlier one. A slice from the first layer on is one too."""

    def forward(self, h: Tensor) -> Tensor:
        """What comes out of the last layer."""
        wanted = {i - layer.back for i, layer in enumerate(self) if isinstance(layer, Add)}
        kept = {-1: h}
        for i, layer in enumerate(self):
            h = layer(h, kept[i - layer.back]) if isinstance(layer, Add) else layer(h)
            if i in wanted:
                kept[i] = h
        return h


def _sequential(layers: tuple[Layer, ...]) -> nn.Sequential:
    kind = WithSums if any(layer.kind == "Add" for layer in layers) else nn.Sequential
    return kind(*(_module(layer) for layer in layers))


def build(cfg: ModelConfig) -> LatentModel:
    """The model of a config, with freshly drawn weights (torch's global generator)."""
    model = LatentModel(cfg)
    _initialise(model)
    return model


def last_weights(layers: nn.Sequential) -> nn.Linear | nn.Conv2d | nn.ConvTranspose2d:
    """The last layer of a decoder or head that has weights."""
    return [layer for layer in layers if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)][-1]


@torch.no_grad()
def _initialise(model: LatentModel) -> None:
    """Weights that keep the activations' variance from layer to layer (He et al. 2015); biases zero.

    The last layer of head and decoder starts small: near the prior, and near grey. On CIFAR-10 this brings the linear
    VAE 6 nats lower after two epochs than torch's defaults do. The last normalisation of a
    residual block starts with the scale 0, so that the block adds nothing at first (Goyal et al. 2017, section 5.1).
    """
    for module in () if model.draws_itself else model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            inputs = module.weight[0].numel()
            if isinstance(module, MaskedConv2d):
                inputs = module.in_channels * module.seen
            if isinstance(
                module, nn.ConvTranspose2d
            ):  # an output pixel sees kernel^2 / stride^2 taps of each input map
                inputs = module.in_channels * module.kernel_size[0] ** 2 // module.stride[0] ** 2
            module.weight.normal_(std=math.sqrt(2.0 / inputs))
            if module.bias is not None:
                module.bias.zero_()
    for layers in (model.features, model.head, model.decoder):
        for i, layer in enumerate(layers):
            if isinstance(layer, Coupling):
                layer.start_near_identity()
            if isinstance(layer, Add):
                norms = [part for part in list(layers)[i - layer.back + 1 : i] if isinstance(part, nn.GroupNorm)]
                for last in norms[-1:]:
                    last.weight.zero_()
    for layers in (model.head, model.decoder):
        if len(layers) and not model.draws_itself:
            last_weights(layers).weight.mul_(0.3)
    model.cfg.method.initialise(model)
