"""Published figures that can be checked: what was trained, how it was measured, and what was found."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Any, Literal

from vaelab.config.errors import ConfigError
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig

Unit = Literal["nats", "bits_per_dim"]  # -log p(x) an image, or over its C x H x W numbers in bits


@dataclass(frozen=True, kw_only=True)
class Published:
    """A figure: who found it, and -log p(x) in the unit of its protocol."""

    who: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One training with its measurement. training: the settings of `plan`; differs: where ours cannot be as theirs was."""

    name: str
    title: str
    published: tuple[Published, ...]
    samples: int  # draws of z an image for log p(x); 0 where the encoder chooses one code
    training: dict[str, Any]
    differs: tuple[str, ...] = ()
    image_size: int = 28  # pixels: MNIST as it is
    unit: Unit = "nats"

    @property
    def epochs(self) -> int:
        """Of the whole protocol."""
        return int(self.training["epochs"])

    @property
    def batch_size(self) -> int:
        """Images a step."""
        return int(self.training["batch_size"])

    def config(
        self, *, epochs: int | None = None, batch_size: int | None = None, seed: int = 0, device: str = "auto"
    ) -> RunConfig:
        """The training, or a shorter one whose learning rate goes through its whole schedule in so many epochs.

        batch_size: another one; the rate grows with its root, by which the noise of Adam's steps stays alike. Raises ConfigError.
        """
        asked = self.training | {"epochs": epochs or self.epochs, "seed": seed, "device": device}
        if batch_size is not None:
            lr = self.training["lr"] * math.sqrt(batch_size / self.batch_size)
            asked |= {"batch_size": batch_size, "lr": lr}
        return plan(image_size=self.image_size, **asked)


# Burda et al. 2016, section 5: one stochastic layer of 50, two layers of 200 tanh units on both sides, pixels binarised anew at each
# presentation, Adam with epsilon 1e-4, batches of 20, 3^i epochs at 0.001 * 10^(-i/7) for i = 0..7.
_BURDA: dict[str, Any] = {
    "dataset": "mnist-dynamic",
    "network": "tanh",
    "latent_dim": 50,
    "epochs": 3280,
    "batch_size": 20,
    "lr": 1e-3,
    "rate": "stairs",
    "epsilon": 1e-4,
}
_STATIC = "MNIST binarised once by us, in place of the file of Larochelle & Murray 2011"


def _burda(name: str, title: str, nats: float, **model: Any) -> Protocol:
    published = (Published(who="Burda et al. 2016, table 1", value=nats),)
    return Protocol(name=name, title=title, published=published, samples=5000, training=_BURDA | model)


_ALL = (
    _burda("burda-vae", "VAE (K = 1), two tanh layers of 200, z of 50", 86.76, model="linear-vae"),
    _burda("burda-iwae-5", "IWAE with K = 5, as burda-vae", 85.54, model="iwae", settings={"draws": 5}),
    _burda("burda-iwae-50", "IWAE with K = 50, as burda-vae", 84.78, model="iwae", settings={"draws": 50}),
    Protocol(
        name="iwae-64",
        title="IWAE with K = 64, as burda-vae: the best of ours, beside other uses of 64 draws",
        published=(
            Published(who="pythae, PIWAE with M = K = 8", value=84.58),
            Published(who="Rainforth et al. 2018, PIWAE", value=84.46),
            Published(who="pythae, CIWAE with beta = 0.05", value=84.74),
            Published(who="Rainforth et al. 2018, CIWAE", value=84.57),
        ),
        samples=5000,
        training=_BURDA | {"model": "iwae", "settings": {"draws": 64}},
        differs=("the importance-weighted bound itself, in place of its partial and combined forms",),
    ),
    Protocol(
        name="pythae-vae",
        title="VAE, one ReLU layer of 400, z of 40",
        published=(
            Published(who="pythae 0.1", value=89.78),
            Published(who="Rezende & Mohamed 2015, table 2", value=89.9),
        ),
        samples=200,
        training={
            "dataset": "mnist-static",
            "model": "linear-vae",
            "network": "wide",
            "latent_dim": 40,
            "epochs": 500,
            "batch_size": 100,
            "lr": 1e-4,
        },
        differs=(
            _STATIC,
            "60,000 training images, none set aside",
            "the rate stays, where theirs falls after 200 epochs",
        ),
    ),
    Protocol(
        name="pythae-vamp",
        title="VampPrior with 500 pseudo-inputs, z of 40",
        published=(
            Published(who="pythae 0.1", value=85.79),
            Published(who="Tomczak & Welling 2018, table 1", value=85.57),
        ),
        samples=5000,
        training={
            "dataset": "mnist-static",
            "model": "vamp-vae",
            "network": "tanh",
            "settings": {"pseudo_inputs": 500},
            "latent_dim": 40,
            "epochs": 2000,
            "batch_size": 100,
            "lr": 1e-4,
            "rate": "milestones",
            "warmup": "linear",
            "warmup_share": 0.05,
        },
        differs=(
            _STATIC,
            "60,000 training images, none set aside",
            "two tanh layers of 200, in place of gated layers of 300",
            "Adam, in place of RMSprop",
        ),
    ),
    # van den Oord et al. 2017, section 4.1: 250,000 steps of 128 images are 640 epochs; 8 x 8 x 10 codes are in section 3.2.
    Protocol(
        name="oord-vq-vae",
        title="VQ-VAE on CIFAR-10, 8 x 8 x 10 codes, two residual blocks of 256 each way",
        published=(
            Published(who="van den Oord et al. 2017, section 4.1, VQ-VAE", value=4.67),
            Published(who="the same, VAE of the same network", value=4.51),
            Published(who="the same, VIMCO", value=5.14),
        ),
        samples=0,
        image_size=32,
        unit="bits_per_dim",
        training={
            "dataset": "cifar10",
            "model": "vq-vae",
            "network": "code-stack",
            "settings": {"codes": 512, "code_size": 8, "commitment": 0.25},
            "epochs": 640,
            "batch_size": 128,
            "lr": 2e-4,
            "likelihood": "gaussian",
            "sigma": 0.05,
        },
        differs=(
            "a codebook of 512 entries of 8 numbers, which the paper does not tell for CIFAR-10",
            "pixels scored by a Gaussian of sigma 0.05 in training, and by a logistic over 256 levels when measured, in place of what the paper does not tell",
            "codes that fall out of use begin anew",
        ),
    ),
)
PROTOCOLS = {protocol.name: protocol for protocol in _ALL}


def protocol(name: str) -> Protocol:
    """One of them. Raises ConfigError for a name that does not exist."""
    if name not in PROTOCOLS:
        close = difflib.get_close_matches(name, PROTOCOLS, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(
            f"there is no published figure {name!r} to reproduce; {hint}the names are {', '.join(PROTOCOLS)}"
        )
    return PROTOCOLS[name]
