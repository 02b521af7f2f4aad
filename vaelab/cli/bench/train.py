"""Our training against the loop that most tutorials write, on the same machine, model and images."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from vaelab import data
from vaelab.cli.bench import pythae_loop
from vaelab.cli.bench.report import Entry, Report, compare, in_turns
from vaelab.models.device import choose
from vaelab.models.latent_model import build
from vaelab.models.losses import kl_divergence
from vaelab.models.posteriors import GaussianPosterior
from vaelab.models.presets import presets
from vaelab.runs import store
from vaelab.runs.files import Row
from vaelab.runs.plan import plan
from vaelab.runs.recorder import Recorder
from vaelab.runs.run_config import RunConfig
from vaelab.training import build_program, trainer
from vaelab.training.batches import ImageSet
from vaelab.training.compiled_step import why_eager
from vaelab.training.first_weights import new_model
from vaelab.training.step_program import Program, Recipe, find

PLAIN_BATCH = 32
OUR_BATCHES = (32, 128, 512)
COMPILED = ("autoencoder", "linear-vae", "conv-vae")  # tried with a compiled step too; building one takes 15 s
PYTHAE, PYTHAE_BATCH = ("linear-vae", "conv-vae"), 128  # compared with pythae's trainer too, where that is installed
DATASET = "pixel-faces"  # embedded, 32x32 RGB, the shape of CIFAR-10
WARM_SECONDS = 0.5  # left out: allocators and caches fill
SECONDS = 2.0  # measured
PLAIN = f"plain loop, batch {PLAIN_BATCH}"


def measure(
    repeats: int = 3,
    *,
    seconds: float = SECONDS,
    models: tuple[str, ...] | None = None,
    builder: Callable[[Recipe], Program] = build_program.build,
) -> Report:
    """Images a second of both loops, ours with the compiled step too where it is used, `seconds` each, in turns. builder: makes that."""
    device = choose("auto")
    images = data.load(DATASET)
    entries: list[Entry] = []
    notes = [_METHOD.format(device=device, seconds=seconds, dataset=DATASET)]
    for model in models or tuple(presets()):
        contestants: dict[str, Callable[[], float]] = {
            PLAIN: partial(plain_speed, plan(DATASET, model, batch_size=PLAIN_BATCH), images, device, seconds)
        }
        for batch in OUR_BATCHES:
            cfg = plan(DATASET, model, batch_size=batch, epochs=100_000)
            contestants[f"vaelab, batch {batch}"] = partial(our_speed, cfg, images, device, seconds)
            if model not in COMPILED:
                continue
            compiled = replace(cfg, optim=replace(cfg.optim, step="compiled"))
            is_used, note = _compiled(compiled, images, device, builder)
            notes.append(f"{model}, batch {batch}: {note}.")
            if is_used:
                contestants[f"vaelab, batch {batch}, compiled"] = partial(our_speed, compiled, images, device, seconds)
        found = in_turns(contestants, repeats)
        entries += compare(model, "images/s", found, PLAIN, more_is_better=True)
        if model in PYTHAE and pythae_loop.is_installed():
            cfg = plan(DATASET, model, batch_size=PYTHAE_BATCH, epochs=100_000)
            two: dict[str, Callable[[], float]] = {
                "pythae": partial(pythae_loop.pythae_speed, cfg, images, device, seconds, WARM_SECONDS),
                "vaelab": partial(our_speed, cfg, images, device, seconds),
            }
            against = in_turns(two, repeats)
            entries += compare(f"{model}, batch {PYTHAE_BATCH}", "images/s", against, "pythae", more_is_better=True)
    return Report("train", repeats, tuple(entries), tuple(notes))


def _compiled(
    cfg: RunConfig, images: data.Dataset, device: torch.device, builder: Callable[[Recipe], Program]
) -> tuple[bool, str]:
    """Whether a training would have a compiled step, which is built if it is not there, and a note about that."""
    reason = why_eager(cfg, device, 1)
    if reason is not None:
        return False, f"no compiled step, since {reason}"
    x, _ = ImageSet(images.train, cfg.model, device).take(slice(0, cfg.optim.batch_size))
    recipe = Recipe.of(cfg, x)
    try:
        program = find(recipe.name) or builder(recipe)
    except Exception as error:  # no compiler, mostly
        return False, f"no compiled step: {(str(error).strip().splitlines() or [type(error).__name__])[0]}"
    told = f"the compiled step was {program.speedup:.2f} times as fast as the eager one when it was built"
    return program.library is not None, f"{told}{'' if program.library else ', too little to be used'}"


_METHOD = (
    "Device {device}; {seconds:g} s each on {dataset}. The plain loop reads one Pillow image at a time through a DataLoader, takes"
    " BCE on the sigmoid and calls .item() every step; ours is the whole of trainer.fit, its measurements, snapshots and files included."
)


class _PillowImages:
    """Images one by one as torchvision's CIFAR10 with ToTensor gives them: array, Pillow image, array, float tensor."""

    def __init__(self, pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
        self._pixels = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))  # (N, H, W, C)

    def __len__(self) -> int:
        return len(self._pixels)

    def __getitem__(self, index: int) -> Tensor:
        image = Image.fromarray(self._pixels[index])
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255.0)


def plain_speed(cfg: RunConfig, images: data.Dataset, device: torch.device, seconds: float) -> float:
    """Images a second of the plain loop."""
    seen, start = 0, time.perf_counter()
    warm: tuple[float, int] | None = None
    for count in plain_steps(cfg, images, device):
        seen += count
        now = time.perf_counter()
        if warm is None and now - start >= WARM_SECONDS:
            warm = (now, seen)
        if warm is not None and now - warm[0] >= seconds:
            return (seen - warm[1]) / (now - warm[0])
    raise AssertionError("the loader is endless")


def plain_steps(cfg: RunConfig, images: data.Dataset, device: torch.device) -> Iterator[int]:
    """The loop that most tutorials write, for ever: the images of each step, after it."""
    model = build(cfg.model).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.optim.lr)
    loader: DataLoader[Tensor] = DataLoader(_PillowImages(images.train.pixels), cfg.optim.batch_size, shuffle=True)  # type: ignore[arg-type]
    running = 0.0
    for batch in itertools.chain.from_iterable(loader for _ in itertools.count()):
        x = batch.to(device)
        q = model.encode(x)
        x_hat = model.decode(q.sample())
        loss = F.binary_cross_entropy(x_hat, x, reduction="sum")
        if isinstance(q, GaussianPosterior):
            loss = loss + kl_divergence(q.mu, q.logvar).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        running += loss.item()
        yield len(x)


def our_speed(cfg: RunConfig, images: data.Dataset, device: torch.device, seconds: float) -> float:
    """Images a second of trainer.fit in a run directory of its own, from the steps and times of its rows."""
    marks: list[tuple[float, int]] = []

    def watch(row: Row) -> None:
        marks.append((row["seconds"], row["step"]))
        if marks[-1][0] - _warm(marks)[0] >= seconds:
            recorder.request_stop()

    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(store.create_run(cfg, path=Path(folder) / "run"), on_row=watch)
        trainer.fit(new_model(cfg.model, cfg.seed), images, cfg, recorder, device)
    (begin, first), (end, last) = _warm(marks), marks[-1]
    return (last - first) * cfg.optim.batch_size / (end - begin)


def _warm(marks: list[tuple[float, int]]) -> tuple[float, int]:
    """The first mark after the warm-up, or the last so far."""
    return next((mark for mark in marks if mark[0] >= marks[0][0] + WARM_SECONDS), marks[-1])
