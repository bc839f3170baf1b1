"""What Python and C have in common: a program as statements, given how a language spells them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from genomes.export.program import ACTIVATIONS, FOLDS, Assignment, Program
from genomes.files import shortest

__all__ = ["Language", "about", "activations_of", "helpers_of", "scaled_inputs", "statements"]

_TERMS = 5  # of a sum in one line
_NEEDS = {"clamp": ("at_least", "at_most"), "farther": ("size",)}


@dataclass(frozen=True)
class Language:
    """How a language spells what a program needs."""

    declare: str  # before the name of a new number
    declare_list: str  # a new list: {name} and {values}
    end: str  # of a statement
    number: Callable[[float], str]
    word: Callable[[str], str]  # the name of a helper or of an elementary function
    activation: Callable[[str], str]  # the name of an activation

    def expression(self, text: str) -> str:
        """An expression of `ACTIVATIONS`."""
        words = re.sub(r"[a-z_]+(?=\()", lambda match: self.word(match[0]), text)
        return re.sub(r"(?<![\w.])\d[\d.]*(?:e\d+)?", lambda match: self.number(float(match[0])), words)


def about(program: Program) -> list[str]:
    """The lines of the comment at the top: names of the user's may hold what would end a line, or hide one."""
    lines = ("".join(c if c.isprintable() else "?" for c in line) for line in program.about)
    return [part for line in lines for part in textwrap.wrap(line, 112, subsequent_indent="  ") or [""]]


def scaled_inputs(program: Program, language: Language) -> Iterator[str]:
    """The expression of each input as the network sees it; none where inputs are taken as they are."""
    scaling, number = program.scaling, language.number
    if scaling is None:
        return
    for i in range(program.num_inputs):
        shift, scale = number(shortest(scaling.shift[i])), number(shortest(scaling.scale[i]))
        value = f"(x[{i}] - {shift}) * {scale}".replace("- -", "+ ")
        limits = () if scaling.limit is None else (number(-scaling.limit), number(scaling.limit))
        yield f"{language.word('clamp')}({', '.join((value, *limits))})" if limits else value


def statements(program: Program, language: Language) -> Iterator[str]:
    """The lines that compute all nodes once."""
    for one in program.assignments:
        yield from (f"{line}{language.end}" for line in _assign(one, language))


def _assign(one: Assignment, language: Language) -> Iterator[str]:
    """The lines of one node."""
    before, value = _total(one, language)
    yield from before
    if one.activation != "identity":
        value = f"{language.activation(one.activation)}({value})"
    if one.rate is not None:
        old, new = language.number(round(1.0 - one.rate, 9)), language.number(one.rate)
        value = f"{old} * state[{one.state}] + {new} * ({value})"
    if value != one.node:
        known = any(line.startswith(f"{language.declare}{one.node} ") for line in before)
        yield f"{'' if known else language.declare}{one.node} = {value}"


def _total(one: Assignment, language: Language) -> tuple[list[str], str]:
    """Lines to begin with, and the expression of bias + aggregation."""
    node, bias = one.node, language.number(one.bias)
    terms = [language.number(weight) + (f" * {source}" if source else "") for weight, source in one.terms]
    if one.aggregation == "sum" or not terms:
        return _sum(node, [bias, *terms] if one.bias or not terms else terms, language)
    if one.aggregation == "mean":
        lines, total = _sum(node, terms, language)
        return lines, f"({total}) / {language.number(len(terms))} + {bias}"
    if one.aggregation == "median":
        line = language.declare_list.format(name=f"of_{node}", values=", ".join(terms))
        return [line], f"{language.word('median')}(of_{node}, {len(terms)}) + {bias}"
    fold = language.word(FOLDS[one.aggregation])
    lines = [f"{language.declare}{node} = {terms[0]}", *(f"{node} = {fold}({node}, {term})" for term in terms[1:])]
    return lines, f"{node} + {bias}"


def _sum(node: str, terms: list[str], language: Language) -> tuple[list[str], str]:
    """Lines to begin with, and the expression of the sum; no line is too long to read."""
    parts = [" + ".join(terms[k : k + _TERMS]).replace("+ -", "- ") for k in range(0, len(terms), _TERMS)]
    if len(parts) == 1:
        return [], parts[0]
    return [f"{language.declare}{node} = {parts[0]}", *(f"{node} += {part}" for part in parts[1:])], node


def activations_of(program: Program) -> list[str]:
    """The activations that a program calls."""
    return sorted({one.activation for one in program.assignments} - {"identity"})


def helpers_of(program: Program, helpers: dict[str, str]) -> dict[str, str]:
    """Those of a language's ``helpers`` (name -> definition, in their order) that a program calls."""
    called = {name for one in activations_of(program) for name in re.findall(r"[a-z_]+(?=\()", ACTIVATIONS[one])}
    called |= {FOLDS.get(one.aggregation, one.aggregation) for one in program.assignments if one.terms}
    if program.scaling is not None and program.scaling.limit is not None:
        called.add("clamp")
    called |= {needed for name in tuple(called) for needed in _NEEDS.get(name, ())}
    return {name: definition for name, definition in helpers.items() if name in called}
