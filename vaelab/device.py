"""Which device computes, and the queue before it: one training at a time, oldest first. torch is imported only by `choose`."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from vaelab.config import DeviceName
from vaelab.errors import ConfigError, RunError
from vaelab.processes import FileLock

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


def describe(device: torch.device) -> str:
    """A name for people, such as "cuda (NVIDIA A100)" or "cpu (2 threads)"."""
    import torch

    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)})"
    return f"cpu ({torch.get_num_threads()} threads)" if device.type == "cpu" else device.type


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


class DeviceQueue:
    """A place in the queue for one device: kernel locks below a folder, so whoever dies leaves by itself.

    Each one who waits holds the lock of a ticket that is named after the time of asking; the device's own lock is
    tried only when no older ticket is held.
    """

    def __init__(self, root: Path, device: str, asked_at: float) -> None:
        self._folder = root / ".queue"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{root} must be a writable folder, got: {error.strerror}") from error
        self._device = device
        self._ticket = FileLock(self._folder / f"{device}-{int(asked_at * 1e6):020d}-{os.getpid()}.ticket")
        self._lock = FileLock(self._folder / f"{device}.lock")

    def try_take(self) -> bool:
        """Try to get the device without waiting; from the first call on, younger ones stay behind."""
        if self._lock.held:
            return True
        if not self._ticket.path.exists():  # new, or cleared away by somebody in the instant before it was locked
            self._ticket.release()
        if not self._ticket.take() or self._older_waiting() or not self._lock.take():
            return False
        self._leave_ticket()
        return True

    def release(self) -> None:
        """Give the device, or the place in the queue, to the next one."""
        self._lock.release()
        self._leave_ticket()

    def is_free(self) -> bool:
        """Whether nobody computes or waits at this moment."""
        return not self._lock.is_taken() and not self._older_waiting()

    def _older_waiting(self) -> bool:
        for path in sorted(self._folder.glob(f"{self._device}-*.ticket")):
            if path.name >= self._ticket.path.name:
                return False
            if FileLock(path).is_taken():
                return True
            with contextlib.suppress(OSError):
                path.unlink()  # its holder died
        return False

    def _leave_ticket(self) -> None:
        if self._ticket.held:
            with contextlib.suppress(OSError):
                self._ticket.path.unlink()
            self._ticket.release()
