"""Where the time of a training step goes, and what it cannot do without: the bound of how fast any step can be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from vaelab import data
from vaelab.cli.bench.report import Entry, Report, compare
from vaelab.cli.bench.train import COMPILED, DATASET, OUR_BATCHES, PLAIN, PLAIN_BATCH, plain_steps
from vaelab.models.one_thread import keep_to_one
from vaelab.runs.plan import plan
from vaelab.runs.run_config import RunConfig
from vaelab.training.batches import ImageSet, Noise, Shuffle
from vaelab.training.first_weights import new_model
from vaelab.training.measures import Meter
from vaelab.training.step import Step, optimizer_for

WARM = 3  # steps that are left out: allocators and caches fill
STEPS = 12  # of a round: the least of them is what the machine can do
# What weights ask of images, forwards and backwards: arithmetic that no other code spares.
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "convolution")
ADAM = "adam"


def measure(repeats: int = 3, *, models: tuple[str, ...] | None = None, steps: int = STEPS) -> Report:
    """Microseconds of CPU an image, in one thread: the plain loop, our step, and of ours the products and Adam; least of a round's steps."""
    with ThreadPoolExecutor(1, initializer=keep_to_one) as one:
        return one.submit(_measure, repeats, models or COMPILED, steps).result()


def _measure(repeats: int, models: tuple[str, ...], steps: int) -> Report:
    images = data.load(DATASET)
    entries: list[Entry] = []
    for model in models:
        found: dict[str, list[float]] = {PLAIN: []}
        for _ in range(repeats):
            plain = plain_steps(plan(DATASET, model, batch_size=PLAIN_BATCH), images, torch.device("cpu"))
            found[PLAIN].append(least(lambda plain=plain: next(plain), steps) / PLAIN_BATCH)  # type: ignore[misc]
            for batch in OUR_BATCHES:
                for name, seconds in ours(plan(DATASET, model, batch_size=batch), images, steps).items():
                    found.setdefault(f"{name}, batch {batch}", []).append(seconds / batch)
        values = {name: tuple(1e6 * one for one in each) for name, each in found.items()}
        entries += compare(model, "µs/image", values, PLAIN, more_is_better=False)
    return Report("step", repeats, tuple(entries), (_METHOD.format(dataset=DATASET),))


_METHOD = (
    "CPU time in one thread on {dataset}. The ratio says how many times the plain loop's images a second that part alone would allow:"
    " no step can be faster than its products. The plain loop is that of the benchmark train."
)


def least(work: Callable[[], object], steps: int) -> float:
    """CPU seconds of the fastest of some calls; what disturbs the machine only ever adds."""
    found = []
    for _ in range(WARM + steps):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found[WARM:])


class Parts(TorchDispatchMode):
    """CPU seconds of a step's products and of Adam, read operation by operation."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products = self.adam = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        begin = time.thread_time()
        found = func(*args, **(kwargs or {}))
        seconds = time.thread_time() - begin
        name = func.overloadpacket.__name__
        self.products += seconds * name.startswith(PRODUCTS)
        self.adam += seconds * (ADAM in name)
        return found


def ours(cfg: RunConfig, images: data.Dataset, steps: int) -> Mapping[str, float]:
    """CPU seconds of one of our steps, its batch and noise drawn, and of its parts."""
    stepping = _steps(cfg, images)
    whole, parts = least(partial(next, stepping), steps), []
    for _ in range(steps):
        with Parts() as found:
            next(stepping)
        parts.append(found)
    return {
        "our step": whole,
        "its products": min(part.products for part in parts),
        "its Adam": min(part.adam for part in parts),
    }


def _steps(cfg: RunConfig, images: data.Dataset) -> Iterator[None]:
    """Our step for ever, as trainer.fit takes it."""
    device, size = torch.device("cpu"), cfg.optim.batch_size
    model, known = new_model(cfg.model, cfg.seed), ImageSet(images.train, cfg.model, device)
    order, noise = Shuffle(len(known), cfg.seed, device), Noise(cfg.model.latent_dim, cfg.seed, device)
    model.train()
    step = Step(model, cfg, optimizer_for(model, cfg, device), Meter(cfg.model, device))
    for number in range(1, 10**9):
        at = number * size % (len(known) - size)
        x, y = known.draw(order.rows(1, slice(at, at + size)), noise, number, slice(None))
        step(x, y, noise.of(cfg.model, number, size), 1.0, cfg.optim.lr)
        yield
