"""docs/api.md is what the docstrings say today, and the notebook beside it runs from top to bottom."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from vaelab.api import Model

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "walkthrough.ipynb"
PATIENCE = 600  # seconds for a cell: nothing is measured, and a loaded machine is slow


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import api_page

    return api_page


def test_the_page_is_current(script: Any) -> None:
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run python scripts/api_page.py"


def test_the_page_tells_everything_that_is_public(script: Any) -> None:
    text = script.page()
    for name in vars(Model):
        if not name.startswith("_"):
            assert f"`model.{name}" in text or f"`vaelab.Model.{name}(" in text
    for name in ("encode", "decode", "sample", "interpolate", "traverse", "evaluate", "train"):
        assert f"### `model.{name}(" in text


def test_the_notebook_keeps_no_output() -> None:
    """A living decoder is megabytes; what a reader sees is made where it is read."""
    for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


# A kernel's own socket and file warnings are not the lab's.
@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "CI" not in os.environ:
        pytest.importorskip("nbclient", reason="pip install -r requirements-dev.txt")
        pytest.importorskip("ipykernel", reason="pip install -r requirements-dev.txt")
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "kernels"))
    kernel = tmp_path / "kernels" / "kernels" / "here"  # this interpreter, whatever others are installed
    kernel.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "here", "language": "python"}))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=PATIENCE, kernel_name="here", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    shown = [output["data"] for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    assert any("<iframe " in data.get("text/html", "") for data in shown)  # the decoder, alive
    assert sum("image/png" in data for data in shown) >= 4
    assert not [
        output for cell in notebook.cells for output in cell.get("outputs", ()) if output["output_type"] == "error"
    ]
