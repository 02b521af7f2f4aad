"""Several trainings that differ in a few settings: every combination of the values, planned and named, before any of them begins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from vaelab.config.errors import ConfigError
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig

MOST = 64  # trainings of one sweep
NAME_LENGTH = 60  # characters of a run's name that are spent on what varies


def combinations(options: Mapping[str, Any], varied: Mapping[str, Sequence[Any]]) -> list[tuple[str, RunConfig]]:
    """(name, config) of every combination of the varied settings, the last one changing fastest.

    options, varied: arguments of `plan`. All have the same seed unless it varies, so that they see the same batches in the same
    order. The name is made of what varies. Raises ConfigError for a combination that cannot be trained, or more than 64.
    """
    count = 1
    for values in varied.values():
        count *= len(values)
    if not 1 <= count <= MOST:
        raise ConfigError(f"a sweep may have 1 to {MOST} trainings, got {count} (leave out some values)")
    planned: dict[str, RunConfig] = {}
    for values in product(*varied.values()):
        chosen = dict(zip(varied, values, strict=True))
        cfg = plan(**{**options, **chosen})
        whole = name = _name(cfg, chosen)
        number = len(planned)
        while name in planned:  # they differ behind the length of a name
            number += 1
            name = f"{whole[: NAME_LENGTH - 1 - len(str(number))].rstrip('-.')}-{number}"
        planned[name] = cfg
    return list(planned.items())


def _name(cfg: RunConfig, chosen: Mapping[str, Any]) -> str:
    """digits-conv-vae-beta2-latent-dim8; the model stands in front already."""
    images = re.sub(r"[^\w]+", "-", cfg.data.name.removeprefix("folder:").rsplit("/", 1)[-1]).strip("-_").lower()[:30]
    parts = [
        f"{name.replace('_', '-')}{_short(value)}" for name, value in chosen.items() if name not in ("model", "dataset")
    ]
    return "-".join([images or "images", cfg.model.name, *parts])[:NAME_LENGTH].rstrip("-.")


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    words = re.sub(r"[^\w.+-]+", "", str(value))
    return words if words[:1].isdigit() else f"-{words}"
