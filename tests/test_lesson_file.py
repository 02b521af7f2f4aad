"""A lesson as one HTML file: what it holds, and the words and formulas that are written for it."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest
from app_page import opened
from test_lessons import NAMES, lesson

from vaelab.config.errors import ExportError
from vaelab.config.texts import LANGUAGES, say, strings
from vaelab.export import lesson_file
from vaelab.export.joined import joined
from vaelab.export.markup import html_of
from vaelab.export.mathml import mathml
from vaelab.ui.learn.lesson_home import HOMES, make


@cache
def file_of(name: str) -> str:
    """The file of a lesson, made once."""
    return make(lesson(name), HOMES[name])


def told(html: str) -> dict[str, Any]:
    found = re.search(r'id="told">(.*?)</script>', html, re.DOTALL)
    assert found
    facts: dict[str, Any] = json.loads(found[1])
    return facts


@pytest.mark.parametrize("name", HOMES)
def test_a_lesson_goes_home_whole_in_both_languages(name: str) -> None:
    html = file_of(name)
    assert len(html.encode()) < 5_000_000
    facts, shown, home = told(html), lesson(name), HOMES[name]
    assert set(home.sections) <= {section.key for section in shown.sections}
    assert set(home.code) <= {*shown.code}
    for lang in LANGUAGES:
        words = facts["words"][lang]
        titles = [section[0] for section in words["sections"]]
        assert titles == [say(lang, f"{name}.{s.key}_title") for s in shown.sections if s.key in home.sections]
        for section in shown.sections:
            if section.key not in home.sections:
                assert say(lang, f"{name}.{section.key}_title") in words["left_out"]
        assert bool(words["question"]) == home.asks
        for view in facts["views"]:
            assert view["widget"] in lesson_file.WIDGETS
            assert view["title"][lang]
            assert "{" not in view["how"][lang]
            assert all(view["data"][lang]["text"].values())
    for bundle in re.findall(r'"decoder":"(weights-[^"]+)"', html):
        assert f'id="{bundle}">' in html
    assert not re.search(r"""(?:src|href)=["'](?!data:)|url\(|@import""", html.replace("xmlns", ""))


@pytest.mark.parametrize("name", NAMES)
def test_a_lesson_is_handed_out_or_says_why_not(name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAELAB_RUNS", str(tmp_path / "runs"))
    app = opened(name)
    labels = [button.label for button in app.get("download_button")]
    refused = [caption.value for caption in app.caption if caption.value == strings("en", "file")["lesson_not"]]
    assert (strings("en", "file")["lesson_share"] in labels) == (name in HOMES)
    assert bool(refused) == (name not in HOMES)


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lesson_file, "MOST_BYTES", 1000)
    with pytest.raises(ExportError, match="would make a file of"):
        make(lesson("learn_kinds"), HOMES["learn_kinds"])


def test_weights_are_found_in_the_file_and_nothing_asks_for_its_own_address() -> None:
    script = joined(lesson_file.ENTRY, lesson_file.INSTEAD)
    assert "import.meta" not in script
    assert "fetch(" not in script
    with pytest.raises(ExportError, match=r"import\.meta"):
        joined(lesson_file.ENTRY)


def test_words_become_html() -> None:
    assert html_of("a < b & **bold** in `c<d>` at :orange[μ] and $x^2$\n\nnew *one*") == (
        "<p>a &lt; b &amp; <strong>bold</strong> in <code>c&lt;d&gt;</code> at "
        f'<span class="role-mu">μ</span> and {mathml("x^2")}</p><p>new <em>one</em></p>'
    )
    assert "<script" not in html_of("<script>alert(1)</script> `<script>` $<$")


@pytest.mark.parametrize(
    ("latex", "parts"),
    [
        (r"\tfrac12 x_i^2", ("<mfrac><mn>1</mn><mn>2</mn></mfrac>", "<msubsup><mi>x</mi><mi>i</mi>")),
        (r"\sum_k \sigma_k", ("<munder><mo>∑</mo><mi>k</mi></munder>", "<msub><mi>σ</mi><mi>k</mi></msub>")),
        (r"\hat x \sim \mathcal{N}(0, I)", ("<mover", "<mi>x</mi><mo>^</mo>", "𝒩", "∼")),
        (r"\begin{aligned} & a \\ & b \end{aligned}", ("<mtr><mtd><mrow></mrow></mtd><mtd><mrow><mi>a</mi>",)),
        (r"p(x|y')", ('<mo stretchy="false" lspace="0.1em" rspace="0.1em">|</mo>', "<msup><mi>y</mi>")),
    ],
)
def test_formulas_become_mathml(latex: str, parts: tuple[str, ...]) -> None:
    made = mathml(latex, display=True)
    assert made.startswith('<math display="block">')
    assert [part for part in parts if part not in made] == []
    assert all(made.count(f"<{tag}") == made.count(f"</{tag}") for tag in set(re.findall(r"<(\w+)", made)))


@pytest.mark.parametrize("latex", [r"\oint x", r"\frac{1", r"x^", r"\left( x", r"\mathcal{Q}", "x}"])
def test_a_formula_that_is_not_known_is_refused_by_name(latex: str) -> None:
    with pytest.raises(ExportError, match="cannot be written as MathML"):
        mathml(latex)


def test_every_formula_of_every_lesson_is_known() -> None:
    for name in NAMES:
        for section in lesson(name).sections:
            if section.latex:
                mathml(section.latex, display=True)
            for lang in LANGUAGES:
                html_of(say(lang, f"{name}.{section.key}"))
