"""Downloads against a server on this machine: progress, mirrors, checksums, broken connections, cancel, no leftovers."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vaelab import data
from vaelab.config.errors import DataError
from vaelab.data import cifar, downloads
from vaelab.data.downloads import Plan, Remote

ROOT = Path(__file__).resolve().parents[1]
MNIST_FILES = [f"{p}-{k}.gz" for p in ("train", "t10k") for k in ("images-idx3-ubyte", "labels-idx1-ubyte")]


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@dataclass
class Server:
    """Serves `files`; a name in `broken` announces its whole length and closes half way."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            name = self.path.rsplit("/", 1)[-1]
            if self.path.startswith("/absent/") or name not in state.files:
                self.send_error(404)
                return
            content = state.files[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            half = "/broken/" in self.path or name in state.broken
            self.wfile.write(content[: len(content) // 2] if half else content)

        def log_message(self, *args: object) -> None:
            return None

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}"
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path))
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    return tmp_path


def mnist_plan(server: Server, mirrors: tuple[str, ...] = ("good",)) -> Plan:
    server.files = {name: gzip.compress(name.encode() * 100_000) for name in MNIST_FILES}
    remotes = [
        Remote(tuple(f"{server.url}/{m}/{name}" for m in mirrors), md5(content), name)
        for name, content in server.files.items()
    ]
    return Plan(tuple(remotes), "MNIST/raw")


def cifar_plan(server: Server, change: dict[str, bytes] | None = None) -> Plan:
    contents = {name: name.encode() * 1000 for name in (*cifar.TRAIN_BATCHES, cifar.TEST_BATCH, "batches.meta")}
    members = tuple((name, md5(content)) for name, content in contents.items())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in {**contents, "../../outside": b"x", "readme.html": b"x", **(change or {})}.items():
            entry = tarfile.TarInfo(f"{cifar.FOLDER}/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    server.files = {"cifar.tar.gz": buffer.getvalue()}
    remote = Remote((f"{server.url}/cifar.tar.gz",), md5(buffer.getvalue()), "cifar.tar.gz")
    return Plan((remote,), cifar.FOLDER, members)


def use(monkeypatch: pytest.MonkeyPatch, plan: Plan) -> None:
    monkeypatch.setattr(downloads, "plan", lambda name: plan)


def test_mnist_arrives_with_growing_progress(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, mnist_plan(server))
    seen: list[tuple[float, str]] = []
    data.download("mnist", lambda fraction, message: seen.append((fraction, message)))
    assert data.is_available("mnist")
    raw = root / "MNIST" / "raw"
    assert {p.name: p.read_bytes() for p in raw.iterdir()} == {
        name.removesuffix(".gz"): name.encode() * 100_000 for name in MNIST_FILES
    }
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert all(message.startswith("MNIST") for _, message in seen)
    assert [p.name for p in root.iterdir()] == ["MNIST"]
    asked = len(server.asked)
    data.download("mnist")
    data.download("digits")
    assert len(server.asked) == asked


def test_cifar_unpacks_only_its_own_files(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, cifar_plan(server))
    data.download("cifar10")
    assert data.is_available("cifar10")
    assert sorted(p.name for p in (root / cifar.FOLDER).iterdir()) == sorted(
        (*cifar.TRAIN_BATCHES, cifar.TEST_BATCH, "batches.meta")
    )
    assert sorted(p.name for p in root.parent.iterdir() if p.name == "outside") == []


def assert_nothing_left(root: Path, name: str = "mnist") -> None:
    assert not data.is_available(name)
    assert [p for p in root.rglob("*") if p.is_file()] == []


def test_the_next_mirror_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, mnist_plan(server, ("absent", "broken", "good")))
    data.download("mnist")
    assert data.is_available("mnist")


def test_a_broken_connection_leaves_nothing(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, mnist_plan(server))
    server.broken = {MNIST_FILES[2]}
    with pytest.raises(DataError, match=r"MNIST could not be downloaded: the connection broke after [\d,]+ of"):
        data.download("mnist")
    assert_nothing_left(root)


def test_a_wrong_checksum_leaves_nothing(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, mnist_plan(server))
    server.files[MNIST_FILES[3]] = gzip.compress(b"something else")
    with pytest.raises(DataError, match="instead of the published"):
        data.download("mnist")
    assert_nothing_left(root)
    use(monkeypatch, cifar_plan(server, {"data_batch_3": b"changed inside the archive"}))
    with pytest.raises(DataError, match="data_batch_3 does not have its published md5"):
        data.download("cifar10")
    assert_nothing_left(root, "cifar10")


def test_an_archive_that_is_none_is_named(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = mnist_plan(server)
    server.files[MNIST_FILES[0]] = b"<html>a login page</html>"
    remotes = (Remote(plan.remotes[0].urls, md5(server.files[MNIST_FILES[0]]), MNIST_FILES[0]), *plan.remotes[1:])
    use(monkeypatch, Plan(remotes, plan.folder))
    with pytest.raises(DataError, match="could not be unpacked"):
        data.download("mnist")
    assert_nothing_left(root)


def test_cancel_stops_at_once_and_leaves_nothing(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, mnist_plan(server))
    answers = iter([False, False, True])
    with pytest.raises(data.DownloadCancelled, match="cancelled"):
        data.download("mnist", cancelled=lambda: next(answers))
    assert len(server.asked) < len(MNIST_FILES)
    assert_nothing_left(root)


def test_offline_and_a_full_disk_are_one_sentence(server: Server, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline = Remote(("http://127.0.0.1:9/x.gz", "http://no-such-host.invalid/x.gz"), "0" * 32, "x.gz")
    use(monkeypatch, Plan((offline,), "MNIST/raw"))
    with pytest.raises(DataError, match="no connection; check the connection and try again") as caught:
        data.download("mnist")
    assert "\n" not in str(caught.value)
    assert_nothing_left(root)
    monkeypatch.setattr(downloads, "FREE_SPACE", 10**9)
    with pytest.raises(DataError, match="MB of free space"):
        data.download("mnist")
    with pytest.raises(DataError, match="there is no data set"):
        data.download("nothing")


PLANS = """
from vaelab.data.downloads import plan
for name in ("cifar10", "mnist", "fashion-mnist"):
    p = plan(name)
    print(name, p.folder, len(p.remotes), len(p.members), p.remotes[0].md5, all(r.urls for r in p.remotes))
"""


def test_addresses_are_torchvisions() -> None:
    """In a fresh interpreter, so that torchvision's plain import may fail there as it does for a user."""
    done = subprocess.run([sys.executable, "-c", PLANS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "cifar10 cifar-10-batches-py 1 7 c58f30108f718f92721af3b95e74349a True",
        "mnist MNIST/raw 4 0 f68b3c2dcbeaaa9fbdd348bbdeb94873 True",
        "fashion-mnist FashionMNIST/raw 4 0 8d4fb7e6c68d591d4c3dfef9ec88bf0d True",
    ]
