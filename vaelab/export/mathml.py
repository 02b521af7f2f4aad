"""Formulas of the lessons for a file without a network: the part of LaTeX that they use, as MathML, which browsers draw by themselves.

What is not known here is refused by name, so that no formula loses a part silently.
"""

from __future__ import annotations

import re
from html import escape

from vaelab.config.errors import ExportError

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}^_&']|[0-9]+(?:\.[0-9]+)?|[^\s]")
_LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν",
    "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "ϕ", "varphi": "φ", "psi": "ψ", "omega": "ω", "Sigma": "Σ", "infty": "∞",
}  # fmt: skip
_SIGNS = {
    "to": "→", "sim": "∼", "cdot": "⋅", "times": "×", "nabla": "∇", "partial": "∂", "le": "≤", "ge": "≥", "ne": "≠", "approx": "≈", "mid": "|",
    "in": "∈", "pm": "±", "top": "⊤", "perp": "⊥", "iff": "⇔", "Rightarrow": "⇒", "leq": "≤", "geq": "≥", "neq": "≠", "prime": "′", "cap": "∩", "cup": "∪", "mapsto": "↦", "propto": "∝", "ldots": "…", "dots": "…", "cdots": "⋯", "|": "∥", "lbrace": "{", "{": "{", "}": "}",
}  # fmt: skip
_LARGE = {"sum": "∑", "prod": "∏", "int": "∫"}
_NAMES = ("log", "ln", "exp", "max", "min", "sin", "cos", "det")
_SPACES = {",": "0.17em", ":": "0.22em", ";": "0.28em", "!": "-0.17em", " ": "0.25em", "quad": "1em", "qquad": "2em"}
_ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~", "vec": "→"}
_CALLIGRAPHIC = {"N": "𝒩", "L": "ℒ", "D": "𝒟", "U": "𝒰"}
_HOLLOW = {"E": "𝔼", "R": "ℝ", "P": "ℙ"}


def mathml(latex: str, *, display: bool = False) -> str:
    """A formula as a <math> element. display: on a line of its own. Raises ExportError for what is not known here."""
    reader = _Reader(latex)
    body = reader.row(until=())
    kind = ' display="block"' if display else ""
    return f"<math{kind}>{body}</math>"


class _Reader:
    def __init__(self, latex: str) -> None:
        self.latex = latex
        self.tokens: list[str] = _TOKEN.findall(latex)
        self.at = 0

    def fail(self, token: str) -> ExportError:
        return ExportError(
            f"the formula {self.latex!r} cannot be written as MathML because of {token!r}; teach it to export/mathml.py"
        )

    def next(self) -> str:
        if self.at >= len(self.tokens):
            raise self.fail("its end")
        self.at += 1
        return self.tokens[self.at - 1]

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def row(self, until: tuple[str, ...]) -> str:
        """Everything up to one of the tokens, which is left; at the end of the formula only where nothing is awaited."""
        parts = []
        while self.at < len(self.tokens) and self.peek() not in until:
            parts.append(self.scripted())
        if until and self.peek() not in until:
            raise self.fail("its end")
        return f"<mrow>{''.join(parts)}</mrow>"

    def scripted(self) -> str:
        """One part with what stands above and below it."""
        token = self.peek()
        base = self.part()
        below = above = ""
        while self.peek() in ("_", "^", "'"):
            sign = self.next()
            if sign == "'":
                above += "<mo>′</mo>"
            elif sign == "_":
                below = self.argument()
            else:
                above += self.argument()
        large = token in ("\\sum", "\\prod")
        if below and above:
            tag = "munderover" if large else "msubsup"
            return f"<{tag}>{base}{below}<mrow>{above}</mrow></{tag}>"
        if below or above:
            tag = ("munder" if large else "msub") if below else ("mover" if large else "msup")
            return f"<{tag}>{base}{below or f'<mrow>{above}</mrow>'}</{tag}>"
        return base

    def argument(self) -> str:
        """What a command or a script takes: a group, or one sign, of a number its first digit."""
        token = self.peek()
        if len(token) > 1 and token[0].isdigit():
            self.tokens[self.at : self.at + 1] = [token[0], token[1:]]
        return self.part()

    def part(self) -> str:
        """One letter, number, sign, command or group."""
        token = self.next()
        if token == "{":
            inside = self.row(("}",))
            self.next()
            return inside
        if token.startswith("\\"):
            return self.command(token[1:])
        if token in "}^_&":
            raise self.fail(token)
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{token}</mi>"
        stretch = ' stretchy="false"' if token in "()[]|" else ""
        if token == "|":  # a condition, not a fence
            stretch += ' lspace="0.1em" rspace="0.1em"'
        return f"<mo{stretch}>{escape('−' if token == '-' else token)}</mo>"

    def command(self, name: str) -> str:
        if name in _LETTERS:
            return f"<mi>{_LETTERS[name]}</mi>"
        if name in _SIGNS:
            return f"<mo>{escape(_SIGNS[name])}</mo>"
        if name in _LARGE:
            return f"<mo>{_LARGE[name]}</mo>"
        if name in _NAMES:
            return f'<mi>{name}</mi><mspace width="0.17em"></mspace>'
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}"></mspace>'
        if name in _ACCENTS:
            return f'<mover accent="true">{self.argument()}<mo>{_ACCENTS[name]}</mo></mover>'
        if name in ("frac", "tfrac", "dfrac"):
            small = ' displaystyle="false" scriptlevel="1"' if name == "tfrac" else ""
            return f"<mstyle{small}><mfrac>{self.argument()}{self.argument()}</mfrac></mstyle>"
        if name == "sqrt":
            return f"<msqrt>{self.argument()}</msqrt>"
        if name in ("text", "mathrm", "operatorname"):
            return f"<mtext>{escape(self.letters())}</mtext>"
        if name in ("mathcal", "mathbb"):
            table = _CALLIGRAPHIC if name == "mathcal" else _HOLLOW
            letter = self.letters()
            if letter not in table:
                raise self.fail(f"\\{name}{{{letter}}}")
            return f"<mi>{table[letter]}</mi>"
        if name == "left":
            return self.fenced()
        if name == "xrightarrow":
            return f'<mover><mo stretchy="true">→</mo>{self.argument()}</mover>'
        if name == "begin":
            return self.aligned()
        raise self.fail(f"\\{name}")

    def letters(self) -> str:
        """The plain words of a group."""
        if self.peek() != "{":
            return self.next()
        self.next()
        found = []
        while (token := self.next()) != "}":
            found.append(token)
        return "".join(found)

    def fenced(self) -> str:
        opening = self.next()
        inside = self.row(("\\right",))
        self.next()
        closing = self.next()

        def fence(token: str) -> str:
            sign = _SIGNS.get(token[1:], "") if token.startswith("\\") else token
            return "" if token == "." else f'<mo stretchy="true" fence="true">{escape(sign)}</mo>'

        return f"<mrow>{fence(opening)}{inside}{fence(closing)}</mrow>"

    def aligned(self) -> str:
        if self.letters() != "aligned":
            raise self.fail("\\begin")
        rows, cells = [], []
        while True:
            cells.append(f"<mtd>{self.row(('&', chr(92) * 2, chr(92) + 'end'))}</mtd>")
            end = self.next()
            if end != "&":
                rows.append(f"<mtr>{''.join(cells)}</mtr>")
                cells = []
            if end == "\\end":
                self.letters()
                return f'<mtable displaystyle="true" class="aligned">{"".join(rows)}</mtable>'
