"""Scores of known factors: worked by hand, and on a perfect, a rotated and a random code."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from cli_shell import Shell
from sklearn.metrics import mutual_info_score
from trained import write_model

from vaelab.analysis import factors
from vaelab.config.errors import DataError
from vaelab.runs import store
from vaelab.runs.plan import plan

VALUES = (4, 3, 5)
N = 3_000
LABELS = {
    name: (np.random.default_rng(k).integers(count, size=N), tuple(f"{name} {v}" for v in range(count)))
    for k, (name, count) in enumerate(zip("abc", VALUES, strict=True))
}
FACTORS = {name: values for name, (values, _) in LABELS.items()}
PERFECT = np.stack([values - values.mean() for values in FACTORS.values()], axis=1).astype(float)


def test_information_worked_by_hand() -> None:
    """z = 0 0 1 1 and v = 0 0 0 1: the joint is 1/2, 1/4, 1/4."""
    z, v = np.array([[0.0, 0.0, 1.0, 1.0]]).T, np.array([0, 0, 0, 1])
    expected = 0.5 * math.log(4 / 3) + 0.25 * math.log(2 / 3) + 0.25 * math.log(2)
    assert factors.mutual_information(z, {"v": v})[0, 0] == pytest.approx(expected)
    assert factors.entropy(v) == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4))


def test_information_is_scikit_learns() -> None:
    mu = np.random.default_rng(0).normal(size=(500, 3))
    mu[:, 0] += FACTORS["a"][:500]
    table = factors.mutual_information(mu, {name: values[:500] for name, values in FACTORS.items()})
    for z in range(3):
        edges = np.linspace(mu[:, z].min(), mu[:, z].max(), factors.BINS + 1)
        cut = np.clip(np.digitize(mu[:, z], edges[1:-1]), 0, factors.BINS - 1)
        for k, values in enumerate(FACTORS.values()):
            assert table[z, k] == pytest.approx(mutual_info_score(cut, values[:500]), abs=1e-9)


def test_mig_worked_by_hand() -> None:
    v = np.array([0, 0, 1, 1])  # H = log 2
    assert factors.mig(np.array([[math.log(2)], [0.0]]), {"v": v}) == pytest.approx(1.0)
    assert factors.mig(np.array([[math.log(2)], [math.log(2)]]), {"v": v}) == 0.0
    assert factors.mig(np.array([[0.5], [0.2], [0.3]]), {"v": v}) == pytest.approx(0.2 / math.log(2))


@pytest.mark.parametrize(
    ("table", "disentanglement", "completeness"),
    [
        ([[1, 0], [0, 1]], 1.0, 1.0),
        ([[0.5, 0.5], [0.5, 0.5]], 0.0, 0.0),
        ([[1, 1], [0, 0]], 0.0, 1.0),  # one dimension does everything
        ([[0.5, 0], [0.5, 0], [0, 1]], 1.0, (1 - math.log(2) / math.log(3) + 1) / 2),  # a factor takes two
    ],
)
def test_dci_worked_by_hand(table: list[list[float]], disentanglement: float, completeness: float) -> None:
    assert factors.dci(np.array(table)) == pytest.approx((disentanglement, completeness))


def test_a_perfect_code_has_the_best_scores() -> None:
    found = factors.scores_of(PERFECT, LABELS)
    assert found.mig > 0.98
    assert found.disentanglement > 0.95
    assert found.completeness > 0.95
    assert found.informativeness == 1.0
    assert found.factor_vae == 1.0
    assert found.sap > 0.25  # a straight line cannot tell all values of one dimension apart


def test_a_rotated_code_keeps_the_information_and_loses_the_names() -> None:
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    perfect, found = factors.scores_of(PERFECT, LABELS), factors.scores_of(PERFECT @ rotation, LABELS)
    assert found.informativeness > 0.9
    assert found.factor_vae <= perfect.factor_vae  # hardly less: with few dimensions the vote is fooled
    for name in ("mig", "disentanglement", "completeness", "sap"):
        assert getattr(found, name) < getattr(perfect, name) - 0.1, name
    assert found.mig < 0.4


def test_a_random_code_has_scores_of_chance() -> None:
    found = factors.scores_of(np.random.default_rng(5).normal(size=(N, 3)), LABELS)
    assert found.mig < 0.01
    assert found.disentanglement < 0.05
    assert found.sap < 0.06
    assert found.informativeness < 0.4  # chance is 0.26
    assert found.factor_vae < 0.55  # chance is one in three


def test_a_collapsed_code_scores_nothing() -> None:
    found = factors.scores_of(np.zeros((N, 4)), LABELS)
    assert (found.mig, found.factor_vae, found.sap) == (0.0, 0.0, 0.0)


def test_ordered_factors_are_told_by_correlation() -> None:
    x = np.random.default_rng(0).integers(5, size=N)
    codes = np.stack([x * 1.0, np.random.default_rng(1).normal(size=N)], axis=1)
    assert factors.sap(codes, {"x": x}, {"x"}) > 0.98
    assert factors.sap(codes, {"x": x}, set()) < 0.9


def test_what_cannot_be_measured_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="at least 40 images with a factor that varies, got 39 images and 3 factors"):
        factors.scores_of(PERFECT[:39], {name: (values[:39], names) for name, (values, names) in LABELS.items()})
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    run = write_model(store.runs_root() / "a", plan("digits", latent_dim=4))
    with pytest.raises(DataError, match="digits has no known factors"):
        factors.scores(run)


@pytest.mark.usefixtures("places")
def test_the_command_line_measures_factors(shell: Shell) -> None:
    found = shell.json("evaluate", "shapes-conv-vae", "--limit", "200", "--factors")
    expected = factors.scores(store.find("shapes-conv-vae"), "test", 200)
    assert found["factors"] == expected.__dict__
    assert 0.0 < found["factors"]["mig"] < 1.0
    assert "no known factors" in shell.refuses("evaluate", "mnist-conv-vae", "--factors")
