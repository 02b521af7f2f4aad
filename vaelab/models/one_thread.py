"""Small work for torch, done by one thread: what a single image asks of a model, and the small trainings of the lessons.

Two threads gain nothing on it, and each waits for the other at every layer: with the cores busy elsewhere, 5 ms for an
image became 20 to 1,200, and 2 ms for a training step 90.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_guard = threading.Lock()


def alone(work: Callable[P, T], /, *args: P.args, **values: P.kwargs) -> T:
    """The answer of a function that asks torch about one image, or its error; callers take turns."""
    with _guard:
        worker = _worker()
    return worker.submit(work, *args, **values).result()


@cache
def _worker() -> ThreadPoolExecutor:
    worker = ThreadPoolExecutor(1, thread_name_prefix="one-image")
    worker.submit(_keep_to_one).result()
    return worker


def keep_to_one() -> None:
    """Let torch use one thread for all that the calling thread asks of it from now on; other threads keep theirs."""
    with _guard:
        _keep_to_one()


def _keep_to_one() -> None:
    import torch

    from vaelab.models.device import flush_denormals

    flush_denormals()
    everywhere = torch.get_num_threads()
    torch.set_num_threads(1)
    # A thread keeps its number; those that begin later take the last one set, by whichever thread.
    back = threading.Thread(target=torch.set_num_threads, args=(everywhere,))
    back.start()
    back.join()
