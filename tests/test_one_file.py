"""The decoder as one HTML file: what it holds, what it says of each kind of model, and when it is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_shell import Shell
from run_writer import write_run
from trained import write_model

from vaelab.analysis import inference
from vaelab.config import texts
from vaelab.config.errors import ExportError
from vaelab.export import bundle, joined, one_file
from vaelab.images.files import png
from vaelab.runs.plan import plan
from vaelab.runs.store import Run, find

SHIPPED = "shapes-conv-vae-labelled"


def held(html: str, name: str) -> str:
    found = re.search(rf'<script[^>]* id="{name}">(.*?)</script>', html, re.DOTALL)
    assert found
    return found[1]


def facts(html: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(held(html, "told"))
    return told


@pytest.fixture(scope="module")
def shipped() -> one_file.Written:
    return one_file.make(find(SHIPPED))


def test_the_policy_names_what_the_file_holds_and_nothing_else(shipped: one_file.Written) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', shipped.html)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    script, style = shipped.html.rpartition("<script>")[2].partition("</script>")[0], held_style(shipped.html)
    assert rules["default-src"] == "'none'"  # no connection, frame, font or anything else
    assert rules["script-src"] == f"'{digest(script)}' 'wasm-unsafe-eval'"
    assert rules["style-src"] == f"'{digest(style)}'"
    assert rules["img-src"] == "data: blob:"
    assert shipped.html.count("<script") == shipped.html.count("</script") == 3
    assert not re.search(r"\beval\(|new Function\(|innerHTML", script)


def held_style(html: str) -> str:
    return html.partition("<style>")[2].partition("</style>")[0]


def digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_it_is_small_and_says_how_far_its_weights_are_rounded(shipped: one_file.Written) -> None:
    assert len(shipped.bytes) < one_file.MOST_BYTES
    assert shipped.precision == "float16"
    assert shipped.worst == 0.0  # a shipped decoder is in half precision already
    for lang in texts.LANGUAGES:
        assert "1e-06" in facts(shipped.html)["words"][lang]["weights"]


def test_the_weights_are_those_of_the_model_in_half_precision(shipped: one_file.Written) -> None:
    data = base64.b64decode(held(shipped.html, "weights"))
    start = 16 + int.from_bytes(data[12:16], "little")
    header = json.loads(data[16:start])
    assert header["dtype"] == "float16"
    numbers = np.frombuffer(data[start:], "<f2")
    assert len(numbers) == header["floats"]
    first = next(layer for layer in header["layers"] if "weight" in layer)
    expected = inference.load(SHIPPED).state_dict()[f"{first['name']}.weight"].numpy()
    found = numbers[first["weight"] : first["weight"] + expected.size].reshape(expected.shape)
    np.testing.assert_array_equal(found, expected.astype(np.float16))


def test_both_languages_have_every_word(shipped: one_file.Written) -> None:
    words = facts(shipped.html)["words"]
    assert words["en"].keys() == words["zh"].keys()
    for name in ("directions", "captions", "labels", "notes", "facts"):
        assert len(words["en"][name]) == len(words["zh"][name])
    assert words["zh"]["model"]["labelTitle"] == "色相"
    assert len(words["zh"]["model"]["classes"]) == len(set(words["zh"]["model"]["classes"]))


def halves(text: str) -> Any:
    return np.frombuffer(base64.b64decode(text), "<f2").astype(np.float32)


def note(key: str, **values: object) -> str:
    return texts.say("en", f"file.note_{key}", **values)


KINDS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("conv-vae", {}, []),
    ("autoencoder", {}, [note("no_prior")]),
    ("vq-vae", {}, [note("drawn", n=256), note("codes")]),
    ("ladder-vae", {}, [note("levels", last=3)]),
    ("mixture-vae", {}, [note("drawn", n=256)]),
    ("vamp-vae", {}, [note("drawn", n=256)]),
    ("flow-vae", {}, [note("flow")]),
    ("conv-vae", {"label": "class"}, [note("label", label="class")]),
]


@pytest.mark.usefixtures("own_models")
@pytest.mark.parametrize(("name", "more", "notes"), KINDS, ids=lambda value: str(value)[:12])
def test_it_says_what_a_model_cannot_do(name: str, more: dict[str, Any], notes: list[str], tmp_path: Path) -> None:
    run = write_model(tmp_path / "runs" / "one", plan("digits", name, **more))
    told = facts(one_file.make(run).html)
    assert told["words"]["en"]["notes"] == [*notes, note("decoder")]
    assert bool(told["model"]["draws"]) == (note("drawn", n=256) in notes)
    assert bool(told["model"]["codebook"]) == (name == "vq-vae")
    assert bool(told["model"]["levels"]) == (name == "ladder-vae")
    assert len(told["map"]["sheets"]) == 2  # 360 test images


@pytest.mark.usefixtures("own_models")
def test_draws_of_a_quantised_code_are_entries_of_its_codebook(tmp_path: Path) -> None:
    run = write_model(tmp_path / "runs" / "one", plan("digits", "vq-vae"))
    model = facts(one_file.make(run).html)["model"]
    draws = halves(model["draws"]).reshape(256, model["size"])
    book = np.array(model["codebook"], np.float32)
    vectors = draws.reshape(256, book.shape[1], -1).transpose(0, 2, 1).reshape(-1, book.shape[1])
    nearest = np.abs(vectors[:500, None] - book[None]).max(axis=2).min(axis=1)
    assert nearest.max() < 2e-3


def test_images_that_may_not_be_passed_on_are_not_in_the_file(bare: Run) -> None:
    told = facts(one_file.make(bare).html)
    assert told["examples"]["pixels"] == ""
    assert len(halves(told["examples"]["codes"])) == 24 * told["model"]["size"]
    assert told["map"]["sheets"] == []
    assert note("decoded") in told["words"]["en"]["notes"]


@pytest.mark.usefixtures("own_models")
def test_a_model_without_images_at_hand_has_no_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "nothing"))
    run = write_model(tmp_path / "runs" / "one", plan("cifar10", "linear-vae"))
    told = facts(one_file.make(run).html)
    assert told["map"] is None
    assert note("no_map") in told["words"]["en"]["notes"]


@pytest.mark.usefixtures("own_models")
@pytest.mark.parametrize("still_there", [True, False])
def test_a_persons_own_images_and_where_they_lie_stay_at_home(still_there: bool, tmp_path: Path) -> None:
    photos = tmp_path / "secret-place" / "photos"
    for name in ("cat", "dog"):  # every tenth is held out, and a map needs three
        (photos / name).mkdir(parents=True)
        for k in range(20):
            pixels = np.random.default_rng(k).integers(0, 255, (3, 32, 32), dtype=np.uint8)
            (photos / name / f"{k}.png").write_bytes(png(pixels))
    run = write_model(tmp_path / "runs" / "own", plan(f"folder:{photos}", "conv-vae", batch_size=4))
    if not still_there:
        (photos).rename(tmp_path / "moved")
    html = one_file.make(run).html
    told = facts(html)
    assert "secret-place" not in html
    assert told["words"]["en"]["facts"][2] == ["Learned from", "photos"]
    assert told["examples"]["pixels"] == ""
    assert bool(told["map"]) == still_there
    assert not (told["map"] or {}).get("sheets")


@pytest.mark.usefixtures("own_models")
def test_a_code_of_thousands_of_numbers_still_makes_a_small_file(tmp_path: Path) -> None:
    run = write_model(tmp_path / "runs" / "long", plan("digits", "vq-vae", image_size=128))
    made = one_file.make(run)
    told = facts(made.html)
    assert told["model"]["size"] == 8192
    n = len(halves(told["model"]["draws"])) // 8192
    assert 16 <= n < 256
    assert note("drawn", n=n) in told["words"]["en"]["notes"]
    assert len(halves(told["map"]["codes"])) // 8192 == n


@pytest.mark.usefixtures("own_models")
def test_thumbnails_go_before_a_file_is_refused_for_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_model(tmp_path / "runs" / "one", plan("digits", "linear-vae"))
    whole = one_file.make(run)
    monkeypatch.setattr(one_file, "MOST_BYTES", len(whole.bytes) - 1)
    smaller = one_file.make(run)
    assert facts(smaller.html)["map"]["sheets"] == []
    monkeypatch.setattr(one_file, "MOST_BYTES", len(smaller.bytes) - 1)
    with pytest.raises(ExportError, match="would make a file of"):
        one_file.make(run)


def test_weights_that_rounding_would_show_stay_whole(digits: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_file, "TOLERANCE", 0.0)
    made = one_file.make(digits)
    assert (made.precision, made.worst) == ("float32", 0.0)
    assert facts(made.html)["words"]["en"]["weights"] == texts.say("en", "file.weights_float32")


@pytest.mark.usefixtures("own_models")
def test_what_no_browser_could_run_or_nobody_could_mail_is_refused_before_it_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = write_run("large", cfg=plan("digits", "linear-vae", image_size=128))
    with pytest.raises(ExportError, match=r"would make a file of \d+\.\d MB, more than the 5 MB"):
        one_file.make(run)
    monkeypatch.setattr(one_file, "supported", lambda cfg: "too much")
    with pytest.raises(ExportError, match="million multiply-adds"):
        one_file.make(run)


def test_the_command_writes_it_and_tells_the_number(shell: Shell, tmp_path: Path) -> None:
    told = shell.json("export", SHIPPED, "--format", "html", "-o", tmp_path / "one.html")
    assert told["bytes"] == (tmp_path / "one.html").stat().st_size < one_file.MOST_BYTES
    assert told["precision"] == "float16"
    assert told["worst"] <= one_file.TOLERANCE


def test_half_precision_refuses_what_it_cannot_hold() -> None:
    cfg = plan("digits", "linear-vae").model
    tensors = {
        f"{name}.{part}": np.full(shape, 1e5, np.float32)
        for name, layer in bundle._named_layers(cfg, "decoder")
        for part, shape in layer.tensors.items()
    }
    bundle.browser_bundle(cfg, tensors)
    with pytest.raises(bundle.WeightsError, match="beyond 65,504"):
        bundle.browser_bundle(cfg, tensors, precision="float16")


MODULES = {
    "a.js": 'import { b as c } from "./deep/b.js"; // reason\nexport const a = c() + 1;\n',
    "deep/b.js": 'import { d } from "../d.js";\nexport function b() { return d; }\n',
    "d.js": "const d = 41;\nexport { d };\n",
}


def write_modules(folder: Path, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for name, text in (MODULES | more).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(joined, "COMPONENTS", folder)


def test_modules_are_joined_in_the_order_of_their_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_modules(tmp_path, monkeypatch)
    script = joined.joined("a.js")
    assert [script.index(f"// {name}") for name in ("d.js", "deep/b.js", "a.js")] == sorted(
        script.index(f"// {name}") for name in MODULES
    )
    assert "const { b: c } = m['deep/b.js'];" in script
    assert not re.search(r"^(import|export)\b", script, re.MULTILINE)


@pytest.mark.parametrize(
    "text",
    [
        "export default function () {}",
        'import everything from "./d.js";',
        'const later = import("./d.js");',
        "const here = import.meta.url;",
        'const end = "</script>";',
        "export let changing = 1;",
    ],
)
def test_a_form_that_would_be_lost_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    write_modules(tmp_path, monkeypatch, **{"d.js": text})
    with pytest.raises(ExportError, match=r"d\.js cannot be joined"):
        joined.joined("a.js")


def test_a_circle_of_modules_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_modules(tmp_path, monkeypatch, **{"d.js": 'import { a } from "./a.js";\nexport const d = a;\n'})
    with pytest.raises(ExportError, match="circle"):
        joined.joined("a.js")
