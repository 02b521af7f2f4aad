"""Sweeps among the runs on record: found by their settings alone, and shown as a heat map whose cells have pictures."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from app_page import opened
from run_writer import write_run
from trained import write_model

from vaelab.analysis.sweeps import Sweep, settings_of, sweeps
from vaelab.runs.plan import plan
from vaelab.runs.store import Run
from vaelab.ui.components.heat import heat_view

pytestmark = pytest.mark.usefixtures("places")


def written(**options: Any) -> Run:
    name = "-".join(f"{key.replace('_', '-')}{value}" for key, value in options.items())
    return write_run(name, cfg=plan("digits", **options))


def found(*runs: Run) -> list[Sweep]:
    return sweeps((run, settings_of(run.config())) for run in reversed(runs))


def names(sweep: Sweep) -> list[list[str | None]]:
    return [
        [sweep.cells[down, across].name if (down, across) in sweep.cells else None for across in range(len(sweep.xs))]
        for down in range(len(sweep.ys))
    ]


def test_two_settings_make_a_table_that_may_have_holes() -> None:
    runs = [written(latent_dim=z, beta=b) for z, b in ((8, 4.0), (2, 4.0), (2, 0.5), (16, 0.5))]
    (sweep,) = found(*runs)
    assert (sweep.x, sweep.y) == ("latent_dim", "beta")
    assert (sweep.xs, sweep.ys) == ((2, 8, 16), (0.5, 4.0))
    assert names(sweep) == [
        ["latent-dim2-beta0.5", None, "latent-dim16-beta0.5"],
        ["latent-dim2-beta4.0", "latent-dim8-beta4.0", None],
    ]


def test_one_setting_makes_a_row_of_three_and_its_newest_runs_count() -> None:
    runs = [written(beta=b) for b in (1.0, 2.0)]
    assert found(*runs) == []
    again = write_run("again", cfg=plan("digits", beta=2.0))
    (sweep,) = found(*runs, written(beta=4.0), again)
    assert names(sweep) == [["beta1.0", "again", "beta4.0"]]
    assert (sweep.x, sweep.y) == ("beta", "")


def test_a_diagonal_is_no_sweep_and_another_setting_begins_another_one() -> None:
    assert found(*(written(latent_dim=z, beta=b) for z, b in ((2, 1.0), (4, 2.0), (8, 4.0)))) == []
    cube = [written(latent_dim=z, beta=b, lr=lr) for z in (2, 4) for b in (1.0, 2.0) for lr in (0.001, 0.01)]
    pairs = [(sweep.x, sweep.y, len(sweep.cells)) for sweep in found(*cube)]
    assert sorted(pairs) == sorted(2 * [("latent_dim", "lr", 4), ("latent_dim", "beta", 4), ("lr", "beta", 4)])


def test_what_follows_from_another_setting_or_tells_only_where_it_ran_does_not_count() -> None:
    runs = [written(model=m, beta=b) for m in ("conv-vae", "linear-vae") for b in (1.0, 2.0)]  # each has its network
    (sweep,) = found(*runs)
    assert (sweep.x, sweep.y) == ("model", "beta")
    assert dict(sweep.rest)["network"] == ""
    assert "device" not in dict(sweep.rest)


def test_the_settings_of_a_method_are_settings() -> None:
    runs = [
        write_run(f"f{v}", cfg=plan("digits", model="vae-free-bits", settings={"free_nats": v}))
        for v in (0.1, 0.5, 1.0)
    ]
    (sweep,) = found(*runs)
    assert (sweep.x, sweep.xs) == ("free_nats", (0.1, 0.5, 1.0))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the heat map was given; its cell is never clicked."""
    kept: list[dict[str, Any]] = []

    def keep(name: str, key: str, data: dict[str, Any], **_: Any) -> Any:
        kept.append(data)
        return SimpleNamespace(cell=None)

    monkeypatch.setattr(heat_view, "widget", keep)
    return kept


def test_the_page_shows_recon_and_kl_whatever_beta_was_and_the_best_cell(drawn: list[dict[str, Any]]) -> None:
    for b, recon in ((1.0, 30.0), (2.0, 20.0), (4.0, 40.0)):
        run = written(beta=b)
        write_model(run.path, run.config())
        rows = [json.loads(line) for line in run.metrics_file.read_text().splitlines()]
        rows[-1] |= {"test_loss": 99.0, "test_recon": recon, "test_kl": 5.0, "test_floor": 9.0}
        run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    app = opened("compare", view="sweep")
    assert not app.exception
    assert not app.warning
    cells = drawn[-1]["cells"][0]
    assert [(cell["shown"], cell["share"]) for cell in cells] == [("35.00", 0.5), ("25.00", 0.0), ("45.00", 1.0)]
    assert drawn[-1]["chosen"] == "beta2.0"
    assert app.query_params["sweep"] in ("beta,,beta1.0", ["beta,,beta1.0"])
    app = opened("compare", view="sweep", sweep="beta,,beta1.0", cell="beta1.0")
    assert drawn[-1]["chosen"] == "beta1.0"
    assert app.multiselect(key="compare_models").value == ["beta4.0", "beta2.0"]  # the newest two
    app.button(key="compare_add").click().run()
    assert not app.exception
    assert app.multiselect(key="compare_models").value == ["beta4.0", "beta2.0", "beta1.0"]


def test_without_a_sweep_the_page_says_how_to_make_one() -> None:
    app = opened("compare", view="sweep")
    assert not app.exception
    assert "vaelab sweep" in app.code[0].value
