"""A column of float32 for each thread, and the CPU's block functions at one row a block.

On the GPU a thread evaluates one row of one network, in a column of its own. The CPU's functions for a block of BLOCK
rows serve it with BLOCK = 1: what they vectorise over, the threads are.

Columns are in shared memory while they fit, one behind the other and of odd length, so that the threads of a warp that
read the same slot read different banks. (A strided view would do, too, but Numba computes its addresses as integers,
and then the compiler no longer knows that they are of shared memory.) What limits is that memory: an edge reads one
word of it, 128 bytes a clock and multiprocessor, and does one multiply-add, 128 a clock; edges themselves are read once
a warp. Beyond 384 values columns go to global memory, where the caches hold what is in use, interleaved, so that a warp
reads neighbouring words: no network is too large.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from genomes.backend import arrays, multiprocessors, simulated
from genomes.functions.aggregations import SUM, multiply_add
from genomes.kernels.binding import Kernel
from genomes.kernels.forward import aggregate_rows

__all__ = ["ONE_ROW", "Columns", "column_bindings", "room"]

_ZERO, _STEP = np.float32(0.0), np.uint64(1)
_SHARED = 48 * 1024  # bytes of a block that every launch may ask for
_SHARED_OF_MULTIPROCESSOR = 227 * 1024
_THREADS_OF_MULTIPROCESSOR, _BLOCKS_OF_MULTIPROCESSOR = 2048, 32
_THREADS = (128, 64, 32)
_SIMULATED_THREADS = (4,)  # each is a thread of the operating system there
_SCRATCH = 1 << 30  # bytes of global memory for columns


@dataclass(frozen=True, eq=False)
class Columns:
    """How a kernel is launched: a column of ``size`` float32 for each of ``blocks`` times ``threads`` threads."""

    size: int  # odd
    threads: int
    blocks: int
    in_shared: bool
    shared: int  # bytes a block

    @property
    def scratch(self) -> Any:
        """The columns in global memory, float32 [blocks, size * threads]; nearly nothing where they are shared."""
        shape = (1, 1) if self.in_shared else (self.blocks, self.size * self.threads)
        return arrays().empty(shape, np.float32)


def room(size: int, threads: int) -> Columns:
    """Columns of ``size`` float32 or one more, in as many blocks as are resident at a time.

    Parameters
    ----------
    threads : no more threads a block than this are of use.
    """
    size |= 1
    choices = _SIMULATED_THREADS if simulated() else _THREADS
    useful = [t for t in choices if t < 2 * threads] or [choices[-1]]
    fitting = [t for t in useful if 4 * size * t <= _SHARED]
    if fitting:
        shared = 4 * size * fitting[0]
        resident = min(
            _THREADS_OF_MULTIPROCESSOR // fitting[0],
            _BLOCKS_OF_MULTIPROCESSOR,
            max(_SHARED_OF_MULTIPROCESSOR // (shared + 1024), 1),
        )
        return Columns(size, fitting[0], multiprocessors() * (1 if simulated() else resident), True, shared)
    most = _SCRATCH // (4 * size * useful[0])
    blocks = multiprocessors() * (1 if simulated() else _THREADS_OF_MULTIPROCESSOR // useful[0])
    return Columns(size, useful[0], max(min(blocks, most), 1), False, 0)


def column_bindings(in_shared: bool) -> dict[str, Any]:
    """What kernels are bound to, to find their columns: a thread's own part of shared memory, or words that are
    interleaved with those of other threads."""
    return {"SHARED": in_shared, "place": _in_own_part if in_shared else _interleaved}


def _in_own_part(index, thread, threads, size):
    """Where entry ``index`` of a thread's column is."""
    return thread * size + index


def _interleaved(index, thread, threads, size):
    return index * threads + thread


def activate_rows(code, values, first):
    """Apply an activation to one value; the generated switch is bound here."""


def evaluate_nodes(values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight):
    """In the place of `genomes.kernels.forward.evaluate_block`, and of ``activate_network``.

    Positions are unsigned: for others Numba looks whether they count from the end. This is the innermost loop, 7
    instructions an edge.
    """
    i, stop, slot = np.uint64(first), np.uint64(last), np.uint64(num_inputs)
    begin = np.uint64(edge_start[i])
    while i < stop:
        end = np.uint64(edge_start[i + _STEP])
        if aggregation[i] == SUM:
            weighted_sum(values, source, weight, begin, end, bias[i], slot)
        else:
            aggregate_rows(
                aggregation[i], values, source, weight, np.int64(begin), np.int64(end), bias[i], np.int64(slot)
            )
        activate_rows(activation[i], values, slot)
        i, slot, begin = i + _STEP, slot + _STEP, end


def weighted_sum(values, source, weight, begin, end, bias, target):
    """values[target] = bias + sum of weight * value over the edges."""
    total, e, stop = _ZERO, np.uint64(begin), np.uint64(end)
    while e < stop:
        total = multiply_add(weight[e], values[np.uint64(source[e])], total)
        e += _STEP
    values[target] = bias + total


def spread_back(values, adjoint, source, weight, begin, end, delta, num_inputs, lanes, offset):
    """The way back through `weighted_sum`; see `genomes.kernels.vector.spread_back`."""
    factor, inputs = adjoint[delta], np.uint64(num_inputs)
    e, stop, own = np.uint64(begin), np.uint64(end), np.uint64(begin + offset)
    while e < stop:
        other = np.uint64(source[e])
        lanes[own] += values[other] * factor
        if other >= inputs:
            adjoint[other] += weight[e] * factor
        e, own = e + _STEP, own + _STEP


def add_to_lanes(values, slot, lanes, index):
    """lanes[index] += values[slot]"""
    lanes[index] += values[slot]


def sum_lanes(lanes, index):
    """A single lane is its sum."""
    return lanes[index]


# Bound into kernels that call the CPU's block functions.
ONE_ROW: dict[str, Any] = {
    "BLOCK": 1,
    "LANES": 1,
    "ROWS": np.uint64(1),
    "evaluate_block": Kernel(evaluate_nodes),
    "activate_network": Kernel(evaluate_nodes),
    "weighted_sum": weighted_sum,
    "spread_back": spread_back,
    "add_to_lanes": add_to_lanes,
    "sum_lanes": sum_lanes,
}
