"""Chart data against known answers, and the promise that a ticking chart changes its data alone."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest

from vaelab.analysis.projections import align, pca_plane
from vaelab.images import palette
from vaelab.images.palette import THEMES
from vaelab.runs.files import append_row, stamp_of
from vaelab.runs.plan import plan
from vaelab.runs.store import create_run
from vaelab.ui.charts import latent, prior, training_charts
from vaelab.ui.charts.thinning import thin
from vaelab.ui.train import live

CODE_TEXTS = {"dim": "Dimension", "mu": "μ", "sigma": "σ"}
TEXTS = {"step": "Step", "nats": "nats", "train": "training", "test": "held out", "floor": "floor"}


def metrics(n: int) -> list[dict]:
    rows = [{"step": k, "loss": 100.0 / k, "recon": 90.0 / k, "kl": 10.0 / k, "floor": 5.0} for k in range(1, n + 1)]
    rows[-1] |= {"test_loss": 101.0, "test_recon": 91.0, "test_kl": 10.0, "test_floor": 6.0}
    return rows


def spec_without_data(chart) -> str:
    """The specification as Streamlit compares it: names of data sets are hashes of their content and do not count."""
    spec = json.loads(chart.to_json())
    spec.pop("datasets", None)

    def without_names(node):
        if isinstance(node, dict):
            return {k: without_names(v) for k, v in node.items() if k != "data"}
        return [without_names(v) for v in node] if isinstance(node, list) else node

    return json.dumps(without_names(spec), sort_keys=True)


def test_thin_keeps_short_curves_and_averages_long_ones():
    steps, values = np.arange(1.0, 11.0), np.arange(10.0)
    assert thin(steps, values, 10)[1] is values
    short_steps, short_values = thin(steps, values, 5)
    np.testing.assert_allclose(short_steps, [1.5, 3.5, 5.5, 7.5, 9.5])
    np.testing.assert_allclose(short_values, [0.5, 2.5, 4.5, 6.5, 8.5])


def test_thin_keeps_the_mean_of_a_ragged_curve():
    steps, values = np.arange(1.0, 1004.0), np.random.default_rng(0).normal(size=1003)
    thinned = thin(steps, values, 300)[1]
    assert len(thinned) == 300
    assert thinned.mean() == pytest.approx(values.mean(), abs=0.02)


def test_curve_rows():
    events = [{"event": "start", "step": 0}, {"event": "dial", "step": 2, "beta": 4.0, "lr": 0.001}]
    rows = training_charts.curve_rows(metrics(3), events, "recon")
    assert rows[rows.series == "train"].value.tolist() == [90.0, 45.0, 30.0]
    assert rows[rows.series == "test"].value.tolist() == [91.0]
    assert rows[rows.series == "floor"].value.tolist() == [6.0]  # of the held-out images, where it is known
    assert rows[rows.series == "dial"][["step", "label"]].to_numpy().tolist() == [[2.0, "β 4, lr 0.001"]]


def test_dials_name_what_changed_below_each_other():
    start = [{"step": 1, "loss": 5.0, "beta": 1.0, "lr": 0.001}]
    turns = [(4.0, 0.001), (4.0, 0.003), (1.0, 0.003), (2.0, 0.003)]
    events = [{"event": "dial", "step": k, "beta": beta, "lr": lr} for k, (beta, lr) in enumerate(turns, start=2)]
    rows = training_charts.curve_rows(start, events, "loss")
    assert rows[rows.series == "dial"].label.tolist() == ["β 4", "\nlr 0.003", "\n\nβ 1", "β 2"]


def test_curve_rows_of_kl_have_no_floor():
    assert "floor" not in set(training_charts.curve_rows(metrics(3), [], "kl").series)


def test_curve_rows_before_the_first_row():
    rows = training_charts.curve_rows([], [], "loss")
    assert len(rows) == 0
    assert rows.value.dtype == float


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("term", ["loss", "recon", "kl"])
def test_curve_keeps_its_specification_while_data_grows(theme, term):
    dial = [{"event": "dial", "step": 5, "beta": 2.0}]
    first = training_charts.curve(training_charts.curve_rows([], [], term), theme, TEXTS, term)
    later = training_charts.curve(training_charts.curve_rows(metrics(900), dial, term), theme, TEXTS, term)
    assert spec_without_data(first) == spec_without_data(later)
    assert palette.colour(training_charts.TERMS[term], theme) in spec_without_data(first)


def test_kl_bars_are_sorted_and_grey_when_idle():
    rows = training_charts.kl_bar_rows(np.array([0.1, 3.0, 0.0]), np.array([True, True, False]))
    assert rows.dim.tolist() == ["z1", "z0", "z2"]
    assert rows.active.tolist() == [True, True, False]
    chart = training_charts.kl_bars(rows, "light", {"dim": "Dimension", "nats": "nats"}, 3)
    other = training_charts.kl_bars(
        training_charts.kl_bar_rows(np.zeros(3), np.zeros(3, bool)), "light", {"dim": "Dimension", "nats": "nats"}, 3
    )
    assert spec_without_data(chart) == spec_without_data(other)
    # Ticks put new rows into the same chart, which would keep the order of names that it began with.
    assert '"sort": {"field": "kl", "order": "descending"}' in spec_without_data(chart)


def test_the_dimensions_of_a_code_keep_their_order():
    chart = latent.code_chart(np.zeros(12), np.ones(12), [2, 10, 11], "light", CODE_TEXTS)
    assert '"sort": ["z2", "z10", "z11"]' in json.dumps(chart.to_dict())


def test_scatter_rows_name_the_classes_and_hold_a_symmetric_range():
    rows = training_charts.scatter_rows(np.array([[0.5, -3.2], [0.0, 1.0]]), np.array([1, 0]), ["cat", "dog"])
    assert rows[rows.kind == "point"].label.tolist() == ["dog", "cat"]
    assert rows[rows.kind == "corner"].x.tolist() == [-3.5, 3.5]
    ring = rows[rows.kind == "ring2"]
    np.testing.assert_allclose(np.hypot(ring.x, ring.y), 2.0)


def test_scatter_of_nothing_keeps_its_specification():
    names = ["cat", "dog"]
    empty = training_charts.latent_scatter(
        training_charts.scatter_rows(np.zeros((0, 2)), None, names), "dark", {"class": "Class"}, names
    )
    full = training_charts.latent_scatter(
        training_charts.scatter_rows(np.ones((2, 2)), np.array([0, 1]), names), "dark", {"class": "Class"}, names
    )
    assert spec_without_data(empty) == spec_without_data(full)


@pytest.mark.parametrize(
    ("names", "legend"),
    [(["猫", "狗"], True), (["棕 #8d5524", "棕 #a26d3d"], False), (["a very long name", "b"], False)],
)
def test_scatter_names_only_what_can_be_read_beside_it(names, legend):
    chart = training_charts.latent_scatter(
        training_charts.scatter_rows(np.zeros((0, 2)), None, names), "dark", {"class": "Class"}, names
    )
    assert ('"legend": null' not in spec_without_data(chart)) == legend


def test_pca_plane_finds_the_plane_of_a_flat_cloud():
    generator = np.random.default_rng(1)
    flat = generator.normal(size=(200, 2)) * [3.0, 1.0]
    turn, _ = np.linalg.qr(generator.normal(size=(6, 6)))
    points = pca_plane(np.c_[flat, np.zeros((200, 4))] @ turn)
    centred = flat - flat.mean(axis=0)
    np.testing.assert_allclose(points.var(axis=0).sum(), centred.var(axis=0).sum())
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), np.linalg.norm(centred, axis=1))


def test_pca_plane_leaves_two_dimensions_alone():
    mu = np.array([[1.0, 2.0], [3.0, -1.0]])
    np.testing.assert_array_equal(pca_plane(mu), mu)


def test_align_undoes_a_turn_and_a_mirror():
    reference = np.random.default_rng(2).normal(size=(50, 2))
    angle = math.radians(130)
    turned = reference @ np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    np.testing.assert_allclose(align(turned * [1, -1], reference), reference, atol=1e-12)


def test_align_never_stretches():
    reference = np.random.default_rng(3).normal(size=(50, 2))
    aligned = align(2.0 * reference[:, ::-1], reference)
    np.testing.assert_allclose(aligned, 2.0 * reference, atol=1e-12)


@pytest.mark.parametrize("theme", THEMES)
def test_marginals_put_each_dimension_on_a_place_of_its_own(theme):
    grid = np.linspace(-4.0, 4.0, 41)
    densities = {k: np.exp(-0.5 * (grid - k) ** 2) for k in (3, 0, 5, 1, 2)}
    texts = {"dim": "dimension", "value": "value", "density": "density"}
    figure = prior.marginals(densities, dict.fromkeys(densities, 0.5), [0, 1, 2, 3], grid, theme, texts)
    shown = slice(None, None, prior.DRAWN)
    assert len(figure.rows) == 5 * len(grid[shown])
    assert figure.rows["told"].sum() == 5 * len(grid[:: prior.POINTED])
    seen = set()
    for k, density in densities.items():
        rows = figure.rows[figure.rows["dim"] == f"z{k}"]
        np.testing.assert_allclose(rows["q"], density[shown], rtol=1e-6)
        np.testing.assert_allclose(rows["z"], grid[shown], atol=1e-6)
        normal = np.exp(-0.5 * grid[shown] ** 2) / np.sqrt(2 * np.pi)
        np.testing.assert_allclose(rows["prior"] - rows["base"], normal, atol=1e-5)
        assert set(rows["used"]) == {k != 5}
        left, right, base = float(rows["x"].min()), float(rows["x"].max()), float(rows["base"].iloc[0])
        assert all(right < x0 or left > x1 or y != base for x0, x1, y in seen), "panels must not lie upon each other"
        seen.add((left, right, base))
    heads = [row["title"] for row in figure.spec["layer"][3]["data"]["values"]]
    assert heads == [f"z{k} · 50 %" for k in densities]


def test_posteriors_of_images_are_ellipses_of_one_sigma_and_codes_are_points():
    mu, sigma = np.array([[1.0, 2.0], [0.0, -1.0], [9.0, 9.0]]), np.array([[0.5, 0.25], [1.0, 2.0], [1.0, 1.0]])
    labels, words = np.array([1, 0, -1]), {"prior": "prior", "posterior": "posterior"}
    figure = prior.pair(mu, sigma, labels, ["cat", "dog"], (4, 7), "light", words)
    assert set(figure.rows["image"]) == {0, 1}  # an image without a label has no colour
    for k, group in enumerate(["dog", "cat"]):
        rows = figure.rows[figure.rows["image"] == k]
        assert set(rows["group"]) == {group}
        radius = np.hypot(*((rows[["x", "y"]].to_numpy() - mu[k]) / sigma[k]).T)
        np.testing.assert_allclose(radius, 1.0, atol=1e-5)
    colour = figure.spec["layer"][1]["encoding"]["color"]["scale"]
    assert colour["domain"] == ["prior", "cat", "dog"]
    rings = figure.spec["layer"][0]["data"]["values"]
    assert sorted({round(math.hypot(row["x"], row["y"]), 2) for row in rings}) == [1.0, 2.0, 3.0]
    points = prior.pair(mu, None, None, (), (0, 1), "dark", words).rows
    np.testing.assert_allclose(points[["x", "y"]], mu)
    assert set(points["group"]) == {"posterior"}


def test_what_a_run_shows_is_made_once_for_all_who_watch(tmp_path, monkeypatch):
    run = create_run(plan("digits"), path=tmp_path / "run")
    append_row(run.metrics_file, {"step": 1, "loss": 9.0, "recon": 8.0, "kl": 1.0, "kl_per_dim": [0.25, 0.75]})
    made: list[str] = []
    build = training_charts.curve_rows
    monkeypatch.setattr(training_charts, "curve_rows", lambda *told: made.append(told[2]) or build(*told))

    def curve(term: str = "loss") -> dict:
        found = live._curve_table(str(run.path), stamp_of(run.metrics_file), term)
        return pa.ipc.open_stream(found.content).read_all().to_pydict()

    assert curve() == curve()
    assert made == ["loss"]
    assert curve()["value"] == [9.0]
    assert curve("kl")["value"] == [1.0]
    append_row(run.metrics_file, {"step": 2, "loss": 7.0, "recon": 6.5, "kl": 0.5, "kl_per_dim": [0.5, 0.0]})
    assert curve()["value"] == [9.0, 7.0]
    assert made == ["loss", "kl", "loss"]
    bars = live._kl_table(str(run.path), stamp_of(run.metrics_file), (True, False))
    told = pa.ipc.open_stream(bars.content).read_all().to_pydict()
    assert (told["dim"], told["kl"], told["active"]) == (["z0", "z1"], [0.5, 0.0], [True, False])
