"""The words of a lesson for a file without a network: the part of Markdown that they use, as HTML."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from vaelab.export.mathml import mathml

# The colours that texts name, and the role that each stands for (images/palette.py).
ROLES = {"orange": "mu", "green": "sigma", "red": "eps", "violet": "encoder", "blue": "z", "gray": "muted"}
_CODE = re.compile(r"`([^`]+)`")
_MATH = re.compile(r"\$([^$]+)\$")
_COLOUR = re.compile(r":(\w+)\[([^\]]*)\]")
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_SLANTED = re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)")
_KEPT = re.compile("\x00(\\d+)\x00")


def html_of(markdown: str) -> str:
    """Paragraphs with formulas, code, bold, slanted and coloured words. Raises ExportError for a formula that is not known."""
    return "".join(f"<p>{inline(part)}</p>" for part in markdown.strip().split("\n\n"))


def inline(markdown: str) -> str:
    """One paragraph without its element."""
    kept: list[str] = []

    def keep(made: Callable[[re.Match[str]], str]) -> Callable[[re.Match[str]], str]:
        def kept_away(found: re.Match[str]) -> str:
            kept.append(made(found))
            return f"\x00{len(kept) - 1}\x00"

        return kept_away

    text = _CODE.sub(keep(lambda found: f"<code>{escape(found[1])}</code>"), markdown)
    text = _MATH.sub(keep(lambda found: mathml(found[1])), text)
    text = escape(text, quote=False)
    text = _COLOUR.sub(lambda found: f'<span class="role-{ROLES.get(found[1], "muted")}">{found[2]}</span>', text)
    text = _BOLD.sub(r"<strong>\1</strong>", text)
    text = _SLANTED.sub(r"<em>\1</em>", text)
    text = text.replace("  \n", "<br>").replace("\n", " ")
    return _KEPT.sub(lambda found: kept[int(found[1])], text)
