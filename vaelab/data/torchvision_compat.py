"""The one place that imports torchvision, also where its plain import fails.

A CPU build of torch beside the registry's CUDA build of torchvision is common on servers. `import torchvision` then
stops with "operator torchvision::nms does not exist", because its compiled operators cannot load. The data sets need
none of them, so we declare the two schemas that the import looks for, and only where the plain import has failed.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_declared: list[Any] = []  # torch forgets a library's operators when the object dies


def torchvision_datasets() -> ModuleType:
    """The module torchvision.datasets. Imports torch: seconds, not for a first page. Raises ImportError without it."""
    try:
        return importlib.import_module("torchvision.datasets")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]  # half imported
    _declare_operators()
    return importlib.import_module("torchvision.datasets")


def _declare_operators() -> None:
    if _declared:
        return
    from torch.library import Library

    library: Any = Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(operator + _SCHEMA)
    _declared.append(library)
