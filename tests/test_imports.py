"""Who imports whom: read from the source, and tried in a fresh interpreter."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# docs/architecture.md: what each of these may import from the package when it is loaded.
FOUNDATION: dict[str, set[str]] = {
    "errors": set(),
    "config": {"errors"},
    "architecture": {"config"},
    "losses": {"config"},
    "schedules": {"config"},
    "models": {"architecture", "config", "errors", "losses"},
    "fitting": {"errors"},
    "image_structure": {"errors"},
    "images": {"errors", "fitting", "image_structure"},
    "data": {"errors", "fitting", "images", "torchvision_compat"},
    "palette": set(),
    "charts": {"palette"},
}
# Modules that only these may import, at any place. Nothing below reaches up.
RESERVED: dict[str, tuple[str, ...]] = {
    "ui": ("ui", "pages", "app"),
    "cli": ("cli", "__main__"),
    "bench": ("bench", "cli"),
    "worker": ("worker", "cli"),
    "trainer": ("trainer", "worker", "bench"),
}
WITHOUT_TORCH = [
    "errors",
    "config",
    "architecture",
    "plan",
    "image_structure",
    "images",
    "data",
    "runs",
    "launch",
    "export",
    "charts",
    "palette",
    "bundle",
    "cli",
    "device",
    "one_thread",
    "recorder",
    "bench.report",
    "bench.startup",
    "onnx_graph",
    "worker",
    "ui.shell",
    "ui.pages",
    "pages.start",
    "pages.train",
    "app",
]


def _files() -> dict[str, Path]:
    """Module name without the leading `vaelab.`: its file."""
    found = {"app": ROOT / "app.py"}
    found |= {f"pages.{path.stem}": path for path in (ROOT / "pages").glob("*.py")}
    for path in (ROOT / "vaelab").rglob("*.py"):
        parts = path.relative_to(ROOT / "vaelab").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


FILES = _files()


@cache
def imports(module: str, *, at_load: bool) -> frozenset[str]:
    """What a module imports, ours without the leading `vaelab.`; at_load leaves out functions and TYPE_CHECKING."""
    found: set[str] = set()
    pending: list[ast.AST] = list(ast.parse(FILES[module].read_text(encoding="utf-8")).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative import"
            base = node.module or ""
            found |= {f"{base}.{a.name}" if _is_module(f"{base}.{a.name}") else base for a in node.names}
        lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        )
        if not (at_load and lazy):
            pending += ast.iter_child_nodes(node)
    return frozenset(name.removeprefix("vaelab.") for name in found)


def _is_module(name: str) -> bool:
    return name.startswith("vaelab.") and name.removeprefix("vaelab.") in FILES


def _within(module: str, names: tuple[str, ...] | set[str]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def loaded(module: str, *, packages: bool = True) -> set[str]:
    """Everything that is loaded with a module; packages: the __init__ of the packages around each as well."""
    seen: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in FILES:
            pending += imports(name, at_load=True)
            parts = name.split(".")
            around = [".".join(parts[:i]) for i in range(1, len(parts))] if packages else []
            pending += [package for package in around if package in FILES]
    return seen


@pytest.mark.parametrize("module", FOUNDATION)
def test_the_foundation_imports_only_what_lies_below(module: str) -> None:
    for name in (n for n in FILES if _within(n, (module,))):
        ours = {i for i in imports(name, at_load=False) if i in FILES and i}
        wrong = {i for i in ours if not _within(i, FOUNDATION[module] | {module})}
        assert not wrong, f"{name} imports {sorted(wrong)}"


def test_nothing_reaches_up() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in FILES
        for name in imports(module, at_load=False)
        for reserved, allowed in RESERVED.items()
        if _within(name, (reserved,)) and not _within(module, allowed)
    ]
    assert not wrong


def test_only_the_app_imports_streamlit() -> None:
    users = {m for m in FILES if any(_within(name, ("streamlit",)) for name in imports(m, at_load=False))}
    assert users, "the app uses streamlit"
    assert all(_within(module, ("ui", "pages", "app")) for module in users - {"bench.startup"}), sorted(users)


def test_no_module_imports_itself_in_a_circle() -> None:
    for module in FILES:
        for name in imports(module, at_load=True) & FILES.keys() - {module}:
            assert module not in loaded(name, packages=False), f"{module} <-> {name}"


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_is_loaded_without_torch(module: str) -> None:
    heavy = {name for name in loaded(module) if name.split(".")[0] in ("torch", "torchvision", "sklearn", "openTSNE")}
    assert not heavy


def test_the_light_commands_run_without_torch_and_streamlit(tmp_path: Path) -> None:
    code = """
import sys
from vaelab.cli import main
for arguments in (["--help"], ["train", "--help"], ["summary", "linear-vae"], ["datasets"], ["models"], ["runs"], ["export", "--help"]):
    try:
        main(arguments)
    except SystemExit as end:
        assert end.code == 0, (arguments, end.code)
loaded = {"torch", "streamlit", "sklearn", "pandas", "plotly"} & set(sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"VAELAB_RUNS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_worker_and_the_model_run_without_streamlit() -> None:
    code = "import sys, vaelab.worker, vaelab.trainer, vaelab.inference; assert 'streamlit' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
