"""The container file of the documentation says what this version has: files, variables, commands, its health check's answer, and what stays out of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vaelab.cli.bench.app_server import running_app
from vaelab.config import places
from vaelab.data import data_root

ROOT = Path(__file__).resolve().parents[1]
FILE = (ROOT / "docs" / "examples" / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
LINES = [line.split(None, 1) for line in FILE.splitlines() if line.strip() and not line.startswith("#")]


def said(instruction: str) -> list[str]:
    return [rest for name, rest in LINES if name == instruction]


def test_everything_named_is_there() -> None:
    command = json.loads(said("CMD")[0])
    assert command[:4] == ["python", "-m", "streamlit", "run"]
    assert (ROOT / command[4]).is_file()
    options = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert all(option.partition("=")[0] in options for option in command[5:])
    for copied in said("COPY"):
        assert (ROOT / copied.split()[-2]).exists()
    python = re.search(r"python:(\d+\.\d+)", said("FROM")[0])
    assert python is not None
    assert f'">={python[1]}' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_volume_is_where_the_lab_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in said("ENV")[0].split():
        monkeypatch.setenv(*setting.split("=", 1))
    volume = Path(said("VOLUME")[0])
    assert volume in places.runs_root().parents
    assert volume in data_root().parents
    assert all(str(folder) in said("RUN")[0] for folder in (places.runs_root(), data_root()))
    order = [name for name, _ in LINES]
    assert order.index("USER") > max(k for k, name in enumerate(order) if name in ("RUN", "COPY"))


def test_what_is_nobody_elses_stays_out() -> None:
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".git", ".streamlit/secrets.toml"} <= set(left_out)
    kept = {line.strip("/") for line in ignored} - {line.removeprefix("**/") for line in left_out} - {"*.egg-info"}
    assert kept == set()


@pytest.mark.slow
def test_its_health_check_tells_a_server_that_answers(tmp_path: Path) -> None:
    check = json.loads(said("HEALTHCHECK")[0].partition("CMD")[2])
    assert check[0] == "python"
    with running_app(tmp_path / "runs") as address:
        asked = [part.replace("http://127.0.0.1:8501", address) for part in check[1:]]
        assert asked != check[1:]
        assert subprocess.run([sys.executable, *asked], env=os.environ).returncode == 0
    assert subprocess.run([sys.executable, *asked], env=os.environ, stderr=subprocess.DEVNULL).returncode != 0
