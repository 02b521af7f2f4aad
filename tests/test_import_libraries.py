"""Weights of other libraries' plain VAEs, by the names that those libraries write, give those libraries' numbers here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from cli_shell import Shell
from torch import nn

from vaelab.analysis import inference
from vaelab.models.latent_model import build
from vaelab.runs import store
from vaelab.runs.plan import plan

ROOT = Path(__file__).resolve().parents[1]
PYTHAE = (
    "--model",
    "linear-vae",
    "--network",
    "linear-512",
    "--latent-dim",
    "8",
    "--dataset",
    "digits",
    "--image-size",
    "28",
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    torch.manual_seed(0)


def pythae_state() -> dict[str, torch.Tensor]:
    """What pythae 0.1.2 saves of a VAE for 28x28 grey images, in its order: read from a model.pt that it wrote."""
    layers = {
        "decoder.layers.0.0": nn.Linear(8, 512),
        "decoder.layers.1.0": nn.Linear(512, 784),
        "encoder.layers.0.0": nn.Linear(784, 512),
        "encoder.embedding": nn.Linear(512, 8),
        "encoder.log_var": nn.Linear(512, 8),
    }
    return {
        f"{name}.{part}": getattr(layer, part).detach() for name, layer in layers.items() for part in ("weight", "bias")
    }


@torch.no_grad()
def test_a_model_as_pythae_saves_it(shell: Shell, tmp_path: Path) -> None:
    state = pythae_state()
    torch.save({"model_state_dict": state}, tmp_path / "model.pt")
    answer = shell.json("import", tmp_path / "model.pt", *PYTHAE, "--name", "theirs")
    assert "encoder.embedding.weight+encoder.log_var.weight" in answer["taken"]
    run = store.find("theirs")
    model, x, z = inference.load_run(run), torch.rand(5, 1, 28, 28), torch.randn(5, 8)

    def linear(name: str, h: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(h, state[f"{name}.weight"], state[f"{name}.bias"])

    h, q = linear("encoder.layers.0.0", x.flatten(1)).relu(), model.encode(x)
    torch.testing.assert_close(q.mean, linear("encoder.embedding", h))
    torch.testing.assert_close(q.logvar, linear("encoder.log_var", h))
    decoded = linear("decoder.layers.1.0", linear("decoder.layers.0.0", z).relu()).sigmoid()
    torch.testing.assert_close(model.decode(z).flatten(1), decoded)
    with np.load(run.path / "latents.npz") as codes:  # what the page Latent space reads without the images
        test = inference.encode(model, plan_images("digits"))[0]
        np.testing.assert_allclose(codes["mu"], test[: len(codes["mu"])], atol=1e-6)


def plan_images(name: str) -> np.ndarray:
    from vaelab import data

    return data.load(name, image_size=28, channels=1).test.pixels


@torch.no_grad()
def test_a_file_that_pythae_itself_writes(shell: Shell, tmp_path: Path) -> None:
    models = pytest.importorskip("pythae.models", reason="pythae is not installed")
    theirs = models.VAE(models.VAEConfig(input_dim=(1, 28, 28), latent_dim=8)).eval()
    theirs.save(str(tmp_path / "saved"))
    assert list(theirs.state_dict()) == list(pythae_state())
    shell("import", tmp_path / "saved" / "model.pt", *PYTHAE, "--name", "theirs")
    ours, x, z = inference.load_run(store.find("theirs")), torch.rand(5, 1, 28, 28), torch.randn(5, 8)
    said, q = theirs.encoder(x), ours.encode(x)
    torch.testing.assert_close(q.mean, said.embedding)
    torch.testing.assert_close(q.logvar, said.log_covariance)
    torch.testing.assert_close(ours.decode(z).flatten(1), theirs.decoder(z).reconstruction.flatten(1))


@torch.no_grad()
def test_a_conditional_model_comes_in_with_its_label(shell: Shell, tmp_path: Path) -> None:
    asked = (
        "--model",
        "conv-vae",
        "--latent-dim",
        "3",
        "--label",
        "class",
        "--dataset",
        "digits",
        "--image-size",
        "16",
    )
    cfg = plan("digits", latent_dim=3, label="class", image_size=16)
    theirs = build(cfg.model).eval()
    state = {f"net.{k}": value for k, value in enumerate(theirs.state_dict().values()) if value.shape != (3,)}
    torch.save(state, tmp_path / "labelled.pth")
    answer = shell.json("import", tmp_path / "labelled.pth", *asked)
    run = store.find("labelled")
    ours, x, y = inference.load_run(run), torch.rand(4, 1, 16, 16), torch.tensor([0, 3, 9, 9])
    assert run.config().model.label == "class"
    torch.testing.assert_close(ours.encode(x, y).mean, theirs.encode(x, y).mean)
    torch.testing.assert_close(ours.decode(torch.ones(4, 3), y), theirs.decode(torch.ones(4, 3), y))
    assert answer["test"]["images"] > 0
    assert (run.path / "latents.npz").is_file()
    assert "must have the shape" in shell.refuses(
        "import", tmp_path / "labelled.pth", *asked[:4], *asked[6:], "--name", "no"
    )


COMPARE = """
import sys
import torch
from vaelab.analysis import inference
from vaelab.models import registry
from vaelab.runs import store

run = store.find("theirs")
kind = registry.network("vanilla-vae").kind
theirs = kind(latent_dim=8).eval()
theirs.load_state_dict({k.removeprefix("model."): v for k, v in torch.load(sys.argv[1], weights_only=True)["state_dict"].items()})
ours, x, z = inference.load_run(run), torch.rand(3, 3, 64, 64), torch.randn(3, 8)
with torch.no_grad():
    mu, logvar = theirs.encode(x)
    torch.testing.assert_close(ours.encode(x).mean, mu)
    torch.testing.assert_close(ours.encode(x).logvar, logvar)
    torch.testing.assert_close(ours.decode(z), theirs.decode(z), atol=1e-5, rtol=1e-5)
"""


def test_a_checkpoint_as_pytorch_vae_saves_it_comes_in_by_the_example(tmp_path: Path) -> None:
    example = ROOT / "docs" / "examples" / "vanilla_vae.py"
    space: dict[str, type[nn.Module]] = {}
    exec(compile(example.read_text(encoding="utf-8"), str(example), "exec"), space)
    theirs = space["VanillaVAE"](latent_dim=8)
    for name, value in theirs.state_dict().items():
        if "running" in name:  # the statistics of a normalisation are weights like any other
            value.add_(0.1)
    state = {f"model.{name}": value for name, value in theirs.state_dict().items()}  # as Lightning names them
    # Some of the names that the library writes, so that the example cannot drift from them.
    assert {
        "model.encoder.4.1.running_var",
        "model.fc_var.bias",
        "model.decoder.3.0.weight",
        "model.final_layer.3.weight",
    } < set(state)
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "last.ckpt")
    env = os.environ | {"VAELAB_RUNS": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1"}
    env |= {"VAELAB_DATA": str(tmp_path / "data")}  # nothing is measured, which takes long with so many weights
    asked = ["--model", f"{example}:VanillaVAE", "--latent-dim", "8", "--image-size", "64", "--dataset", "cifar10"]
    command = [
        sys.executable,
        "-m",
        "vaelab",
        "import",
        str(tmp_path / "last.ckpt"),
        *asked,
        "--name",
        "theirs",
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    taken = json.loads(done.stdout.splitlines()[-1])["taken"]
    assert all(ours == f"decoder.0.module.{name}" for name, ours in taken.items())
    command = [sys.executable, "-c", COMPARE, str(tmp_path / "last.ckpt")]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@torch.no_grad()
def test_weights_without_a_finite_loss_are_refused_in_a_sentence(shell: Shell, tmp_path: Path) -> None:
    state = pythae_state()
    state["encoder.log_var.bias"].fill_(1e4)  # exp of it has no float32
    torch.save(state, tmp_path / "model.pt")
    assert "a finite loss, got" in shell.refuses("import", tmp_path / "model.pt", *PYTHAE, "--name", "theirs")
    assert store.list_runs() == []
