"""Purposes of random numbers: no two streams of a run are the same."""

import ast
import importlib
from collections import Counter

import pytest

from tests.sources import modules, place, tree

DECLARES = ("# Purposes of random numbers", "# purpose of random numbers", "# of random numbers")
EVERY_RUN = {
    "genomes.initial", "neat.kernels.breeding", "neat.kernels.crossover", "neat.kernels.mutation",
    "neat.kernels.novelty", "neat.kernels.selection", "neat.kernels.structure", "neat.weights.noise",
    "experiments.training.within",
}  # fmt: skip
# A run has one task: what tasks draw need not differ from one to another. (The combinatorial ones draw from NumPy's
# Philox, whose streams are others in any case.) Benchmarks draw starts for networks of their own.
TASKS = {"envs.combinatorial.policy", "envs.control.task", "envs.gym.task", "envs.supervised"}
BENCHMARKS = {"experiments.bench.cartpole", "experiments.bench.control", "experiments.bench.device.sections"}
# A call that gives a literal: these environments draw nothing, or are of the same start in every run.
LITERALS = {"envs/control/maze.py", "envs/control/poles.py"}


def module_of(path):
    return place(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def declared(path):
    """Names of the constants that a file declares as purposes, by the comment above or beside them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = {number for number, line in enumerate(lines, 1) if any(words in line for words in DECLARES)}
    for number in list(marked):
        while lines[number - 1].startswith("#"):  # a comment above goes on to the statement
            number += 1
        marked.add(number)
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and node.lineno in marked:
            yield from (name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name))


def values(module):
    """{name with its module: value} of the purposes of a module."""
    loaded = importlib.import_module(module)
    return {f"{module}.{name}": int(getattr(loaded, name)) for name in declared(BY_NAME[module])}


BY_NAME = {module_of(path): path for path in modules()}


def parameters():
    """{function with its module: names of its parameters} of all that take a purpose."""
    found = {}
    for module, path in BY_NAME.items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef):
                names = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
                if "purpose" in names:
                    found[f"{module}.{node.name}"] = [name for name in names if name != "self"]
    return found


def meanings(path):
    """{name in a file: what it stands for, with its module}."""
    found = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = f"{module_of(path)}.{node.name}"
    return found


def given(path, taking):
    """(expression, line) of all that a file gives for a parameter ``purpose``, be it through `parallel_for`."""
    known = meanings(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            arguments, called = node.args, resolved(node.func, known, path)
            if called.endswith(".parallel_for") and arguments:
                called = resolved(arguments[0], known, path)  # begin and end are in the place of kernel and count
            named = {word.arg: word.value for word in node.keywords}
            plain = arguments if not any(isinstance(argument, ast.Starred) for argument in arguments) else []
            chosen = (dict(zip(taking.get(called, ()), plain, strict=False)) | named).get("purpose")
            if called in taking and chosen is not None:
                yield ast.unparse(chosen), node.lineno


def resolved(expression, known, path):
    """A function with its module; methods by their name in the file."""
    words = ast.unparse(expression).split(".")
    if words[0] == "self":
        return f"{module_of(path)}.{words[-1]}"
    return ".".join([known.get(words[0], words[0]), *words[1:]])


def test_all_purposes_are_known():
    assert {module for module, path in BY_NAME.items() if list(declared(path))} == EVERY_RUN | TASKS | BENCHMARKS


@pytest.mark.parametrize("task", sorted(TASKS))
def test_purposes_within_a_run_are_distinct(task):
    found = {name: value for module in EVERY_RUN | {task} for name, value in values(module).items()}
    assert len(found) > 30
    twice = {value for value, count in Counter(found.values()).items() if count > 1}
    assert {name: value for name, value in found.items() if value in twice} == {}


def test_what_is_given_for_a_purpose_is_declared():
    taking, seen = parameters(), Counter()
    for path in modules():
        known, own = meanings(path), set(declared(path))
        for words, line in given(path, taking):
            first, *others = words.split(".")
            module, _, name = ".".join([known.get(first, first), *others]).rpartition(".")
            of_another = module in BY_NAME and name in declared(BY_NAME[module])
            literal = words.isdigit() and place(path) in LITERALS
            assert words == "purpose" or words in own or of_another or literal, f"{place(path)}:{line}: {words}"
            seen[words] += 1
    assert len(seen) > 30 and seen["noise.CHANCES"] > 3 and seen["LINK"]
