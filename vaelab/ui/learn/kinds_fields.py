"""What the board of lesson 1 shows: the three models as fields over the plane, and their differences."""

from __future__ import annotations

import base64
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vaelab.images import palette
from vaelab.images.field_colours import class_stops, coloured
from vaelab.images.palette import STOPS, Theme
from vaelab.lessons.kinds import Kinds, Sides, differences, one_joint
from vaelab.lessons.mixtures import plane
from vaelab.ui.learn.number_table import small
from vaelab.ui.text import t

Array = NDArray[np.float64]

REACH = 4.0  # plane units from the middle to the edge
SIDE = 48  # cells of a field
MOST = 200  # points


def board_view(kinds: Kinds, probe: Array, panel: str, theme: Theme) -> dict[str, Any]:
    """The view of board/plane.js: six fields, those of Bayes' rule in the panel about it. probe: (2,)."""
    joint, disc, p_x = _answers(kinds, (float(probe[0]), float(probe[1])))
    gap = disc - joint.posterior[:, 1]
    first = [
        _chance("disc", disc, theme) | {"line": _boundary(kinds)},
        _chance("bayes", joint.posterior[:, 1], theme),
    ]
    last = _signed("gap", gap, 1.0, f"{round(gap[-1], 3) + 0.0:+.3f}".replace("-", "−"), theme)
    if panel == "bayes":
        off = differences(joint, kinds.priors)
        fields = [first[0], _rounding("off_y", off.posterior[:, 1], theme), first[1]]
        fields += [_rounding("off_x", off.evidence, theme), last, _rounding("off_xy", off.likelihood[:, 1], theme)]
    else:
        densities = [_density(f"cond{k}", joint.likelihood[:, k]) for k in (0, 1)]
        fields = [first[0], _density("gen", p_x), *densities, first[1], last]
    return {
        "reach": REACH,
        "side": SIDE,
        "most": MOST,
        "fields": fields,
        "field": {"bayes": "gap", "ask": "disc", "missing": "gen"}.get(panel, "gen"),
        "guide": panel == "missing",
        "classes": ["A", "B"],
    }


@lru_cache(maxsize=32)  # a class that follows its teacher asks for one board thirty times
def _answers(kinds: Kinds, probe: tuple[float, float]) -> tuple[Sides, Array, Array]:
    """What the joint, p(B|x) and p(x) are at the cells, and at the probe, which comes last."""
    x = np.concatenate([plane(REACH, SIDE), [probe]])
    disc: Array = kinds.discriminative.predict_proba(x)[:, 1]
    p_x: Array = np.exp(kinds.generative.score_samples(x))
    return one_joint(kinds, x), disc, p_x


def worst(sides: Sides) -> tuple[float, float, float]:
    """The largest absolute value of each of the three."""
    return (
        float(np.abs(sides.posterior).max()),
        float(np.abs(sides.evidence).max()),
        float(np.abs(sides.likelihood).max()),
    )


def _field(
    key: str, colours: NDArray[np.uint8], value: str, low: str, high: str, stops: tuple[str, ...]
) -> dict[str, Any]:
    title = t(f"learn_kinds.field_{key}")
    rgb = base64.b64encode(colours.tobytes()).decode()
    return {"key": key, "title": title, "value": value, "rgb": rgb, "low": low, "high": high, "stops": list(stops)}


def _chance(key: str, values: Array, theme: Theme) -> dict[str, Any]:
    stops = class_stops(theme)
    return _field(key, coloured(values[:-1], stops, 0.0, 1.0), f"{values[-1]:.3f}", "0", "1", stops)


def _density(key: str, values: Array) -> dict[str, Any]:
    stops, top = STOPS, float(values[:-1].max())
    return _field(key, coloured(values[:-1], stops, 0.0, top), f"{values[-1]:.4f}", "0", f"{top:.3f}", stops)


def _signed(key: str, values: Array, limit: float, here: str, theme: Theme) -> dict[str, Any]:
    stops = palette.DIVERGING[theme]
    ends = (small(-limit), small(limit)) if limit < 1e-6 else (f"−{limit:g}", f"+{limit:g}")
    return _field(key, coloured(values[:-1], stops, -limit, limit), here, *ends, stops)


def _rounding(key: str, values: Array, theme: Theme) -> dict[str, Any]:
    limit = max(float(np.abs(values).max()), 1e-18)
    return _signed(key, values, limit, t("learn_kinds.at_most", value=small(limit)), theme)


def _boundary(kinds: Kinds) -> list[float]:
    """Where logistic regression says one half: a straight line, as two points far outside of the plane."""
    (a, b), c = kinds.discriminative.coef_[0], kinds.discriminative.intercept_[0]
    normal = np.array([a, b]) / max(float(np.hypot(a, b)), 1e-12)
    foot = -c / max(float(np.hypot(a, b)), 1e-12) * normal
    along = 50.0 * np.array([-normal[1], normal[0]])
    return [float(value) for value in (*(foot - along), *(foot + along))]
