"""The map's way from a place to a code, run in Node: the inverse of a plane, the mix of near codes, and the camera's own inverse."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
from test_engine_node import JS, node

pytestmark = pytest.mark.node

AT = [[0.1, -0.2], [1.4, 0.9], [50.0, 50.0]]
LABELS = [2, 0, 1]
# x, y, colour (b << 16 | g << 8 | r) and strength of points on a sheet of 9 x 7: alone, upon each other, over the edges, outside.
DOTS = [
    [4, 3, 0x3366CC, 1.0], [5, 3, 0xFFFFFF, 0.4], [5.4, 3.6, 0x00FF01, 1.0], [0, 0, 0x0000FF, 1.0], [8, 6, 0xFF0000, 0.2],
    [8.6, 6, 0x123456, 1.0], [-1, 3, 0xFFFFFF, 1.0], [40, 3, 0xFFFFFF, 1.0], [4, -9, 0xFFFFFF, 1.0], [4, 3, 0x808080, 0.05],
    [4, 3, 0xFF00FF, 1.0], [4, 3, 0x00FFFF, 1.0], [4, 3, 0xFFFFFF, 1.0], [4, 3, 0x102030, 0.5],
]  # fmt: skip
# Place, covariance xx, xy, xz, yy, yz, zz, and weight of modes on a plane; the last two weigh less than 2 %.
COVARIANCE = [3.25, 1.299038105676658, 1.75]  # half axes 2 and 1, the long one turned by 30 degrees
MODES = [
    [0.0, 0.0, 0.0, *COVARIANCE[:2], 0.4, COVARIANCE[2], -0.3, 0.9, 0.72],
    [3.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.25],
    [-2.0, 3.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.018],
    [4.0, 4.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.012],
]
TURN = 2 * np.pi * np.arange(400) / 400
OUTLINES = [  # a round one by a hand that trembles, one that crosses itself, a corner, a line, one point, nothing
    np.c_[200 + 150 * np.cos(TURN) + 9 * np.sin(37 * TURN), 150 + 110 * np.sin(TURN) + 9 * np.cos(41 * TURN)].tolist(),
    np.c_[200 + 180 * np.cos(2 * TURN) * np.cos(TURN), 150 + 130 * np.sin(3 * TURN)].tolist(),
    [[20, 20], [380, 20], [380, 280], [200, 150], [20, 280]],
    [[20, 150], [380, 150]],
    [[200, 150]],
    [],
]


@pytest.fixture(scope="module")
def cases() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    places = np.c_[generator.uniform(-2, 2, (300, 2)), np.zeros(300)].astype(np.float32)
    rows, codes = generator.normal(size=(3, 5)), generator.normal(size=(300, 5))
    return {
        "rows": rows.tolist(),
        "places": places.tolist(),
        "codes": codes.tolist(),
        "at": AT,
        "labels": LABELS,
        "dots": DOTS,
        "outlines": OUTLINES,
        "modes": MODES,
        "covariance": COVARIANCE,
        "scattered": generator.uniform((0, 0), (400, 300), (3000, 2)).astype(np.float32).tolist(),
    }


@pytest.fixture(scope="module")
def answer(cases: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("map") / "cases.json"
    file.write_text(json.dumps(cases))
    found: dict[str, Any] = json.loads(node(JS / "map_node.mjs", file))
    return found


def test_a_plane_is_inverted(cases: dict[str, Any], answer: dict[str, Any]) -> None:
    base, across, up = np.array(cases["rows"])
    for (x, y), found in zip(AT, answer["linear"], strict=True):
        np.testing.assert_allclose(found["z"], base + x * across + y * up, rtol=1e-5, atol=1e-6)
        assert found["near"]


def test_the_eight_nearest_codes_are_mixed_by_their_distance(cases: dict[str, Any], answer: dict[str, Any]) -> None:
    places, codes = np.array(cases["places"])[:, :2], np.array(cases["codes"])
    for place, found in zip(AT[:2], answer["mixed"], strict=False):
        squared = ((places - place) ** 2).sum(axis=1)
        near = np.argsort(squared)[:8]
        weights = 1.0 / (squared[near] + 1e-9)
        np.testing.assert_allclose(found["z"], weights @ codes[near] / weights.sum(), rtol=1e-4, atol=1e-5)
    assert [found["near"] for found in answer["mixed"]] == [True, True, False]  # the last one is far from every code


def test_a_conditional_decoder_gets_the_label_of_the_nearest_point(
    cases: dict[str, Any], answer: dict[str, Any]
) -> None:
    base, across, up = np.array(cases["rows"])
    given = np.array(answer["given"]).reshape(len(AT), -1)
    for k, (x, y) in enumerate(AT):
        np.testing.assert_allclose(given[k, :5], base + x * across + y * up, rtol=1e-5, atol=1e-6)
    assert given[:, 5:].tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]  # rows -1, 0 and 1


def test_the_camera_finds_the_place_under_the_pointer(answer: dict[str, Any]) -> None:
    np.testing.assert_allclose(answer["returned"], AT, atol=1e-6)


def test_an_outline_holds_the_points_that_it_goes_around(cases: dict[str, Any], answer: dict[str, Any]) -> None:
    x, y = np.array(cases["scattered"]).T
    for outline, found in zip(OUTLINES, answer["held"], strict=True):
        crossed = np.zeros(len(x), int)  # edges to the right of each point
        for (xa, ya), (xb, yb) in zip(outline, [*outline[1:], *outline[:1]], strict=True):
            if ya != yb:
                at = xa + (y - ya) * (xb - xa) / (yb - ya)
                crossed += (min(ya, yb) <= y) & (y < max(ya, yb)) & (x < at)
        expected = [row for row in np.flatnonzero(crossed % 2) if row % 7]
        assert found["rows"] == expected
        assert found["size"] == found["among"] == len(expected)
        bits = np.unpackbits(np.frombuffer(base64.b64decode(found["bits"]), np.uint8), bitorder="little")
        assert np.flatnonzero(bits).tolist() == expected
    assert [bool(found["rows"]) for found in answer["held"]] == [True, True, True, False, False, False]


def test_points_lie_over_each_other_as_porter_and_duff_have_it(answer: dict[str, Any]) -> None:
    across, down = np.meshgrid(np.arange(9), np.arange(7))
    sheet = np.zeros((7, 9, 4))  # colours not multiplied by alpha, 0 to 1
    for x, y, colour, strength in DOTS:
        centre = np.floor(np.array([x, y]) + 0.5)
        away = np.hypot(across - centre[0], down - centre[1])
        a = 0.86 * strength * np.clip(2.5 + 0.5 - away, 0, 1)
        below = sheet[..., 3] * (1 - a)
        total = np.where(a + below > 0, a + below, 1)
        ink = np.array([colour & 255, (colour >> 8) & 255, colour >> 16]) / 255
        sheet[..., :3] = (ink * a[..., None] + sheet[..., :3] * below[..., None]) / total[..., None]
        sheet[..., 3] = a + below
    found = np.array(answer["inked"]).reshape(7, 9, 4) / 255
    np.testing.assert_allclose(found[..., 3], sheet[..., 3], atol=0.02)
    seen = sheet[..., 3] > 0.1  # the colour of what is hardly there is coarse
    np.testing.assert_allclose(found[..., :3][seen], sheet[..., :3][seen], atol=0.03)


def test_a_crowd_that_moves_is_its_sheet_that_moves_drawn_anew_at_a_slower_pace(answer: dict[str, Any]) -> None:
    """Of a map of 400 x 200 pixels, two for each of CSS; a point at s of the view (scale, left, top) lies at 2 s + margin of the sheet."""
    crowd = answer["crowd"]
    shown = crowd["shown"]
    assert crowd["sheet"] == [600, 300]
    assert [step["drawn"] is not None for step in shown] == [
        True, False, False, False, True, True, False, True, False, True,
    ]  # fmt: skip
    assert shown[0]["drawn"] == [100, 50]
    views = [(5, 100, 50), (5, 100, 50), (5, 107.3, 46), (10, 150, 60)]
    for (scale, left, top), step in zip(views, shown, strict=False):
        x, y, width, height = step["box"]
        place = np.array([3.0, -2.0])  # latent units from the centre
        on_sheet = 2 * (np.array([100.0, 50.0]) + 5 * place) + (100, 50)
        found = np.array([x, y]) + on_sheet * (width / 600, height / 300)
        np.testing.assert_allclose(found, 2 * (np.array([left, top]) + scale * place), atol=0.5)  # half a pixel
        assert step["smooth"] == (scale != 5)
    assert shown[-1]["box"] == [-100, -50, 600, 300]
    assert crowd["asked"] == 1


def test_the_modes_of_a_prior_are_marks_with_ellipses_of_one_sigma(answer: dict[str, Any]) -> None:
    found = answer["modes"]
    assert found["ellipse"]["long"] == pytest.approx(2.0)
    assert found["ellipse"]["short"] == pytest.approx(1.0)
    assert np.degrees(found["ellipse"]["turn"]) == pytest.approx(30.0)
    x, y, long, short, turn = found["ellipses"][0][:5]
    assert [x, y] == pytest.approx(found["first"])
    assert [long, short] == pytest.approx([2.0 * found["scale"], found["scale"]], rel=1e-5)
    assert np.degrees(turn) == pytest.approx(-30.0, abs=1e-3)  # a canvas turns clockwise
    assert (len(found["ellipses"]), found["marked"]) == (2, 3)  # from 2 % on, and where it is pointed at
    assert found["meant"] == [0, 1, 2, 3]
    assert found["beside"] == -1
    assert found["order"] == [0, 1, 2, 3]
    areas = np.array(found["sides"][:2]) ** 2
    assert areas[1] / areas[0] == pytest.approx(0.25 / 0.72, rel=1e-5)
    assert found["sides"][3] == 2.5  # a light one is still seen


def test_a_cloud_shows_the_ellipse_of_the_side_that_is_looked_at(answer: dict[str, Any]) -> None:
    found = answer["modes"]
    axes = np.array(found["axes"])
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-12)
    origin, *ends = (np.array(place) for place in found["on_screen"])
    for k, end in enumerate(ends):  # what the camera does with a unit along each axis
        np.testing.assert_allclose((end - origin) / found["cloud_scale"], axes[:, k] * (1, -1), atol=1e-9)
    whole = np.zeros((3, 3))
    whole[np.triu_indices(3)] = MODES[0][3:9]
    whole += np.triu(whole, 1).T
    seen = axes @ whole @ axes.T
    np.testing.assert_allclose(found["seen"], [seen[0, 0], seen[0, 1], seen[1, 1]], rtol=1e-9)


def test_arrows_go_from_damaged_codes_to_the_points_that_are_shown(answer: dict[str, Any]) -> None:
    found = answer["arrows"]
    shaft, head = found["head"]
    assert shaft == [[10, 10], [30, 10]]
    for x, y in (head[0], head[2]):
        assert np.hypot(x - 30, y - 10) == pytest.approx(5.0)
        assert x < 30
    assert head[0][1] + head[2][1] == pytest.approx(20.0)
    assert found["short"] is None
    lines = found["all"]
    assert len(lines) == 2 * 5  # one of three is hidden: a shaft of two places and a head of three each
    starts = [np.array(lines[k][1:]) for k in (0, 1, 5, 6)]
    np.testing.assert_allclose(starts, found["ends"], atol=1e-6)
    assert [name for name, *_ in lines[:5]] == ["moveTo", "lineTo", "moveTo", "lineTo", "lineTo"]
    assert len(found["inside"]) == 5
