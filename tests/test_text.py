"""Both languages are complete, agree on their placeholders, and hold exactly what the code asks for."""

import ast
import json
import re
import string
from functools import cache
from pathlib import Path

import pytest

from vaelab import data
from vaelab.config.settings import DEVICES, LIKELIHOODS, RATE_SCHEDULES, SCHEDULES, STEPS
from vaelab.models.presets import presets
from vaelab.runs.status import State
from vaelab.ui import text
from vaelab.ui.names import label_title, said_of_itself, value_names
from vaelab.ui.pages import PAGES
from vaelab.ui.text import LANGUAGES, TEXT_DIR

ROOT = Path(__file__).parents[1]
SOURCES = [*sorted((ROOT / "vaelab" / "ui").rglob("*.py")), *sorted((ROOT / "pages").glob("*.py"))]
HOLE = "\x00"
TEXT_PAGES = sorted(path.stem for path in (TEXT_DIR / "en").glob("*.json"))


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def keys_in_code() -> tuple[set[str], set[str]]:
    """(literal keys, prefixes of keys that are put together) of every t(...), has_text(...) call."""
    literal, prefixes = set(), set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            if node.func.id not in ("t", "has_text"):
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                literal.add(first.value)
            elif isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
                prefixes.add(first.values[0].value)
    return literal, prefixes


@pytest.mark.parametrize("page", TEXT_PAGES)
def test_languages_agree(page):
    tables = {lang: json.loads((TEXT_DIR / lang / f"{page}.json").read_text(encoding="utf-8")) for lang in LANGUAGES}
    assert tables["en"].keys() == tables["zh"].keys()
    for key, english in tables["en"].items():
        assert placeholders(english) == placeholders(tables["zh"][key]), key
        assert english.strip()
        assert tables["zh"][key].strip(), key


def test_no_language_has_a_page_of_its_own():
    assert sorted(path.stem for path in (TEXT_DIR / "zh").glob("*.json")) == TEXT_PAGES


def test_every_key_in_the_code_exists():
    literal, prefixes = keys_in_code()
    assert len(literal) > 50  # the search itself works
    missing = {key for key in literal if not text.has_text(key)}
    assert not missing
    for prefix in prefixes:
        page, _, start = prefix.partition(".")
        if start:
            assert any(key.startswith(start) for key in text.strings("en", page)), prefix


@cache
def names_in_code() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """(words, texts with holes) of the package that could name a key. In JavaScript a property names one too."""
    words, templates = set(), set()
    for path in [*(ROOT / "vaelab").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                templates.add("".join(p.value if isinstance(p, ast.Constant) else HOLE for p in node.values))
    for path in (ROOT / "vaelab" / "ui" / "components").rglob("*.js"):
        script = path.read_text(encoding="utf-8")
        words |= set(re.findall(r"[\"'.]([\w-]+)\b", script))
        templates |= {re.sub(r"\$\{[^}]*\}", HOLE, text) for text in re.findall(r"`([^`\n]*)`", script)}
    usable = (text for text in templates if HOLE in text and len(text) < 60)
    return frozenset(words), tuple(re.compile("(.+)".join(map(re.escape, text.split(HOLE)))) for text in usable)


def is_put_together(name: str, page: str) -> bool:
    """Whether a text with holes gives this name: by letters of its own besides the page's, or by words that the code has."""
    words, templates = names_in_code()
    for template in templates:
        found = template.fullmatch(name)
        if found:
            own = re.sub(r"[^a-z]", "", template.pattern.removeprefix(f"{page}\\."))
            if len(own) > 1 or set(found.groups()) <= words:
                return True
    return False


@pytest.mark.parametrize("page", [page for page in TEXT_PAGES if page not in ("errors", "names")])
def test_no_string_is_left_over(page):
    """errors and names are looked up by what was raised and by what a data set holds."""
    words, _ = names_in_code()
    for key in text.strings("en", page):
        full = f"{page}.{key}"
        assert {key, full} & words or is_put_together(full, page) or is_put_together(key, page), full


def test_keys_that_are_put_together_exist():
    names = [f"common.state_{state}" for state in State.__args__]
    names += [f"train.problem_{state}" for state in ("interrupted", "stopped", "diverged", "failed")]
    names += [f"train.data_{name}" for name in data.names()] + [f"train.about_{name}" for name in data.names()]
    names += [f"train.likelihood_{name}" for name in LIKELIHOODS]
    names += [f"train.warmup_{name}" for name in SCHEDULES] + [f"train.rate_{name}" for name in RATE_SCHEDULES]
    names += [f"train.step_{name}" for name in STEPS]
    names += [f"{entry.name}.page_title" for entry in PAGES if entry.exists]
    names += [f"common.group_{entry.group}" for entry in PAGES if entry.exists and entry.group]
    assert [name for name in names if not text.has_text(name)] == []
    assert set(DEVICES) == {"auto", "cpu", "cuda", "mps"}  # shown as they are


def test_every_model_is_named_in_both_languages():
    for name, known in presets().items():
        if not text.has_text(f"train.model_{name}"):  # it brings its own words
            assert known.words.title and known.words.help  # noqa: PT018
            assert not known.words.help_zh.isascii(), name


def test_a_missing_key_shows_its_name_and_is_logged(caplog):
    assert text.t("train.there_is_no_such_key") == "there_is_no_such_key"
    assert "there_is_no_such_key" in caplog.text


def test_every_class_and_factor_that_comes_with_a_data_set_has_a_chinese_name(monkeypatch):
    monkeypatch.setattr("vaelab.ui.text.language", lambda: "zh")
    for info in map(data.info, data.names()):
        for label in (*(["class"] if info.classes else []), *info.factors):
            assert label in ("x", "y") or not label_title(label).isascii(), label
            for name, words in zip(
                data.label_names(info, label), value_names(data.label_names(info, label)), strict=True
            ):
                assert name[0].isdigit() or not words.isascii(), name


def test_a_name_keeps_its_number_and_an_unknown_one_stays(monkeypatch):
    monkeypatch.setattr("vaelab.ui.text.language", lambda: "zh")
    assert value_names(["long 3", "dark blue #03396c", "22.5°", "my {cat} 7", ""]) == (
        "长发 3",
        "深蓝",
        "22.5°",
        "my {cat} 7",
        "",
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_value_of_a_label_has_a_name_of_its_own(monkeypatch, lang):
    monkeypatch.setattr("vaelab.ui.text.language", lambda: lang)
    for info in map(data.info, data.names()):
        for label in (*(["class"] if info.classes else []), *info.factors):
            names = value_names(data.label_names(info, label))
            assert len(set(names)) == len(names), (info.name, label)
            assert not any("#" in name for name in names), (info.name, label)


def test_colours_of_one_word_are_numbered_from_the_darkest_on(monkeypatch):
    monkeypatch.setattr("vaelab.ui.text.language", lambda: "en")
    named = value_names(["brown #cb9e6e", "beige #ffdbac", "brown #8d5524", "brown #a26d3d"])
    assert named == ("brown 3", "beige", "brown 1", "brown 2")


def test_licences_and_sources_are_told_in_chinese(monkeypatch):
    monkeypatch.setattr("vaelab.ui.text.language", lambda: "zh")
    for info in map(data.info, data.names()):
        for words in (info.licence, info.source):
            assert words.startswith(("CC BY", "http", "vaelab/")) or said_of_itself(words) != words, words


def said_by_models() -> dict[str, str]:
    """The Chinese words that networks and methods bring along, by file and line."""
    found = {}
    for path in sorted((ROOT / "vaelab" / "models").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"[一-鿿]", node.value):
                found[f"{path.name}:{node.lineno}"] = node.value
    return found


@pytest.mark.parametrize("page", [*TEXT_PAGES, "models"])
def test_chinese_punctuation_is_full_width(page):
    said = said_by_models() if page == "models" else text.strings("zh", page)
    assert said
    for key, words in said.items():
        assert not re.search(r"[一-鿿] ?[,;!?(]|[一-鿿]:(?!\w+\[)|[,;:!?][一-鿿]|(?<![…`])…(?![…`])", words), key
        assert not re.search(r"[^\s*] [，。；：！？）]", words), f"{key}: a space before a mark"


def test_a_chinese_error_is_a_whole_sentence():
    assert [key for key, said in text.strings("zh", "errors").items() if not said.endswith(("。", "}"))] == []


def test_names_are_listed_as_the_language_does(monkeypatch):
    for lang, expected in (("en", "a, b, c"), ("zh", "a、b、c")):
        monkeypatch.setattr("vaelab.ui.text.language", lambda lang=lang: lang)
        assert text.listed("abc") == expected


# One word for one thing. What stands here was used beside the word that was kept.
LEFT_BEHIND = {
    "zh": (
        *("抽样", "抽取", "抽出", "重抽", "还原", "复原", "重建", "重画", "撇清", "计费", "收费", "付不起", "不花钱"),
        *("高出下限", "电影", "潜空间", "透露", "步长为", "眼睛是否同意"),
    ),
    "en": (
        *("Go on", "Take this z", "Take the result", "hang together", "share the say", "who is inside", "just ran"),
        *("takes the blame", "the motive", "Break it to", " kl ", "the eye agrees", "most telling"),
    ),
}


@pytest.mark.parametrize("lang", list(LEFT_BEHIND))
def test_one_word_for_one_thing(lang):
    texts = {f"{page}.{key}": said for page in TEXT_PAGES for key, said in text.strings(lang, page).items()}
    if lang == "zh":
        texts |= said_by_models()
    assert [key for key, said in texts.items() if any(word in said for word in LEFT_BEHIND[lang])] == []
    if lang == "zh":  # the other name is told once, where autoencoders are explained
        assert [key for key, said in texts.items() if "自动编码器" in said] == ["learn_autoencoder.idea"]
