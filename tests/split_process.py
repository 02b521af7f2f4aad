"""One of N processes that share batches over gloo: every method's steps in parts, beside the same steps of whole batches.

`python tests/split_process.py FILE` with what torch's launcher sets; rank 0 writes the largest relative differences.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vaelab.models import registry
from vaelab.models.latent_model import LatentModel
from vaelab.models.model_config import ModelConfig
from vaelab.models.presets import presets
from vaelab.runs.run_config import RunConfig
from vaelab.training.first_weights import new_model
from vaelab.training.measures import Meter
from vaelab.training.split_step import SplitStep
from vaelab.training.step import Step, optimizer_for
from vaelab.workers.peers import Peers, Place

CPU = torch.device("cpu")
BATCHES = (7, 8, 2, 1)  # 7 divides by neither 2 nor 3; 2 and 1 have too few images for some of the processes
METHODS = tuple(name for name, preset in presets().items() if name == preset.method)
LABELLED = "vae-free-bits"


def config(name: str) -> ModelConfig:
    known = presets()[name]
    channels = registry.network(known.network).channels[0]
    label: dict[str, Any] = {"label": "class", "classes": 3} if name == LABELLED else {}
    return ModelConfig(name=name, channels=channels, latent_dim=8, image_size=16, **label)


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest one, as a share of the largest number there."""
    return float((found - expected).abs().max()) / max(float(expected.abs().max()), 1e-12)


def compare(name: str, peers: Peers) -> dict[str, float]:
    """The worst of all steps, in double precision: of gradients, weights, what is kept beside them, and the sums of a row."""
    cfg = RunConfig(model=config(name), **_sixteen())
    whole: LatentModel = new_model(cfg.model, 3).double()
    draw = torch.Generator().manual_seed(5)
    shape = whole.image_shape
    cfg.model.method.begin(whole, torch.rand(300, *shape, generator=draw, dtype=torch.float64), 300)
    parts = copy.deepcopy(whole)
    meters = Meter(cfg.model, CPU), Meter(cfg.model, CPU)
    for meter in meters:
        meter.sums = meter.sums.double()
    step = Step(whole, cfg, optimizer_for(whole, cfg, CPU), meters[0])
    split = SplitStep(parts, cfg, optimizer_for(parts, cfg, CPU), meters[1], peers)
    worst = dict.fromkeys(("gradient", "weights", "meter"), 0.0)
    for images in BATCHES:
        x = torch.rand(images, *shape, generator=draw, dtype=torch.float64)
        y = torch.randint(3, (images,), generator=draw) if cfg.model.label else None
        noise = cfg.model.method.noise_shape(cfg.model)
        eps = None if noise is None else torch.randn(images, *noise, generator=draw, dtype=torch.float64)
        step(x, y, eps, 2.0, 1e-3)
        split.part = peers.part(images)
        rows = split.part.rows
        split(x[rows], None if y is None else y[rows], None if eps is None else eps[rows], 2.0, 1e-3)
        pairs: dict[str, list[tuple[Tensor, Tensor]]] = {
            "gradient": [
                (a.grad, b.grad)
                for a, b in zip(parts.parameters(), whole.parameters(), strict=True)
                if a.grad is not None and b.grad is not None
            ],
            "weights": list(zip(parts.state_dict().values(), whole.state_dict().values(), strict=True)),
            "meter": [(meters[1].sums, meters[0].sums)],
        }
        assert [p.grad is None for p in parts.parameters()] == [p.grad is None for p in whole.parameters()]
        assert meters[0].images == meters[1].images
        for kind, tensors in pairs.items():
            worst[kind] = max(worst[kind], *(difference(a, b) for a, b in tensors))
    return worst


def _sixteen() -> dict[str, Any]:
    from vaelab.config.settings import DataConfig

    return {"data": DataConfig(name="digits", image_size=16)}


def main() -> None:
    torch.set_num_threads(1)
    place = Place.here()
    assert place is not None
    with Peers.meet(place) as peers:
        peers.wait_for(range(place.size))
        peers.connect(CPU, ["cpu"] * place.size, ["here"] * place.size)
        found = {name: compare(name, peers) for name in METHODS}
        everywhere = [torch.tensor(list(worst.values())) for worst in found.values()]
        worst = torch.stack(everywhere)
        peers.add_up(worst)  # another process's difference counts as well
        if peers.leads:
            told = dict(zip(found, worst.tolist(), strict=True))
            Path(sys.argv[1]).write_text(json.dumps(told))
    assert os.environ["RANK"] == str(place.rank)


if __name__ == "__main__":
    main()
