"""Download CIFAR-10, MNIST and Fashion-MNIST with visible progress; nothing half-written ever counts as present.

Addresses, mirrors and md5 sums are torchvision's own. The bytes are fetched here, because torchvision's download can
neither report its progress to a caller nor be cancelled. Files arrive in a temporary folder beside their place, are
checked there, and are then moved one by one, each whole.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import os
import shutil
import socket
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vaelab.config.errors import DataError
from vaelab.data import cifar
from vaelab.data.catalog import entry, is_available
from vaelab.data.paths import data_root
from vaelab.data.torchvision_compat import torchvision_datasets

Progress = Callable[[float, str], None]
Cancelled = Callable[[], bool]

CHUNK = 1 << 18
TIMEOUT = 30.0  # seconds without a single byte
MAX_FILE = 400 * 10**6  # bytes; the largest published archive has 170 MB
FREE_SPACE = 4  # times the download: the archive, its unpacked files, and room to breathe


class DownloadCancelled(DataError):
    """The user stopped a download; nothing of it stays."""


@dataclass(frozen=True)
class Remote:
    """One file to fetch: its addresses in order of preference, its published md5, and the name it is kept under."""

    urls: tuple[str, ...]
    md5: str
    filename: str


@dataclass(frozen=True)
class Plan:
    """A whole data set: what to fetch, where it goes under the data folder, and the md5 of files inside an archive."""

    remotes: tuple[Remote, ...]
    folder: str
    members: tuple[tuple[str, str], ...] = ()  # (name, md5) inside a tar archive; empty where each file is a .gz


def plan(name: str) -> Plan:
    """The addresses of a data set, from torchvision. Imports torchvision. Raises DataError without it."""
    try:
        published = torchvision_datasets()
    except (ImportError, RuntimeError, OSError) as error:
        raise DataError(
            f"torchvision, which knows the addresses of {name}, could not be imported ({error}); "
            "install it with `pip install -r requirements.txt`"
        ) from error
    if name == "cifar10":
        source = published.CIFAR10
        members = tuple((str(n), str(md5)) for n, md5 in (*source.train_list, *source.test_list, _meta(source.meta)))
        return Plan((Remote((source.url,), source.tgz_md5, source.filename),), cifar.FOLDER, members)
    name = entry(name).files_of or name
    source = {"mnist": published.MNIST, "fashion-mnist": published.FashionMNIST}[name]
    remotes = tuple(Remote(tuple(m + file for m in source.mirrors), md5, file) for file, md5 in source.resources)
    return Plan(remotes, f"{source.__name__}/raw")


def _meta(meta: dict[str, str]) -> tuple[str, str]:
    return meta["filename"], meta["md5"]


def download(name: str, progress: Progress | None = None, cancelled: Cancelled | None = None) -> None:
    """Fetch a data set into data_root(); returns at once where it is present already.

    progress(fraction in 0-1, sentence) is called several times a second; cancelled() is asked as often. Raises
    DownloadCancelled when it answers True, and DataError without a connection, for a wrong checksum or a full disk.
    """
    tell = progress or (lambda fraction, message: None)
    stop = cancelled or (lambda: False)
    info = entry(name).info
    if is_available(name):
        tell(1.0, f"{info.title} is here already")
        return
    tell(0.0, f"{info.title}: looking up where it is published")
    wanted = plan(name)
    root = data_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(root).free
        if free < FREE_SPACE * info.download_mb * 1e6:
            raise DataError(
                f"{info.title} needs {FREE_SPACE * info.download_mb:,.0f} MB of free space and the data folder has "
                f"{free / 1e6:,.0f} MB; free some, or set VAELAB_DATA to another disk"
            )
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as scratch:
            _fetch_and_place(
                info.title, info.download_mb * 1e6, wanted, Path(scratch), root / wanted.folder, tell, stop
            )
    except OSError as error:
        raise DataError(
            f"{info.title} could not be written to the data folder {root} ({error.strerror or error}); set VAELAB_DATA to another"
        ) from error
    tell(1.0, f"{info.title} is ready")


def _fetch_and_place(
    title: str, total: float, wanted: Plan, scratch: Path, target: Path, tell: Progress, stop: Cancelled
) -> None:
    """Fetch every file, check it, unpack it, and move the results. total: expected bytes of all files together."""
    unpacked = scratch / "unpacked"
    unpacked.mkdir()
    done = 0
    for remote in wanted.remotes:
        archive = scratch / remote.filename

        def seen(received: int, done: int = done) -> None:
            if stop():
                raise DownloadCancelled(f"the download of {title} was cancelled; nothing of it was kept")
            fraction = min(0.99, (done + received) / total) if total else 0.0
            tell(fraction, f"{title}: {(done + received) / 1e6:.1f} of {total / 1e6:.1f} MB")

        _fetch(title, remote, archive, seen)
        done += archive.stat().st_size
        tell(min(0.99, done / total) if total else 0.99, f"{title}: unpacking {remote.filename}")
        try:
            if wanted.members:
                _untar(archive, wanted.members, unpacked)
            else:
                _gunzip(archive, unpacked / archive.stem)
        except (tarfile.TarError, gzip.BadGzipFile, EOFError) as error:
            raise DataError(
                f"{remote.filename} of {title} could not be unpacked ({error}); download it again"
            ) from error
        seen(archive.stat().st_size)  # after the last file: the last moment to cancel
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(unpacked.iterdir()):
        os.replace(file, target / file.name)


def _fetch(title: str, remote: Remote, path: Path, seen: Callable[[int], None]) -> None:
    """Fetch one file from the first mirror that gives it whole, with the published md5."""
    reason = "no address is known"
    for url in remote.urls:
        try:
            digest = _fetch_from(url, path, seen)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            cause = getattr(error, "reason", None)
            known = isinstance(cause, socket.gaierror)
            reason = "no connection" if known else str(cause or error or type(error).__name__)
            continue
        if digest == remote.md5:
            return
        reason = f"the md5 of {remote.filename} is {digest} instead of the published {remote.md5}"
    raise DataError(
        f"{title} could not be downloaded: {reason}; check the connection and try again, "
        "or set VAELAB_DATA to a folder that holds it already"
    )


def _fetch_from(url: str, path: Path, seen: Callable[[int], None]) -> str:
    """The md5 of what one address sent. Raises ConnectionError when it sent less than it announced, or far too much."""
    request = urllib.request.Request(url, headers={"User-Agent": "vaelab"})
    digest = hashlib.md5(usedforsecurity=False)
    received = 0
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response, path.open("wb") as file:
        announced = response.headers.get("Content-Length")
        while chunk := response.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            seen(received)
            if received > MAX_FILE:
                raise ConnectionError(f"the server sent more than {MAX_FILE // 10**6} MB")
    if announced is not None and received != int(announced):
        raise ConnectionError(f"the connection broke after {received:,} of {int(announced):,} bytes")
    return digest.hexdigest()


def _copy(source: IO[bytes] | gzip.GzipFile, path: Path) -> str:
    """Copy at most MAX_FILE bytes and answer their md5. Raises EOFError beyond that."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            digest.update(chunk)
            if file.tell() > MAX_FILE:
                raise EOFError(f"it unpacks to more than {MAX_FILE // 10**6} MB")
    return digest.hexdigest()


def _gunzip(archive: Path, path: Path) -> None:
    with gzip.open(archive, "rb") as source:
        _copy(source, path)


def _untar(archive: Path, members: tuple[tuple[str, str], ...], folder: Path) -> None:
    """Unpack the named members, and nothing else, flat into the folder; each must have its published md5."""
    missing = dict(members)
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = member.name.rsplit("/", 1)[-1]
            if not member.isfile() or name not in missing:
                continue
            source = tar.extractfile(member)
            assert source is not None  # only for members that are no files
            if _copy(source, folder / name) != missing.pop(name):
                raise EOFError(f"{name} does not have its published md5")
    if missing:
        raise EOFError(f"it lacks {', '.join(missing)}")
