"""Which device computes: guessed without torch, chosen and described with it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from vaelab.config.errors import ConfigError
from vaelab.config.settings import DeviceName

if TYPE_CHECKING:
    import torch


def likely(name: DeviceName) -> str:
    """The device that `choose` will probably take, guessed without torch: it names the queue to wait in."""
    if name != "auto":
        return name
    try:
        cpu_build = metadata.version("torch").endswith("+cpu")
    except metadata.PackageNotFoundError:
        return "cpu"
    if not cpu_build and (Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi")):
        return "cuda"
    return "mps" if sys.platform == "darwin" and platform.machine() == "arm64" else "cpu"


def choose(name: DeviceName) -> torch.device:
    """The device to compute on; auto takes CUDA, then MPS, then the CPU. Raises ConfigError for one that is not there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(candidate for candidate in ("cuda", "mps", "cpu") if there[candidate])
    if not there[name]:
        raise ConfigError(f"device must be one that this computer has, got {name!r} (auto chooses for you)")
    return torch.device(name)


def check_count(name: DeviceName, processes: int) -> None:
    """Whether this computer has a device for each process; a CPU counts by its cores. Raises ConfigError."""
    import torch

    kind = choose(name).type
    there, what = {"cuda": (torch.cuda.device_count(), "graphics cards"), "mps": (1, "graphics cards")}.get(
        kind, (cores(), "CPU cores")
    )
    if processes > there:
        raise ConfigError(
            f"devices must be at most the {there} {what} of this computer, got {processes}"
            " (take fewer, or more computers: docs/several-devices.md)"
        )


def cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def flush_denormals() -> None:
    """Count numbers below a float's full precision (1e-38) as 0, in this thread and all that it starts from now on.

    Adam's moments of weights whose gradient stays 0 decay into such numbers, and a CPU takes a hundred times as long for
    each. Must be called before torch's first parallel work, whose threads keep what they were born with.
    """
    import torch

    torch.set_flush_denormal(True)


def describe(device: torch.device) -> str:
    """A name for people, such as "cuda (NVIDIA A100)" or "cpu (2 threads)"."""
    import torch

    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    if device.type != "cpu":
        return device.type
    threads = torch.get_num_threads()
    return f"cpu ({threads} thread{'' if threads == 1 else 's'})"


def memory_mb(device: torch.device) -> float | None:
    """The most memory used so far, in MiB: of the device, or of this process on a CPU. None where it is not known."""
    import torch

    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if device.type == "mps":
        return torch.mps.driver_allocated_memory() / 2**20
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB, on macOS bytes
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
