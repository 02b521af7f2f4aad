"""The project's own code as text for the screen, read from its files so that showing it needs no torch."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


@cache
def source_of(module: str, name: str) -> str:
    """The source of a function, class or method, its indentation taken away. module: "losses"; name: "kl_per_dim" or "A.b".

    Raises LookupError when the module has no such definition.
    """
    text = (PACKAGE / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    node: ast.AST = ast.parse(text)
    for part in name.split("."):
        inside = [n for n in ast.iter_child_nodes(node) if getattr(n, "name", None) == part]
        if not inside:
            raise LookupError(f"vaelab.{module} must define {name}")
        node = inside[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef)
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    return "\n".join(line[node.col_offset :] for line in lines)
