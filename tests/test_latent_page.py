"""The Latent space page: what it says and shows in both languages."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import numpy as np
import pytest
from run_writer import write_run
from streamlit.testing.v1 import AppTest

from vaelab.analysis import latent_text, latents
from vaelab.images.palette import class_colours
from vaelab.runs.plan import plan
from vaelab.ui import text
from vaelab.ui.components.map.layer_routes import found_modes
from vaelab.ui.latent import chosen as map_choice
from vaelab.ui.latent import inspector, latent_page, map_panel
from vaelab.ui.latent.pictures import look

pytestmark = pytest.mark.usefixtures("own_models")

ROOT = Path(__file__).parents[1]
TIMEOUT = 180  # seconds: a slow machine under load, not a measure of anything


def open_page(**query: str) -> AppTest:
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=TIMEOUT)
    app.switch_page(str(ROOT / "pages" / "latent.py"))
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def pictures(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.caption, app.info, app.warning, app.error)
    return "\n".join(str(element.value) for elements in kinds for element in elements)


@pytest.fixture
def chosen(monkeypatch):
    """Lets a test choose on the map as a click or a lasso would; AppTest runs no JavaScript."""
    told: dict[str, map_choice.Choice] = {"choice": map_choice.Choice("none")}
    monkeypatch.setattr(latent_page, "choice", lambda wanted: told["choice"])
    return told


def test_an_empty_lab_says_what_to_do():
    assert "There is no trained model yet" in words(open_page())


def test_a_map_before_anything_is_chosen(digits):
    app = open_page(run="digits-run")
    assert "Draw around some" in words(app)
    assert app.selectbox(key="latent_projection").value == "pca"
    assert app.selectbox(key="latent_colour").options == ["Class", "Reconstruction error", "Uncertainty (average σ)"]
    assert "what the prior draws in" in words(app)


def test_both_languages(digits):
    text = words(open_page(run="digits-run", lang="zh"))
    assert "圈出一些点" in text
    assert "聚合后验" in text


def test_a_clicked_point(digits, chosen):
    chosen["choice"] = map_choice.Choice("point", (5,))
    app = open_page(run="digits-run")
    known = latents.codes(latents.query(digits, "test", 1_000))
    text = words(app)
    assert "Image 5" in text
    assert f"Class: **{known.labels['class'][1][known.labels['class'][0][5]]}**" in text
    assert "Nearest codes" in pictures(app)
    assert "reconstruction x̂ of μ" in pictures(app)
    assert pictures(app).count("data:image/png") == 2 + 6
    link = next(element for element in app.get("page_link") if "decode" in element.proto.page)
    assert latent_text.write([float(value) for value in known.mu[5]]) in link.proto.query_string.replace("%2C", ",")


def test_a_lasso(digits, chosen):
    chosen["choice"] = map_choice.Choice("lasso", tuple(range(30)))
    app = open_page(run="digits-run")
    assert "**30 images inside**" in words(app)
    values, names = latents.codes(latents.query(digits, "test", 1_000)).labels["class"]
    most = np.bincount(values[:30], minlength=10)
    share = 100 * most.max() / (values == most.argmax()).sum()
    assert (
        f'{names[most.argmax()]}</span><i style="background:{class_colours("light")[most.argmax()]};width:100.0%'
        in (pictures(app))
    )
    assert f"{most.max()} · {share:.0f} %" in pictures(app)


def mixture_run(model: str, **settings: int):
    from trained import write_model  # imports torch

    cfg = plan("digits", model, latent_dim=4, settings=settings)
    return write_model(write_run(f"{model}-run", cfg=cfg).path, cfg)


@pytest.mark.parametrize("model", ["mixture-vae", "vamp-vae"])
def test_a_chosen_mode_of_the_prior(model):
    """What a link names is chosen; the address keeps it, and its mean can be opened in Decode."""
    run = mixture_run(model, **{"components" if model == "mixture-vae" else "pseudo_inputs": 4})
    app = open_page(run=run.name, mode="2", lang="en")
    assert "Mode 3 of the prior’s 4 · **25.0 %** of its weight" in words(app)
    assert app.query_params["mode"] == "2"
    assert "decoded mean of the mode" in pictures(app)
    assert ("its pseudo-input" in pictures(app)) == (model == "vamp-vae")
    assert ("nearest image" in pictures(app)) == (model == "mixture-vae")
    mode = found_modes(latents.query(run, "test", 1_000))
    link = next(element for element in app.get("page_link") if "decode" in element.proto.page)
    assert latent_text.write([float(value) for value in mode.mu[2]]) in link.proto.query_string.replace("%2C", ",")


@pytest.mark.parametrize(
    ("model", "lang", "said"),
    [
        (
            "mixture-vae",
            "en",
            ("draws of the learned prior, a mixture of 10 Gaussians", "each of the prior's Gaussians"),
        ),
        ("vamp-vae", "zh", ("从 VampPrior（50 张伪输入的平均后验）采样", "先验中每个高斯的一个 σ")),
        (
            "ladder-vae",
            "en",
            ("draws of the prior of two levels", "Aggregate posterior", "grey dots: draws of the prior"),
        ),
        ("flow-vae", "en", ("draws of the prior N(0, I)", "over N(0, 1), dashed")),
        ("autoencoder", "en", ("draws of the Gaussian that has the average and spread", "Density of the codes")),
        ("vq-vae", "en", ("draws of the learned prior over grids of codes", "places where the codes are less")),
    ],
)
def test_the_codes_stand_over_the_models_own_prior(model, lang, said):
    settings = {"ladder-vae": {"upper": 2}, "vq-vae": {"codes": 8}}.get(model, {})
    text = words(open_page(run=mixture_run(model, **settings).name, lang=lang))
    for part in said:
        assert part in text
    assert ("N(0, I)" in text) == (model == "flow-vae")


def test_a_mode_that_there_is_not(digits):
    """Of a run without modes the link says that it does not fit; a number beyond the last one is no choice."""
    assert "the chosen images" in words(open_page(run="digits-run", mode="2"))
    run = mixture_run("mixture-vae", components=4)
    assert "Draw around some" in words(open_page(run=run.name, mode="4"))


def test_images_in_focus_are_enlarged_by_whole_factors():
    image = np.zeros((3, 64, 64), np.uint8)
    for size, focus, aside in ((32, 256, 96), (64, 256, 64)):
        shown = look((image[:, :size, :size], "x"), (image[:, :size, :size], "<b>"), None, "swap")
        assert f"--focus:{focus}px;--aside:{aside}px" in shown
        assert "<b>" not in shown  # words of a data set are words, not markup
    assert "pixelated" in shown


def test_t_sne_is_flat(digits):
    app = open_page(run="digits-run")
    app.selectbox(key="latent_projection").select("tsne").run()
    assert not app.exception
    assert app.button_group(key="latent_solid").disabled


def test_two_dimensions_make_a_plane_and_three_a_cloud(digits, monkeypatch):
    shown: list[map_panel.View] = []
    monkeypatch.setattr(latent_page, "latent_map", lambda wanted, view, chosen, near: shown.append(view))
    app = open_page(run="digits-run")
    app.selectbox(key="latent_projection").select("dims").run()
    assert (shown[-1].dims, shown[-1].solid) == ((0, 1), False)
    app.multiselect(key="latent_dims").set_value([3, 0, 1]).run()
    assert (shown[-1].dims, shown[-1].solid) == ((3, 0, 1), True)
    app.multiselect(key="latent_dims").set_value([2]).run()
    assert (shown[-1].dims, shown[-1].solid) == ((2, 0), False)
    app.selectbox(key="latent_projection").select("pca").run()
    assert not shown[-1].solid
    assert not app.exception


def test_the_two_axes_of_the_posteriors_show_different_dimensions(digits):
    app = open_page(run=digits.name)
    across, up = (app.selectbox(key=f"latent_{axis}").value for axis in ("across", "up"))
    app.selectbox(key="latent_up").set_value(across).run()
    assert not app.exception
    assert [app.selectbox(key=f"latent_{axis}").value for axis in ("across", "up")] == [up, across]
    app.session_state["latent_up"] = up  # as an older link or session may hold it
    app.run()
    assert app.selectbox(key="latent_up").value != app.selectbox(key="latent_across").value == up


def test_a_label_that_repeats_another_is_told_once_and_an_equal_value_of_another_label_is_told():
    shapes, hues = ("square", "heart"), ("red", "blue")
    labels = {
        "class": (np.array([1, 0]), shapes),
        "shape": (np.array([1, 0]), shapes),
        "hair_colour": (np.array([0, 1]), hues),
        "eye_colour": (np.array([0, 0]), hues),
        "size": (np.array([0, 0]), ("small", "large")),
    }
    known = latents.Codes(np.zeros((2, 2), np.float32), None, np.zeros((2, 3, 4, 4), np.uint8), "stored", labels)
    told = inspector._words(known, 0)
    assert told.count("heart") == 1
    assert told.count("red") == 2
    assert "small" not in told  # three labels are enough


def test_the_page_says_when_decoded_codes_stand_in(bare):
    text = words(open_page(run="bare"))
    assert "The images of cifar10 are not installed, so each picture here is what the decoder makes" in text


def test_a_run_that_has_saved_nothing_is_told_in_a_sentence():
    write_run("fresh", state="running")
    assert "has none yet" in words(open_page(run="fresh"))


def test_a_choice_counts_only_among_its_own_images(digits, monkeypatch):
    wanted = latents.query(digits, "test", 1_000)
    told = {"choice": {"images": "another/test-1000", "kind": "point", "rows": [3]}}
    monkeypatch.setattr(map_choice.st, "session_state", {map_choice.KEY: told})
    assert map_choice.choice(wanted).kind == "none"
    told["choice"]["images"] = map_choice.images_key(wanted)
    assert map_choice.choice(wanted) == map_choice.Choice("point", (3,))
    told["choice"]["rows"] = [-4, 10**9]
    assert map_choice.choice(wanted).kind == "none"


@pytest.mark.parametrize("rows", [(0,), (359,), tuple(range(360)), tuple(range(0, 360, 7)), (3, 200, 201)])
def test_a_lasso_comes_back_from_its_address(rows):
    text = map_choice.text_of(rows, "digits-run/test-360")
    assert map_choice.rows_of(text, "digits-run/test-360", 360) == rows
    assert map_choice.rows_of(text, "another/test-360", 360) == ()  # of other images
    assert map_choice.rows_of(text, "digits-run/test-360", rows[-1]) == ()  # there are fewer of them now
    assert map_choice.rows_of(text[:-3], "digits-run/test-360", 360) == ()


def test_half_of_ten_thousand_images_fit_an_address():
    rows = np.flatnonzero(np.random.default_rng(0).random(10_000) < 0.5).tolist()
    assert len(map_choice.text_of(rows, "a/test-10000")) <= map_choice.MOST_TEXT


@pytest.mark.parametrize("text", ["?", "eNoDAAAAAAE"])
def test_a_lasso_that_is_none_of_ours_is_nothing(text):
    assert map_choice.rows_of(text, "digits-run/test-1000", 5_000_000) == ()


def test_a_lasso_around_more_images_than_are_unpacked_is_nothing():
    def written(count: int) -> str:
        """The first images, as text_of writes them, without going through each."""
        steps = map_choice._stamp("digits-run/test-1000") + bytes(count)
        return base64.urlsafe_b64encode(zlib.compress(steps, 9)).decode().rstrip("=")

    assert written(300) == map_choice.text_of(range(300), "digits-run/test-1000")
    assert map_choice.rows_of(written(map_choice.MOST_BYTES), "digits-run/test-1000", 5_000_000) == ()


def test_a_link_opens_with_its_lasso_and_names_one_of_other_images(digits):
    images = map_choice.images_key(latents.query(digits, "test", 1_000))
    app = open_page(run="digits-run", lasso=map_choice.text_of(range(5), images))
    assert "5 images" in words(app)
    assert not app.warning
    other = open_page(run="digits-run", lasso=map_choice.text_of(range(5), "gone/test-1000"))
    assert "the chosen images" in other.warning[0].value
    assert "5 images" not in words(other)
    assert "lasso" not in other.query_params


def test_a_lasso_around_too_many_images_is_said_to_be_absent_from_the_link(digits, monkeypatch):
    monkeypatch.setattr(map_choice, "MOST_TEXT", 4)
    images = map_choice.images_key(latents.query(digits, "test", 1_000))
    app = open_page(run="digits-run", lasso=map_choice.text_of(range(5), images))
    assert app.session_state["share_not_held"] == {"latent.lasso": "the lasso around 5 images"}


def test_a_lasso_comes_as_a_bit_for_each_point(digits, monkeypatch):
    wanted = latents.query(digits, "test", 1_000)
    told = {"choice": {"images": map_choice.images_key(wanted), "kind": "lasso", "bits": "CQAC"}}  # bytes 9, 0 and 2
    monkeypatch.setattr(map_choice.st, "session_state", {map_choice.KEY: told})
    assert map_choice.choice(wanted) == map_choice.Choice("lasso", (0, 3, 17))
    for bits in ("", "AAAA", "?", "é", 5, None, ["CQAC"]):
        told["choice"]["bits"] = bits
        assert map_choice.choice(wanted).kind == "none", bits
    told["choice"]["bits"] = "/w=="
    assert map_choice.choice(wanted).rows == tuple(range(8))
    past = base64.b64encode(bytes(-(-wanted.count // 8)) + b"\xff").decode()  # bits behind the last image mark nothing
    told["choice"]["bits"] = past
    assert map_choice.choice(wanted).kind == "none"


def test_the_film_is_told_in_the_language_of_the_page(monkeypatch):
    monkeypatch.setattr(text, "language", lambda: "zh")
    told = map_panel.film_words(plan("cifar10"))["words"]
    assert told["airplane"] == "飞机"
    assert told["class"] == "类别"
    assert len(told) == 11


def test_a_model_is_also_found_by_the_name_model(digits):
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=TIMEOUT)
    app.query_params["model"] = "digits-run"
    app.switch_page(str(ROOT / "pages" / "latent.py")).run()
    assert not app.exception
    assert app.selectbox(key="latent_pick").value == "digits-run"
    assert app.query_params.get("run") in ("digits-run", ["digits-run"])
    assert "model" not in app.query_params
