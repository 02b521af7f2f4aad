"""Which map is shown first: separation against known answers, and the choice among maps built to be best."""

from __future__ import annotations

import numpy as np
import pytest

from vaelab.analysis.separation import first_view, separation


def two_groups(seed: int = 0, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """(n,) value indices in halves, and noise of four dimensions."""
    generator = np.random.default_rng(seed)
    return np.arange(n) % 2, generator.normal(size=(n, 4))


def test_separation_is_one_for_groups_apart_and_nought_for_noise():
    values, mu = two_groups()
    assert separation(mu + 100.0 * values[:, None], values) == pytest.approx(1.0)
    assert separation(mu, values) == pytest.approx(0.0, abs=0.05)
    assert separation(mu, np.zeros(len(mu), np.int64)) == 0.0  # one value everywhere separates nothing


def test_two_dimensions_that_separate_are_found():
    values, mu = two_groups()
    mu *= [9.0, 9.0, 1.0, 1.0]  # the widest directions, those of PCA, tell nothing
    mu[:, 2] += 4.0 * (values - 0.5)
    mu[:, 3] += 4.0 * (values - 0.5)
    labels = {"noise": (np.random.default_rng(1).integers(0, 2, len(mu)), ("a", "b")), "kind": (values, ("a", "b"))}
    found = first_view(mu, labels)
    assert (found.projection, found.dims, found.by) == ("dims", (2, 3), "kind")
    assert found.score > 0.8


def test_the_widest_plane_is_taken_where_it_separates():
    values, mu = two_groups()
    turn, _ = np.linalg.qr(np.random.default_rng(2).normal(size=(4, 4)))
    mu[:, 0] += 12.0 * values
    found = first_view(mu @ turn, {"kind": (values, ("a", "b"))})
    assert (found.projection, found.by) == ("pca", "kind")


def test_tsne_is_taken_where_no_plane_separates_but_neighbours_agree():
    generator = np.random.default_rng(3)
    corners = generator.normal(size=(40, 24)) * 2.0  # many groups in many directions
    values = np.arange(600) % 40
    mu = corners[values] + generator.normal(size=(600, 24))
    found = first_view(mu, {"kind": (values, tuple(str(k) for k in range(40)))})
    assert (found.projection, found.by) == ("tsne", "kind")
    assert found.score > 0.9


@pytest.mark.parametrize("count", [0, 5, 400])
def test_where_nothing_separates_it_is_pca_and_the_first_label(count):
    values, mu = two_groups()
    found = first_view(mu[:count], {"first": (values[:count], ("a", "b")), "second": (values[:count], ("a", "b"))})
    assert (found.projection, found.by, found.dims, found.score) == ("pca", "first", (), 0.0)
    assert first_view(mu, {}).by is None
