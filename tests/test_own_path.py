"""A model of one's own asked for by its path, FILE.py:CLASS: a plain nn.Module trains and is on every page; what is wrong is told with its line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_own_model import NETWORK

from vaelab.config.errors import ConfigError
from vaelab.models.model_config import ModelConfig

ROOT = Path(__file__).resolve().parents[1]

COURSE = '''
import torch
from torch import nn


class CourseVae(nn.Module):
    """The VAE of a course, with batch normalisation and SiLU."""

    def __init__(self, latent_dim=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(1, 4, 4, 2, 1), nn.BatchNorm2d(4), nn.SiLU(), nn.Flatten(), nn.Linear(784, 32), nn.SiLU())
        self.mu, self.logvar = nn.Linear(32, latent_dim), nn.Linear(32, latent_dim)
        self.dec = nn.Sequential(nn.Linear(latent_dim, 32), nn.SiLU(), nn.Linear(32, 784), nn.Sigmoid())

    def encode(self, x):
        h = self.enc(x)
        return self.mu(h), self.logvar(h)

    def decode(self, z):
        return self.dec(z)


class FlatCode(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = nn.Linear(3072, 5), nn.Linear(5, 3072)

    logits = True

    def encode(self, x):
        return self.enc(x)

    def decode(self, z):
        return self.dec(z)


class Short(FlatCode):
    def decode(self, z):
        return self.dec(z)[:, :10]


class Wrong(FlatCode):
    def encode(self, x):
        return self.nothing(x)


class Needs(FlatCode):
    def __init__(self, width):
        super().__init__()


class Other:
    pass
'''
TRY_IT = """
import json, sys
from pathlib import Path

sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests"]
import torch

torch.set_num_threads(1)
from streamlit.testing.v1 import AppTest
from small_training import weights
from vaelab.cli import main
from vaelab.config.errors import VaeLabError
from vaelab.export import bundle, formats
from vaelab.models import registry
from vaelab.models.architecture import architecture
from vaelab.models.latent_model import build
from vaelab.models.model_config import ModelConfig
from vaelab.runs import store

root, own = Path(sys.argv[1]), sys.argv[2]
told = {}
for kind in ("Short", "Wrong", "Needs", "Other", "Absent"):
    try:
        registry.named(f"{own}:{kind}")
    except VaeLabError as error:
        told[kind] = str(error)
assert registry._remembered() == [f"{own}:CourseVae"], registry._remembered()
assert registry.named(f"{own}:FlatCode", remember=False) == "flat-code"
flat = build(ModelConfig(name="flat-code"))
assert (flat.cfg.latent_dim, flat.has_posterior) == (5, False)
assert architecture(flat.cfg).params == sum(p.numel() for p in flat.parameters())
x = torch.rand(2, 3, 32, 32)
z = flat.encode(x).mean
assert torch.equal(flat.decode_logits(z).flatten(1), flat.decoder[0].module.dec(z))

run = store.find("course")
cfg = run.config().model
course = registry.network("course-vae")
assert (course.channels, course.method, cfg.network) == ((1,), "vae", "course-vae")
model = build(cfg)
assert sorted(model.state_dict()) == sorted(weights(run))  # each weight once
p = model.decoder[0].module.dec(torch.ones(1, 3))
assert torch.allclose(model.decode(torch.ones(1, 3)).flatten(1), p, atol=1e-5)
told["browser"] = bundle.supported(cfg)
for format in ("onnx", "html"):
    try:
        formats.write(run, format, Path(sys.argv[2]).parent / "out")
    except VaeLabError as error:
        told[format] = str(error)
for page, lang in (("decode", "en"), ("latent", "zh"), ("image", "en"), ("train", "zh"), ("compare", "en")):
    app = AppTest.from_file(str(root / "vaelab/ui/shell.py"), default_timeout=180)
    app.query_params |= {"lang": lang, "run": "course"}
    app.run()
    app.switch_page(str(root / f"pages/{page}.py")).run()
    assert not app.exception, (page, app.exception)
    assert not app.error, (page, [e.value for e in app.error])
app = AppTest.from_file(str(root / "vaelab/ui/shell.py"), default_timeout=180)
app.run()
app.switch_page(str(root / "pages/train.py")).run()
app.selectbox(key="set_model").select("course-vae").run()
assert not app.exception, app.exception
told["train"] = [e.value for e in app.error]
print(json.dumps(told))
"""


@pytest.mark.slow  # half a minute; test_own_model.py goes through every page too
def test_a_module_of_ones_own_trains_by_its_path_and_is_on_every_page(tmp_path: Path) -> None:
    own = tmp_path / "course.py"
    own.write_text(COURSE, encoding="utf-8")
    home = {**os.environ, "VAELAB_RUNS": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}

    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True, check=False)

    wanted = ["--dataset", "digits", "--image-size", "28", "--latent-dim", "3", "--epochs", "2", "--limit", "300"]
    done = ask(
        "-m", "vaelab", "train", "--model", f"{own}:CourseVae", *wanted, "--device", "cpu", "--name", "course", "--quiet", "--json"
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["test"]["kl"] > 0
    done = ask("-c", TRY_IT, str(ROOT), str(own))  # another process, which is told the name alone
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    lines = COURSE.splitlines()
    line = next(k for k, text in enumerate(lines, 1) if "self.nothing" in text)
    assert told["Wrong"].startswith(
        f"{own}, line {line} must define a model that can be read, got AttributeError in encode"
    )
    assert "decode must answer images of shape (2, 3, 32, 32) for 2 codes, got (2, 10)" in told["Short"]
    assert "__init__ must have a default for 'width'" in told["Needs"]
    assert (
        "must make Other a Network, a Method, or an nn.Module with encode and decode, got a class over object"
        in told["Other"]
    )
    assert "must define the class 'Absent', and it defines CourseVae, FlatCode" in told["Absent"]
    assert told["browser"] == "Nobody declared the layers of course-vae, so the server decodes it."
    assert "nobody declared those of course-vae" in told["onnx"]
    assert "a module of one's own, which no browser runs" in told["html"]
    # pixel-faces are 32 pixels of three colours: the page says what the class takes, and nothing fails
    assert len(told["train"]) == 1
    assert f"{own}, line" in told["train"][0].replace("\\", "")


def test_a_network_by_its_path_is_a_model_and_what_is_no_path_is_told(tmp_path: Path) -> None:
    own = tmp_path / "tiny.py"
    own.write_text(NETWORK, encoding="utf-8")
    home = {**os.environ, "VAELAB_RUNS": str(tmp_path / "runs")}

    def ask(model: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "vaelab", "summary", model, "--json"]
        return subprocess.run(command, cwd=ROOT, env=home, capture_output=True, text=True, check=False)

    found = json.loads(ask(f"{own}:Tiny").stdout.splitlines()[-1])
    assert (found["config"]["name"], found["config"]["network"]) == ("tiny", "tiny")
    assert not (tmp_path / "models").exists()  # a summary is not remembered
    for asked, sentence in (
        (f"{own}", "must be FILE.py:CLASS"),
        (f"{tmp_path}/no.py:Tiny", "there is no such file"),
    ):
        done = ask(asked)
        assert done.returncode != 0
        assert sentence in done.stderr
        assert "Traceback" not in done.stderr


def test_a_path_in_settings_is_a_name_and_runs_nothing(tmp_path: Path) -> None:
    """What a browser sends becomes a config: only the command line reads files."""
    touched = tmp_path / "touched"
    own = tmp_path / "evil.py"
    own.write_text(f"open({str(touched)!r}, 'w')\n", encoding="utf-8")
    for asked in ({"name": f"{own}:Evil"}, {"name": "conv-vae", "network": f"{own}:Evil"}):
        with pytest.raises(ConfigError, match="must be one of"):
            ModelConfig.from_dict(asked)
    assert not touched.exists()
