"""A tiny network and a tiny method, one file each beside the runs: they are in every list and work in every place, without any other change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_engine_node import assert_parity

ROOT = Path(__file__).resolve().parents[1]

NETWORK = """
from vaelab.models.layers import LEAKY, SIGMOID, Architecture, Layer
from vaelab.models.networks.network import Network
from vaelab.models.registry import register
from vaelab.models.words import Words


class Tiny(Network):
    name = "tiny"
    words = Words("tiny", "One layer each way.", "微型", "每个方向一层。")
    channels = (1, 3)
    takes_label = False
    convolutional = False

    def layers(self, shape):
        pixels = shape.channels * shape.image_size**2
        head = (Layer("Linear", pixels, shape.head),)
        decoder = (Layer("Linear", shape.latent_dim, 24), LEAKY, Layer("Linear", 24, pixels), Layer("Reshape", shape=shape.image), SIGMOID)
        return Architecture((), head, decoder)


register(Tiny())
"""
METHOD = '''
from vaelab.models.methods.vae import Vae
from vaelab.models.registry import register
from vaelab.models.words import Words


class Half(Vae):
    """The KL term counts half."""

    name = "half-vae"
    words = Words("half VAE", "The KL term counts half.", "半价 VAE", "KL 项只算一半。")
    paper = "nobody's"
    network = "tiny"
    curves = {"half": Words("half", "Half the KL, in nats.", "一半", "KL 的一半，单位奈特。")}

    def terms(self, model, x, y, eps, cfg):
        terms = super().terms(model, x, y, eps, cfg)
        return terms | {"half": 0.5 * terms["kl_per_dim"].sum(dim=1)}

    def combine(self, cfg, terms, beta):
        return terms["recon"] + beta * terms["half"]


register(Half())
'''
BROKEN = "from vaelab.models.registry import register\n\nregister(nobody)\n"

TRY_IT = """
import json, sys
from pathlib import Path

sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
import torch

torch.set_num_threads(1)
import engine_cases
from small_training import weights
from streamlit.testing.v1 import AppTest
from vaelab import data
from vaelab.analysis import inference
from vaelab.models import registry
from vaelab.models.model_config import ModelConfig
from vaelab.runs.plan import plan
from vaelab.runs.recorder import Recorder
from vaelab.runs.store import create_run
from vaelab.training import trainer
from vaelab.training.first_weights import new_model
from vaelab.workers import train_worker

root, out = Path(sys.argv[1]), Path(sys.argv[2])
cfg = plan("digits", "half-vae", latent_dim=3, epochs=3, batch_size=50, limit=200, device="cpu")
assert (cfg.model.network, cfg.model.method.name) == ("tiny", "half-vae")
straight, broken = create_run(cfg, "own"), create_run(cfg, "resumed")
assert train_worker.run_here(straight).state == "finished"


recorder = Recorder(broken, on_row=lambda row: recorder.request_stop() if row["step"] == 5 else None)
outcome = trainer.fit(new_model(cfg.model, cfg.seed), data.load("digits", limit=200), cfg, recorder, torch.device("cpu"))
recorder.close(outcome.state)
assert outcome.state == "stopped"
assert train_worker.run_here(broken).state == "finished"
for name, value in weights(straight).items():
    assert (value == weights(broken)[name]).all(), name
last = straight.metrics()[-1]
assert abs(last["half"] - last["kl"] / 2) < 1e-3 * last["kl"] + 1e-4
assert abs(last["loss"] - last["recon"] - last["half"]) < 1e-3 * last["loss"]
assert inference.evaluate(straight)["images"] > 0

model = engine_cases.shipped(straight)
engine_cases.write_cases(out, [engine_cases.write_case(out, part, model, part, 20) for part in ("decoder", "encoder")])

def opened(page, lang, **query):
    app = AppTest.from_file(str(root / "vaelab/ui/shell.py"), default_timeout=180)
    app.query_params |= {"lang": lang, **query}
    app.run()
    app.switch_page(str(root / f"pages/{page}.py")).run()
    assert not app.exception, (page, app.exception)
    return app


for lang, title in (("en", "half-vae · half VAE"), ("zh", "half-vae · 半价 VAE")):
    app = opened("train", lang)
    choice = app.selectbox(key="set_model")
    assert title in choice.options, choice.options
    told = " ".join(str(element.value) for element in [*app.warning, *app.error])
    assert "broken.py, line 3" in told, told
    if lang == "en":  # AppTest puts options into words outside the session, in English
        choice.select("half-vae").run()
        assert app.selectbox(key="set_network").value == "tiny"
        assert not app.exception, app.exception
    for page in ("decode", "latent", "image", "train"):
        app = opened(page, lang, run="own")
        assert not app.error, (page, [e.value for e in app.error])
print(json.dumps({"problems": registry.problems(), "networks": registry.networks()}))
"""


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment whose own models are the two of above and a broken one."""
    own = tmp_path / "models"
    own.mkdir()
    for name, text in (("tiny_network", NETWORK), ("half_vae", METHOD), ("broken", BROKEN)):
        (own / f"{name}.py").write_text(text, encoding="utf-8")
    return {**os.environ, "VAELAB_RUNS": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


def test_the_command_line_knows_them(home: dict[str, str]) -> None:
    def ask(*arguments: str) -> str:
        command = [sys.executable, "-m", "vaelab", *arguments]
        return subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True, check=True).stdout

    listed = json.loads(ask("models", "--json").splitlines()[-1])
    assert {entry["name"]: entry["own"] for entry in listed["models"]}["half-vae"] is True
    assert {entry["name"]: entry["own"] for entry in listed["networks"]} | {"tiny": True, "conv": False} == {
        entry["name"]: entry["own"] for entry in listed["networks"]
    }
    # 3,072 pixels to mu and logvar of 16, then 16 -> 24 -> 3,072
    assert json.loads(ask("summary", "half-vae", "--json").splitlines()[-1])["params"] == (
        3072 * 32 + 32 + 16 * 24 + 24 + 24 * 3072 + 3072
    )


@pytest.mark.node
def test_they_train_resume_decode_in_the_browser_and_are_on_every_page(home: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "cases"
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", TRY_IT, str(ROOT), str(out)],
        cwd=ROOT,
        env=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert len(told["problems"]) == 1
    assert "broken.py, line 3" in told["problems"][0]
    assert "NameError" in told["problems"][0]
    assert_parity(out, "wasm", "js")
