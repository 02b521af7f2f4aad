"""Demonstrations: two or three small trainings that show one idea side by side, and what to look for. No torch.

Each is settings of `plan` alone, on images that come with the project; the words stand in ui/text/LANGUAGE/demos.json. Every method
of the lab has one, beside the plain model that it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vaelab.config.errors import ConfigError
from vaelab.models import registry
from vaelab.models.presets import presets
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig

View = Literal["figures", "pictures", "maps"]
IMAGES = "pixel-faces"
PLAIN_VAE, PLAIN_AUTOENCODER = "conv-vae", "autoencoder"
# Presets that are compared with others below, not with themselves.
_COVERED = (PLAIN_VAE, PLAIN_AUTOENCODER, "linear-vae")


@dataclass(frozen=True)
class Demonstration:
    """lanes: the name that a run gets, and the arguments of `plan` in which it differs; view: of the page Compare, to begin with.

    method: the one that is shown beside a plain model; empty for an idea.
    """

    name: str
    lanes: tuple[tuple[str, Mapping[str, Any]], ...]
    view: View = "figures"
    method: str = ""


_IDEAS = (
    Demonstration("beta", tuple((f"{beta:g}", {"beta": beta}) for beta in (0.25, 1.0, 4.0)), "pictures"),
    Demonstration(
        "collapse",
        (
            ("plain", {"model": "linear-vae", "beta": 30.0, "limit": 6_000}),
            (
                "free-bits",
                {
                    "model": "vae-free-bits",
                    "network": "linear",
                    "beta": 30.0,
                    "limit": 6_000,
                    "settings": {"free_nats": 0.5},
                },
            ),
        ),
    ),
    Demonstration("latent-size", tuple((f"{size}", {"latent_dim": size}) for size in (2, 32)), "pictures"),
    Demonstration(
        "two-kinds",
        (("vae", {"model": "linear-vae"}), ("autoencoder", {"model": PLAIN_AUTOENCODER})),
        "pictures",
    ),
    Demonstration(
        "overfitting",
        # As many steps for both.
        tuple(
            (f"{limit}", {"model": "linear-vae", "limit": limit, "epochs": epochs})
            for limit, epochs in ((500, 400), (5_000, 40))
        ),
    ),
    Demonstration(
        "conditional",
        tuple(
            (name, {"dataset": "digits", "epochs": 40, **label})
            for name, label in (("plain", {}), ("labelled", {"label": "class"}))
        ),
        "pictures",
    ),
)


def demonstrations() -> dict[str, Demonstration]:
    """All of them by name: ideas first, then one for each method that is not plain itself."""
    found = {demo.name: demo for demo in _IDEAS}
    for name, known in presets().items():
        if name in _COVERED or name != known.method:  # a user's own network is no method
            continue
        method = registry.method(known.method)
        plain: dict[str, Any] = {"model": PLAIN_VAE if method.has_posterior else PLAIN_AUTOENCODER}
        if method.has_posterior:
            plain["network"] = known.network  # the method is all that differs
        lanes = (("plain", plain), (name, {"model": name}))
        view: View = "figures" if method.curves or method.pictures else "pictures"
        found[f"method-{name}"] = Demonstration(f"method-{name}", lanes, view, method=name)
    return found


def planned(name: str) -> list[tuple[str, RunConfig]]:
    """(name, config) of every training of a demonstration, with the same seed. Raises ConfigError for one that does not exist."""
    known = demonstrations()
    if name not in known:
        raise ConfigError(f"the demonstration must be one of {', '.join(known)}; got {name!r}")
    demo = known[name]
    usual = {"dataset": IMAGES, "model": PLAIN_VAE, "epochs": 6}
    plans = [plan(**{**usual, **options}) for _, options in demo.lanes]
    return list(zip(run_names(demo), plans, strict=True))


def run_names(demo: Demonstration) -> list[str]:
    """What its trainings are called, in their order."""
    title = demo.method or demo.name
    return [f"{title}-{lane}" if lane != title else title for lane, _ in demo.lanes]
