"""A class on one server: visitors that come within half a minute, follow a teacher, drag, upload and watch a training, over real WebSockets."""

from __future__ import annotations

import asyncio
import io
import os
import re
import tempfile
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path

import websockets

from vaelab.cli.bench.app_server import running_server
from vaelab.cli.bench.report import Entry, Report
from vaelab.cli.bench.startup import runs_in
from vaelab.cli.bench.visitor import Visitor
from vaelab.config.errors import VaeLabError
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.workers import launch

PASSWORD = "a class is measured"
SESSIONS = 30
ARRIVE_SECONDS = 30.0  # within which all come
DRAWN_SECONDS = 5.0  # between two pages that the teacher shows
DRAG_SECONDS, DRAG_STEP = 5.0, 0.1  # of the teacher's hand, and between two places of it
WATCH_SECONDS = 15.0
ALONE_SECONDS = 15.0  # the training by itself
SHOWN = ("learn_kinds", "latent", "compare", "learn_vae", "decode")  # in this order
MODEL = "pixel-faces-conv-vae"  # shipped


def measure(repeats: int = 1, sessions: int = SESSIONS) -> Report:
    """Seconds and MB; every setting has its middle and its 95th percentile. repeats: whole classes, one after another."""
    values: dict[tuple[str, str, str], list[float]] = {}
    notes: list[str] = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder, runs_in(folder):
            options = {"VAELAB_TEACHER_PASSWORD": PASSWORD, "VAELAB_DATA": str(Path(folder) / "data")}
            with running_server(Path(folder), **options) as (address, pid):
                found, said = asyncio.run(Lesson(address, pid, sessions).give())
        for key, value in found.items():
            values.setdefault(key, []).append(value)
        notes += said
    entries = tuple(Entry(what, which, unit, tuple(found)) for (what, which, unit), found in values.items())
    about = f"{sessions} visitors that came within {ARRIVE_SECONDS:g} s; they, the server and the training shared this machine."
    return Report("classroom", repeats, entries, (about, *notes))


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share of them does not exceed; not a number where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def memory(pid: int) -> float:
    """MB that a process holds now, as Linux tells it; not a number elsewhere."""
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    except OSError:
        return float("nan")
    return int(found[1]) / 1000 if found else float("nan")


class Lesson:
    """One class. address, pid: of the server."""

    def __init__(self, address: str, pid: int, sessions: int) -> None:
        self.address, self.pid = address, pid
        self.teacher = Visitor(address)
        self.students = [Visitor(address) for _ in range(sessions)]
        self.found: dict[tuple[str, str, str], float] = {}
        self.errors: list[str] = []

    def note(self, what: str, seconds: Sequence[float]) -> None:
        """Keep the middle and the 95th percentile."""
        self.found[what, "p50", "s"] = percentile(seconds, 0.5)
        self.found[what, "p95", "s"] = percentile(seconds, 0.95)

    async def _each(self, what: str, done: Sequence[Awaitable[float]]) -> list[float]:
        """All at once; what fails is an error of the measurement's, not its end."""
        answers = await asyncio.gather(*done, return_exceptions=True)
        self.errors += [f"{what}: {type(error).__name__} {error}" for error in answers if isinstance(error, Exception)]
        return [answer for answer in answers if isinstance(answer, float)]

    async def _part(self, what: str, done: Awaitable[None]) -> None:
        """One part of the lesson; where the server fails in it, that is told and the next one begins."""
        try:
            await done
        except (VaeLabError, TimeoutError, OSError, websockets.ConnectionClosed) as error:
            self.errors.append(f"{what}: {type(error).__name__} {error}")

    async def give(self) -> tuple[dict[tuple[str, str, str], float], list[str]]:
        """The whole of it."""
        teacher = self.teacher
        await teacher.sign_in(PASSWORD)
        await teacher.open("classroom")
        await teacher.press("room_open")
        await teacher.room(follows=False)
        for page in SHOWN:  # a teacher has tried the lesson before: what pages import at their first use is there
            await teacher.go(page)
        await teacher.go("decode", run=MODEL)
        await asyncio.sleep(1.0)  # a tick has told the room
        self.found["memory of the server", "before", "MB"] = memory(self.pid)
        code = str(teacher.elements["room_bar"][2]["code"])
        ready = await self._each("arrival", [self._arrive(k, code) for k in range(len(self.students))])
        self.note("page ready", ready)
        await self._part("pages", self._follow_pages())
        await self._part("z", self._follow_z())
        self.note("a drag's end, rerun", await self._each("drag", [self._drag(k) for k in range(len(self.students))]))
        picture = _picture()
        self.note("upload", await self._each("upload", [s.upload(picture, "own.png") for s in self.students]))
        await self._part("training", self._watch())
        self.found["memory of the server", "all there", "MB"] = memory(self.pid)
        for visitor in (*self.students, teacher):
            self.errors += visitor.errors
        await asyncio.gather(*(visitor.close() for visitor in (*self.students, teacher)), return_exceptions=True)
        return await self._after()

    async def _arrive(self, k: int, code: str) -> float:
        await asyncio.sleep(ARRIVE_SECONDS * k / len(self.students))
        student = self.students[k]
        seconds = await student.open("", room=code)
        await student.room(follows=True)
        return seconds

    async def _follow_pages(self) -> None:
        """From the teacher's click to each student's page, drawn."""
        delays: list[float] = []
        own: list[float] = []
        for page in SHOWN:
            before = {v for student in self.students for v in student.followed}
            began = time.perf_counter()
            own.append(await self.teacher.go(page, **({"run": MODEL} if page in ("decode", "latent") else {})))
            await asyncio.sleep(DRAWN_SECONDS)
            limit = time.perf_counter() + 30.0
            fresh = [self._newest(student, before) for student in self.students]
            while None in fresh and time.perf_counter() < limit:
                await asyncio.sleep(0.2)
                fresh = [self._newest(student, before) for student in self.students]
            delays += [when - began for when in fresh if when is not None]
            self.errors += [f"a student's page did not follow to {page} within 30 s"] * fresh.count(None)
        self.note("another page, the teacher's own", own)
        self.note("another page, from the click", delays)

    @staticmethod
    def _newest(student: Visitor, before: set[int]) -> float | None:
        new = [when for version, when in student.followed.items() if version not in before]
        return max(new) if new else None

    async def _follow_z(self) -> None:
        """z while the teacher drags: from its sending to each student's hearing of it."""
        sent: dict[float, float] = {}
        for student in self.students:
            student.streamed.clear()
        for k in range(int(DRAG_SECONDS / DRAG_STEP)):
            value = round(-2.0 + 4.0 * k * DRAG_STEP / DRAG_SECONDS, 4)
            sent[value] = time.perf_counter()
            await self.teacher.say("z", {"model": MODEL, "z": [value] + [0.0] * 15, "label": 0, "tab": "one"})
            await asyncio.sleep(DRAG_STEP)
        await asyncio.sleep(1.0)
        heard = [when - sent[value] for student in self.students for when, value in student.streamed if value in sent]
        self.note("z, from the hand", heard)
        arrived = sum(bool(student.streamed) and student.streamed[-1][1] == value for student in self.students)
        if arrived < len(self.students):
            self.errors.append(f"{len(self.students) - arrived} students did not hear the last z")

    async def _drag(self, k: int) -> float:
        """One student takes the hands off and drags: the run that the end of the gesture costs."""
        await asyncio.sleep(5.0 * k / len(self.students))
        student = self.students[k]
        await student.say("follows", False)
        return await student.put("decode_view", {"z": {"model": MODEL, "z": [0.01 * k] * 16, "label": 0, "tab": "one"}})

    async def _watch(self) -> None:
        """One training, alone and then watched by a third of the class, while the others stay."""
        run = launch.start(plan("pixel-faces", model="conv-vae", epochs=100_000, device="cpu"))
        try:
            await _until_first_row(run)
            alone = await _speed(run, ALONE_SECONDS)
            third = self.students[::3]
            opened = await self._each("watch", [student.go("train", run=run.name) for student in third])
            self.note("Train, of a third at once", opened)
            beside = await _speed(run, WATCH_SECONDS)
        finally:
            launch.stop(run)
            launch.cool_down()
        self.found["training", "with all there, none watching", "images/s"] = alone
        self.found["training", f"{len(third)} watching", "images/s"] = beside

    async def _after(self) -> tuple[dict[tuple[str, str, str], float], list[str]]:
        """What is left once all have gone, and the errors by kind."""
        await asyncio.sleep(5.0)
        self.found["memory of the server", "5 s after all left", "MB"] = memory(self.pid)
        self.found["errors", "all", ""] = float(len(self.errors))
        kinds = sorted(set(self.errors))
        return self.found, [f"Error, {self.errors.count(kind)} times: {kind}" for kind in kinds[:10]]


async def _until_first_row(run: Run) -> None:
    limit = time.perf_counter() + 120.0
    while not run.metrics():
        if time.perf_counter() > limit or not run.status().is_active:
            raise VaeLabError(f"a training must begin to be watched, got: {run.status().state} {run.status().message}")
        await asyncio.sleep(0.1)


async def _speed(run: Run, seconds: float) -> float:
    """Images a second that it really took, by its steps."""
    batch = run.config().optim.batch_size
    first, began = run.status().step, time.perf_counter()
    await asyncio.sleep(seconds)
    return (run.status().step - first) * batch / (time.perf_counter() - began)


def _picture() -> bytes:
    """A photograph's worth of PNG, 256x256."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.frombytes("RGB", (256, 256), os.urandom(3 * 256 * 256)).save(buffer, "PNG")
    return buffer.getvalue()
