"""A network and a method of a user's own, one file each in the folder of own models, go wherever ours go, and nothing else is changed for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import engine_cases
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from small_training import numbers, settings, stop_at, train, weights
from streamlit.testing.v1 import AppTest
from test_engine_node import assert_parity

from vaelab.analysis import inference
from vaelab.cli import cli
from vaelab.models import registry
from vaelab.models.model_config import ModelConfig
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.ui.image import models as prepared
from vaelab.workers import train_worker

ROOT = Path(__file__).parents[1]
TIMEOUT = 180  # seconds: a slow machine under load, not a measure of anything

NETWORK = """
import math
from vaelab.models.layers import LEAKY, SIGMOID, Architecture, Layer
from vaelab.models.networks.network import Network
from vaelab.models.registry import register
from vaelab.models.words import Words

class Narrow(Network):
    name = "own-narrow"
    words = Words("narrow layers", "Eight hidden units on each side.", "窄层", "每侧八个隐藏单元。")
    convolutional = False

    def layers(self, shape):
        pixels = math.prod(shape.image)
        head = (Layer("Linear", pixels + shape.classes, 8), LEAKY, Layer("Linear", 8, shape.head))
        decoder = (
            Layer("Linear", shape.latent_dim + shape.classes, 8), LEAKY, Layer("Linear", 8, pixels),
            Layer("Reshape", shape=shape.image), SIGMOID,
        )
        return Architecture((), head, decoder)

register(Narrow())
"""
METHOD = """
from vaelab.models.methods.method import MethodSetting
from vaelab.models.methods.vae import Vae
from vaelab.models.registry import register
from vaelab.models.words import Words

class Squared(Vae):
    name = "own-squared"
    words = Words("squared VAE", "Adds the squared length of mu.", "平方 VAE", "再加上 mu 长度的平方。")
    paper = "nobody 2026"
    network = "own-narrow"
    settings = (MethodSetting("pull", 0.5, 0.0, 9.0, Words("Pull", "How strongly.", "拉力", "有多强。")),)
    curves = {"length": Words("length", "Squared length of mu.", "长度", "mu 长度的平方。")}

    def terms(self, model, x, y, eps, cfg):
        q = model.encode(x, y)
        return super().terms(model, x, y, eps, cfg) | {"length": q.mu.square().sum(dim=1)}

    def combine(self, cfg, terms, beta):
        return super().combine(cfg, terms, beta) + cfg.value("pull") * terms["length"]

register(Squared())
"""
BROKEN = "from vaelab.models.registry import register\n\nregister(nothing)\n"
UNREADABLE = "def layers(:\n"


@pytest.fixture(scope="module", autouse=True)
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of own models, read afresh as at a start of the program, and forgotten afterwards."""
    folder = tmp_path_factory.mktemp("models")
    for name, text in {"narrow": NETWORK, "squared": METHOD, "broken": BROKEN, "unreadable": UNREADABLE}.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    registry.networks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_MODELS", str(folder))
        for name in ("_networks", "_methods", "_own", "_problems"):
            patch.setattr(registry, name, getattr(registry, name).copy())
        registry._discover.cache_clear()
        yield folder


@pytest.fixture(scope="module")
def run(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A finished training of the digits with both, in VAELAB_RUNS."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(tmp_path_factory.mktemp("runs")))
        from vaelab.runs.store import create_run

        made = create_run(plan("digits", "own-squared", latent_dim=3, epochs=2, limit=200, device="cpu"), "mine")
        assert train_worker.run_here(made).state == "finished"
        yield made


def opened(page: str, lang: str = "en", chosen: Mapping[str, str] | None = None, **query: str) -> AppTest:
    """A page; chosen: what its controls hold when it comes."""
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=TIMEOUT)
    for key, value in (chosen or {}).items():
        app.session_state[key] = value
    app.switch_page(str(ROOT / "pages" / f"{page}.py"))
    for key, value in {"lang": lang, **query}.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    assert not app.error, [error.value for error in app.error]
    return app


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


def asked(*arguments: str) -> tuple[dict[str, Any], str]:
    """What a command prints last, as JSON, and what it says on stderr."""
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_the_lists_name_them() -> None:
    listed, problems = asked("models")
    (model,) = [row for row in listed["models"] if row["name"] == "own-squared"]
    assert model["own"]
    assert (model["network"], model["settings"], model["paper"]) == ("own-narrow", {"pull": 0.5}, "nobody 2026")
    assert [row["description"] for row in listed["networks"] if row["own"]] == ["Eight hidden units on each side."]
    assert "broken.py, line 3 must define a model" in problems
    assert "unreadable.py, line 1 must define a model" in problems


def test_the_summary_counts_their_weights() -> None:
    shown, _ = asked("summary", "own-squared", "--latent-dim", "4", "--channels", "1")
    assert shown["params"] == (1024 * 8 + 8) + (8 * 8 + 8) + (4 * 8 + 8) + (8 * 1024 + 1024)


@pytest.mark.parametrize("name", ["own-squared", "linear-vae", "iwae"])
def test_a_resumed_training_is_the_uninterrupted_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The own method on its own network, and methods of ours on it."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        cfg = settings(model=ModelConfig(name=name, network="own-narrow", latent_dim=3))
        whole, _ = train(cfg)
        part, outcome = train(cfg, act=stop_at(44))
        assert outcome.state == "stopped"
        train(cfg, part)
    finally:
        torch.set_num_threads(threads)
    assert numbers(part) == numbers(whole)
    for name, tensor in weights(whole).items():
        assert np.array_equal(tensor, weights(part)[name]), name


def test_a_training_counts_its_own_term(run: Run) -> None:
    last = run.metrics()[-1]
    assert last["loss"] == pytest.approx(last["recon"] + last["kl"] + 0.5 * last["length"], rel=1e-5)
    assert last["length"] > 0
    measured = inference.evaluate(run)
    assert np.isfinite(measured["loss"])


@pytest.mark.node
def test_its_decoder_has_pytorchs_numbers_in_the_browsers_engine(run: Run, tmp_path: Path) -> None:
    model = inference.load_run(run)
    cases = [
        engine_cases.write_case(tmp_path, "own-decoder", model, "decoder", 50),
        engine_cases.write_case(tmp_path, "own-encoder", model, "encoder", 20),
    ]
    engine_cases.write_cases(tmp_path, cases)
    assert_parity(tmp_path, "wasm", "js")


@pytest.mark.parametrize(
    ("lang", "title", "network"), [("en", "squared VAE", "narrow layers"), ("zh", "平方 VAE", "窄层")]
)
def test_train_offers_them(
    lang: str, title: str, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    app = opened("train", lang, {"set_dataset": "digits", "set_model": "own-squared"})
    assert f"own-squared · {title}" in app.selectbox(key="set_model").options
    assert app.selectbox(key="set_model").value == "own-squared"
    assert app.selectbox(key="set_network").value == "own-narrow"
    assert network in app.selectbox(key="set_network").options
    assert app.number_input(key="set_own_pull").value == 0.5
    assert not app.button(key="start_training").disabled
    assert [warning.value for warning in app.warning if "broken.py" in warning.value and "NameError" in warning.value]


def test_train_shows_the_run(run: Run) -> None:
    assert "mine" in str(opened("train", run="mine").selectbox[0].options)


@pytest.mark.parametrize("page", ["decode", "latent"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_page_shows_the_run(run: Run, page: str, lang: str) -> None:
    app = opened(page, lang, run="mine")
    assert app.selectbox(key=f"{page}_pick").value == "mine"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_your_image_measures_with_it(run: Run, lang: str) -> None:
    app = opened("image", lang, run="mine")
    assert prepared.preparation(run).wait(TIMEOUT)
    app.run()
    assert not app.exception
    assert len(app.metric) >= 2
