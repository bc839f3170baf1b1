"""A column of float32 for each thread, and the CPU's block functions at one row a block.

On the GPU a thread evaluates one row of one network, in a column of its own: ``storage[thread::threads]`` of its
block's storage, so that neighbouring threads touch neighbouring words, which is free of bank conflicts and coalesced.
The CPU's functions for a block of BLOCK rows serve it with BLOCK = 1: what they vectorise over, the threads are.

Storage is shared memory while it fits. What limits is that memory: an edge reads one word of it, 128 bytes a clock and
multiprocessor, and does one multiply-add, 128 a clock; edges themselves are read once a warp. A column of 100
connections takes some 130 bytes, so that 1,700 of 2,048 threads are resident. Beyond 384 values a column goes to
global memory, where the caches hold what is in use: no network is too large.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from genomes.backend import arrays, multiprocessors, simulated
from genomes.functions.aggregations import SUM, aggregate

__all__ = ["ONE_ROW", "Columns", "room"]

_ZERO = np.float32(0.0)
_SHARED = 48 * 1024  # bytes of a block that every launch may ask for
_SHARED_OF_MULTIPROCESSOR = 227 * 1024
_THREADS_OF_MULTIPROCESSOR, _BLOCKS_OF_MULTIPROCESSOR = 2048, 32
_THREADS = (128, 64, 32)
_SIMULATED_THREADS = (4,)  # each is a thread of the operating system there
_SCRATCH = 1 << 30  # bytes of global memory for columns


@dataclass(frozen=True, eq=False)
class Columns:
    """How a kernel is launched: a column of ``size`` float32 for each of ``blocks`` times ``threads`` threads."""

    size: int
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
    """Columns of ``size`` float32, in as many blocks as are resident at a time.

    Parameters
    ----------
    threads : no more threads a block than this are of use.
    """
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


def weighted_sum(values, source, weight, begin, end, bias, target):
    """values[target] = bias + sum of weight * value over the edges."""
    values[target] = bias + aggregate(SUM, values, source, weight, begin, end, 1, 0)


def spread_back(values, adjoint, source, weight, begin, end, delta, num_inputs, lanes, offset):
    """The way back through `weighted_sum`; see `genomes.kernels.vector.spread_back`."""
    factor = adjoint[delta]
    for e in range(begin, end):
        other = source[e]
        lanes[e + offset] += values[other] * factor
        if other >= num_inputs:
            adjoint[other] += weight[e] * factor


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
    "weighted_sum": weighted_sum,
    "spread_back": spread_back,
    "add_to_lanes": add_to_lanes,
    "sum_lanes": sum_lanes,
}
