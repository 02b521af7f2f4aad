"""The Decode page without a browser: links, pickers, and decoding on the server."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from decode_models import drawn, principal_faces
from run_writer import write_run
from streamlit.testing.v1 import AppTest
from trained import write_model

from vaelab.analysis import latent_text
from vaelab.analysis.decoder_facts import Codes, examples, model_facts
from vaelab.config.places import runs_root
from vaelab.export import bundle, formats
from vaelab.models.model_config import ModelConfig
from vaelab.runs.plan import plan
from vaelab.runs.store import Run, find
from vaelab.ui.decode.decode_page import _usual_companion
from vaelab.ui.decode.server_decoder import REACH
from vaelab.ui.decode.spec import component_spec
from vaelab.ui.decode.take_home import ENDINGS
from vaelab.ui.model_picker import shipped
from vaelab.ui.text import strings

ROOT = Path(__file__).parents[1]


@pytest.fixture
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    return Run(principal_faces(tmp_path / "faces", images=200))


def opened(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=180)
    app.query_params.update(query)
    app.run()
    app.switch_page(str(ROOT / "pages" / "decode.py"))
    app.query_params.update(query)
    return app.run()


def test_a_link_opens_its_model_and_z(faces):
    app = opened(run="faces", z="1,-2,0.5," + ",".join(["0"] * 13), lang="en")
    assert not app.exception
    assert app.selectbox(key="decode_pick").value == "faces"
    (command,) = [code.value for code in app.code]
    assert command.startswith('python -m vaelab decode faces --z "1,-2,0.5,0,')


@pytest.mark.parametrize("z", ["1,2", "nan," + ",".join(["0"] * 15), "a,b"])
def test_a_z_that_does_not_fit_is_told(faces, z):
    app = opened(run="faces", z=z, lang="en")
    assert not app.exception
    assert "must hold 16 numbers" in app.warning[0].value


def test_a_model_too_large_for_a_browser_is_decoded_on_the_server(faces, monkeypatch):
    monkeypatch.setattr(bundle, "MAX_MACS", 1000)
    app = opened(run="faces", z="1,-2,0.5," + ",".join(["0"] * 13), lang="en")
    assert not app.exception
    assert "the server decodes it" in app.info[0].value
    assert len(app.slider) == 10  # the dimensions in use
    assert [slider.value for slider in app.slider][:2] == [1.0, -2.0]  # z of the link
    before = app.get("image")[0].proto
    app.slider[0].set_value(2.0).run()
    assert not app.exception
    assert "2,-2,0.5,0" in str(app.query_params["z"])
    assert app.get("image")[0].proto != before
    app.switch_page(str(ROOT / "pages" / "start.py")).run()
    app.query_params.clear()
    app.switch_page(str(ROOT / "pages" / "decode.py")).run()
    assert [slider.value for slider in app.slider][:2] == [2.0, -2.0]


def test_the_server_decoder_takes_the_label_of_the_link_and_a_z_beyond_its_sliders(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    monkeypatch.setattr(bundle, "MAX_MACS", 1000)
    drawn(tmp_path / "labelled", ModelConfig(channels=1, label="class", classes=10), "fashion-mnist-10k")
    app = opened(run="labelled", z="9,-9," + ",".join(["0"] * 14), label="3", lang="en")
    assert not app.exception
    assert app.selectbox[-1].value == 3
    assert {slider.value for slider in app.slider} <= {-REACH, 0.0, REACH}
    assert app.query_params["label"] in ("3", ["3"])


def test_the_command_of_a_conditional_model_names_its_label(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    drawn(tmp_path / "labelled", ModelConfig(channels=1, label="class", classes=10), "fashion-mnist-10k")
    app = opened(run="labelled", z=",".join(["0"] * 16), label="3", lang="en")
    assert not app.exception
    assert " --class 3 -o " in app.code[0].value


def test_z_returns_to_the_address_after_another_page(faces):
    z = "1,-2,0.5," + ",".join(["0"] * 13)
    app = opened(run="faces", z=z, lang="en")
    app.switch_page(str(ROOT / "pages" / "start.py")).run()
    app.query_params.clear()
    app.switch_page(str(ROOT / "pages" / "decode.py")).run()
    assert not app.exception
    assert app.query_params["z"] in (z, [z])


def test_a_look_at_a_training_leaves_the_model_of_decode(faces):
    write_run("busy", state="running")
    app = opened(run="pixel-faces-autoencoder", lang="en")
    app.query_params.clear()
    app.switch_page(str(ROOT / "pages" / "train.py")).run()
    app.query_params.clear()
    app.switch_page(str(ROOT / "pages" / "decode.py")).run()
    assert not app.exception
    assert app.selectbox(key="decode_pick").value == "pixel-faces-autoencoder"


def test_only_a_model_of_the_same_images_stands_beside_unasked():
    known = shipped()
    assert _usual_companion("pixel-faces-conv-vae", known) == "pixel-faces-autoencoder"
    assert _usual_companion("mnist-conv-vae", known) == ""


def test_a_model_without_weights_beside_another_leaves_it_whole(faces, tmp_path):
    drawn(tmp_path / "empty", ModelConfig()).joinpath("model.safetensors").unlink()
    spec = component_spec(faces, Run(tmp_path / "empty"))
    assert spec["model"]["name"] == "faces"
    assert "weights" in spec["other"]["refused"]


def test_the_page_opens_with_an_image_that_a_decoder_can_redraw(faces):
    pixels = np.random.default_rng(0).integers(0, 255, (6, 3, 32, 32), dtype=np.uint8)
    pixels[4] = 255
    pixels[4, :, 8:24, 8:24] = 0  # one black square: much contrast, few edges
    codes = Codes(np.arange(6, dtype=np.float32)[:, None], None, pixels)
    assert examples(codes)["mu"][0] == [4.0]
    pixels[4] = pixels[0] // 2 + 64  # as many edges for its contrast: nothing is gained by another first image
    assert examples(codes)["mu"][0] == [0.0]


def test_a_link_to_a_run_without_weights_is_told(faces, tmp_path):
    drawn(tmp_path / "empty", ModelConfig()).joinpath("model.safetensors").unlink()
    app = opened(run="empty", lang="en")
    assert not app.exception
    assert "empty has no weights to show" in app.warning[0].value


def test_a_model_without_weights_that_nobody_asked_for_is_not_missed(faces, tmp_path):
    drawn(tmp_path / "empty", ModelConfig()).joinpath("model.safetensors").unlink()
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=180).run()
    app.session_state["run_name"] = "empty"  # the training that the page Train showed last
    app.query_params.clear()
    app.switch_page(str(ROOT / "pages" / "decode.py")).run()
    assert not app.exception
    assert not app.warning


@pytest.mark.parametrize("place", ["run", "beside"])
def test_a_link_to_an_old_run_is_followed(faces, tmp_path, monkeypatch, place):
    monkeypatch.setattr("vaelab.ui.decode.decode_page.MODELS_LISTED", 0)
    app = opened(**{"run": "pixel-faces-conv-vae", place: "faces"}, lang="en")
    assert not app.exception
    assert app.selectbox(key="decode_pick" if place == "run" else "decode_beside_pick").value == "faces"


def test_weights_that_are_not_finite_are_refused_before_a_browser_gets_them(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    drawn(tmp_path / "wild", ModelConfig(), spoil=True)
    app = opened(run="wild", lang="zh")
    assert not app.exception
    assert app.error[0].value == strings("zh", "errors")["run_not_finite"].format(name="wild")


def downloads(app: AppTest) -> dict[str, Any]:
    return {button.proto.label: button.proto for button in app.get("download_button")}


def test_the_decoder_is_shared_as_a_file(faces):
    app = opened(run="faces", lang="en")
    assert {label: button.disabled for label, button in downloads(app).items()} == {
        "Share this decoder": False,
        "Download": False,
    }


def test_a_decoder_that_makes_no_file_says_why(faces, monkeypatch):
    monkeypatch.setattr("vaelab.export.one_file.MOST_BYTES", 1000)
    app = opened(run="faces", lang="zh")
    assert downloads(app)["分享这个解码器"].disabled
    assert "超过便于邮寄的" in downloads(app)["分享这个解码器"].help
    assert not downloads(app)["下载"].disabled


@pytest.mark.parametrize("format", ENDINGS)
def test_every_format_of_the_menu_is_made(faces, format, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: object())
    app = opened(run="faces", lang="en")
    app.selectbox(key="decode_format").set_value(format).run()
    assert not app.exception
    assert not downloads(app)["Download"].disabled
    if format == "tensorboard":
        pytest.importorskip("tensorboard", reason="pip install -r requirements-dev.txt")
    content = formats.as_bytes(faces, format)
    if ENDINGS[format][0] == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
        assert all(name.startswith("faces/") for name in names)
    assert len(content) > 10_000


def test_a_format_whose_package_is_missing_says_so(faces, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    app = opened(run="faces", lang="en")
    app.selectbox(key="decode_format").set_value("onnx").run()
    assert downloads(app)["Download"].disabled
    assert "pip install onnx" in downloads(app)["Download"].help


def test_weights_that_cannot_be_shown_are_not_offered(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    drawn(tmp_path / "wild", ModelConfig(), spoil=True)
    assert downloads(opened(run="wild", lang="en")) == {}


def test_addresses_keep_z():
    assert latent_text.write([1.0, -0.256, 0.0, 1e-5]) == "1,-0.26,0,0"
    assert latent_text.read("1,-0.26,0", 3) == [1.0, -0.26, 0.0]
    assert latent_text.read("1,inf,0", 3) is None
    long = np.random.default_rng(0).normal(size=384).tolist()
    packed = latent_text.write(long)
    assert len(packed) < 600
    assert np.allclose(latent_text.read(packed, 384), long, atol=np.abs(long).max() / 253)
    assert latent_text.write(latent_text.read(packed, 384)) == packed  # a link that is opened stays as it is
    assert latent_text.read(packed, 383) is None
    assert latent_text.read("i8:AAA", 384) is None
    assert latent_text.read("i8:1:\u00e9", 384) is None
    assert latent_text.read("1,2", 3) is None


def test_dimensions_are_ordered_by_kl_and_the_unused_come_last(faces):
    spec = component_spec(faces)
    facts = spec["model"]
    with np.load(faces.path / "latents.npz") as codes:
        mu, logvar = codes["mu"], codes["logvar"]
    expected = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).mean(axis=0)
    np.testing.assert_allclose(facts["kl"], expected, rtol=1e-3)
    assert facts["used"] == 10
    assert sorted(facts["order"][10:]) == [10, 11, 12, 13, 14, 15]
    ranked = [expected[i] for i in facts["order"][:10]]
    assert ranked == sorted(ranked, reverse=True)
    assert "glasses" in [direction["name"] for direction in spec["directions"]]


def test_an_autoencoder_is_scaled_by_its_own_codes(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    drawn(tmp_path / "codes", ModelConfig(name="autoencoder"))
    assert runs_root() == tmp_path
    facts = component_spec(find("codes"))["model"]
    assert not facts["variational"]
    assert (facts["size"], len(facts["mean"]), len(facts["std"])) == (384, 384, 384)
    # Bars, order and the number beside them agree.
    np.testing.assert_allclose(facts["kl"], np.square(facts["std"]), rtol=1e-3)


def test_a_method_that_does_more_than_its_layers_is_told_to_the_browser(tmp_path, monkeypatch):
    """No encoder in the browser; the codes' own average and spread where the prior is not N(0, I); pixels as the method scores them."""
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    none = Codes(np.zeros((0, 4), np.float32), None, None)
    tensors = {"code_mean": np.full(4, 2.0, np.float32), "code_std": np.full(4, 0.5, np.float32)}
    facts = {}
    for name in ("ladder-vae", "conv-vae", "sigma-vae"):
        cfg = plan("digits", name, latent_dim=4, settings={"upper": 2} if name == "ladder-vae" else None)
        run = write_run(name, cfg=cfg)
        facts[name] = model_facts(run, cfg, none, {**tensors, "pixel.sigma": np.array(0.25, np.float32)})
    assert [facts[name]["encodes"] for name in facts] == [False, True, True]
    assert facts["ladder-vae"]["mean"] == [2.0] * 4
    assert facts["ladder-vae"]["std"] == [0.5] * 4
    assert facts["conv-vae"]["mean"] == [0.0] * 4
    assert facts["conv-vae"]["loss"]["likelihood"] == "bernoulli"
    assert facts["sigma-vae"]["loss"] == {"likelihood": "gaussian", "sigma": 0.25, "beta": 1.0}


def test_two_levels_are_told_below_the_sliders(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path))
    cfg = plan("digits", model="ladder-vae", latent_dim=6, settings={"upper": 2})
    write_model(write_run("levels", cfg=cfg).path, cfg)
    app = opened(run="levels", lang="en")
    assert not app.exception
    assert any("z0 to z1 are the upper one" in caption.value for caption in app.caption)
