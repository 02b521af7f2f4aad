"""The palette: contrast in both themes, and one source for the theme file."""

import tomllib
from pathlib import Path

import pytest

from vaelab.data import shapes
from vaelab.images import palette
from vaelab.images.palette import THEMES

ROOT = Path(__file__).parents[1]


def test_contrast_known_values():
    assert palette.contrast("#000000", "#FFFFFF") == pytest.approx(21.0)
    assert palette.contrast("#777777", "#FFFFFF") == pytest.approx(4.478, abs=1e-3)  # WCAG's well-known near miss


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", ["background", "surface"])
def test_contrast(theme, ground):
    behind = palette.surface(ground, theme)
    for role in palette.roles():
        assert palette.contrast(palette.colour(role, theme), behind) >= 3.0, role
        assert palette.contrast(palette.text_colour(role, theme), behind) >= 4.5, role
    for name in ("text", "muted"):
        assert palette.contrast(palette.surface(name, theme), behind) >= 4.5, name
    for colour in (*palette.class_colours(theme), *palette.value_colours(shapes.FACTORS["hue"], theme)):
        assert palette.contrast(colour, behind) >= 3.0, colour


@pytest.mark.parametrize("theme", THEMES)
def test_white_is_readable_on_the_primary_colour(theme):
    assert palette.contrast("#FFFFFF", palette.FILL[theme]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
def test_colours_are_distinct(theme):
    lines = [palette.colour(role, theme) for role in palette.roles()]
    assert len(set(lines)) == len(lines)
    assert len(set(palette.class_colours(theme))) == 10


@pytest.mark.parametrize("theme", THEMES)
def test_css_variables(theme):
    pairs = dict(pair.split(":") for pair in palette.css_variables(theme).rstrip(";").split(";"))
    assert pairs["--vl-mu"] == palette.colour("mu", theme)
    assert pairs["--vl-z-text"] == palette.text_colour("z", theme)
    assert pairs["--vl-class-9"] == palette.class_colours(theme)[9]


def test_css_variables_of_both_themes():
    pairs = dict(pair.split(":") for pair in palette.css_variables_of_both().rstrip(";").split(";"))
    light, dark = (palette.colour("mu", theme) for theme in THEMES)
    assert pairs["--vl-mu"] == f"light-dark({light},{dark})"
    assert len(pairs) == palette.css_variables("light").count(";")


@pytest.mark.parametrize("theme", THEMES)
def test_theme_file_repeats_the_palette(theme):
    section = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"][theme]
    assert section["primaryColor"] == palette.colour("z", theme)
    assert section["backgroundColor"] == palette.surface("background", theme)
    assert section["secondaryBackgroundColor"] == palette.surface("surface", theme)
    assert section["textColor"] == palette.surface("text", theme)
    assert section["borderColor"] == palette.surface("border", theme)
    for role in palette.roles():
        name = palette.markdown(role, "").removeprefix(":").removesuffix("[]")
        if name not in ("", "primary"):
            assert section[f"{name}Color"] == palette.colour(role, theme)
            assert section[f"{name}TextColor"] == palette.text_colour(role, theme)


def test_values_that_are_colours_are_drawn_in_them_and_others_by_their_place():
    for theme in THEMES:
        red, blue = palette.value_colours(("red", "blue"), theme)
        assert int(red[1:3], 16) > int(red[5:7], 16)
        assert int(blue[5:7], 16) > int(blue[1:3], 16)
        names = [f"class {k}" for k in range(12)]
        assert palette.value_colours(names, theme)[10:] == palette.class_colours(theme)[:2]
        assert palette.value_colours(("red", "no colour"), theme) == palette.class_colours(theme)[:2]


def test_every_hue_of_the_shapes_has_its_colour():
    hues = shapes.FACTORS["hue"]
    assert len(set(palette.value_colours(hues, "light"))) == len(hues)
    assert not set(palette.value_colours(hues, "light")) <= set(palette.class_colours("light"))


@pytest.mark.parametrize("theme", THEMES)
def test_colours_keep_their_own_colour_and_measures_lie_along_the_scale(theme):
    assert palette.value_colours(("brown #8d5524", "beige #ffdbac"), theme) == ("#8d5524", "#ffdbac")
    for name in ("size", "x", "y", "rotation"):
        assert palette.is_ordered(shapes.FACTORS[name])
        inks = palette.value_colours(shapes.FACTORS[name], theme)
        brightness = [palette.contrast(ink, "#000000") for ink in inks]
        assert brightness == sorted(brightness)
        assert len(set(inks)) == len(inks)
        for ink in inks:
            assert palette.contrast(ink, palette.surface("background", theme)) >= 3.0, (name, ink)
    assert not palette.is_ordered([str(k) for k in range(10)])  # digits are names
    assert not palette.is_ordered(shapes.FACTORS["hue"])


def test_the_scale_begins_and_ends_with_its_stops():
    assert palette.along_scale(0.0) == palette.STOPS[0]
    assert palette.along_scale(1.0) == palette.STOPS[-1]
    assert palette.mixed("#000000", "#ff8040", 0.5) == "#804020"


@pytest.mark.parametrize("theme", THEMES)
def test_a_pale_colour_becomes_legible_as_a_line(theme):
    background = palette.surface("background", theme)
    assert palette.contrast(palette.legible(background, theme), background) >= 3.0
    assert palette.legible(palette.surface("text", theme), theme) == palette.surface("text", theme).lower()
