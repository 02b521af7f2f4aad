"""One colour for one quantity, in both themes: every chart, slider, formula and diagram takes its colours from here.

The hues are those of Okabe and Ito's colour-blind safe set. Lightness is tuned per theme: a role's line colour has a
contrast of at least 3:1 against the theme's background and surface, its text colour at least 4.5:1 (WCAG 2.2).
.streamlit/config.toml repeats some of these values; a test keeps the two equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

Theme = Literal["light", "dark"]
Role = Literal["encoder", "mu", "sigma", "eps", "z", "decoder", "prior", "total"]

THEMES: tuple[Theme, ...] = ("light", "dark")

# encoder: also q(z|x) and the KL term; decoder: also p(x|z) and the reconstruction term; prior: p(z) and references;
# total: the total loss and the data.
_LINES: dict[Theme, dict[Role, str]] = {
    "light": {
        "encoder": "#C870A1",
        "mu": "#BB8100",
        "sigma": "#009E73",
        "eps": "#D55E00",
        "z": "#0072B2",
        "decoder": "#1C94D8",
        "prior": "#7A8594",
        "total": "#1A2230",
    },
    "dark": {
        "encoder": "#CC79A7",
        "mu": "#E69F00",
        "sigma": "#009E73",
        "eps": "#D55E00",
        "z": "#008EDD",
        "decoder": "#56B4E9",
        "prior": "#8D99A8",
        "total": "#E8ECF1",
    },
}
_TEXTS: dict[Theme, dict[Role, str]] = {
    "light": {
        "encoder": "#B74684",
        "mu": "#956700",
        "sigma": "#007F5D",
        "eps": "#B85100",
        "z": "#0072B2",
        "decoder": "#1676AC",
        "prior": "#566172",
        "total": "#1A2230",
    },
    "dark": {
        "encoder": "#CC79A7",
        "mu": "#E69F00",
        "sigma": "#00A87A",
        "eps": "#DF6300",
        "z": "#008EDD",
        "decoder": "#56B4E9",
        "prior": "#9AA6B5",
        "total": "#E8ECF1",
    },
}
_SURFACES: dict[Theme, dict[str, str]] = {
    "light": {
        "background": "#FFFFFF",
        "surface": "#F3F5F8",
        "border": "#D5DBE3",
        "text": "#1A2230",
        "muted": "#566172",
    },
    "dark": {"background": "#12161C", "surface": "#1B2129", "border": "#333C48", "text": "#E8ECF1", "muted": "#9AA6B5"},
}
_CLASSES: dict[Theme, tuple[str, ...]] = {
    "light": (
        "#1F77B4",
        "#DE6A00",
        "#2A9A2A",
        "#D62728",
        "#8A5CB8",
        "#8C564B",
        "#D453AE",
        "#6F7680",
        "#8F8F00",
        "#0E8FA0",
    ),
    "dark": (
        "#4C9BE0",
        "#FF8F2B",
        "#4DBB4D",
        "#F0605F",
        "#AE86DB",
        "#B98274",
        "#EE8AD0",
        "#A3ABB5",
        "#CFCF3C",
        "#2CCBDB",
    ),
}

FILL: dict[Theme, str] = {"light": "#0072B2", "dark": "#0077BB"}  # z as a ground under white words, which need 4.5:1
SEQUENTIAL = "viridis"  # continuous values, perceptually even; Vega knows it by its name
# The same as ten stops, for what draws without Vega.
STOPS = (
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
)  # fmt: skip
_SCALE_PART: dict[Theme, tuple[float, float]] = {"light": (0.0, 0.58), "dark": (0.36, 1.0)}  # with 3:1 against the page
DIVERGING = {"light": ("#B2182B", "#F7F7F7", "#2166AC"), "dark": ("#F4756B", "#2A313B", "#5AA9E6")}  # signed errors


def colour(role: Role, theme: Theme) -> str:
    """The role's colour for lines, points and bars, as #RRGGBB."""
    return _LINES[theme][role]


def text_colour(role: Role, theme: Theme) -> str:
    """The role's colour for words and numbers, as #RRGGBB."""
    return _TEXTS[theme][role]


def surface(name: str, theme: Theme) -> str:
    """Colour of the page itself: background, surface (cards), border, text or muted (secondary text)."""
    return _SURFACES[theme][name]


def class_colours(theme: Theme) -> tuple[str, ...]:
    """Ten colours for classes; class k takes the colour k modulo 10."""
    return _CLASSES[theme]


# A value that is itself a colour is drawn in it: a legend where "red" is blue reads wrongly.
_NAMED: dict[Theme, dict[str, str]] = {
    "light": {
        "red": "#D62728",
        "orange": "#C87400",
        "lime": "#6B9400",
        "green": "#00893A",
        "cyan": "#008C9A",
        "blue": "#1F4FD8",
        "purple": "#7B2FD0",
        "pink": "#D81BA8",
    },
    "dark": {
        "red": "#FF5A5A",
        "orange": "#FFB020",
        "lime": "#BFEF2F",
        "green": "#2FCE70",
        "cyan": "#2FE0E8",
        "blue": "#6B8EFF",
        "purple": "#AE78FF",
        "pink": "#FF5CCB",
    },
}


# "brown #8d5524" carries its colour; "8.5 px" and "22.5°" their place on a scale, as do these words.
_OWN = re.compile(r".*(#[0-9a-fA-F]{6})")
_MEASURE = re.compile(r"-?\d+(?:\.\d+)?(?: ?px|°| ?%)")
_SIZES = ("small", "medium", "large")


def own_colour(name: str) -> str | None:
    """The #RRGGBB that ends a value's name, None where there is none."""
    found = _OWN.fullmatch(name)
    return found[1] if found else None


def is_ordered(names: Sequence[str]) -> bool:
    """Whether a factor's values stand in order: lengths, angles, per cent, or sizes. Digits are names and have no order here."""
    return len(names) > 1 and (all(_MEASURE.fullmatch(name) for name in names) or all(name in _SIZES for name in names))


def value_colours(names: Sequence[str], theme: Theme) -> tuple[str, ...]:
    """One colour for each value of a class or a factor.

    Where all values are colours each has its own; values in order lie along the scale of continuous ones; others go by their place.
    """
    own = [own_colour(name) for name in names]
    if names and None not in own:
        return tuple(str(code) for code in own)
    named = _NAMED[theme]
    if names and all(name in named for name in names):
        return tuple(named[name] for name in names)
    if is_ordered(names):
        low, high = _SCALE_PART[theme]
        return tuple(along_scale(low + (high - low) * k / (len(names) - 1)) for k in range(len(names)))
    return tuple(_CLASSES[theme][k % len(_CLASSES[theme])] for k in range(len(names)))


def along_scale(share: float) -> str:
    """The colour of a continuous value, #RRGGBB. share: 0 to 1."""
    place = min(1.0, max(0.0, share)) * (len(STOPS) - 1)
    k = min(len(STOPS) - 2, int(place))
    return mixed(STOPS[k], STOPS[k + 1], place - k)


def mixed(a: str, b: str, share: float) -> str:
    """From a (share 0) to b (share 1), both #RRGGBB, by their sRGB values."""
    pairs = ((int(a[i : i + 2], 16), int(b[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in pairs)


def legible(code: str, theme: Theme) -> str:
    """A colour as thin lines need it: mixed with the text's until it has a contrast of 3:1 against the background. #RRGGBB."""
    steps = (mixed(code, _SURFACES[theme]["text"], k / 20) for k in range(21))
    return next(ink for ink in steps if contrast(ink, _SURFACES[theme]["background"]) >= 3.0)


def roles() -> tuple[Role, ...]:
    """Every role, in the order of the pipeline."""
    return tuple(_LINES["light"])


# Streamlit's names for coloured words, whose values .streamlit/config.toml sets to our text colours.
_MARKDOWN: dict[Role, str] = {
    "encoder": "violet",
    "mu": "orange",
    "sigma": "green",
    "eps": "red",
    "z": "primary",
    "decoder": "blue",
    "prior": "gray",
}


def markdown(role: Role, words: str) -> str:
    """Words in the role's colour, for st.markdown in either theme; the total has the colour of text."""
    return f":{_MARKDOWN[role]}[{words}]" if role in _MARKDOWN else words


def css_variables(theme: Theme) -> str:
    """Declarations for a stylesheet: --vl-ROLE, --vl-ROLE-text, --vl-SURFACE, --vl-fill and --vl-class-0 to --vl-class-9."""
    return "".join(f"--vl-{name}:{value};" for name, value in _variables(theme))


def css_variables_of_both() -> str:
    """As css_variables, in the theme of the element that uses them, its color-scheme: a switch needs no other declarations."""
    pairs = zip(_variables("light"), _variables("dark"), strict=True)
    return "".join(f"--vl-{name}:light-dark({light},{dark});" for (name, light), (_, dark) in pairs)


def _variables(theme: Theme) -> list[tuple[str, str]]:
    """(name, #RRGGBB) of every colour that a stylesheet may name."""
    pairs: list[tuple[str, str]] = [(role, colour(role, theme)) for role in roles()]
    pairs += [(f"{role}-text", text_colour(role, theme)) for role in roles()]
    pairs += list(_SURFACES[theme].items())
    pairs.append(("fill", FILL[theme]))
    return pairs + [(f"class-{k}", value) for k, value in enumerate(_CLASSES[theme])]


@lru_cache(maxsize=4_096)  # a page compares each of its colours with the ground
def contrast(a: str, b: str) -> float:
    """WCAG 2.2 contrast ratio of two #RRGGBB colours, 1 to 21."""
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def _luminance(hex_colour: str) -> float:
    values = [int(hex_colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
