"""What a new server does first and what it leaves for later: the standby and the imports come after the first page."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from app_page import ROOT
from asgi import get
from PIL import Image
from run_writer import write_run

from vaelab import data
from vaelab.analysis import inference
from vaelab.config.places import LAB
from vaelab.ui import pictures, warming
from vaelab.ui.start import showcase
from vaelab.ui.start.evidence import COLUMNS, evidence_html

LONG = 600.0  # seconds: what has not happened by then never will


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was begun, in turn."""
    done: list[str] = []

    def imported() -> None:
        done.append(f"imports at {sys.getswitchinterval():g}")
        warming._done.set()

    monkeypatch.setattr(warming, "import_slowly", imported)
    monkeypatch.setattr(warming, "PICTURE_SECONDS", 0.0)
    yield done
    warming.end()


def test_the_standby_and_the_imports_wait_for_the_first_page(order: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "NOBODY_SECONDS", LONG)
    usual = sys.getswitchinterval()
    thread = warming.begin(lambda: order.append("standby"))
    waiting = threading.Thread(target=warming.wait)
    waiting.start()
    assert order == []
    assert waiting.is_alive()
    order.append("page")
    warming.page_is_out()
    thread.join(LONG)
    waiting.join(LONG)
    assert order == ["page", "standby", f"imports at {warming.TURN_SECONDS:g}"]
    assert not waiting.is_alive()
    assert sys.getswitchinterval() == pytest.approx(usual)


def test_without_a_visitor_they_begin_by_themselves(order: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warming, "NOBODY_SECONDS", 0.0)
    warming.begin(lambda: order.append("standby")).join(LONG)
    assert order[0] == "standby"
    assert len(order) == 2


def test_a_server_that_ends_before_its_first_page_begins_neither(
    order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "NOBODY_SECONDS", LONG)
    thread = warming.begin(lambda: order.append("standby"))
    warming.end()
    thread.join(LONG)
    assert order == []
    assert not thread.is_alive()
    warming.wait()  # nobody waits for what never comes


def test_every_page_is_imported() -> None:
    found = warming.imports_of_pages(LAB / "pages")
    assert len(found) == len(set(found))
    for name in ("latent.latent_page", "learn.beyond", "train.live", "start.showcase"):
        assert f"vaelab.ui.{name}" in found


def test_the_first_pages_pictures_are_those_of_its_model() -> None:
    run = showcase.favourite()
    assert run is not None
    cfg, model = run.config(), inference.load_run(run)
    test = data.load(cfg.data.name, image_size=cfg.data.image_size, limit=1).test.pixels[:COLUMNS]
    expected = {
        "pairs": pictures.pairs(test, inference.reconstruct(model, test), COLUMNS),
        "samples": pictures.strip(inference.sample(model, COLUMNS, seed=0), COLUMNS),
    }
    for name, sheet in expected.items():
        html = evidence_html(run, name, 'a "word"')
        address = html.split('src="')[1].split('"')[0]
        answer = get(address)
        assert "immutable" in answer.headers["cache-control"]
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(answer.body))), sheet)
        height, width = sheet.shape[:2]
        assert f'width="{width}" height="{height}" alt="a &quot;word&quot;"' in html  # nothing moves when it comes
    assert get(f"vaelab/evidence/{run.name}/passwords.png").status == 404
    assert get("vaelab/evidence/no-such-run/pairs.png").status == 404


def test_first_page_opens_without_torch_pandas_and_altair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a fresh interpreter: the shell and the first page, with a run on record, and without torch the Train page."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from streamlit.testing.v1 import AppTest\n"
        "app = AppTest.from_file(str(Path('vaelab/ui/shell.py').resolve()), default_timeout=180).run()\n"
        "assert not app.exception, app.exception\n"
        "print({'pandas', 'altair', 'sklearn', 'scipy'} & set(sys.modules) or 'light')\n"
        "app.switch_page(str(Path('pages/train.py').resolve())).run()\n"
        "assert not app.exception, app.exception\n"
        "print('torch' in sys.modules, 'app' in sys.modules)\n"
    )
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    write_run("on-record")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["light", "False", "False"]
