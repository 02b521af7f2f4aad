"""The addresses behind the browser decoder: modules, weights of runs and what is newest, and nothing else of the disk."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import engine_cases
import numpy as np
import pytest
from asgi import get
from safetensors.numpy import load_file, save_file

from vaelab.config.errors import WeightsError
from vaelab.config.settings import DataConfig
from vaelab.export.bundle import browser_bundle
from vaelab.models.model_config import ModelConfig
from vaelab.runs import store
from vaelab.runs.run_config import RunConfig
from vaelab.ui.components import carrier
from vaelab.ui.components.routes import routes

CFG = ModelConfig(name="conv-vae", latent_dim=4)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.Run:
    """A run at rest with a checkpoint at step 20 and decoders at steps 10 and 20; its name holds what addresses must escape."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    run = store.create_run(RunConfig(data=DataConfig(name="pixel-faces"), model=CFG), "my run+1")
    for step in (10, 20):
        tensors = weights(step)
        run.snapshot_file(step).parent.mkdir(parents=True)
        decoder = {name: value for name, value in tensors.items() if name.startswith(("decoder", "code"))}
        save_file(decoder | {"recon": np.zeros((1, 3, 32, 32), np.uint8)}, run.snapshot_file(step))
    folder = run.checkpoints_dir / "20"
    folder.mkdir(parents=True)
    save_file(weights(20), folder / "model.safetensors")
    (folder / "state.json").write_text("{}")
    (run.checkpoints_dir / "latest").write_text("20")
    return run


def weights(step: int) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in engine_cases.drawn(CFG, seed=step).state_dict().items()}


def test_weights_of_a_run_and_of_a_snapshot(run: store.Run) -> None:
    for step, part, expected in ((None, "decoder", 20), (None, "encoder", 20), (10, "decoder", 10)):
        url = carrier.bundle_url(run, part, step)
        assert url.startswith("vaelab/weights/my%20run%2B1/")
        answer = get(url)
        assert answer.status == 200
        assert answer.body == browser_bundle(CFG, weights(expected), part)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-encoding"] == "identity"


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_weights_travel_packed_to_a_browser_that_unpacks(run: store.Run, dtype: type) -> None:
    save_file({name: value.astype(dtype) for name, value in weights(20).items()}, run.model_file())
    plain = get(carrier.bundle_url(run)).body
    answer = get(carrier.bundle_url(run), headers=((b"accept-encoding", b"gzip, br"),))
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "Accept-Encoding")
    width = int(answer.headers["vaelab-planes"])
    assert width == np.dtype(dtype).itemsize
    assert len(answer.body) < 0.95 * len(plain)
    planes = np.frombuffer(gzip.decompress(answer.body), np.uint8).reshape(width, -1)
    assert planes.T.tobytes() == plain


def test_a_changed_file_has_another_address(run: store.Run) -> None:
    before = carrier.bundle_url(run)
    save_file(weights(30), run.model_file())
    assert carrier.bundle_url(run) != before
    assert get(carrier.bundle_url(run)).body == browser_bundle(CFG, weights(30))


def test_newest_names_the_last_weights(run: store.Run) -> None:
    answer = get(carrier.newest_url(run))
    assert answer.headers["cache-control"] == "no-store"
    newest = json.loads(answer.body)
    assert (newest["state"], newest["active"], newest["step"]) == ("finished", False, 20)
    assert newest["decoder"] == carrier.bundle_url(run)
    assert newest["encoder"] == carrier.bundle_url(run, "encoder")
    shutil.rmtree(run.checkpoints_dir)
    newest = json.loads(get(carrier.newest_url(run)).body)
    assert newest["decoder"] == carrier.bundle_url(run, "decoder", 20)
    assert newest["encoder"] is None
    with pytest.raises(WeightsError):
        carrier.bundle_url(run)


def test_weights_that_are_not_finite_are_refused_with_a_sentence(run: store.Run) -> None:
    tensors = load_file(run.model_file())
    tensors["decoder.0.bias"][0] = np.nan
    save_file(tensors, run.model_file())
    answer = get(carrier.bundle_url(run))
    assert answer.status == 409
    assert "decoder.0.bias holds 1 numbers that are not finite" in answer.body.decode()
    in_chinese = get(carrier.bundle_url(run), page="http://localhost:8501/decode?run=a&lang=zh").body.decode()
    assert in_chinese.startswith("张量 decoder.0.bias 里有 1 个非有限的数")
    run.model_file().write_bytes(b"torn")
    assert get(carrier.bundle_url(run)).status == 409


@pytest.mark.parametrize(
    "path",
    [
        "vaelab/weights/..%2Fsecret/model/decoder.bin", "vaelab/weights/%2e%2e/model/decoder.bin", "vaelab/weights/../model/decoder.bin",
        "vaelab/weights/secret/model/decoder.bin", "vaelab/weights/..%5Csecret/model/decoder.bin", "vaelab/weights/.hidden/model/decoder.bin",
        "vaelab/weights/my%20run%2B1/..%2F20/decoder.bin", "vaelab/weights/my%20run%2B1/-1/decoder.bin", "vaelab/weights/my%20run%2B1/model/optimiser.bin",
        "vaelab/weights/my%20run%2B1/model/%2e%2e.bin", "vaelab/weights/nobody/newest.json", "vaelab/weights/a%00b/newest.json",
        "vaelab/js/0/carrier.py", "vaelab/js/0/..%2Froutes.py", "vaelab/js/0/nothing.js",
    ],
)  # fmt: skip
def test_no_address_leads_out_of_the_two_folders(path: str, run: store.Run) -> None:
    for place in (run.path.parent.parent / "secret", run.path.parent / ".hidden"):
        shutil.copytree(run.path, place)
    assert get(path).status == 404


def test_a_snapshot_that_was_thinned_out_is_said_to_be_gone(run: store.Run) -> None:
    assert get("vaelab/weights/my%20run%2B1/15/decoder.bin?v=1").status == 409


def test_modules_are_kept_for_ever_under_their_own_digest() -> None:
    for name, path in carrier.modules().items():
        answer = get(carrier.module_url(name))
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("text/javascript")
        assert "immutable" in answer.headers["cache-control"]
        assert answer.body == path.read_bytes()
    old = get("vaelab/js/0123456789abcdef/engine/engine.js")
    assert (old.status, old.headers["cache-control"]) == (200, "no-store")


def test_every_import_of_a_module_finds_its_file() -> None:
    import re

    known = set(carrier.modules().values())
    for path in known:
        for imported in re.findall(r'from "(\.[^"]+)"', path.read_text(encoding="utf-8")):
            assert (path.parent / imported).resolve() in known, f"{path.name} imports {imported}"


def test_the_loader_names_a_module_that_exists() -> None:
    text = carrier.loader_js("decoder/page.js", 'It is "broken".')
    assert carrier.module_url("") in text
    assert 'import(base + "decoder/page.js")' in text
    assert '"It is \\"broken\\"."' in text
    with pytest.raises(KeyError, match=r"nothing\.js"):
        carrier.loader_js("nothing.js")


@pytest.mark.parametrize("entry", ["decoder/page.js", "map/page.js", "board/board.js"])
def test_the_loader_asks_at_once_for_every_module_behind_its_entry(entry: str) -> None:
    import re

    reached: set[Path] = set()
    waiting = [carrier.FOLDER / entry]
    while waiting:
        path = waiting.pop()
        for imported in re.findall(r'from "(\.[^"]+)"', path.read_text(encoding="utf-8")):
            module = (path.parent / imported).resolve()
            if module not in reached:
                reached.add(module)
                waiting.append(module)
    ahead = carrier.behind(entry)
    assert {carrier.FOLDER / name for name in ahead} == reached
    assert len(ahead) == len(reached)
    assert f'"{" ".join(ahead)}".split' in carrier.loader_js(entry)


def test_routes_move_below_the_base_path(monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit

    monkeypatch.setattr(streamlit, "get_option", lambda name: "lab/" if name == "server.baseUrlPath" else None)
    assert all(route.path.startswith("/lab/vaelab/") for route in routes())
