"""The arithmetic behind the Decode page's views, in Node, against vaelab.models.losses, numpy and Pillow."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from test_engine_node import JS, node

from vaelab.config.settings import LossConfig
from vaelab.models.losses import kl_per_dim, recon_loss
from vaelab.models.posteriors import GaussianPosterior
from vaelab.ui.components.carrier import FOLDER
from vaelab.ui.decode.spec import RECON_CODE, code_blocks
from vaelab.ui.text import strings

WIDTH, HEIGHT = 48, 40
MODEL: dict[str, Any] = {
    "size": 4, "variational": False, "mean": [1.0, -1.0, 0.0, 2.0], "std": [1.0, 2.0, 0.5, 1.0],
    "order": [3, 1, 0, 2], "used": 3, "classes": ["a", "b", "c"],
}  # fmt: skip
OTHER: dict[str, Any] = {
    "size": 3, "variational": True, "mean": [0.0] * 3, "std": [1.0] * 3, "order": [2, 0, 1], "used": 2, "classes": [],
}  # fmt: skip
DIRECTION = [0.5, 0.5, 0.0, 1.0]


def film() -> list[np.ndarray]:
    """Frames of at most 200 colours with noise that fills the code table: what a GIF must keep exactly."""
    generator = np.random.default_rng(3)
    palette = generator.integers(0, 256, (200, 3), dtype=np.uint8)
    return [palette[generator.integers(0, 200, (HEIGHT, WIDTH))] for _ in range(5)]


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    frames = [np.concatenate([f, np.full((HEIGHT, WIDTH, 1), 255, np.uint8)], axis=2) for f in film()]
    logits = generator.normal(size=(1, 3, 8, 8)) * 3
    return {
        "mu": generator.normal(size=6).tolist(), "logvar": generator.normal(size=6).tolist(),
        "eps": generator.normal(size=6).tolist(), "x": generator.random(192).tolist(), "logits": logits.ravel().tolist(),
        "xHat": (1 / (1 + np.exp(-logits))).astype(np.float32).ravel().tolist(),
        "model": MODEL, "other": OTHER, "direction": DIRECTION, "width": WIDTH, "height": HEIGHT,
        "frames": [base64.b64encode(frame.tobytes()).decode() for frame in frames],
    }  # fmt: skip


@pytest.fixture(scope="module")
def answer(cases: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("view")
    (folder / "cases.json").write_text(json.dumps(cases))
    found: dict[str, Any] = json.loads(node(JS / "view_node.mjs", folder / "cases.json", folder / "walk.gif"))
    return found | {"gif": folder / "walk.gif"}


@pytest.mark.node
def test_posterior_and_kl_are_those_of_the_models(cases, answer):
    mu, logvar, eps = (torch.tensor([cases[name]]) for name in ("mu", "logvar", "eps"))
    q = GaussianPosterior(mu, logvar)
    torch.testing.assert_close(torch.tensor([answer["z"]]), q.sample(eps))
    torch.testing.assert_close(torch.tensor([answer["sigma"]]), q.sigma)
    torch.testing.assert_close(torch.tensor([answer["kl"]]), kl_per_dim(mu, logvar))


@pytest.mark.node
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_the_reconstruction_term_is_that_of_the_losses(cases, answer, likelihood):
    logits = torch.tensor(cases["logits"]).reshape(1, 3, 8, 8)
    x = torch.tensor(cases["x"]).reshape(1, 3, 8, 8)
    expected = recon_loss(logits, x, LossConfig(likelihood=likelihood, sigma=0.1)).item()
    assert answer[likelihood] == pytest.approx(expected, rel=1e-5)


@pytest.mark.node
def test_interpolation(cases, answer):
    a, b = np.array(cases["mu"]), np.array(cases["eps"])
    np.testing.assert_allclose(answer["straight"], 0.75 * a + 0.25 * b, rtol=1e-5)
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    expected = (np.sin(0.75 * angle) * a + np.sin(0.25 * angle) * b) / np.sin(angle)
    np.testing.assert_allclose(answer["arc"], expected, rtol=1e-5)
    assert answer["arcOfParallels"] == [1.5, 0.0]


@pytest.mark.node
def test_draws_are_standard_normal(answer):
    draws = np.array(answer["draws"])
    assert abs(draws.mean()) < 0.06
    assert abs(draws.std() - 1.0) < 0.04
    assert abs((np.abs(draws) < 1.0).mean() - 0.6827) < 0.03


@pytest.mark.node
def test_the_latent_vector(answer):
    assert answer["atStart"] == [3.0, 1.0, 0.0, 2.0]  # in standard deviations, most used first
    assert answer["reset"] == [1.0, -1.0, 1.0, 2.0]  # the locked dimension stays
    assert answer["along"] == pytest.approx(1.5)
    assert answer["rows"][-3:] == [0.0, 1.0, 0.0]  # the one-hot label behind z
    assert answer["nearest"] == 1


@pytest.mark.node
def test_another_model_gets_z_by_rank_in_standard_deviations(answer):
    assert answer["carried"] == [2.0, 0.0, 4.0]  # ranks 0 and 1 of the first are its dimensions 3 and 1


@pytest.mark.node
def test_brush_and_typed_numbers(answer):
    assert answer["painted"] == 4  # the 2x2 pixels around the point; the next centres are 1.58 away
    assert answer["ink"] == pytest.approx([0.299])
    assert answer["numbers"] == [[1, -2.5, 3], None, [-1, 2]]


@pytest.mark.node
def test_a_gif_of_few_colours_is_kept_exactly(answer):
    with Image.open(answer["gif"]) as picture:
        assert (picture.size, picture.n_frames, picture.info["loop"]) == ((2 * WIDTH, 2 * HEIGHT), 5, 0)
        assert picture.info["duration"] == 50
        for index, frame in enumerate(film()):
            picture.seek(index)
            twice = frame.repeat(2, axis=0).repeat(2, axis=1)
            np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), twice)


@pytest.mark.parametrize("likelihood", sorted(RECON_CODE))
def test_every_node_of_the_pipeline_has_a_line_of_code(likelihood):
    blocks = code_blocks(likelihood)
    lit = {node for block in blocks for node, lines in block["marks"].items() if lines}
    assert lit == {"x", "encoder", "mu", "logvar", "sigma", "eps", "z", "decoder", "xhat", "recon", "kl"}


def test_every_text_of_the_views_exists_and_is_used():
    sources = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / "decoder").glob("*.js"))
    asked = set(re.findall(r'(?:app|this)\.text\("(\w+)"', sources)) | set(re.findall(r"spec\.text\.(\w+)", sources))
    texts = strings("en", "decode_view")
    assert asked - set(texts) == set()
    built = re.compile(r"^(tab|panel|walk|path|side)_|_(tip|name|codes)$")
    unused = {key for key in texts if key not in asked and not built.search(key) and f'"{key}"' not in sources}
    assert unused == set()
