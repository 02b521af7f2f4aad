"""What students may do: from the environment, and over it what the teacher set; out of range is told, a damaged file counts as absent."""

from __future__ import annotations

import dataclasses
import json

import pytest

from vaelab.config.errors import ConfigError
from vaelab.runs import limits as kept
from vaelab.runs.limits import NAMES, PREFIX, Limits, limits, limits_file, set_limits
from vaelab.runs.plan import plan
from vaelab.ui.text import strings


@pytest.fixture(autouse=True)
def home(places: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def test_the_teachers_choice_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert limits() == Limits()
    monkeypatch.setenv("VAELAB_STUDENT_RUNS", "7")
    monkeypatch.setenv("VAELAB_STUDENT_EPOCHS", " 9 ")
    assert limits() == Limits(runs=7, epochs=9)
    set_limits(dataclasses.replace(limits(), runs=5))
    assert limits() == Limits(runs=5, epochs=9)


@pytest.mark.parametrize("text", ["", "many", "-1", "1e3", "9" * 5000, "100001"])
def test_a_variable_out_of_range_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_STUDENT_EPOCHS", text)
    with pytest.raises(ConfigError, match=r"EPOCHS|epochs"):
        limits()


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"runs": "x", "epochs": -5, "unknown": 1}', '{"runs": true}', '{"runs": null}']
)
def test_a_damaged_file_opens_nothing(content: str) -> None:
    limits_file().parent.mkdir(parents=True)
    limits_file().write_text(content)
    assert limits() == Limits()


def test_what_is_whole_in_a_file_holds() -> None:
    limits_file().parent.mkdir(parents=True)
    limits_file().write_text(json.dumps({"runs": 2, "epochs": "x"}))
    assert limits() == Limits(runs=2)


def test_a_training_at_the_limit_is_allowed_and_one_above_is_not() -> None:
    cfg = plan("digits", latent_dim=4, epochs=4)
    kept.check_training(cfg, 100, 10, Limits(images=100, epochs=4))
    with pytest.raises(ConfigError, match="at most 99 images, got 100"):
        kept.check_training(cfg, 100, 10, Limits(images=99))
    with pytest.raises(ConfigError, match="at most 3 epochs, got 4"):
        kept.check_training(cfg, 100, 10, Limits(epochs=3))
    with pytest.raises(ConfigError, match="MB of memory"):
        kept.check_training(cfg, 100, 10, Limits(memory=100))
    limited = plan("digits", latent_dim=4, limit=50, batch_size=10)
    kept.check_training(limited, 1500, 10, Limits(images=50))


def test_every_limit_has_its_words_and_its_line_in_the_documents() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[1] / "docs" / "deploy.md").read_text(encoding="utf-8")
    for name in NAMES:
        default = f"{getattr(Limits(), name):,}"
        row = next(line for line in text.splitlines() if line.startswith(f"| `{PREFIX}{name.upper()}` |"))
        assert row.rstrip(" |").endswith(f"| {default}"), row
        for lang in ("en", "zh"):
            assert strings(lang, "classroom")[f"limit_{name}"]
            assert strings(lang, "classroom")[f"limit_{name}_help"]
