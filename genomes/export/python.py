"""Python without any package."""

from __future__ import annotations

import re
from collections.abc import Iterator

from genomes.export.program import ACTIVATIONS, Program
from genomes.export.statements import Language, about, activations_of, helpers_of, scaled_inputs, statements

__all__ = ["python_source"]

_HELPERS = {
    "at_least": "def at_least(x, low):\n    return low if x < low else x",
    "at_most": "def at_most(x, high):\n    return high if x > high else x",
    "clamp": "def clamp(x, low, high):\n    return at_most(at_least(x, low), high)",
    "choose": "def choose(condition, a, b):\n    return a if condition else b",
    "size": "def size(x):\n    return abs(x)",
    "times": "def times(a, b):\n    return a * b",
    "smaller": "def smaller(a, b):\n    return b if b < a or b != b else a",
    "larger": "def larger(a, b):\n    return b if b > a or b != b else a",
    "farther": "def farther(a, b):\n    return b if size(b) > size(a) or b != b else a",
    "median": (
        "def median(values, count):\n    values = sorted(values)\n"
        "    return 0.5 * (values[(count - 1) // 2] + values[count // 2])"
    ),
}
_MATH = ("exp", "log", "sin", "tanh")


def _activation(name: str) -> str:
    return f"act_{name.replace('-', '_')}"


_PYTHON = Language("", "{name} = [{values}]", "", lambda value: repr(float(value)), lambda word: word, _activation)


def python_source(program: Program) -> str:
    """A module with the function ``network``.

    ``network(x)`` takes I numbers and returns O; of a recurrent network it is ``network(x, state)``, and ``start()``
    gives the state of an episode's first step, which each call brings up to date.
    """
    return "\n".join(_module(program)) + "\n"


def _module(program: Program) -> Iterator[str]:
    arguments = "x, state" if program.state else "x"
    yield '"""' + "\n".join(about(program)).replace("\\", "\\\\").replace('"""', r"\"\"\"")
    yield ""
    yield f"network({arguments}) takes {program.num_inputs} numbers and returns {program.num_outputs}."
    if program.state:
        yield "state = start() begins an episode; each call brings it up to date."
    yield '"""'
    yield ""
    calls = " ".join(ACTIVATIONS[name] for name in activations_of(program))
    used = [name for name in _MATH if re.search(rf"\b{name}\(", calls)]
    if used:
        yield f"from math import {', '.join(used)}"
    for definition in helpers_of(program, _HELPERS).values():
        yield f"\n\n{definition}"
    for name in activations_of(program):
        yield f"\n\ndef {_activation(name)}(x):\n    return {_PYTHON.expression(ACTIVATIONS[name])}"
    if program.state:
        yield f"\n\ndef start():\n    return [0.0] * {program.state}"
    yield f"\n\ndef network({arguments}):"
    yield from (f"    {line}" for line in _body(program))


def _body(program: Program) -> Iterator[str]:
    if program.scaling is not None:
        yield "x = ["
        yield from (f"    {line}," for line in scaled_inputs(program, _PYTHON))
        yield "]"
    lines = list(statements(program, _PYTHON))
    if not program.state:
        yield from lines
    else:
        nodes = ", ".join(one.node for one in program.assignments)
        indent = "    " if program.activations > 1 else ""
        if indent:
            yield f"for _ in range({program.activations}):"
        yield from (f"{indent}{line}" for line in lines)
        yield f"{indent}state[:] = [{nodes}]"
    yield f"return [{', '.join(program.outputs)}]"
