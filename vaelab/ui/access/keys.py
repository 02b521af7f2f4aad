"""Signed words for cookies: who holds a key can make them, everybody else only hand them back."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

from vaelab.config.errors import RunError
from vaelab.runs.files import unwritable
from vaelab.runs.limits import access_folder

KEY_BYTES = 32
OF_THIS_START = secrets.token_bytes(KEY_BYTES)  # a server that starts anew knows no teacher of before


def signed(words: str, key: bytes) -> str:
    """The words and their signature, HMAC-SHA256 in hex, with a dot between."""
    return f"{words}.{_signature(words, key)}"


def unsigned(text: str, key: bytes) -> str | None:
    """The words of a signed text; None for any text that was not signed with this key."""
    words, dot, signature = text.rpartition(".")
    if not dot or not hmac.compare_digest(signature.encode(), _signature(words, key).encode()):
        return None
    return words


def _signature(words: str, key: bytes) -> str:
    return hmac.new(key, words.encode(), hashlib.sha256).hexdigest()


def kept_key() -> bytes:
    """The key beside the runs, which only the server's own user can read; made at the first call. Raises RunError."""
    return _kept(access_folder())


@lru_cache(maxsize=8)
def _kept(folder: Path) -> bytes:
    file = folder / "key"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
        if not file.exists():
            part = folder / f".key-{secrets.token_hex(8)}"
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "wb") as new:
                new.write(secrets.token_bytes(KEY_BYTES))
                new.flush()
                os.fsync(new.fileno())
            try:
                with contextlib.suppress(FileExistsError):  # another server was faster, and its key is the one
                    os.link(part, file)
            finally:
                part.unlink()
        file.chmod(0o600)
        key = file.read_bytes()
    except OSError as error:
        raise unwritable(folder, error) from error
    if len(key) != KEY_BYTES:
        raise RunError(f"{file} must hold {KEY_BYTES} bytes, got {len(key)}; delete it: all browsers are new then")
    return key
