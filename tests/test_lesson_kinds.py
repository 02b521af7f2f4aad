"""Lesson 1: the three kinds of models against scikit-learn, SciPy and numerical integration."""

import colorsys

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture

from vaelab.analysis import inference
from vaelab.config.errors import DataError
from vaelab.data.shapes import colours as shape_colours
from vaelab.lessons.kinds import Sides, apart, bayes, differences, fit_kinds, one_joint, rank
from vaelab.lessons.mixtures import class_given_first, mass_inside, mass_near, mass_outside, missing, plane
from vaelab.lessons.same_style import colour_of, every_label, place_and_size, style_of
from vaelab.ui.learn.kinds import BOARD, _valid
from vaelab.ui.learn.kinds_fields import REACH, SIDE, _boundary, worst
from vaelab.ui.learn.kinds_images import MODEL, _examples

WIDE = 12.0  # plane units: beyond it the mixtures have no mass that a double could hold


@pytest.fixture(scope="module")
def data():
    table = np.array(BOARD.start["points"])
    return table[:, :2], table[:, 2].astype(int)


@pytest.fixture(scope="module")
def kinds(data):
    return fit_kinds(*data)


def weighted(mixture, x):
    parts = zip(mixture.weights_, mixture.means_, mixture.covariances_, strict=True)
    return sum(w * multivariate_normal(m, c).pdf(x) for w, m, c in parts)


def test_the_three_models_are_those_of_scikit_learn(data, kinds):
    points, labels = data
    x = plane(4.0, 12)
    logistic = LogisticRegression().fit(points, labels)
    np.testing.assert_array_equal(kinds.discriminative.predict_proba(x), logistic.predict_proba(x))
    whole = GaussianMixture(4, reg_covar=0.02, random_state=0).fit(points)
    np.testing.assert_array_equal(kinds.generative.score_samples(x), whole.score_samples(x))
    for k in (0, 1):
        own = GaussianMixture(2, reg_covar=0.02, random_state=0).fit(points[labels == k])
        np.testing.assert_array_equal(kinds.conditional[k].score_samples(x), own.score_samples(x))
    np.testing.assert_allclose(kinds.priors, [0.5, 0.5])


def test_the_densities_are_those_of_scipy(kinds):
    x = plane(4.0, 20)
    joint = one_joint(kinds, x)
    by_hand = np.stack([weighted(part, x) for part in kinds.conditional], axis=1)
    np.testing.assert_allclose(joint.likelihood, by_hand, rtol=1e-9)
    np.testing.assert_allclose(joint.evidence, by_hand @ kinds.priors, rtol=1e-9)
    np.testing.assert_allclose(joint.posterior, by_hand * kinds.priors / (by_hand @ kinds.priors)[:, None], rtol=1e-9)


def test_both_sides_of_bayes_rule_agree_to_rounding_in_one_joint(kinds):
    joint = one_joint(kinds, plane(4.0, 48))
    off = differences(joint, kinds.priors)
    assert np.abs(off.posterior).max() < 1e-13
    assert np.abs(off.evidence).max() < 1e-14
    assert np.abs(off.likelihood).max() < 1e-14
    np.testing.assert_allclose(joint.posterior.sum(axis=1), 1.0, atol=1e-13)


def test_bayes_rule_on_a_table():
    joint = np.array([[0.1, 0.2], [0.3, 0.4]])  # p(x, y): rows x, columns y
    priors, evidence = joint.sum(axis=0), joint.sum(axis=1)
    given = Sides(posterior=joint / evidence[:, None], evidence=evidence, likelihood=joint / priors)
    built = bayes(given, priors)
    np.testing.assert_allclose(built.posterior, [[1 / 3, 2 / 3], [3 / 7, 4 / 7]])
    np.testing.assert_allclose(built.evidence, [0.3, 0.7])
    np.testing.assert_allclose(built.likelihood, [[0.25, 1 / 3], [0.75, 2 / 3]])


def test_models_that_were_fitted_apart_differ(kinds):
    off = apart(kinds, plane(4.0, 48))
    assert 0.01 < np.abs(off.posterior).mean() < 0.5
    assert np.abs(off.evidence).max() > 1e-3
    assert np.abs(off.likelihood).max() > 1e-3


def test_the_total_mass_is_one(kinds):
    for mixture in (kinds.generative, *kinds.conditional, kinds.joint):
        assert mass_inside(mixture, WIDE, side=300) == pytest.approx(1.0, abs=1e-9)
        for reach in (1.0, 2.0, 4.0):
            assert mass_inside(mixture, reach, side=400) + mass_outside(mixture, reach) == pytest.approx(1.0, abs=1e-3)
        assert mass_inside(mixture, 4.0) + mass_outside(mixture, 4.0) == pytest.approx(1.0, abs=1e-4)
        assert mass_near(mixture, np.zeros(2), WIDE, WIDE, side=300) == pytest.approx(1.0, abs=1e-2)


def test_the_mass_of_a_disc_is_rayleighs(kinds):
    normal = GaussianMixture(1)
    normal.weights_, normal.means_ = np.ones(1), np.zeros((1, 2))
    normal.covariances_ = normal.precisions_cholesky_ = np.eye(2)[None]
    assert mass_near(normal, np.zeros(2), 1.0, 4.0) == pytest.approx(1 - np.exp(-0.5), abs=1e-3)
    assert mass_near(normal, np.array([1.0, 0.0]), 0.5, 4.0) < mass_near(normal, np.zeros(2), 0.5, 4.0)


def test_the_part_of_a_disc_outside_of_the_plane_is_not_counted_twice():
    corner = GaussianMixture(1)
    corner.weights_, corner.means_ = np.ones(1), np.array([[4.0, 4.0]])
    corner.covariances_, corner.precisions_cholesky_ = 0.02 * np.eye(2)[None], np.eye(2)[None] / np.sqrt(0.02)
    near, inside = mass_near(corner, np.array([4.0, 4.0]), 1.0, 4.0), mass_inside(corner, 4.0)
    assert near == pytest.approx(0.25, abs=1e-3)
    assert inside == pytest.approx(0.25, abs=1e-3)
    assert inside - near == pytest.approx(0.0, abs=1e-3)


def test_points_elsewhere_lower_the_density_here_but_not_that_of_the_other_class(data, kinds):
    points, labels = data
    crowd = np.random.default_rng(1).normal((2.8, 2.8), 0.3, (20, 2))
    more = fit_kinds(np.concatenate([points, crowd]), np.concatenate([labels, np.ones(20, int)]))
    probe = np.array([[-1.6, 0.6]])
    assert more.generative.score_samples(probe)[0] < kinds.generative.score_samples(probe)[0]
    assert more.conditional[0].score_samples(probe)[0] == kinds.conditional[0].score_samples(probe)[0]


@pytest.mark.parametrize("first", [-2.0, -0.3, 1.8, 3.9])
def test_a_missing_coordinate_against_numerical_integration(kinds, first):
    at = np.linspace(-WIDE, WIDE, 4801)
    slice_ = weighted(kinds.generative, np.stack([np.full_like(at, first), at], axis=1))
    total = np.trapezoid(slice_, at)
    line, evidence = missing(kinds.generative, first)
    assert evidence == pytest.approx(np.log(total), abs=1e-8)
    np.testing.assert_allclose(line.density(at), slice_ / total, atol=1e-8)
    mean = np.trapezoid(at * slice_ / total, at)
    assert line.mean == pytest.approx(mean, abs=1e-7)
    assert line.sigma == pytest.approx(np.sqrt(np.trapezoid((at - mean) ** 2 * slice_ / total, at)), abs=1e-7)
    of_class = [
        np.trapezoid(weighted(part, np.stack([np.full_like(at, first), at], axis=1)), at) for part in kinds.conditional
    ]
    expected = kinds.priors * of_class / (kinds.priors @ of_class)
    np.testing.assert_allclose(class_given_first(kinds, first), expected, atol=1e-9)


def test_an_outlier_is_certain_for_one_and_improbable_for_the_other(data, kinds):
    points, _ = data
    far = np.array([3.6, -3.6])
    assert kinds.discriminative.predict_proba(far[None]).max() > 0.95
    assert rank(kinds, points, far) == 0.0
    assert rank(kinds, points, kinds.generative.means_[0]) > 0.5


def test_the_line_is_where_logistic_regression_says_one_half(kinds):
    ends = np.array(_boundary(kinds)).reshape(2, 2)
    np.testing.assert_allclose(kinds.discriminative.predict_proba(ends), 0.5, atol=1e-9)


def test_too_few_points_are_told(data):
    points, labels = data
    with pytest.raises(DataError, match="class B must have at least 3 points, got 2"):
        fit_kinds(points[:32], labels[:32])
    few = fit_kinds(points[[0, 1, 2, 30, 31, 32]], labels[[0, 1, 2, 30, 31, 32]])
    assert len(few.conditional[0].weights_) == 1


def test_what_a_browser_tells_is_checked():
    assert _valid(BOARD.start)
    assert not _valid(BOARD.start | {"probe": [9.0, 0.0]})
    assert not _valid(BOARD.start | {"points": [[0.0, 0.0, 2]]})
    assert not _valid(BOARD.start | {"points": [[0.0, float("nan"), 1]]})
    assert not _valid(BOARD.start | {"points": [[0.0, 0.0, 1]] * 500})
    assert not _valid(BOARD.start | {"points": [[0.0, 0.0, 1, 5]] * 3}), "four numbers would be cut into other points"
    assert not _valid(BOARD.start | {"points": [[0.0, 0.0]]})


def test_bayes_rule_holds_where_the_densities_are_too_small_for_a_number():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(-3.8, 0.03, (5, 2)), rng.normal(-3.6, 0.03, (5, 2))])
    fitted = fit_kinds(points, np.repeat([0, 1], 5))
    joint = one_joint(fitted, plane(REACH, SIDE))
    assert (joint.evidence == 0.0).any()
    assert max(worst(differences(joint, fitted.priors))) < 1e-12


def test_one_style_with_every_label():
    model = inference.load(MODEL)
    pixels, labels, names = _examples()
    hues = np.array([colorsys.rgb_to_hsv(*rgb)[0] for rgb in shape_colours() / 255.0])
    assert len(names) == model.cfg.classes == len(hues)
    z = style_of(model, pixels[0], int(labels[0]))
    made = every_label(model, z)
    np.testing.assert_array_equal(made[labels[0]], inference.reconstruct(model, pixels[:1], labels[:1])[0])
    own = place_and_size(pixels)
    for x, y, facts in zip(pixels[:20], labels[:20], own, strict=False):
        made = every_label(model, style_of(model, x, int(y)))
        found = np.array([colorsys.rgb_to_hsv(*rgb)[0] for rgb in colour_of(made) / 255.0])
        away = np.abs((found - hues + 0.5) % 1.0 - 0.5)
        assert away.max() < 1.0 / 16.0, "the label decides the colour: each is nearest to its own of the eight hues"
        kept = place_and_size(made)
        assert np.abs(kept[:, :2] - facts[:2]).max() < 1.0, "the centre stays where the image had it, within a pixel"
        assert kept[:, 2].std() / kept[:, 2].mean() < 0.2, "and so does the area"


def test_place_size_and_colour_of_a_drawn_square():
    image = np.zeros((1, 3, 32, 32), np.uint8)
    image[0, :, 10:14, 20:22] = np.array([200, 100, 0])[:, None, None]
    np.testing.assert_allclose(place_and_size(image), [[20.5, 11.5, 8 * 200 / 255]])
    np.testing.assert_array_equal(colour_of(image), [[255, 128, 0]])
