"""C99, which C++ takes, too: one header, no memory allocated, only math.h."""

from __future__ import annotations

import re
from collections.abc import Iterator

from genomes.export.program import ACTIVATIONS, NotExportable, Program
from genomes.export.reserved import is_reserved
from genomes.export.statements import Language, about, activations_of, helpers_of, scaled_inputs, statements

__all__ = ["c_source"]

_PREFIX = "network_"
_HELPERS = {
    "at_least": "(float x, float low) { return x < low ? low : x; }",
    "at_most": "(float x, float high) { return x > high ? high : x; }",
    "clamp": "(float x, float low, float high) { return network_at_most(network_at_least(x, low), high); }",
    "choose": "(int condition, float a, float b) { return condition ? a : b; }",
    "size": "(float x) { return fabsf(x); }",
    "times": "(float a, float b) { return a * b; }",
    "smaller": "(float a, float b) { return b < a || b != b ? b : a; }",
    "larger": "(float a, float b) { return b > a || b != b ? b : a; }",
    "farther": "(float a, float b) { return network_size(b) > network_size(a) || b != b ? b : a; }",
    "median": """(float *values, int count) {
    for (int i = 1; i < count; i++) {
        float value = values[i];
        int k = i;
        for (; k > 0 && values[k - 1] > value; k--) values[k] = values[k - 1];
        values[k] = value;
    }
    return 0.5f * (values[(count - 1) / 2] + values[count / 2]);
}""",
}
_MARKS = re.compile(r"(?<=\*)(?=/)|(?<=/)(?=\*)|(?<=\?)(?=\?)")  # within what ends or begins a comment, and trigraphs
_MATH = {"exp": "expf", "log": "logf", "sin": "sinf", "tanh": "tanhf"}


def _number(value: float) -> str:
    return f"{float(value)!r}f"


def _word(word: str) -> str:
    return _MATH.get(word) or _PREFIX + word


def _activation(name: str) -> str:
    return f"{_PREFIX}act_{name.replace('-', '_')}"


_C = Language("float ", "float {name}[] = {{{values}}}", ";", _number, _word, _activation)


def c_source(program: Program, name: str = "network") -> str:
    """A header with a function of this name, which all other names in it begin with.

    ``network(x, y)`` takes I numbers and writes O; of a recurrent network it is ``network(x, state, y)``, where state
    is NETWORK_STATE numbers, all 0 before an episode's first step, which each call brings up to date.

    Raises
    ------
    NotExportable : C, C++ or math.h use this name for something else.
    """
    if is_reserved(name):
        raise NotExportable(f"a function in C cannot be called {name!r}: C, C++ or math.h use this name")
    comment = (f" * {_MARKS.sub(' ', line)}".rstrip() for line in about(program))
    code = "\n".join(_header(program)).replace("network", name).replace("NETWORK", name.upper())
    return "\n".join(("/*", *comment, code)) + "\n"


def _header(program: Program) -> Iterator[str]:
    state = "state, " if program.state else ""
    yield " *"
    yield f" * network(x, {state}y) reads {program.num_inputs} numbers and writes {program.num_outputs}."
    if program.state:
        yield f" * state has {program.state}, all 0 when an episode begins; each call brings them up to date."
    yield " */"
    yield "#pragma once"
    yield ""
    yield "#include <math.h>"
    yield ""
    yield f"#define NETWORK_INPUTS {program.num_inputs}"
    yield f"#define NETWORK_OUTPUTS {program.num_outputs}"
    if program.state:
        yield f"#define NETWORK_STATE {program.state}"
    for name, definition in helpers_of(program, _HELPERS).items():
        yield f"\nstatic inline float {_PREFIX}{name}{definition}"
    for name in activations_of(program):
        yield f"\nstatic inline float {_activation(name)}(float x) {{ return {_C.expression(ACTIVATIONS[name])}; }}"
    last = "float *state, float *y" if program.state else "float *y"
    yield f"\nstatic inline void network(const float *x, {last}) {{"
    yield from (f"    {line}" for line in _body(program))
    yield "}"


def _body(program: Program) -> Iterator[str]:
    if program.scaling is not None:
        yield f"float scaled[{program.num_inputs}];"
        yield from (f"scaled[{i}] = {value};" for i, value in enumerate(scaled_inputs(program, _C)))
        yield "x = scaled;"
    indent = "    " if program.activations > 1 else ""
    if indent:
        yield f"for (int k = 0; k < {program.activations}; k++) {{"
    yield from (f"{indent}{line}" for line in statements(program, _C))
    if program.state:
        yield from (f"{indent}state[{one.state}] = {one.node};" for one in program.assignments)
    if indent:
        yield "}"
    state = {one.node: f"state[{one.state}]" for one in program.assignments} if program.state else {}
    for o, node in enumerate(program.outputs):
        yield f"y[{o}] = {state.get(node, node)};"
