"""The import rules and other rules of the house, held by walking the syntax trees."""

import ast
import subprocess
import sys

import pytest

from tests.sources import (
    PACKAGES,
    ROOT,
    circles,
    functions,
    imported,
    imports_of_ours,
    modules,
    names_called,
    place,
    touches,
    tree,
)

OURS = {*PACKAGES, "tests"}
ALLOWED = {
    "genomes": {"genomes"},
    "envs": {"envs", "genomes"},
    "neat": {"neat", "genomes"},
    "experiments": {"experiments", "envs", "neat", "genomes"},
}
MAY_TOUCH_FILES = {
    "genomes/files.py": "genome files and all that is written whole or not at all",
    "genomes/kernels/binding.py": "compiled kernels are kept on disk",
    "envs/datasets.py": "reads users' CSV and npz",
    "envs/workers.py": "starts worker processes",
    "envs/worker.py": "a worker process speaks through its streams",
    "envs/mark.py": "memory that worker processes share",
    "envs/own.py": "finds users' modules",
}
# Imports inside functions and for type checkers count, too. No circle may be added.
CIRCLES = {
    frozenset(
        f"genomes.{name}" for name in ("check", "forward", "forward_cuda", "graph", "network", "networks", "population")
    ),
    frozenset({"genomes.dense", "genomes.dense_cuda"}),
    frozenset({"neat.innovations", "neat.innovations_cuda"}),
    frozenset({"neat.speciation", "neat.speciation_cuda"}),
    frozenset({"experiments.data", "experiments.tasks.dataset"}),
}
LONG = {  # functions of more than 60 lines without their docstring; none may be added
    "envs/control/maze.py maze",
    "envs/kernels/combinatorial.py decode_tour",
    "envs/kernels/rollout.py play_lanes",
}
WIDE = {  # functions of more than 12 arguments, kernels aside, which take arrays one by one; none may be added
    "envs/gym/task.py GymTask.__init__",
    "experiments/estimators.py NEATClassifier.__init__",
    "experiments/estimators.py NEATRegressor.__init__",
    "experiments/estimators.py _NEATEstimator.__init__",
    "experiments/evolution.py evolve",
    "experiments/training/train.py train",
    "genomes/initial.py initial_population",
    "neat/weights/objective.py minimize",
}
TOUCHING = """
open("a") | io.open("a") | path.open("w") | path.read_text() | path.write_text("") | path.read_bytes()
path.write_bytes(b"") | Path.home().joinpath("a").unlink() | list(map(Path.read_text, paths)) | path.mkdir()
np.load("a") | np.save("a", x) | numpy.savez("a", x) | np.loadtxt("a") | x.tofile("a") | from numpy import load
os.open("a", 0) | os.mkdir("a") | os.replace("a", "b") | os.remove("a") | os.path.exists("a")
list(map(os.stat, paths)) | from os import rename | import shutil | import os, tempfile
from subprocess import run | import urllib.request
"""
HARMLESS = """
text.replace("a", "b") | np.sum(x) | os.cpu_count() | os.environ["A"] | from os import cpu_count | import os
from pathlib import Path | import json | x.reopen() | opened("a") | reader.load("a") | from numpy import ones
"""


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
    for path in modules("genomes", "neat", "envs"):
        used = {name.split(".")[0] for name, _ in imported(path)}
        assert not used & {"argparse", "click", "rich", "matplotlib"}, path
        assert all(name not in ("print", "input") for name, _ in names_called(path)), path


def test_only_a_few_touch_files():
    found = {place(path): list(touches(tree(path))) for path in modules("genomes", "neat", "envs")}
    assert {name: where for name, where in found.items() if where and name not in MAY_TOUCH_FILES} == {}
    assert all(found[name] for name in MAY_TOUCH_FILES), "a file of the list does not touch files any more"


@pytest.mark.parametrize("line", [line.strip() for line in TOUCHING.strip().replace("|", "\n").splitlines()])
def test_what_touches_files_is_found(line):
    assert list(touches(ast.parse(f"def f():\n    {line}")))


@pytest.mark.parametrize("line", [line.strip() for line in HARMLESS.strip().replace("|", "\n").splitlines()])
def test_what_touches_no_file_is_not(line):
    assert not list(touches(ast.parse(line)))


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
    for path in modules(*PACKAGES, "tests"):
        lines = path.read_text().count("\n")
        assert lines <= 450, f"{path} has {lines} lines: it is asking to be two"


def test_no_function_is_added_that_is_long_or_wide():
    found = {
        f"{place(path)} {name}": (path, lines, count) for path in modules() for name, lines, count in functions(path)
    }
    assert {name for name, (_, lines, _) in found.items() if lines > 60} == LONG
    assert {name for name, (path, _, count) in found.items() if count > 12 and "kernels" not in path.parts} == WIDE


def test_no_circle_of_imports_is_added():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == {frozenset("bc")}
    assert circles(imports_of_ours()) == CIRCLES
