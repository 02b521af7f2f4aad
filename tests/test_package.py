"""The lab as a package: the wheel holds all that the lab needs, and runs from an empty environment in a folder of anybody's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from vaelab import __version__
from vaelab.cli.bench.app_server import served
from vaelab.ui.components.carrier import PREFIX

ROOT = Path(__file__).resolve().parents[1]
PRIMARY = "rgb(0, 114, 178)"  # theme.light.primaryColor of .streamlit/config.toml; Streamlit's own is red


def run(*command: object, folder: Path = ROOT) -> str:
    # A newcomer's machine names no places of its own (continuous integration does).
    env = {name: value for name, value in os.environ.items() if not name.startswith("VAELAB_")}
    done = subprocess.run(list(map(str, command)), cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of python and vaelab of an environment that holds the wheel; torch and others are this environment's."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    programs = home / ("Scripts" if sys.platform == "win32" else "bin")
    python = programs / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    (site / "others.pth").write_text("\n".join(path for path in sys.path if Path(path).name.endswith("-packages")))
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel)
    return programs


def test_the_wheel_holds_every_file_that_is_not_code(wheel: Path) -> None:
    places = ("vaelab", "weights", "pages", "app.py", ".streamlit")
    ours = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *places).split("\0")[:-1]
    wanted = {name if name.startswith("vaelab/") else f"vaelab/lab/{name}" for name in ours}
    assert {Path(name).suffix for name in wanted} >= {".py", ".json", ".js", ".css", ".npz", ".safetensors", ".toml"}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert sorted(wanted - held) == []
    assert sorted(held - wanted) == []


def test_the_wheel_asks_for_what_requirements_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        told = file.read(f"vaelab-{__version__}.dist-info/METADATA").decode()
    asked = {
        line.removeprefix("Requires-Dist: ").lower() for line in told.splitlines() if line.startswith("Requires-Dist")
    }
    assert asked == {line.lower() for line in (ROOT / "requirements.txt").read_text().split()}


def test_the_command_works_from_another_folder(programs: Path, tmp_path: Path) -> None:
    shown = run(programs / "vaelab", "summary", "linear-vae", "--json", folder=tmp_path)
    assert json.loads(shown.splitlines()[-1])["params"] == 795_936
    assert f"vaelab {__version__}" in run(programs / "vaelab", "--version", folder=tmp_path)
    places = "from vaelab.config.places import *; print(runs_root(), models_root(), PACKAGE)"
    runs, models, package = run(programs / "python", "-c", places, folder=tmp_path).split()
    assert (runs, models) == (str(tmp_path / "runs"), str(tmp_path / "models"))
    assert Path(package).is_relative_to(programs.parent)


def test_an_installed_copy_trains_from_another_folder(programs: Path, tmp_path: Path) -> None:
    """In the worker's own process, as the app starts it."""
    code = """
import time
from vaelab.runs.plan import plan
from vaelab.workers import launch
run = launch.start(plan("digits", "linear-vae", epochs=1, limit=256, device="cpu"), "first")
while run.status().state not in ("finished", "failed", "stopped"):
    time.sleep(0.1)
print(run.path, run.status().state)
"""
    assert run(programs / "python", "-c", code, folder=tmp_path).split() == [
        str(tmp_path / "runs" / "first"),
        "finished",
    ]


@pytest.mark.browser
def test_the_app_works_from_another_folder(programs: Path, tmp_path: Path, page: Any) -> None:
    with served([str(programs / "vaelab"), "app"], folder=tmp_path) as address:
        with urllib.request.urlopen(f"{address}/{PREFIX}/js/any/engine/engine.js", timeout=240) as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")
            assert answer.read() == (ROOT / "vaelab" / "ui" / "components" / "engine" / "engine.js").read_bytes()
        page.goto(f"{address}/train?lang=en")
        button = page.get_by_role("button", name="Start training")
        button.wait_for()
        assert button.evaluate("button => getComputedStyle(button).backgroundColor") == PRIMARY
        page.goto(f"{address}/start?lang=en")  # its living decoder shows one of the trained models of the copy
        page.get_by_role("button", name="Train your own").wait_for()
        page.locator("canvas").first.wait_for()
