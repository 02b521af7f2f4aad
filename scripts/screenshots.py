"""Take the README's screenshots from the real app: `python scripts/screenshots.py`. Needs requirements-dev.txt and a Chromium.

Trains a model of pixel faces in a folder of its own for half a minute, then writes docs/images/PAGE-THEME-LANGUAGE.png, and
docs/images/tour-LANGUAGE.webp, which moves.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.moving_picture import take_moving  # noqa: E402
from vaelab.cli.bench.app_server import running_app  # noqa: E402
from vaelab.cli.bench.chromium import chromium  # noqa: E402
from vaelab.runs.plan import plan  # noqa: E402
from vaelab.workers import launch  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser

IMAGES = ROOT / "docs" / "images"
LANGUAGES = ("en", "zh")
WAIT = 120_000  # milliseconds
SETTLE = 12_000  # milliseconds until every picture is drawn
EPOCHS_SHOWN = 2
FINISHED = "pixel-faces-conv-vae"
# Page: the theme that the README shows it in, and what is there when it can be photographed.
PAGES = {
    "start": ("light", 'img[src*="/evidence/"] >> nth=1'),
    "train": ("light", "[data-testid=stVegaLiteChart] svg.marks >> nth=3"),
    "decode": ("dark", "canvas"),
}


def take(browser: Browser, address: str, name: str, lang: str, run: str) -> None:
    """One page in one language, 1280x800."""
    theme, sign = PAGES[name]
    page = browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme=theme)  # type: ignore[arg-type]
    page.set_default_timeout(WAIT)
    query = f"lang={lang}" if name == "start" else f"lang={lang}&run={run}"
    page.goto(f"{address}/{'' if name == 'start' else name}?{query}", wait_until="commit")
    page.locator(sign).first.wait_for()
    page.wait_for_timeout(SETTLE)
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / f"{name}-{theme}-{lang}.png")
    page.close()


def main() -> None:
    """Train, photograph while it trains, stop."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VAELAB_RUNS"] = folder
        run = launch.start(plan("pixel-faces", batch_size=64, lr=2e-3, epochs=60), "faces")
        try:
            while run.status().is_active and run.status().epoch <= EPOCHS_SHOWN:
                time.sleep(0.5)
            with running_app(Path(folder)) as address, chromium() as browser:
                for lang in LANGUAGES:
                    for name in PAGES:
                        take(browser, address, name, lang, FINISHED if name == "decode" else run.name)
                    take_moving(browser, address, lang, run.name, FINISHED, IMAGES / f"tour-{lang}.webp")
        finally:
            launch.stop(run)
            while run.status().is_active:
                time.sleep(0.2)


if __name__ == "__main__":
    main()
