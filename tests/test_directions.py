"""Directions from labels, against means worked out by hand."""

import numpy as np
import pytest

from vaelab.analysis.directions import MIN_IMAGES, between_means, families, from_labels


def test_the_vector_is_the_difference_of_the_two_means() -> None:
    codes = np.array([[1, 0], [3, 0], [1, 2], [3, 2], [2, 1], [0, 0], [0, 4], [-2, 0], [-2, 4], [-1, 2]], np.float32)
    mask = np.arange(10) < 5
    direction = between_means(codes, mask, "bright")
    assert direction is not None
    np.testing.assert_allclose(direction.vector, [3.0, -1.0])  # (2, 1) - (-1, 2)
    assert (direction.having, direction.lacking, direction.name) == (5, 5, "bright")


def test_contrast_is_the_distance_in_standard_deviations() -> None:
    codes = np.array([[v] for v in (4, 5, 6, 5, 5, 0, 1, 2, 1, 1)], np.float32)
    direction = between_means(codes, np.arange(10) < 5, "large")
    assert direction is not None
    assert direction.contrast == pytest.approx(4.0 / np.std([4, 5, 6, 5, 5], ddof=1))


def test_too_few_images_or_no_difference_give_no_direction() -> None:
    codes = np.zeros((20, 3), np.float32)
    assert between_means(codes, np.arange(20) < 10, "same") is None
    assert between_means(np.eye(20, 3, dtype=np.float32), np.arange(20) < MIN_IMAGES - 1, "few") is None


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="each of 4 codes, got 3"):
        between_means(np.zeros((4, 2), np.float32), np.zeros(3, bool), "x")


def test_two_values_give_one_direction_and_the_clearest_comes_first() -> None:
    generator = np.random.default_rng(0)
    glasses, hair = generator.integers(0, 2, 400), generator.integers(0, 3, 400)
    codes = generator.normal(size=(400, 4)).astype(np.float32)
    codes[:, 2] += 5 * glasses
    codes[:, 0] += 2 * (hair == 1)
    found = from_labels(codes, {"hair": (hair, ("red", "black", "grey")), "glasses": (glasses, ("no", "yes"))})
    assert [d.name for d in found][:2] == ["glasses: yes", "hair: black"]
    assert len(found) == 4
    assert int(np.abs(found[0].vector).argmax()) == 2
    expected = codes[glasses == 1].mean(axis=0) - codes[glasses == 0].mean(axis=0)
    np.testing.assert_allclose(found[0].vector, expected, rtol=1e-4, atol=1e-5)


def test_values_that_differ_in_a_number_or_a_colour_code_are_one_family() -> None:
    names = ("long 1", "short 1", "long 2", "blue #009bbd", "blue #428bca", "7")
    values, kinds = families(np.array([0, 1, 2, 3, 4, 5]), names)
    assert kinds == ("long", "short", "blue", "7")
    assert values.tolist() == [0, 1, 0, 2, 2, 3]


def test_a_label_that_may_be_absent_gives_the_direction_towards_having_it() -> None:
    generator = np.random.default_rng(1)
    glasses = generator.integers(0, 3, 300)
    codes = generator.normal(size=(300, 3)).astype(np.float32)
    codes[:, 1] += 4 * (glasses != 2)
    (direction,) = from_labels(codes, {"glasses": (glasses, ("dark 1", "light 1", "none"))})
    assert direction.name == "glasses"
    expected = codes[glasses != 2].mean(axis=0) - codes[glasses == 2].mean(axis=0)
    np.testing.assert_allclose(direction.vector, expected, rtol=1e-4, atol=1e-5)
