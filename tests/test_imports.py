"""Who imports whom: read from the source, and tried in a fresh interpreter. The rules stand in docs/architecture.md."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_ENTRIES = 15  # directly in vaelab/
# Modules that are loaded before the first page and by light commands, or that stand below torch.
WITHOUT_TORCH = [
    "config.errors",
    "runs.run_config",
    "models.layers",
    "models.device",
    "models.one_thread",
    "images.structure",
    "images.files",
    "images.palette",
    "data",
    "runs.store",
    "runs.plan",
    "runs.queue",
    "runs.recorder",
    "workers.launch",
    "workers.train_worker",
    "export.bundle",
    "export.formats",
    "export.hub_folder",
    "export.joined",
    "export.one_file",
    "export.told",
    "analysis.decoder_facts",
    "api",
    "export.onnx_graph",
    "cli",
    "cli.bench.report",
    "cli.bench.startup",
    "ui.charts.training_charts",
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


def allowed() -> dict[str, set[str]]:
    """The table of docs/architecture.md: a folder, and the folders that it may import from."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- imports -->\n\n(.*?)\n\n", text, re.DOTALL)
    assert table, "docs/architecture.md must hold the table of imports below <!-- imports -->"
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table[1].splitlines()[2:]]
    return {row[0].strip("`"): set(re.findall(r"`([a-z_.]+)`", row[1])) for row in rows}


ALLOWED = allowed()


def folder_of(module: str) -> str:
    """The folder of vaelab/ that a module lives in; `app` for the app's entry and its pages; "" for the two files beside the folders."""
    first = module.split(".")[0]
    return "app" if first in ("app", "pages") else first if (ROOT / "vaelab" / first).is_dir() else ""


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


def test_the_folders_are_those_of_the_table() -> None:
    entries = [path for path in (ROOT / "vaelab").iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, sorted(path.name for path in entries)
    assert {path.name for path in entries if path.is_dir()} | {"app"} == set(ALLOWED)


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_what_the_table_allows(folder: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module in FILES
        if folder_of(module) == folder
        for name in imports(module, at_load=False)
        if name in FILES and folder_of(name) not in ("", folder) and not _within(name, ALLOWED[folder])
    ]
    assert not wrong


def test_the_table_has_no_circle() -> None:
    done: set[str] = set()
    while len(done) < len(ALLOWED):
        ready = {name for name in ALLOWED if name not in done and {a.split(".")[0] for a in ALLOWED[name]} <= done}
        assert ready, f"a circle among {sorted(set(ALLOWED) - done)}"
        done |= ready


@pytest.mark.parametrize("folder", sorted(set(ALLOWED) - {"app"}))
def test_a_folder_says_what_lives_there_and_what_it_may_import(folder: str) -> None:
    words = ast.get_docstring(ast.parse((ROOT / "vaelab" / folder / "__init__.py").read_text(encoding="utf-8")))
    assert words, folder
    assert "May import" in words, folder


def test_only_the_app_imports_streamlit() -> None:
    users = {m for m in FILES if any(_within(name, ("streamlit",)) for name in imports(m, at_load=False))}
    assert users, "the app uses streamlit"
    assert all(
        _within(module, ("ui", "pages", "app")) for module in users - {"cli.bench.startup", "cli.bench.visitor"}
    ), sorted(users)
    assert not [module for module in users if _within(module, ("ui.charts",))]


def test_nothing_beside_the_first_script_hides_a_module_of_python() -> None:
    """Streamlit puts the folder of its script in front of Python's own modules."""
    hidden = {path.stem for path in (ROOT / "vaelab" / "ui").iterdir()} & sys.stdlib_module_names
    assert not hidden


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
loaded = {"torch", "streamlit", "sklearn", "pandas"} & set(sys.modules)
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
    modules = "vaelab.workers.train_worker, vaelab.training.trainer, vaelab.analysis.inference"
    code = f"import sys, {modules}; assert 'streamlit' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
