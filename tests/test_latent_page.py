"""The Latent space page: what it says and shows in both languages, and the answers that its map gets over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from PIL import Image
from run_writer import PROBE, write_run
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest
from trained import write_model

from vaelab import data
from vaelab.analysis import film, inference, latent_text, latents, projections
from vaelab.config.errors import RunError
from vaelab.images.palette import class_colours
from vaelab.runs import store
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.ui import text
from vaelab.ui.components import routes
from vaelab.ui.components.map.map_routes import map_base, map_query, map_routes
from vaelab.ui.latent import inspector, latent_page, map_panel
from vaelab.ui.latent.pictures import look

ROOT = Path(__file__).parents[1]
TIMEOUT = 180  # seconds: a slow machine under load, not a measure of anything


@pytest.fixture(autouse=True)
def _own_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    for module in (store, routes):
        monkeypatch.setattr(module, "weights_root", lambda: tmp_path / "weights")


@pytest.fixture
def digits(tmp_path) -> Run:
    """A run of the digits with weights as they are drawn, and a snapshot."""
    cfg = plan("digits", latent_dim=4)
    run = write_run("digits-run", cfg=cfg)
    write_model(run.path, cfg)
    return run


@pytest.fixture
def bare(tmp_path, monkeypatch) -> Run:
    """A shipped model whose images are not installed and may not be passed on: codes and labels alone."""
    cfg = plan("cifar10", model="linear-vae", latent_dim=3)
    run = write_model(tmp_path / "weights" / "bare", cfg)
    generator = np.random.default_rng(0)
    mu = generator.normal(size=(60, 3)).astype(np.float32)
    np.savez(run.path / "latents.npz", mu=mu, logvar=np.zeros_like(mu), labels=np.arange(60) % 10)
    monkeypatch.setenv("VAELAB_DATA", str(tmp_path / "nothing"))
    return run


def ask(path: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, bytes, dict[str, str]]:
    """One request to the routes, by ASGI itself."""
    url = urlsplit("/" + path)
    scope = {
        "type": "http", "method": method, "path": url.path, "raw_path": url.path.encode(), "query_string": url.query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in (headers or {}).items()], "http_version": "1.1", "scheme": "http",
        "server": ("localhost", 80), "client": ("localhost", 1), "root_path": "",
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Starlette(routes=map_routes())(scope, receive, send))
    found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:]), found


def address(run: Run, name: str, count: int = 1_000, split: str = "test", **more: str) -> str:
    wanted = latents.query(run, split, count)
    values = {**map_query(wanted), **more}
    return f"{map_base(run)}/{name}?" + "&".join(f"{key}={quote(value)}" for key, value in values.items())


def answer(run: Run, name: str, **values: Any) -> Any:
    status, body, _ = ask(address(run, name, **values))
    assert status == 200, body
    return json.loads(body)


def numbers(run: Run, name: str, **values: Any) -> np.ndarray:
    status, body, _ = ask(address(run, name, **values))
    assert status == 200, body
    return np.frombuffer(body, "<f4")


def test_codes_are_those_of_the_model_and_its_images(digits):
    test = data.load("digits", channels=1).test
    known = latents.codes(latents.query(digits))
    mu, logvar = inference.encode(inference.load_run(digits), test.pixels)
    np.testing.assert_allclose(known.mu, mu, atol=1e-5)
    np.testing.assert_allclose(known.sigma, np.exp(0.5 * logvar), atol=1e-5)
    np.testing.assert_array_equal(known.labels["class"][0], test.labels)
    assert known.source == "images"
    assert (known.error > 0).all()  # the floor is below what any decoder reaches
    assert latents.codes(latents.query(digits)) is known


def test_training_images_and_their_number(digits):
    known = latents.codes(latents.query(digits, "train", 1_000))
    assert len(known) == 1_000
    np.testing.assert_array_equal(known.pixels, data.load("digits", channels=1).train.pixels[:1_000])


def test_the_map_gets_facts_places_and_colours(digits):
    facts = answer(digits, "facts.json")
    assert facts == {"n": 297, "shape": [1, 32, 32], "source": "images", "variational": True, "dims": 4}
    known = latents.codes(latents.query(digits))
    places = numbers(digits, "places.bin", projection="pca").reshape(-1, 3)
    np.testing.assert_allclose(places, projections.pca(known.mu, 3).points, atol=1e-4)
    direct = numbers(digits, "places.bin", projection="dims", dims="2,0").reshape(-1, 3)
    np.testing.assert_allclose(direct, np.c_[known.mu[:, [2, 0]], np.zeros(297)], atol=1e-6)
    np.testing.assert_array_equal(numbers(digits, "colours.bin", by="class"), known.labels["class"][0])
    np.testing.assert_allclose(numbers(digits, "colours.bin", by="error"), known.error)
    assert (numbers(digits, "colours.bin", by="no such thing") == -1).all()


def test_the_map_gets_axes_and_trust(digits):
    axes = answer(digits, "axes.json", projection="pca")
    assert [axis["name"] for axis in axes["axes"]] == ["PC 1", "PC 2", "PC 3"]
    known = latents.codes(latents.query(digits))
    found = projections.pca(known.mu, 3)
    np.testing.assert_allclose([axis["share"] for axis in axes["axes"]], found.explained)
    np.testing.assert_allclose(axes["origin"], -found.mean @ found.directions.T, atol=1e-5)
    assert answer(digits, "axes.json", projection="dims", dims="1,3")["axes"] == [{"name": "z1"}, {"name": "z3"}]
    trust = answer(digits, "trust.json", projection="pca")["trust"]
    assert trust == pytest.approx(projections.trust(known.mu, found.points[:, :2]), abs=1e-4)
    solid = answer(digits, "trust.json", projection="pca", dims="0,1,2")["trust"]
    assert solid == pytest.approx(projections.trust(known.mu, found.points), abs=1e-4)
    assert solid != trust


def test_sheets_hold_the_images(digits):
    status, body, headers = ask(address(digits, "sheet-1.png"))
    assert (status, headers["content-type"]) == (200, "image/png")
    sheet = np.asarray(Image.open(io.BytesIO(body)))
    assert sheet.shape == (3 * 32, 16 * 32, 3)  # 41 of 297 are left for the second sheet
    pixels = latents.codes(latents.query(digits)).pixels
    np.testing.assert_array_equal(sheet[32:64, 32:64], pixels[256 + 17].transpose(1, 2, 0).repeat(3, axis=2))
    assert ask(address(digits, "sheet-2.png"))[0] == 409


def test_only_answers_whose_address_names_the_weights_are_kept(digits):
    assert "immutable" in ask(address(digits, "places.bin", projection="pca"))[2]["cache-control"]
    assert ask(address(digits, "places.bin", v="of-long-ago", projection="pca"))[2]["cache-control"] == "no-store"


def test_addresses_that_name_nothing(digits):
    assert ask("vaelab/map/no-such-run/facts.json?split=test&count=1000")[0] == 409
    page = {"referer": "http://localhost:8501/latent?lang=zh"}
    told = ask("vaelab/map/no-such-run/facts.json?split=test&count=1000", headers=page)[1].decode()
    assert told == "找不到训练记录 no-such-run，请另选一条。"
    assert ask("vaelab/map/..%2Fsecret/facts.json?split=test&count=1000")[0] in (404, 409)
    assert ask("vaelab/map/digits-run/facts.json?split=validation&count=1000")[0] == 409
    assert ask("vaelab/map/digits-run/facts.json?split=test&count=999999999")[0] == 409


def test_tsne_is_begun_by_post_from_its_own_page_alone(digits, monkeypatch):
    from vaelab.workers import tsne_worker

    begun: list[tuple[int, ...]] = []
    monkeypatch.setattr(tsne_worker, "start", lambda name, mu: begun.append(mu.shape))
    assert answer(digits, "tsne.json")["state"] == "none"
    where = address(digits, "tsne.json", action="start")
    assert ask(where, "POST", {"sec-fetch-site": "cross-site"})[0] == 409
    assert begun == []
    assert ask(where, "POST", {"sec-fetch-site": "same-origin"})[0] == 200
    assert begun == [(297, 4)]
    assert ask(address(digits, "tsne.bin"))[0] == 409


def test_decoded_codes_stand_in_for_absent_images(bare):
    known = latents.codes(latents.query(bare, "test", 1_000))
    assert known.source == "decoded"
    assert known.error is None
    assert known.pixels.shape == (60, 3, 32, 32)
    np.testing.assert_array_equal(known.pixels[7], latents.reconstruction(bare, known, 7))
    assert known.labels["class"][1] == data.info("cifar10").classes
    assert answer(bare, "facts.json")["source"] == "decoded"


def test_a_lasso_is_summed_up(digits):
    known = latents.codes(latents.query(digits))
    values, names = known.labels["class"]
    rows = np.flatnonzero(values < 2)
    found = latents.group(digits, known, rows, "class")
    np.testing.assert_allclose(found.average, known.pixels[rows].mean(axis=0), atol=0.51)
    np.testing.assert_allclose(found.z, known.mu[rows].mean(axis=0), atol=1e-6)
    np.testing.assert_array_equal(
        found.decoded, inference.decode(inference.load_run(digits), known.mu[rows].mean(axis=0)[None])[0]
    )
    assert {name for name, _, _ in found.makeup} == {names[0], names[1]}
    assert sum(count for _, count, _ in found.makeup) == len(rows)
    assert all(share == 1.0 for _, _, share in found.makeup)


def test_the_film_has_every_snapshot(digits):
    facts = answer(digits, "film.json")
    assert facts["steps"] == [20]
    assert facts["probes"] == PROBE
    assert len(facts["names"]) == 10
    places = numbers(digits, "film.bin").reshape(1, PROBE, 2)
    shown = film.film(digits)
    np.testing.assert_allclose(places, shown.points, atol=1e-6)
    frame = np.asarray(Image.open(io.BytesIO(ask(address(digits, "frame-20.png"))[1])))
    assert frame.shape == (3 * 34 - 2, 12 * 34 - 2, 4)
    np.testing.assert_array_equal(frame[:32, 34:66, 0], shown.recon[0][1, 0])
    np.testing.assert_array_equal(frame[34:66, :32, 0], shown.samples[0][0, 0])
    assert ask(address(digits, "frame-21.png"))[0] == 409


def test_the_film_is_saved_as_a_gif_that_moves(digits):
    status, body, headers = ask(address(digits, "film.gif"))
    assert (status, body[:6], headers["content-type"]) == (200, b"GIF89a", "image/gif")
    assert "digits-run.gif" in headers["content-disposition"]
    shown = film.film(digits)
    twice = film.Film(**{**vars(shown), "steps": (1, 20), "points": np.concatenate([shown.points * 0.2, shown.points]),
        "recon": shown.recon.repeat(2, axis=0), "samples": shown.samples.repeat(2, axis=0)})  # fmt: skip
    picture = Image.open(io.BytesIO(film.gif(twice, "a run", ["#112233"] * 10)))
    assert (picture.n_frames, picture.info["loop"]) == (2, 0)
    first = np.asarray(picture.convert("RGB"))
    picture.seek(1)
    assert (first != np.asarray(picture.convert("RGB"))).any()


def test_a_run_without_snapshots_has_no_film(bare):
    with pytest.raises(RunError, match="keeps no snapshots"):
        film.film(bare)
    status, body, _ = ask(address(bare, "film.json"))
    assert status == 409
    assert b"keeps no snapshots" in body


# The page itself


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
    told: dict[str, map_panel.Choice] = {"choice": map_panel.Choice("none")}
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
    chosen["choice"] = map_panel.Choice("point", (5,))
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
    chosen["choice"] = map_panel.Choice("lasso", tuple(range(30)))
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


def test_images_in_focus_are_enlarged_by_whole_factors():
    image = np.zeros((3, 64, 64), np.uint8)
    for size, focus, aside in ((32, 256, 96), (64, 256, 64)):
        shown = look((image[:, :size, :size], "x"), (image[:, :size, :size], "<b>"), None, "swap")
        assert f"--focus:{focus}px;--aside:{aside}px" in shown
        assert "<b>" not in shown  # words of a data set are words, not markup
    assert "pixelated" in shown


def test_the_gif_needs_no_language(digits):
    """A title that the font cannot draw leaves no empty boxes, and the bar grows with the steps."""
    shown = film.film(digits)
    twice = film.Film(**{**vars(shown), "steps": (5, 20), "points": shown.points.repeat(2, axis=0),
        "recon": shown.recon.repeat(2, axis=0), "samples": shown.samples.repeat(2, axis=0)})  # fmt: skip
    frames = [film.gif(twice, title, ["#112233"] * 10) for title in ("数字 7", "7")]
    assert frames[0] == frames[1]
    picture = Image.open(io.BytesIO(frames[0]))
    blue = []
    for k in range(2):
        picture.seek(k)
        pixels = np.asarray(picture.convert("RGB")).astype(int)[: film.MARGIN + film.LINE, film.MAP_SIDE :]
        blue.append(int(((pixels[..., 2] > 120) & (pixels[..., 0] < 60)).sum()))
    assert blue[1] == pytest.approx(4 * blue[0], rel=0.1)


def test_t_sne_is_flat(digits):
    app = open_page(run="digits-run")
    app.selectbox(key="latent_projection").select("tsne").run()
    assert not app.exception
    assert app.button_group(key="latent_solid").disabled


def test_two_dimensions_make_a_plane_and_three_a_cloud(digits, monkeypatch):
    shown: list[map_panel.View] = []
    monkeypatch.setattr(latent_page, "latent_map", lambda wanted, view, near: shown.append(view))
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
    monkeypatch.setattr(map_panel.st, "session_state", {map_panel.KEY: told})
    assert map_panel.choice(wanted).kind == "none"
    told["choice"]["images"] = map_panel.images_key(wanted)
    assert map_panel.choice(wanted) == map_panel.Choice("point", (3,))
    told["choice"]["rows"] = [-4, 10**9]
    assert map_panel.choice(wanted).kind == "none"


def test_the_film_is_told_in_the_language_of_the_page(monkeypatch):
    monkeypatch.setattr(text, "language", lambda: "zh")
    told = map_panel.film_words(plan("cifar10"))["words"]
    assert told["airplane"] == "飞机"
    assert told["class"] == "类别"
    assert len(told) == 11


@pytest.mark.parametrize("dims", ["", "1,3"])
def test_the_map_is_inverted(digits, dims):
    """Places lifted to codes are found at the same places again; with a chosen image its own code is found at its place."""
    projection = "dims" if dims else "pca"
    asked = {"projection": projection, "dims": dims}
    base, across, up = numbers(digits, "lift.bin", **asked).reshape(3, 4)
    places = numbers(digits, "places.bin", **asked).reshape(-1, 3)[:, :2]
    np.testing.assert_allclose([across @ across, up @ up, across @ up], [1, 1, 0], atol=1e-5)
    z = base + places[:, :1] * across + places[:, 1:] * up
    mu = numbers(digits, "codes.bin", **asked).reshape(-1, 4)
    np.testing.assert_allclose((z - mu) @ across, 0, atol=1e-4)
    np.testing.assert_allclose((z - mu) @ up, 0, atol=1e-4)
    base, across, up = numbers(digits, "lift.bin", row="7", **asked).reshape(3, 4)
    np.testing.assert_allclose(base + places[7, 0] * across + places[7, 1] * up, mu[7], atol=1e-4)


@pytest.mark.parametrize("dims", ["", "1,3"])
def test_the_density_of_a_map_is_one_in_all(digits, dims):
    found = numbers(digits, "density.bin", projection="dims" if dims else "pca", dims=dims)
    x, y, reach = found[:3]
    q = found[3:].reshape(96, 96)
    cell = (2 * reach / 95) ** 2
    assert q.sum() * cell == pytest.approx(1.0, abs=0.02)
    if dims:
        assert (x, y) == (0.0, 0.0)  # the prior's middle


def test_a_model_is_also_found_by_the_name_model(digits):
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=TIMEOUT)
    app.query_params["model"] = "digits-run"
    app.switch_page(str(ROOT / "pages" / "latent.py")).run()
    assert not app.exception
    assert app.selectbox(key="latent_pick").value == "digits-run"
    assert app.query_params.get("run") in ("digits-run", ["digits-run"])
    assert "model" not in app.query_params
