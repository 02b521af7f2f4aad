"""The Your image page as Streamlit runs it: pictures in, numbers out, labels asked for, files refused."""

import io
from pathlib import Path
from urllib.parse import unquote_plus

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from trained import write_model

from vaelab import data
from vaelab.analysis import latent_text, projections, uses
from vaelab.config.errors import ImageError
from vaelab.images import field_colours
from vaelab.images.files import png
from vaelab.images.palette import DIVERGING
from vaelab.runs import store
from vaelab.runs.run_config import RunConfig
from vaelab.ui import model_picker
from vaelab.ui.charts import one_image
from vaelab.ui.components.canvas import canvas_view
from vaelab.ui.image import models, source

ROOT = Path(__file__).parents[1]
TIMEOUT = 1800  # seconds: a slow machine under load, not a measure of anything


@pytest.fixture(autouse=True)
def _own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(models, "give_way", lambda: None)  # to everything else in this process: to busy tests for ever


def small_model(tmp_path, run_name="small", /, **model):
    settings = {"channels": 1, "latent_dim": 3} | model
    cfg = RunConfig.from_dict({"data": {"name": "digits", "limit": 200}, "model": settings})
    return write_model(tmp_path / "runs" / run_name, cfg)


def open_page(run: str, **query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=TIMEOUT)
    app.switch_page(str(ROOT / "pages" / "image.py"))
    for key, value in {"run": run, **query}.items():
        app.query_params[key] = value
    return app


def ready(app: AppTest, run) -> AppTest:
    """The page after the model has been prepared."""
    assert models.preparation(run).wait(TIMEOUT)
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


def test_who_comes_without_a_choice_sees_the_same_model_as_on_the_other_pages(tmp_path):
    small_model(tmp_path)
    assert next(iter(models.models())) == model_picker.FIRST


def test_a_test_image_gives_terms_percentiles_and_neighbours(tmp_path):
    run = small_model(tmp_path)
    app = ready(open_page("small"), run)
    recon, kl, excess = (float(m.value.removesuffix(" nats").replace(",", "")) for m in app.metric)
    found = uses_inspection(run, data.load("digits").test.pixels[0])
    assert (recon, kl, excess) == pytest.approx((found.recon, found.kl, found.excess), rel=1e-2, abs=1e-2)
    assert excess == pytest.approx(recon + kl - found.floor, abs=0.3)
    assert 0.0 < found.floor < found.recon
    assert words(app).count("of 297 test images") == 3
    assert "among 200 training images" in words(app)


def uses_inspection(run, pixels):
    from vaelab.analysis.inspection import inspect_image

    return inspect_image(models.model_of(run), pixels, None, run.config().loss)


def test_both_languages_and_every_use(tmp_path):
    run = small_model(tmp_path)
    app = ready(open_page("small", lang="zh"), run)
    assert "重构损失" in "".join(metric.label for metric in app.metric)
    assert app.button  # the page is there, with its controls
    app = ready(open_page("small"), run)
    for tab, sentence in (
        ("compression", "far fewer bytes"),
        ("denoising", "Noise does not fit"),
        ("filling", "Paint a hole"),
        ("variations", "temperature 1"),
    ):
        app.session_state["image_tab"] = tab
        app.run()
        assert not app.exception
        assert sentence in words(app)


def test_an_autoencoder_says_that_it_has_no_kl(tmp_path):
    run = small_model(tmp_path, "plain", name="autoencoder", channels=3)
    app = ready(open_page("plain"), run)
    assert [metric.value for metric in app.metric][1] == "–"
    assert "an autoencoder has no KL" in words(app)
    assert "Draw ε again" not in [button.label for button in app.button]


def test_a_conditional_model_asks_for_the_label_of_an_own_picture(tmp_path, monkeypatch):
    run = small_model(tmp_path, "told", label="class", classes=10)
    app = ready(open_page("told"), run)
    first = int(data.load("digits").test.labels[0])
    assert app.selectbox(key="image_label_told_test").value == first  # known for a test image
    drawn = png(data.load("digits").test.pixels[4])
    monkeypatch.setattr(canvas_view, "drawing", lambda *_, **__: drawn)
    app.session_state["image_source"] = "draw"
    app.run()
    assert "must be told a label" in words(app)
    assert not app.metric
    app.selectbox(key="image_label_told_draw").select(7).run()
    assert not app.exception
    assert len(app.metric) == 3


def test_an_own_picture_is_answered_and_a_broken_one_refused(tmp_path, monkeypatch):
    run = small_model(tmp_path)
    app = ready(open_page("small"), run)
    of_test = [metric.value for metric in app.metric]
    content = {"now": png(data.load("digits").test.pixels[0])}
    monkeypatch.setattr(canvas_view, "drawing", lambda *_, **__: content["now"])
    app.session_state["image_source"] = "draw"
    app.run()
    assert [metric.value for metric in app.metric] == of_test  # the same pixels by another way
    content["now"] = b"<script>alert(1)</script>"
    app.run()
    assert not app.exception
    assert "must be a PNG" in words(app)
    assert not app.metric


def test_without_a_model_the_page_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(store, "shipped", list)
    app = open_page("")
    app.run()
    assert not app.exception
    assert "No trained model is here yet" in words(app)


def test_an_uploaded_training_image_lands_on_its_own_place_on_the_map(tmp_path):
    run = small_model(tmp_path)
    known = models.preparation(run)
    assert known.wait(TIMEOUT)
    row = 11
    upload = source.remember({}, "upload", png(known.train.pixels[row]))
    pixels = source.apply(upload, source.Frame(), 32, 1)
    mu, _ = uses.encode_image(models.model_of(run), pixels)
    np.testing.assert_allclose(mu, known.codes[row], atol=1e-6)
    rows, distances = projections.nearest_codes(mu[None], known.codes, 3)
    assert rows[0, 0] == row
    assert distances[0, 0] < 1e-3
    fitted = projections.pca(known.codes)
    np.testing.assert_allclose(fitted.place(mu[None])[0], fitted.points[row], atol=1e-5)
    spread = fitted.points.std()
    assert np.linalg.norm(fitted.points[rows[0]] - fitted.place(mu[None]), axis=1).max() < spread


def test_the_link_to_the_decoder_carries_the_code(tmp_path):
    run = small_model(tmp_path)
    app = ready(open_page("small"), run)
    found = uses_inspection(run, data.load("digits").test.pixels[0])
    links = [unquote_plus(str(node.proto)) for node in app.get("page_link")]
    assert any("decode" in link and latent_text.write(found.mu.tolist()) in link for link in links)


# --- parts ------------------------------------------------------------------------------------------------------------


def test_a_picture_is_remembered_without_its_bytes_and_an_error_is_not_decoded_again(monkeypatch):
    state = {}
    picture = source.remember(state, "upload", png(np.zeros((40, 40, 3), np.uint8)))
    assert source.remember(state, "upload", None) is picture  # after a visit to another page
    assert all(not isinstance(part, bytes) for part in state["image_pictures"]["upload"])
    calls = []
    real = source.open_image
    monkeypatch.setattr(source, "open_image", lambda *a, **k: calls.append(1) or real(*a, **k))
    for _ in range(2):
        with pytest.raises(ImageError, match="must be a PNG"):
            source.remember(state, "paste", b"no image")
    assert len(calls) == 1


def test_a_long_preparation_holds_up_one_answer_and_not_every_one():
    class Endless:
        def __init__(self) -> None:
            self.waits: list[float] = []

        def join(self, seconds: float) -> None:
            self.waits.append(seconds)

    known = models.Preparation()
    known.thread = Endless()
    known.wait(1_000)
    known.began -= 1_000
    assert not known.wait(1_000)
    assert known.thread.waits[0] > 0
    assert known.thread.waits[1] == 0


def test_large_pictures_are_kept_small_and_small_ones_as_they_are():
    assert source.smaller(Image.new("RGB", (2000, 1500))).size == (1000, 750)
    assert source.smaller(Image.new("RGB", (28, 28))).size == (28, 28)
    long = source.smaller(Image.new("RGB", (30_000, 500)))
    assert long.width * long.height <= 4_000_000


def test_what_the_browser_tells_of_a_hole_is_checked():
    bits = "0" * 1023 + "1"
    assert canvas_view.read_hole({"bits": bits}, 32)[31, 31]
    assert canvas_view.read_hole({"bits": bits}, 32).sum() == 1
    for wrong in (None, {}, {"bits": "01"}, {"bits": "2" * 1024}, {"bits": 5}):
        np.testing.assert_array_equal(canvas_view.read_hole(wrong, 32), canvas_view.middle(32))
    assert canvas_view.middle(32).sum() == 12 * 12


def test_what_the_browser_tells_of_a_picture_is_checked():
    assert canvas_view._file(None) is None
    assert canvas_view._file({"data": "aGk="}) == b"hi"
    for wrong in ({"data": "not base64!"}, {"data": 3}, {"data": ["aGk="]}):
        with pytest.raises(ImageError):
            canvas_view._file(wrong)


def test_the_signed_error_is_centred_and_averaged_over_channels():
    x, x_hat = np.zeros((3, 2, 2), np.uint8), np.zeros((3, 2, 2), np.uint8)
    x_hat[0, 0, 0], x[:, 1, 1] = 255, 255
    error = one_image.signed_error(x, x_hat)
    np.testing.assert_allclose(error, [[1 / 3, 0], [0, -1]])
    colours = field_colours.diverging(np.array([-1.0, 0.0, 0.5, 9.0]), 0.5, "light")
    low, middle, high = ([int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in DIVERGING["light"])
    assert colours.tolist() == [low, middle, high, high]
    assert one_image.error_limit(np.array([0.05, -0.09])) == 0.1
    assert one_image.error_limit(error) == 1.0
    assert one_image.error_picture(error, 1.0, "dark", 64).shape == (80, 64, 4)


def test_code_rows_hold_every_dimension_and_the_histogram_every_image():
    rows = one_image.code_rows(np.array([1.0, -2.0]), np.array([0.5, 0.1]), np.zeros((3, 2)), np.array([0.2, 0.3]))
    bars = rows[rows["kind"] == "mu"]
    assert bars["low"].tolist() == [0.5, -2.1]
    assert bars["high"].tolist() == [1.5, -1.9]
    assert (rows["kind"] == "z").sum() == 6
    scores = one_image.score_rows(np.linspace(0, 100, 101), 250.0)
    assert scores[scores["kind"] == "test"]["share"].sum() == pytest.approx(1.0)
    assert scores["to"].max() > 250.0


def test_a_jpeg_of_a_phone_comes_upright_and_small():
    photo = Image.new("RGB", (4200, 2800), (200, 30, 30))
    exif = photo.getexif()
    exif[0x0112] = 6  # turned by 90 degrees
    file = io.BytesIO()
    photo.save(file, format="JPEG", exif=exif)
    kept = source.remember({}, "camera", file.getvalue())
    assert kept.height > kept.width
    assert max(kept.size) <= 1050  # decoded at a quarter
