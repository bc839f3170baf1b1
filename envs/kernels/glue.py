"""Functions that move an environment's tuples between scalars and the rows of a rollout, written for its lengths.

Numba cannot build a tuple in a loop, so the few lines are generated. Rows are stretches of LANES float32 in one flat
buffer, in this order (S states, I inputs of the task, O outputs):

    0 .. S-1   state     S   return so far     S+1   residue: 0, or NaN once a value was not finite
    S+2 ..     outputs   S+2+O ..  the networks' value slots (see `genomes.networks`)

Row numbers are constants: the distances between rows are then known to the compiler, which vectorises over lanes
without asking whether rows overlap.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

__all__ = ["row_functions"]


@cache
def row_functions(
    num_states: int, num_inputs: int, num_outputs: int, num_randoms: int, num_behaviours: int, lanes: int
) -> dict[str, Any]:
    """Bindings for the rollout kernels: row numbers, and functions for the given lengths."""
    total, residue, outputs = num_states, num_states + 1, num_states + 2
    values = outputs + num_outputs
    return {
        "LANES": lanes,
        "TOTAL": total,
        "RESIDUE": residue,
        "OUTPUTS": outputs,
        "VALUES": values,
        "load_state": _load("load_state", 0, num_states, lanes),
        "store_state": _store("store_state", 0, num_states, lanes),
        "load_outputs": _load("load_outputs", outputs, num_outputs, lanes),
        "store_observation": _store("store_observation", values, num_inputs, lanes),
        "state_residue": _residue(num_states),
        "load_randoms": _load("load_randoms", 0, num_randoms, 1),
        "load_start": _load("load_start", 0, num_states, 1),
        "store_start": _store("store_start", 0, num_states, 1),
        "load_end": _load_end(num_states),
        "store_end": _store_end(num_states),
        "store_behaviour": _store("store_behaviour", 0, num_behaviours, 1),
    }


def _load(name: str, first: int, count: int, lanes: int) -> Callable[..., Any]:
    items = "".join(f"rows[{(first + i) * lanes} + lane], " for i in range(count))
    return _function(name, f"def {name}(rows, lane):\n    return ({items})")


def _store(name: str, first: int, count: int, lanes: int) -> Callable[..., Any]:
    names = "".join(f"v{i}, " for i in range(count)) or "()"
    lines = [f"    rows[{(first + i) * lanes} + lane] = float32(v{i})" for i in range(count)]
    return _function(name, "\n".join([f"def {name}(rows, lane, values):", f"    {names} = values", *lines]))


def _load_end(count: int) -> Callable[..., Any]:
    items = "".join(f"end[{i}], " for i in range(count))
    return _function("load_end", f"def load_end(end):\n    return ({items}), end[{count}]")


def _store_end(count: int) -> Callable[..., Any]:
    lines = [f"    end[{i}] = state[{i}]" for i in range(count)]
    return _function("store_end", "\n".join(["def store_end(end, state, last):", *lines, f"    end[{count}] = last"]))


def _residue(count: int) -> Callable[..., Any]:
    names = "".join(f"v{i}, " for i in range(count))
    lines = [f"    total += float32(v{i}) - float32(v{i})" for i in range(count)]
    source = [
        "def state_residue(values, reward):",
        f"    {names} = values",
        "    total = float32(reward) - float32(reward)",
    ]
    return _function("state_residue", "\n".join([*source, *lines, "    return total"]))


def _function(name: str, source: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {"float32": np.float32}
    exec(source, scope)
    function: Callable[..., Any] = scope[name]
    return function
