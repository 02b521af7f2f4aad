"""A model put on a hub and fetched from it, by huggingface_hub itself against a server of this machine (hub_stub.py). huggingface.co was never asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_stub import TOKEN, Hub, serving

pytest.importorskip("huggingface_hub", reason="pip install huggingface_hub")

THERE_AND_BACK = """
import numpy as np
import vaelab
model = vaelab.load("cifar10-linear-vae")
print(model.push_to_hub("me/small", private=True))
again = type(model).from_pretrained("me/small")
z = np.random.default_rng(0).normal(size=(4, 16)).astype(np.float32)
assert np.array_equal(again.decode(z), model.decode(z))
print(sorted(path.name for path in again.run.path.iterdir()))
"""


def said(code: str, hub: Hub, place: Path, token: str) -> subprocess.CompletedProcess[str]:
    """The package reads the address of its hub when it is imported, so a process of its own does."""
    env = os.environ | {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(place),
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",  # a storage of its own beside the hub's HTTP
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_ETAG_TIMEOUT": "600",  # seconds
        "HF_HUB_DOWNLOAD_TIMEOUT": "600",
        "VAELAB_RUNS": str(place / "runs"),
    }
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)


def test_a_model_comes_back_from_a_hub_as_it_was(tmp_path: Path) -> None:
    with serving() as hub:
        told = said(THERE_AND_BACK, hub, tmp_path, TOKEN)
    assert told.returncode == 0, told.stderr
    address, files = told.stdout.splitlines()
    assert address == f"{hub.address}/me/small"
    held = hub.held["me/small"]
    assert {"README.md", "config.json", "model.safetensors", "metrics.json"} <= held.keys()
    assert hub.private["me/small"]
    assert hub.cards[0].startswith("---\n")
    assert "samples.png" not in files  # nothing is fetched that is not needed
    asked = [line.split()[1].rsplit("/", 1)[-1] for line in hub.asked]
    assert (
        asked.index("create") < asked.index("batch") < asked.index("main", asked.index("batch"))
    )  # made, filled, committed


def test_a_hub_that_refuses_is_told_in_a_sentence(tmp_path: Path) -> None:
    code = "import vaelab; vaelab.load('cifar10-linear-vae').push_to_hub('me/small')"
    with serving() as hub:
        told = said(code, hub, tmp_path, "hf_wrong")
    assert "cifar10-linear-vae cannot be put on the hub as me/small: " in told.stderr.splitlines()[-1]
    assert "401" in told.stderr.splitlines()[-1]
    assert hub.held == {}
