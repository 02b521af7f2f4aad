"""The Decode page in Chromium, for the tests of it: runs to open, and what a person does and sees there."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from decode_models import drawn, principal_faces
from safetensors.numpy import load_file, save_file
from visitors import SETTLED

from vaelab.cli.bench.hands import TWO_FRAMES
from vaelab.models.model_config import ModelConfig
from vaelab.runs.processes import ProcessIdentity

FACES, LABELS, CODES, SPOILT, LIVE = "faces-pca", "fashion-labels", "faces-autoencoder", "spoilt", "live"
DIVERGED = "live-nan"


def write_runs(folder: Path) -> Path:
    """The runs that the browser tests of Decode open, in folder/runs; the folder."""
    runs = folder / "runs"
    principal_faces(runs / FACES, images=300)
    drawn(runs / CODES, ModelConfig(name="autoencoder"))
    drawn(runs / LABELS, ModelConfig(name="conv-vae", channels=1, label="class", classes=10), "fashion-mnist-10k")
    drawn(runs / SPOILT, ModelConfig(name="conv-vae"), spoil=True)
    write_live(principal_faces(runs / LIVE, images=300))
    write_live(principal_faces(runs / DIVERGED, images=300), scale=float("nan"))
    return folder


def write_live(run: Path, scale: float = 1.0) -> None:
    """Turn a finished run into one in training, with this process as its worker."""
    me = ProcessIdentity.mine()
    status = {"state": "running", "step": 1, "total_steps": 9, "heartbeat": time.time() + 3600, "pid": me.pid}
    (run / "status.json").write_text(json.dumps(status | {"start_time": me.start_time, "boot_id": me.boot_id}))
    write_snapshot(run, 1, scale)


def write_snapshot(run: Path, step: int, scale: float) -> None:
    """A snapshot whose decoder is the model's, its last weights multiplied by `scale`."""
    tensors = load_file(run / "model.safetensors")
    tensors["decoder.2.weight"] = tensors["decoder.2.weight"] * scale
    tensors["decoder.2.bias"] = tensors["decoder.2.bias"] * scale
    codes = np.random.default_rng(0).normal(size=(40, 16)).astype(np.float32)
    folder = run / "snapshots" / str(step)
    folder.mkdir(parents=True)
    save_file({**tensors, "probe_mu": codes, "probe_logvar": codes * 0}, folder / "part")
    (folder / "part").rename(folder / "snapshot.safetensors")


def open_decode(page: Any, address: str, run: str = FACES, view: str = "picture", **query: str) -> Any:
    """The page with a run; its canvas."""
    rest = "".join(f"&{name}={value}" for name, value in query.items())
    page.goto(f"{address}/decode?run={run}{rest}", wait_until="commit")
    canvas = page.locator(f'canvas[data-view="{view}"]')
    canvas.wait_for()
    settle(page)
    return canvas


def to_mean(page: Any) -> None:
    """Every slider to zero: the page opens at an example's code."""
    page.get_by_role("button", name="Reset to mean").click()
    page.wait_for_function("() => new URLSearchParams(location.search).get('z')?.startsWith('0,')")
    settle(page)


def settle(page: Any) -> None:
    """Let two frames pass: what was asked for is drawn."""
    page.evaluate(TWO_FRAMES)


def quiet(page: Any, *told: list[int]) -> None:
    """Wait until the page and Python have said all that they say by themselves: nothing came for a second, and no run goes on."""
    before = None
    while before != (before := [len(each) for each in told]) or not page.evaluate(SETTLED):
        page.wait_for_timeout(1000)


def pixels(page: Any, canvas: Any) -> bytes:
    """The canvas as PNG text, which differs when a pixel does."""
    settle(page)
    text: str = canvas.evaluate("(canvas) => canvas.toDataURL()")
    return text.encode()


def sliders(page: Any) -> Any:
    return page.locator("input[data-dim]")


def value_of(page: Any, slider: int = 0) -> str:
    text: str = sliders(page).nth(slider).get_attribute("aria-valuetext")
    return text


def drag(page: Any, target: Any, start: float, end: float, steps: int = 12, release: bool = True) -> None:
    """Drag inside an element from one share of its width to another."""
    box = target.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=steps)
    if release:
        page.mouse.up()


def wait_for_link(page: Any) -> str:
    """z in the address: Python has heard of the gesture."""
    page.wait_for_function("() => new URLSearchParams(location.search).has('z')")
    address: str = page.url
    return address
