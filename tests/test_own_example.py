"""The example in docs/ trains as docs/own-models.md says, in a process that is told of its folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow  # half a minute; test_own_path.py and test_own_model.py train others every time
def test_the_example_trains_and_its_penalty_makes_codes_smaller(tmp_path: Path) -> None:
    sizes = {}
    for strength in ("0", "30"):
        command = [sys.executable, "-m", "vaelab", "train", "--dataset", "digits", "--model", "sparse-autoencoder"]
        command += ["--set", f"strength={strength}", "--limit", "128", "--batch-size", "32", "--epochs", "5"]
        command += ["--latent-dim", "8", "--device", "cpu", "--name", f"own-{strength}", "--quiet", "--json"]
        env = os.environ | {"VAELAB_MODELS": str(ROOT / "docs" / "examples"), "VAELAB_RUNS": str(tmp_path)}
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        sizes[strength] = json.loads(done.stdout[done.stdout.index("{") :])["test"]["size"]
    assert sizes["30"] < 0.5 * sizes["0"]
