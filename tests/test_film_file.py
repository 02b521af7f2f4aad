"""Films as files: each format read back by another library, frames and their order, curves that grow, and what is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from run_writer import write_run
from safetensors.numpy import load_file, save_file
from trained import write_model

from vaelab.config.errors import ExportError
from vaelab.export import film_file
from vaelab.runs.plan import plan
from vaelab.runs.store import Run

STEPS = (1, 7, 20)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Three snapshots, the first darker and the last brighter."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    cfg = plan("digits", latent_dim=4)
    found = write_run("digits-run", cfg=cfg)
    write_model(found.path, cfg)
    arrays = load_file(found.snapshot_file(20))
    for step, level in zip(STEPS, (20, 120, 230), strict=True):
        file = found.snapshot_file(step)
        file.parent.mkdir(exist_ok=True)
        save_file({**arrays, "recon": np.full_like(arrays["recon"], level)}, file)
    return found


def brightness(page: Any) -> float:
    """Of the reconstructions: right of the map, below the originals."""
    return float(np.asarray(page.convert("L") if isinstance(page, Image.Image) else page)[140:200, 360:560].mean())


@pytest.mark.parametrize("format", ["gif", "webp"])
def test_pictures_that_move(run: Run, tmp_path: Path, format: str) -> None:
    picture = Image.open(io.BytesIO(film_file.write(run, tmp_path / f"film.{format}").read_bytes()))
    assert picture.format == format.upper()
    assert (picture.n_frames, picture.info["loop"]) == (3, 0)
    levels = []
    for k in range(3):
        picture.seek(k)
        levels.append(brightness(picture))
    assert levels == sorted(levels)
    assert levels[2] > levels[0] + 100


@pytest.mark.parametrize(("format", "codec"), [("mp4", "h264"), ("webm", "vp9")])
def test_videos(run: Run, tmp_path: Path, format: str, codec: str) -> None:
    with av.open(str(film_file.write(run, tmp_path / f"film.{format}"))) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == codec
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(stream)]
    assert len(frames) == 4 + 4 + 38  # two pages of 160 ms and a last one of 1.5 s, 25 pictures a second
    levels = [brightness(frame) for frame in frames]
    assert levels[0] < levels[5] < levels[-1]
    assert levels[9] == pytest.approx(levels[-1], abs=3)


def test_curves_grow_with_the_steps_and_nan_is_left_out() -> None:
    shape = np.array([[step, 100.0 / step] for step in range(1, 21)])
    shape[3, 1] = np.nan
    font = film_file.ImageFont.load_default(13)
    inked = []
    for now in (5, 20):
        picture = np.asarray(film_file._curves({"loss": shape}, now, 20, font).convert("RGB")).astype(int)
        right = picture[4:-4, 160:-60]  # the second half of the steps
        inked.append(int((np.ptp(right, axis=2) > 20).sum() + (right.max(axis=2) < 120).sum()))
    assert inked[0] == 0 < inked[1]


def test_even_sizes_which_videos_need(run: Run) -> None:
    shown = film_file.film(run)
    for page in film_file.frames(shown, "a run", ["#112233"] * 10, film_file.curves_of(run)):
        assert page.width % 2 == page.height % 2 == 0


def test_what_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: Any) -> None:
    with pytest.raises(ExportError, match=r"must end in \.gif, \.webp, \.mp4, \.webm; got 'film\.avi'"):
        film_file.write(run, tmp_path / "film.avi")
    monkeypatch.setattr(film_file, "find_spec", lambda name: None)
    with pytest.raises(ExportError, match="needs the package av: pip install av"):
        film_file.write(run, tmp_path / "film.mp4")
    assert not list(tmp_path.glob("film*"))
    assert "keeps no snapshots" in shell.refuses("film", "mnist-conv-vae", "-o", tmp_path / "film.gif")
    shell("film", "digits-run", "-o", tmp_path / "film.gif")
    assert Image.open(io.BytesIO((tmp_path / "film.gif").read_bytes())).n_frames == 3
