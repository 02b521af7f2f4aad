"""Demonstrations: each can be trained, differs in what it says, has its words, and is one click away on two pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from app_page import opened

from vaelab.config.errors import ConfigError
from vaelab.lessons.demonstrations import demonstrations, planned
from vaelab.models import registry
from vaelab.models.presets import presets
from vaelab.runs import store
from vaelab.ui.compare import demos
from vaelab.ui.text import LANGUAGES, strings
from vaelab.workers import launch


@pytest.mark.parametrize("name", list(demonstrations()))
def test_each_can_be_trained_and_has_words(name: str) -> None:
    runs = planned(name)
    assert 2 <= len(runs) <= 4
    assert len({lane for lane, _ in runs}) == len(runs)
    for _, cfg in runs:
        launch.check(cfg)
    first, *others = (replace(cfg, id="") for _, cfg in runs)
    assert all(other != first for other in others)
    assert len({cfg.seed for _, cfg in runs}) == len({cfg.data.name for _, cfg in runs}) == 1
    for language in LANGUAGES:
        texts = strings(language, "demos")
        assert f"look_{name}" in texts
        assert name.startswith("method-") or f"title_{name}" in texts


def test_every_method_that_is_not_plain_has_one() -> None:
    shown = {demo.method for demo in demonstrations().values() if demo.method}
    plain = {"conv-vae", "linear-vae", "autoencoder"}
    assert shown == {name for name in presets() if not registry.is_own(preset_method(name))} - plain
    for name in shown:
        (_, plain_cfg), (_, cfg) = planned(f"method-{name}")
        if cfg.model.has_posterior:  # the method is all that differs
            assert cfg.model.network == plain_cfg.model.network


def preset_method(name: str) -> str:
    return presets()[name].method


def test_an_unknown_one_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match="must be one of beta, collapse"):
        planned("magic")


def test_the_button_starts_all_of_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    begun: list[str] = []

    def start_all(runs: Any) -> list[store.Run]:
        begun.extend(name for name, _ in runs)
        return [store.create_run(cfg, name) for name, cfg in runs]

    monkeypatch.setattr(demos.doing, "train_all", start_all)
    app = opened("train")
    app.selectbox(key="train_demo").select("conditional").run()
    words = strings("en", "demos")
    assert words["look_conditional"] in [text.value for text in app.markdown]
    app.button(key="train_demo_start").click().run()
    assert not app.exception
    assert begun == ["conditional-plain", "conditional-labelled"]


def test_what_to_look_for_is_said_while_its_runs_are_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    for name, cfg in planned("conditional"):
        store.create_run(cfg, name)
        store.create_run(cfg, f"{name}-2")
    said = strings("en", "demos")["look_conditional"]

    def shown(models: str) -> bool:
        app = opened("compare", demo="conditional", models=models)
        return any(said in info.value for info in app.info)

    assert shown("conditional-plain,conditional-labelled-2")
    assert not shown("conditional-plain,mnist-conv-vae")
