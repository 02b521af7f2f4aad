"""The Compare page: what it opens with, what the address holds, its table; and in Chromium the ring in every map."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from app_page import opened
from run_writer import write_run
from small_training import numbers
from streamlit.testing.v1 import AppTest
from trained import write_model

from vaelab.analysis import comparison
from vaelab.cli.bench.app_server import running_app
from vaelab.runs import store
from vaelab.runs.plan import plan
from vaelab.ui.components.chorus import chorus_view
from vaelab.ui.text import strings
from vaelab.workers import launch, train_worker

PAIR = "pixel-faces-conv-vae,pixel-faces-autoencoder"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))


def table_of(app: AppTest) -> pd.DataFrame:
    return app.dataframe[0].value


def test_who_comes_anew_sees_two_shipped_models_then_the_newest_runs() -> None:
    assert opened("compare").multiselect(key="compare_models").value == PAIR.split(",")
    for name in ("one", "two", "three"):
        write_run(name, cfg=plan("digits", latent_dim=4))
    assert opened("compare").multiselect(key="compare_models").value == ["three", "two"]


def test_the_table_has_figures_and_only_settings_that_differ() -> None:
    write_run("one", cfg=plan("digits", latent_dim=4))
    write_run("two", cfg=plan("digits", latent_dim=8))
    rows = table_of(opened("compare", models="one,two"))
    assert rows["model"].tolist() == ["one", "two"]
    assert rows["above the floor (nats)"].tolist() == [4.5, 4.5]
    assert rows["active dimensions"].tolist() == ["4 / 4", "8 / 8"]
    assert [name for name in rows if "." in name] == ["model.latent_dim"]
    assert rows["model.latent_dim"].tolist() == ["4", "8"]


def test_an_absent_model_is_named_and_the_rest_is_shown() -> None:
    app = opened("compare", models=f"gone,{PAIR}")
    assert "`gone`" in app.warning[0].value
    assert app.multiselect(key="compare_models").value == PAIR.split(",")


def test_one_model_is_too_few() -> None:
    app = opened("compare", models="pixel-faces-conv-vae")
    assert "at least two" in app.info[0].value
    assert not app.dataframe


def test_a_damaged_run_is_left_out() -> None:
    for name in ("one", "two", "three"):
        write_run(name, cfg=plan("digits", latent_dim=4))
    run = write_run("bad", cfg=plan("digits", latent_dim=4))
    run.config_file.write_text("{")
    assert "bad" not in opened("compare").multiselect(key="compare_models").options


@pytest.mark.parametrize("view", ["pictures", "maps"])
def test_every_view_opens_by_its_address(view: str) -> None:
    app = opened("compare", models=PAIR, view=view)
    assert app.session_state["compare_view"] == view
    assert not app.error
    assert not app.warning
    assert app.query_params["models"] in (PAIR, [PAIR])


def test_models_that_learned_from_different_images_are_compared_too() -> None:
    for view in ("pictures", "maps"):
        app = opened("compare", models="pixel-faces-conv-vae,shapes-conv-vae", view=view)
        assert not app.error
        assert any("different images" in caption.value for caption in app.caption)


@pytest.mark.browser
def test_pointing_at_an_image_rings_it_in_both_maps_and_the_table_is_downloaded(new_page: Any, tmp_path: Path) -> None:
    words = strings("zh", "compare")
    with running_app(tmp_path / "runs") as address:
        page = new_page()
        page.goto(f"{address}/compare?models={PAIR}&view=maps&lang=zh")
        maps = page.locator(".st-key-compare_plots svg.marks")
        maps.wait_for()
        dots = maps.locator("g.mark-symbol.role-mark path")
        dots.nth(1000).wait_for(state="attached")
        box = dots.nth(100).bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        rings = maps.locator("g.mark-symbol[class*=layer_1_marks] path")
        rings.nth(1).wait_for()
        assert rings.count() == 2
        page.goto(f"{address}/compare?models={PAIR},shapes-conv-vae&view=maps&lang=zh")
        maps.locator("g.mark-symbol.role-mark path").nth(1500).wait_for(state="attached")
        assert rings.count() == 0  # nothing is pointed at
        page.goto(f"{address}/compare?models={PAIR}&lang=zh")
        with page.expect_download() as download:
            page.get_by_role("button", name=words["download"]).click()
        rows = pd.read_csv(io.BytesIO(Path(download.value.path()).read_bytes()))
        assert rows[words["model"]].tolist() == PAIR.split(",")
        assert rows[words["column_active"]].tolist()[0] == "16 / 16"


def test_some_are_trained_together_and_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    monkeypatch.setattr(launch, "_begin", lambda run: begun.append(run.name))
    app = opened("compare")
    app.selectbox(key="together_dataset").set_value("digits").run()
    app.multiselect(key="together_beta").set_value(["1", "4", "2.5"]).run()
    app.number_input(key="together_epochs").set_value(2).run()
    app.button(key="together_start").click().run()
    assert not app.exception
    assert begun == ["digits-conv-vae-beta1", "digits-conv-vae-beta4", "digits-conv-vae-beta2.5"]
    assert app.multiselect(key="compare_models").value == begun
    assert app.session_state["compare_view"] == "figures"
    cfgs = [store.find(name).config() for name in begun]
    assert [(cfg.loss.beta, cfg.optim.epochs, cfg.seed) for cfg in cfgs] == [(1.0, 2, 0), (4.0, 2, 0), (2.5, 2, 0)]


def test_trained_together_each_is_what_it_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[store.Run] = []
    monkeypatch.setattr(launch, "_begin", begun.append)
    app = opened("compare")
    app.selectbox(key="together_dataset").set_value("digits").run()
    app.multiselect(key="together_beta").set_value(["1", "4"]).run()
    app.number_input(key="together_epochs").set_value(1).run()
    app.button(key="together_start").click().run()
    for run in begun:
        assert train_worker.run_here(run).state == "finished"
    cfg = begun[1].config()
    alone = store.create_run(plan("digits", cfg.model.name, beta=4.0, epochs=1, seed=cfg.seed), "alone")
    assert train_worker.run_here(alone).state == "finished"
    assert numbers(begun[1]) == numbers(alone)
    assert begun[1].model_file().read_bytes() == alone.model_file().read_bytes()
    assert numbers(begun[0]) != numbers(alone)


def test_a_value_that_is_no_number_is_one_sentence() -> None:
    app = opened("compare")
    app.multiselect(key="together_beta").set_value(["1", "much"]).run()
    app.button(key="together_start").click().run()
    assert "must be a number, got: 1, much" in app.error[0].value
    assert store.list_runs() == []


def test_two_models_lie_over_one_another_and_the_originals_can_be_one_of_them() -> None:
    app = opened("compare", models=PAIR, view="pictures")
    app.button_group(key="compare_layout").set_value("over").run()
    assert not app.exception
    assert app.selectbox(key="compare_left").value == PAIR.split(",")[0]
    assert app.selectbox(key="compare_right").options == [*PAIR.split(","), "Originals"]
    app.selectbox(key="compare_right").select_index(2).run()
    assert not app.exception
    app.button_group(key="compare_kind").set_value("samples").run()  # which have no originals
    assert app.selectbox(key="compare_right").value == PAIR.split(",")[1]


def test_one_z_opens_as_its_address_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[dict[str, Any]] = []

    def keep(name: str, key: str, data: dict[str, Any], **_: Any) -> Any:
        drawn.append(data)
        return SimpleNamespace(z=None)

    monkeypatch.setattr(chorus_view, "widget", keep)
    app = opened("compare", models=PAIR, view="z", z="1,-9,0.5", pairs="use")
    assert (drawn[-1]["start"], drawn[-1]["by"]) == ([1.0, -3.0, 0.5], "use")
    first, second = drawn[-1]["models"]
    assert (first["base"], first["size"], second["size"]) == ([0.0] * 16, 16, 384)
    app.button_group(key="compare_begin").set_value("image").run()
    assert not app.exception
    codes = [comparison.codes(store.find(name)).mu[0] for name in PAIR.split(",")]
    for model, code in zip(drawn[-1]["models"], codes, strict=True):
        np.testing.assert_allclose(model["base"], code, rtol=1e-4, atol=1e-6)
    app = opened("compare", models=PAIR, view="z", z="1,much")
    assert "not a list of numbers" in app.warning[0].value
    assert drawn[-1]["start"] == []


def test_a_model_that_one_z_cannot_move_says_why() -> None:
    for name, model in (("grid", "vq-vae"), ("usual", "conv-vae")):
        cfg = plan("digits", model=model)
        write_model(write_run(name, cfg=cfg).path, cfg)
    app = opened("compare", models="grid,usual", view="z")
    assert ["grid" in warning.value and "codebook" in warning.value for warning in app.warning] == [True]
