"""What several files share: one Chromium a file and one app a process, with pages that fail their test when a script on them does; the command line; models
to look into."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_shell import TINY, Shell
from playwright.sync_api import expect
from run_writer import write_run
from trained import write_model
from visitors import Visitors, Walkers, shown

from vaelab.cli import main, training
from vaelab.cli.bench.app_server import running_app
from vaelab.cli.bench.chromium import chromium
from vaelab.lessons import race
from vaelab.runs import store
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.ui.components import routes
from vaelab.ui.text import LANGUAGES, Language
from vaelab.workers import folder_job

# Files beside tests/faults/ that try what may go wrong too: `scripts/faults` runs them with it.
FAULTS = (
    "test_access",
    "test_damaged_runs",
    "test_data_uploads",
    "test_error_text",
    "test_hostile_browser",
    "test_images",
    "test_launch",
    "test_odd_addresses",
    "test_several_devices",
    "test_standby",
    "test_typed_words",
    "test_version_0_1",
    "test_worker",
)
PLACE = pytest.StashKey[tempfile.TemporaryDirectory[str]]()  # where what names no folder of its own goes
VISITORS = pytest.StashKey[Visitors]()  # who is in the browser
WAIT = 300_000  # milliseconds: nothing is measured, and a loaded machine is slow


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--whole",
        action="store_true",
        help="Run the slow tests too, and try every fault there is, for an hour, and not a few of each kind.",
    )
    parser.addoption("--counts", metavar="FILE", help="Write into this file how often each kind of fault was tried.")


def pytest_configure(config: pytest.Config) -> None:
    expect.set_options(timeout=WAIT)
    if config.getoption("--whole"):
        os.environ["VAELAB_TESTS_WHOLE"] = "1"  # read where Hypothesis is told how much to try, by processes of -n too
    if "PYTEST_XDIST_WORKER" not in os.environ:  # they inherit it; models/ beside it is empty, whatever the tester has
        config.stash[PLACE] = tempfile.TemporaryDirectory(prefix="vaelab-tests-")
        os.environ["VAELAB_RUNS"] = str(Path(config.stash[PLACE].name) / "runs")


def pytest_unconfigure(config: pytest.Config) -> None:
    if PLACE in config.stash:
        config.stash[PLACE].cleanup()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not config.getoption("--whole"):
            item.add_marker(pytest.mark.skip(reason="takes minutes; run it with --whole"))
        if item.path.parent.name == "faults" or item.path.stem in FAULTS:
            item.add_marker("faults")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """A failure in a browser says what its pages showed."""
    report: pytest.TestReport = yield
    if call.when == "call" and report.failed and VISITORS in item.config.stash:
        report.sections += [("page", shown(page)) for _, _, page in item.config.stash[VISITORS].here]
    return report


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing takes a busy machine's silence for an end: no test asks how long these are."""
    monkeypatch.setattr(race, "FORGOTTEN", 1e6)
    monkeypatch.setattr(folder_job, "START_PATIENCE", 1e6)
    monkeypatch.setattr(training, "STOP_SECONDS", 1e3)


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether every fault is to be tried."""
    return bool(request.config.getoption("--whole"))


@pytest.fixture(scope="session")
def counted(request: pytest.FixtureRequest) -> Callable[[str, int], None]:
    """Keeps how often a kind of fault was tried, for docs/reliability.md."""

    def keep(kind: str, count: int) -> None:
        if name := request.config.getoption("--counts"):
            with Path(name).open("a", encoding="utf-8") as file:
                file.write(json.dumps({kind: count}) + "\n")

    return keep


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium for the tests of one file."""
    with chromium() as found:
        yield found


@pytest.fixture(scope="session")
def digits_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app over the finished run `digits-run`; its address. For tests that start no training that stays and change no run."""
    folder = tmp_path_factory.mktemp("app")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(folder / "runs"))
        cfg = plan("digits", latent_dim=4)
        write_model(write_run("digits-run", cfg=cfg).path, cfg)
    with running_app(folder / "runs") as found:
        yield found
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def visitors(browser: Any, request: pytest.FixtureRequest) -> Visitors:
    """The people of one file."""
    request.config.stash[VISITORS] = found = Visitors(browser)
    return found


@pytest.fixture
def new_page(visitors: Visitors) -> Iterator[Any]:
    """Opens pages, each a visitor's own: new_page(**context) takes Playwright's options. All are closed at the end, and must have seen no error."""
    faults: list[str] = []

    def open_one(**context: Any) -> Any:
        wanted = {"viewport": {"width": 1280, "height": 800}, "reduced_motion": "no-preference", **context}
        page = visitors.arrive(wanted)
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: faults.append(str(error)))
        return page

    yield open_one
    visitors.leave()
    assert faults == []


@pytest.fixture(scope="module")
def walkers(browser: Any) -> Walkers:
    """The people of one file who stay in the app."""
    return Walkers(browser, WAIT)


@pytest.fixture
def walk(walkers: Walkers) -> Iterator[Callable[..., Any]]:
    """Goes to a page from within the app: walk(address, name, lang, **context). For tests that ask nothing of how the page is opened."""
    yield walkers.go
    assert walkers.leave() == []


@pytest.fixture
def page(new_page: Any) -> Any:
    """A page of 1280x800."""
    return new_page()


@pytest.fixture(params=LANGUAGES)
def lang(request: Any) -> Language:
    """Each language in turn."""
    found: Language = request.param
    return found


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and data sets of each test lie in a folder of its own."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "data"))


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conv-vae that was trained for one epoch by the command itself; the path of its run."""
    path = tmp_path_factory.mktemp("trained") / "tiny"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAELAB_RUNS", str(path.parent))
        with pytest.raises(SystemExit) as end:
            main(["train", *TINY, "--epochs", "1", "--run-dir", str(path), "--quiet"])
    assert not end.value.code
    return path


@pytest.fixture
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs and shipped models of each test lie in a folder of its own."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    for module in (store, routes):
        monkeypatch.setattr(module, "weights_root", lambda: tmp_path / "weights")


@pytest.fixture
def digits(own_models: None) -> Run:
    """A run of the digits with weights as they are drawn, and a snapshot."""
    from trained import write_model  # imports torch

    cfg = plan("digits", latent_dim=4)
    run = write_run("digits-run", cfg=cfg)
    write_model(run.path, cfg)
    return run


@pytest.fixture
def bare(own_models: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A shipped model whose images are not installed and may not be passed on: codes and labels alone."""
    from trained import write_model  # imports torch

    cfg = plan("cifar10", model="linear-vae", latent_dim=3)
    run = write_model(tmp_path / "weights" / "bare", cfg)
    generator = np.random.default_rng(0)
    mu = generator.normal(size=(60, 3)).astype(np.float32)
    np.savez(run.path / "latents.npz", mu=mu, logvar=np.zeros_like(mu), labels=np.arange(60) % 10)
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "nothing"))
    return run
