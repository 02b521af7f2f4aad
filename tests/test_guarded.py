"""Images of strangers in a process of their own: the same pictures and sentences, and what that process does not survive."""

from __future__ import annotations

import io
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vaelab.config.errors import ImageError
from vaelab.images import files, guarded
from vaelab.images.guarded import Guard
from vaelab.ui import error_text


def photograph(width: int = 90, height: int = 60, kind: str = "PNG") -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def spoilt() -> Iterator[Callable[[str], Guard]]:
    """Guards whose process does something else with an image that begins with `bad`; all are closed at the end."""
    made: list[Guard] = []

    def one(what: str, limits: str = "") -> Guard:
        code = "\n".join(
            (
                "import os, time",
                "from vaelab.images import decoding, files",
                "real = files.open_image",
                limits,
                "def spoilt(data, at_least=None):",
                "    if not data.startswith(b'bad'):",
                "        return real(data, at_least=at_least)",
                f"    {what}",
                "files.open_image = spoilt",
                "decoding.main()",
            )
        )
        made.append(Guard((sys.executable, "-c", code)))
        return made[-1]

    yield one
    for guard in made:
        guard.close()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("at_least", [None, 16])
def test_a_picture_is_the_same_as_without_a_process(kind: str, at_least: int | None) -> None:
    data = photograph(400, 300, kind)
    there, here = guarded.open_image(data, at_least=at_least), files.open_image(data, at_least=at_least)
    assert there.size == here.size
    assert there.tobytes() == here.tobytes()


@pytest.mark.parametrize("data", [b"", b"no image", photograph()[:200], b"\0" * (files.MAX_BYTES + 1)])
def test_a_refusal_is_the_same_sentence(data: bytes) -> None:
    with pytest.raises(ImageError) as here:
        files.open_image(data)
    with pytest.raises(ImageError) as there:
        guarded.open_image(data)
    assert str(there.value) == str(here.value)


@pytest.mark.parametrize(
    ("what", "limits", "told"),
    [
        ("while True: pass", "decoding.CPU_SECONDS = 0.5", "takes more than 10 s"),
        ("os.abort()", "", "ended the program that decodes it"),
        ("os._exit(0)", "", "ended the program that decodes it"),
        ("return real(bytearray(3 * 10**9))", "", "more memory than decoding one may take"),
    ],
)
def test_what_the_process_does_not_survive_is_one_sentence_and_the_next_picture_comes(
    spoilt: Callable[..., Guard], what: str, limits: str, told: str
) -> None:
    guard = spoilt(what, limits)
    for _ in range(guarded.PROCESSES + 1):
        with pytest.raises(ImageError) as refused:
            guard.open_image(b"bad", None)
        assert told in str(refused.value)
        assert error_text.in_words(str(refused.value), "zh") != str(refused.value)
    assert guard.open_image(photograph(), None).size == (90, 60)


def test_a_process_that_waits_for_nothing_is_given_up(
    spoilt: Callable[..., Guard], monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = spoilt("time.sleep(3600)")
    guard.open_image(photograph(), None)  # it has begun
    monkeypatch.setattr(guarded, "WALL_SECONDS", 0.5)
    with pytest.raises(ImageError, match="takes more than 10 s"):
        guard.open_image(b"bad", None)


def test_one_that_ended_while_nobody_asked_is_replaced(spoilt: Callable[..., Guard]) -> None:
    guard = spoilt("pass")
    guard.open_image(photograph(), None)
    decoder = guard._idle.get()
    assert decoder is not None
    decoder._process.kill()
    decoder._process.wait()
    guard._idle.put(decoder)
    assert guard.open_image(photograph(), None).size == (90, 60)


def test_a_machine_without_room_says_so() -> None:
    for command in (("/no/such/program",), (sys.executable, "-c", "raise SystemExit(1)")):
        guard = Guard(command)
        guard.warm_up()
        with pytest.raises(ImageError) as refused:
            guard.open_image(photograph(), None)
        assert "no room for another process" in str(refused.value)
        assert error_text.in_words(str(refused.value), "zh") != str(refused.value)
        guard.close()


def test_many_at_once_get_their_own() -> None:
    sizes = [(40 + k, 30) for k in range(12)]
    found: dict[int, tuple[int, int]] = {}

    def ask(k: int) -> None:
        found[k] = guarded.open_image(photograph(*sizes[k])).size

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(len(sizes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict(enumerate(sizes))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are not told")
def test_the_process_keeps_its_memory_from_one_photograph_to_the_next() -> None:
    """The kernel zeroes what a process takes anew, page by page: a quarter of a photograph's time."""
    data, guard = photograph(1600, 1200, "JPEG"), Guard()
    taken = []
    for _ in range(5):
        guard.open_image(data, 512)
        decoder = guard._idle.get()
        assert decoder is not None
        stat = Path(f"/proc/{decoder._process.pid}/stat").read_text()
        guard._idle.put(decoder)
        taken.append(int(stat.rsplit(")", 1)[1].split()[7]))  # minflt (man 5 proc)
    guard.close()
    assert taken[-1] - taken[-3] < 200
