"""What the map of the Latent space page asks for: codes, places, colours, sheets of images, t-SNE, the film of a training."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest
from PIL import Image
from run_writer import PROBE
from starlette.applications import Starlette

from vaelab import data
from vaelab.analysis import film, inference, latents, projections
from vaelab.config.errors import RunError
from vaelab.export import film_file
from vaelab.models.latent_model import LatentModel
from vaelab.runs.store import Run
from vaelab.ui.components.map.map_routes import map_base, map_query, map_routes

pytestmark = pytest.mark.usefixtures("own_models")


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


def test_the_map_opens_without_the_decoder_which_the_errors_alone_need(digits, monkeypatch):
    decoded = []
    plain = LatentModel.decode_logits

    def counted(self, z, *rest):
        decoded.append(len(z))
        return plain(self, z, *rest)

    monkeypatch.setattr(LatentModel, "decode_logits", counted)
    known = latents.codes(latents.query(digits, "test", 1_000))
    assert answer(digits, "facts.json", count=1_000)["n"] == len(known) == 297
    assert decoded == []
    one = known.errors.of_one(7)
    assert decoded == [1]
    assert one == pytest.approx(known.error[7], rel=1e-4)
    assert known.error is known.error
    assert sum(decoded) == 1 + 297


def test_training_images_and_their_number(digits):
    known = latents.codes(latents.query(digits, "train", 1_000))
    assert len(known) == 1_000
    np.testing.assert_array_equal(known.pixels, data.load("digits", channels=1).train.pixels[:1_000])


def test_the_map_gets_facts_places_and_colours(digits):
    facts = answer(digits, "facts.json")
    kind = {"variational": True, "standard": True, "dims": 4}
    assert facts == {"n": 297, "shape": [1, 32, 32], "source": "images"} | kind
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


def gif_of(shown, title):
    return film_file._animation(film_file.frames(shown, title, ["#112233"] * 10, {}), "gif")


def test_the_film_is_saved_as_a_gif_that_moves(digits):
    status, body, headers = ask(address(digits, "film.gif"))
    assert (status, body[:6], headers["content-type"]) == (200, b"GIF89a", "image/gif")
    assert "digits-run.gif" in headers["content-disposition"]
    shown = film.film(digits)
    twice = film.Film(**{**vars(shown), "steps": (1, 20), "points": np.concatenate([shown.points * 0.2, shown.points]),
        "recon": shown.recon.repeat(2, axis=0), "samples": shown.samples.repeat(2, axis=0)})  # fmt: skip
    picture = Image.open(io.BytesIO(gif_of(twice, "a run")))
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


def test_the_gif_needs_no_language(digits):
    """A title that the font cannot draw leaves no empty boxes, and the bar grows with the steps."""
    shown = film.film(digits)
    twice = film.Film(**{**vars(shown), "steps": (5, 20), "points": shown.points.repeat(2, axis=0),
        "recon": shown.recon.repeat(2, axis=0), "samples": shown.samples.repeat(2, axis=0)})  # fmt: skip
    frames = [gif_of(twice, title) for title in ("数字 7", "7")]
    assert frames[0] == frames[1]
    picture = Image.open(io.BytesIO(frames[0]))
    blue = []
    for k in range(2):
        picture.seek(k)
        pixels = np.asarray(picture.convert("RGB")).astype(int)[
            : film_file.MARGIN + film_file.LINE, film_file.MAP_SIDE :
        ]
        blue.append(int(((pixels[..., 2] > 120) & (pixels[..., 0] < 60)).sum()))
    assert blue[1] == pytest.approx(4 * blue[0], rel=0.1)


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
