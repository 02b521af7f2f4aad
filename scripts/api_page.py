#!/usr/bin/env python3
"""Write docs/api.md from the docstrings of vaelab.load, vaelab.train and vaelab.api.Model; tests/test_api_page.py fails while it is not current."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import vaelab
from vaelab.api import Model

PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"
HEAD = """# From Python

One call gives a trained model, another trains one; everything it answers is a plain numpy array. [walkthrough.ipynb](walkthrough.ipynb) goes through all of it.
The examples below are run by the tests. This page is written by `python scripts/api_page.py`.

```python
import numpy as np
import vaelab
```
"""


def page() -> str:
    """The whole page."""
    calls = [_section(f"vaelab.{call.__name__}{_signature(call)}", call) for call in (vaelab.load, vaelab.train)]
    parts = [HEAD, *calls, _section("Model", Model)]
    for name, member in vars(Model).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property | cached_property):
            parts.append(_section(f"model.{name}", member, level=3))
        elif isinstance(member, classmethod):
            bound = getattr(Model, name)
            parts.append(_section(f"vaelab.Model.{name}{_signature(bound)}", bound, level=3))
        elif inspect.isfunction(member):
            parts.append(_section(f"model.{name}{_signature(member)}", member, level=3))
    return "\n".join(parts)


def _signature(function: Callable[..., Any]) -> str:
    """Names and defaults; what they are is said below."""
    found = inspect.signature(function)
    kept = [
        each.replace(annotation=inspect.Parameter.empty) for each in found.parameters.values() if each.name != "self"
    ]
    return str(found.replace(parameters=kept, return_annotation=inspect.Signature.empty))


def _section(title: str, member: object, level: int = 2) -> str:
    """A heading, the words, and the examples as code."""
    words, marker, examples = (inspect.getdoc(member) or "").partition(">>> ")
    code = f"\n```python\n{marker}{examples.rstrip()}\n```\n" if marker else ""
    return f"{'#' * level} `{title}`\n\n{words.strip()}\n{code}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
