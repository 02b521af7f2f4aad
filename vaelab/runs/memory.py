"""How much memory a training will need, estimated before it starts. No torch."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

from vaelab.config.errors import ConfigError
from vaelab.models.architecture import architecture
from vaelab.models.layers import shapes
from vaelab.runs.run_config import RunConfig

PROCESS_MB = 350  # torch and the interpreter, measured on Linux
COPIES = 4  # of each weight: itself, its gradient, two moments of Adam
KEPT = 2  # floats a layer's output counts for: the output and its gradient
IMAGE_COPIES = 2  # the data set as it is read, and as the device holds it
EVALUATED = 500  # images of a held-out forward pass
_GROUPS = Path("/sys/fs/cgroup")
_MINE = Path("/proc/self/cgroup")


def needed_mb(cfg: RunConfig, images: int) -> float:
    """About how many MiB a training on a CPU takes at its largest. images: training and test images together."""
    layers, model = architecture(cfg.model), cfg.model
    image = (model.channels, model.image_size, model.image_size)
    flat = math.prod(shapes(layers.features, image)[-1] if layers.features else image) + model.classes
    outputs = [
        *shapes(layers.features, image),
        *shapes(layers.head, (flat,)),
        *shapes(layers.decoder, (model.latent_dim + model.classes,)),
    ]
    within = sum(dense.outputs for layer in (*layers.features, *layers.head, *layers.decoder) for dense in layer.inner)
    floats = sum(math.prod(shape) for shape in outputs) + within + 3 * math.prod(image)  # x, x_hat and their loss
    batch = max(KEPT * cfg.optim.batch_size, EVALUATED) * floats * 4
    return PROCESS_MB + (COPIES * layers.params * 4 + batch + IMAGE_COPIES * images * math.prod(image)) / 2**20


def has_mb() -> float | None:
    """The memory of this computer in MiB, or what its container or service may take; None where it is not known."""
    found = []
    with contextlib.suppress(ValueError, OSError, AttributeError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20)
    for limit in _limits():
        with contextlib.suppress(OSError, ValueError):  # absent at the root; "max" is no limit
            found.append(int(limit.read_text(encoding="ascii")) / 2**20)
    return min(found, default=None)


def _limits() -> Iterator[Path]:
    """The files that may limit this process on Linux: those of its memory group and of all groups around it (man 7 cgroups).

    A container may see its own group as the root while /proc names it as its host does: such a folder is absent, the root's counts.
    """
    groups: list[str] = []
    with contextlib.suppress(OSError, ValueError):
        groups = _MINE.read_text(encoding="utf-8").splitlines()
    for root, controller, name in (
        (_GROUPS / "memory", "memory", "memory.limit_in_bytes"),
        (_GROUPS, "", "memory.max"),
    ):
        yield root / name
        for line in groups:
            _, _, rest = line.partition(":")
            controllers, is_group, path = rest.partition(":")
            if is_group and controller in controllers.split(",") and ".." not in path:
                own = root / path.lstrip("/")
                yield from (folder / name for folder in (own, *own.parents) if root in folder.parents)


def oom_kills() -> int | None:
    """How many processes this computer has killed so far because memory ran out; None where that is not counted.

    Linux counts here those of every memory group too, of cgroup v1 and v2, which its own limit killed.
    """
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return None


def check_memory(cfg: RunConfig, images: int) -> None:
    """Raises ConfigError for a training that this computer cannot hold, with both numbers."""
    needed, there = needed_mb(cfg, images), has_mb()
    if there is not None and needed > there:
        raise ConfigError(
            f"this training needs about {needed / 1024:.1f} GiB of memory, and this computer has {there / 1024:.1f} GiB"
            " (take smaller images, fewer of them by a limit, or a smaller batch)"
        )
