"""The views of lessons 5, 7, 8 and 10 beyond the first: each opens, and shows figures that agree with a known answer."""

import re
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vaelab.lessons.race import RACES
from vaelab.ui.learn import pitfalls

ROOT = Path(__file__).parents[1]
VIEWS = [
    ("vae", {"vae_view": "spaces"}),
    ("vae", {"vae_sigma": 0.0, "vae_mu": 0.0, "vae_all": False, "vae_face": 2}),
    *(("elbo", {"elbo_view": view}) for view in ("kl", "jensen", "onto", "bound")),
    ("elbo", {"elbo_view": "jensen", "elbo_step_jensen": 4}),
    ("elbo", {"elbo_view": "onto", "elbo_step_onto": 4}),
    ("reparam", {"reparam_view": "path", "reparam_trick": "without"}),
    ("reparam", {"reparam_view": "variance", "reparam_cost": "step", "reparam_by": "sigma"}),
    ("reparam", {"reparam_view": "pinned", "reparam_pin": False}),
    *(("pitfalls", {"pitfalls_which": name}) for name in ("std", "pixels", "reduction", "report", "collapse")),
]


def opened(name, state, tmp_path, monkeypatch):
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app = AppTest.from_file(str(ROOT / "vaelab" / "ui" / "shell.py"), default_timeout=180)
    app.query_params["lang"] = "en"
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    app.switch_page(str(ROOT / "pages" / f"learn_{name}.py"))
    app.query_params["lang"] = "en"
    app.run()
    assert not app.exception
    assert not app.error
    return app


def words(app):
    return "\n".join(str(element.value) for element in app.markdown)


@pytest.mark.parametrize(("name", "state"), VIEWS)
def test_a_view_opens(name, state, tmp_path, monkeypatch):
    app = opened(name, state, tmp_path, monkeypatch)
    for key, value in state.items():
        assert app.session_state[key] == value


def test_the_linear_gap_is_shown_twice_and_agrees(tmp_path, monkeypatch):
    app = opened("elbo", {"elbo_view": "bound", "elbo_shift": 1.0, "elbo_width": 1.0}, tmp_path, monkeypatch)
    assert "**1.000** nats" in words(app)  # half of 1 squared, in both dimensions
    assert words(app).count("1.000") == 2
    app.slider(key="elbo_shift").set_value(0.0).run()
    assert words(app).count("**0.000**") == 2
    app.slider(key="elbo_shift").set_value(3.0).run()
    assert "draws only about" in words(app)
    assert "**≥ −" in words(app), "no error is claimed where few draws count"


def test_the_bound_of_a_vae_in_training_lies_below_its_log_evidence(tmp_path, monkeypatch):
    app = opened("elbo", {"elbo_view": "bound", "elbo_model": "both", "elbo_k": 5000}, tmp_path, monkeypatch)
    until = time.monotonic() + 240
    while "has been trained for" not in words(app):
        assert time.monotonic() < until
        time.sleep(0.2)
        app.run()
    numbers = [float(n.replace("−", "-")) for n in re.findall(r"\*\*(−?\d[\d.]*)", words(app)) if "." in n]
    elbo, estimate, truth, gap = numbers[:4]
    assert elbo < truth
    assert gap == pytest.approx(truth - elbo, abs=0.02)
    assert estimate == pytest.approx(truth, abs=0.2)


def test_torch_tells_that_a_plain_draw_has_no_gradient(tmp_path, monkeypatch):
    app = opened("reparam", {"reparam_view": "path", "reparam_trick": "without"}, tmp_path, monkeypatch)
    assert words(app).count("**None**") == 2
    app.session_state["reparam_trick"] = "with"
    app.run()
    assert "**None**" not in words(app)


def test_a_race_is_started_paused_and_reset_by_its_buttons(tmp_path, monkeypatch):
    monkeypatch.setattr(pitfalls, "STEPS", 100_000)  # not over before it is looked at
    app = opened("pitfalls", {"pitfalls_which": "std"}, tmp_path, monkeypatch)
    race = RACES.get(app.session_state["race_owner"], "pitfall_std", None)
    app.button(key="pitfalls_std_go").click().run()
    until = time.monotonic() + 240
    while race.look().step < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    app.run()
    app.button(key="pitfalls_std_go").click().run()
    assert race.look().state == "paused"
    assert not app.exception
    app.button(key="pitfalls_std_reset").click().run()
    assert race.look().step == 0


def test_both_estimates_can_be_drawn_again(tmp_path, monkeypatch):
    app = opened("reparam", {"reparam_view": "variance", "reparam_cost": "square"}, tmp_path, monkeypatch)
    before = words(app)
    app.button(key="reparam_again_variance").click().run()
    means = [re.findall(r"mean \*\*(-?[\d.]+)", said) for said in (before, words(app))]
    assert len(means[0]) == 2
    assert all(old != new for old, new in zip(*means, strict=True))
    assert all("exact **1.600**" in said for said in (before, words(app)))
