"""Lesson 2: margins, slices and information of a table, by enumeration and against SciPy."""

import math

import numpy as np
import pytest
from scipy.stats import entropy as scipy_entropy
from sklearn.metrics import mutual_info_score

from vaelab.config.errors import ConfigError
from vaelab.lessons.joint_table import (
    entropy,
    given_column,
    given_row,
    marginals,
    mutual_information,
    normalise,
    product,
)
from vaelab.ui.learn.joint import BOARD, COLUMNS, ROWS, _multiplied, _table, _valid, _view


@pytest.fixture
def weights():
    return np.random.default_rng(0).integers(0, 9, (ROWS, COLUMNS)).astype(float)


def test_margins_and_slices_by_enumeration(weights):
    joint = normalise(weights)
    total = sum(weights[r][c] for r in range(ROWS) for c in range(COLUMNS))
    for c in range(COLUMNS):
        column = sum(weights[r][c] for r in range(ROWS))
        assert marginals(joint).x[c] == pytest.approx(column / total)
        for r in range(ROWS):
            assert given_column(joint, c)[r] == pytest.approx(weights[r][c] / column)
    for r in range(ROWS):
        row = sum(weights[r][c] for c in range(COLUMNS))
        assert marginals(joint).y[r] == pytest.approx(row / total)
        for c in range(COLUMNS):
            assert given_row(joint, r)[c] == pytest.approx(weights[r][c] / row)


def test_everything_adds_up_to_one(weights):
    joint = normalise(weights)
    sums = [joint.sum(), marginals(joint).x.sum(), marginals(joint).y.sum(), product(marginals(joint)).sum()]
    sums += [given_row(joint, r).sum() for r in range(ROWS)] + [given_column(joint, c).sum() for c in range(COLUMNS)]
    np.testing.assert_allclose(sums, 1.0, atol=1e-12)


def test_painting_one_cell_lowers_all_others_by_the_same_factor(weights):
    more = weights.copy()
    more[2, 3] += 4
    before, after = normalise(weights), normalise(more)
    assert after[2, 3] > before[2, 3]
    others = np.ones_like(weights, bool)
    others[2, 3] = False
    np.testing.assert_allclose(after[others], before[others] * weights.sum() / more.sum())


def test_mutual_information_against_scikit_learn_and_entropies(weights):
    joint = normalise(weights)
    rows, columns = np.indices(weights.shape)
    counts = weights.astype(int).ravel()
    drawn = mutual_info_score(np.repeat(rows.ravel(), counts), np.repeat(columns.ravel(), counts))
    assert mutual_information(joint) == pytest.approx(drawn, abs=1e-12)
    margins = marginals(joint)
    assert entropy(margins.x) == pytest.approx(scipy_entropy(margins.x))
    assert entropy(joint) == pytest.approx(scipy_entropy(joint.ravel()))
    by_entropies = entropy(margins.x) + entropy(margins.y) - entropy(joint)
    assert mutual_information(joint) == pytest.approx(by_entropies, abs=1e-12)


def test_information_is_zero_for_a_product_and_full_on_a_diagonal(weights):
    margins = marginals(normalise(weights))
    apart = product(margins)
    assert mutual_information(apart) == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(marginals(apart).x, margins.x)
    for row in range(ROWS):
        np.testing.assert_allclose(given_row(apart, row), margins.x)
    assert mutual_information(np.eye(6) / 6) == pytest.approx(math.log(6))
    flat = np.zeros((2, 4))
    flat[[0, 1, 0, 1], range(4)] = 0.25  # the answer to the lesson's question: flat p(x), and x fixes y
    np.testing.assert_allclose(marginals(flat).x, 0.25)
    assert mutual_information(flat) == pytest.approx(math.log(2))


def test_a_row_without_mass_and_a_table_without_mass():
    joint = normalise(np.array([[0.0, 0.0], [1.0, 3.0]]))
    np.testing.assert_array_equal(given_row(joint, 0), [0.0, 0.0])
    with pytest.raises(ConfigError, match="at least one above 0"):
        normalise(np.zeros((2, 2)))
    with pytest.raises(ConfigError):
        normalise(np.array([[-1.0, 3.0]]))


def test_what_a_browser_tells_is_checked():
    start = BOARD.start
    assert _valid(start)
    assert not _valid(start | {"weights": [0.0] * (ROWS * COLUMNS)})
    assert not _valid(start | {"weights": [1.0] * 3})
    assert not _valid(start | {"weights": [float("nan")] * (ROWS * COLUMNS)})
    assert not _valid(start | {"row": ROWS})
    assert not _valid(start | {"row": 2.0}), "equal to 2, but no index"
    assert not _valid(start | {"column": True})


def test_the_board_gets_exactly_what_was_computed():
    state = BOARD.start
    joint = normalise(_table(state))
    view = _view(joint, state)
    assert view["px"] == list(marginals(joint).x)
    assert view["py"] == list(marginals(joint).y)
    assert view["px_y"] == list(given_row(joint, state["row"]))
    assert view["py_x"] == list(given_column(joint, state["column"]))
    assert len(view["xs"]) == COLUMNS
    assert view["ys"][0] == f"y={ROWS}"


def test_a_slice_that_never_happens_is_not_multiplied_out():
    assert _multiplied("p(x|y) p(y)", 0.25, 0.5) == "p(x|y) p(y) = 0.2500 × 0.5000 = 0.1250"
    assert "0.0" not in _multiplied("p(x|y) p(y)", 0.0, 0.0)
