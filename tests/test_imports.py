"""The import rules, held by walking the syntax trees."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = {"genomes", "neat", "envs", "experiments", "tests"}
ALLOWED = {
    "genomes": {"genomes"},
    "envs": {"envs", "genomes"},
    "neat": {"neat", "genomes"},
    "experiments": {"experiments", "envs", "neat", "genomes"},
}
MAY_TOUCH_FILES = {"genomes/files.py", "genomes/kernels/binding.py", "envs/datasets.py"}


def modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def imported(path, top_level_only=False):
    """(package, line) of each import in a file."""
    tree = ast.parse(path.read_text())
    nodes = ast.walk(tree) if not top_level_only else tree.body
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module, node.lineno


def calls(path):
    """Names of the plain functions that a file calls."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id, node.lineno


@pytest.mark.parametrize("package", ALLOWED)
def test_packages_import_only_what_they_may(package):
    for path in modules(package):
        for name, line in imported(path):
            top = name.split(".")[0]
            assert top not in OURS or top in ALLOWED[package], f"{path}:{line} imports {name}"


def test_only_the_kernels_import_numba():
    for package in ALLOWED:
        for path in modules(package):
            for name, line in imported(path):
                if name.split(".")[0] in ("numba", "llvmlite", "cupy"):
                    where = path.relative_to(ROOT).as_posix()
                    assert "/kernels/" in where or where == "genomes/backend.py", f"{path}:{line}"


def test_only_experiments_print_and_parse_arguments():
    for package in ("genomes", "neat", "envs"):
        for path in modules(package):
            used = {name.split(".")[0] for name, _ in imported(path)}
            assert not used & {"argparse", "click", "rich", "matplotlib"}, path
            assert all(name not in ("print", "input") for name, _ in calls(path)), path


def test_only_a_few_touch_files():
    for package in ("genomes", "neat", "envs"):
        for path in modules(package):
            if path.relative_to(ROOT).as_posix() not in MAY_TOUCH_FILES:
                assert all(name != "open" for name, _ in calls(path)), path


def test_packages_import_with_numpy_and_numba_alone():
    """A machine for the GPU has neither Gymnasium nor the command line's libraries."""
    command = ["click", "rich", "filelock", "cloudpickle", "tomli_w"]
    absent = [*command, "gymnasium", "matplotlib", "networkx", "hypothesis"]
    code = f"import sys; sys.modules.update(dict.fromkeys({absent!r}))\nimport genomes, neat, envs, experiments"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_importing_is_light():
    """Nothing heavy before it is used: `neat --help` answers at once."""
    heavy = ["numba", "gymnasium", "networkx", "rich", "matplotlib", "cloudpickle"]
    code = (
        f"import sys, experiments.cli\nloaded = [m for m in {heavy!r} if m in sys.modules]\nassert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def test_files_stay_short():
    for package in (*ALLOWED, "tests"):
        for path in modules(package):
            lines = path.read_text().count("\n")
            assert lines <= 450, f"{path} has {lines} lines: it is asking to be two"
