"""Forward, loss and gradient on the GPU: a thread takes rows of a tile in turn and adds up; then threads are added up.

The CPU's functions of a block do the work, with one row a block (see `genomes.kernels.columns_cuda`). Sums stay in
each thread's column until the tile is done, so that nothing is written per row; then thread j adds sum j of all
threads, in their order and in float64: the same on every run.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np
from numba import float32

from envs.kernels import losses
from envs.kernels.losses import BINS, count_bins, fill_classes, fill_numbers, first_scratch, weighted_total
from genomes.backend import cuda
from genomes.kernels.backward import SCRATCH as ADJOINTS
from genomes.kernels.backward import network_gradient
from genomes.kernels.binding import Kernel, kernel
from genomes.kernels.binding_cuda import cuda_kernel
from genomes.kernels.forward import evaluate_network, load_inputs

__all__ = ["ADD_ROW", "PUT_ADJOINTS", "gradient_columns", "loss_columns", "own_row", "same_row"]

SHARED = True  # whether columns are in shared memory; bound
_ZERO = np.float32(0.0)


def place(index, thread, threads, size):
    """Where entry ``index`` of a thread's column is in the storage; bound (see `genomes.kernels.columns_cuda`)."""


def add_row(p, row, values, output_slot, y, weight, code, sums):
    """Add what a row loses or scores to ``sums``; bound to one of the next two."""


def pick_row(index, p, row):
    """The row of data that is a network's row ``row``; bound."""
    return row


def same_row(index, p, row):
    """All networks are judged on all rows."""
    return row


def own_row(index, p, row):
    """Each network is judged on rows of its own."""
    return index[p, row]


@kernel
def add_numbers(p, row, values, output_slot, y, weight, code, sums):
    scratch = first_scratch(values)
    fill_numbers(code, p, row, values, output_slot, y, scratch)
    sums[0] += weighted_total(row, values, weight, scratch)


@kernel
def add_classes(p, row, values, output_slot, y, weight, code, sums):
    scratch = first_scratch(values)
    if code == BINS:
        count_bins(p, row, 1, values, output_slot, y, weight, sums, scratch)
    else:
        fill_classes(code, p, row, values, output_slot, y, scratch)
        sums[0] += weighted_total(row, values, weight, scratch)


# By whether targets are classes. These are kernels, so that they too are bound to one row a block.
ADD_ROW = {False: add_numbers, True: add_classes}
PUT_ADJOINTS = {False: Kernel(losses.put_numbers), True: Kernel(losses.put_classes)}


@cuda_kernel
def loss_columns(
    node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs, bias_input,
    recurrent, rate, activations, slots, X, y, row_weight, code, index, num_rows, tile_rows, group_size, size, scratch,
    totals,
):  # fmt: skip
    """Sums ``totals`` [P, tiles, K] over tiles of ``tile_rows`` of the rows X [task_inputs, R], y and row_weight [R]; a
    column holds ``slots`` values and the sums of a group of ``group_size`` networks."""
    storage = cuda.shared.array(0, float32) if SHARED else scratch[cuda.blockIdx.x]
    threads, thread = cuda.blockDim.x, cuda.threadIdx.x
    column = storage[thread * size : (thread + 1) * size] if SHARED else storage[thread::threads]
    values, sums = column[:slots], column[slots:]
    num_networks, tiles, width = totals.shape[0], totals.shape[1], totals.shape[2]
    groups = (num_networks + group_size - 1) // group_size
    for item in range(cuda.blockIdx.x, groups * tiles, cuda.gridDim.x):
        group, tile = item // tiles * group_size, item % tiles
        stop = min(group + group_size, num_networks)
        for k in range((stop - group) * width):
            sums[k] = _ZERO
        for r in range(tile * tile_rows + thread, min((tile + 1) * tile_rows, num_rows), threads):
            row = pick_row(index, group, r)
            load_inputs(values, X[:, row : row + 1], num_inputs, bias_input)
            for p in range(group, stop):
                evaluate_network(
                    values, num_inputs, node_start[p], node_start[p + 1], edge_start, bias, activation, aggregation,
                    source, weight, recurrent, rate, activations,
                )  # fmt: skip
                own = sums[(p - group) * width : (p - group + 1) * width]
                add_row(p, np.uint64(row), values, output_slot, y, row_weight, code, own)
        cuda.syncthreads()
        for k in range(thread, (stop - group) * width, threads):
            totals[group + k // width, tile, k % width] = sum_threads(storage, slots + k, threads, size)
        cuda.syncthreads()


@cuda_kernel
def gradient_columns(
    node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs, bias_input,
    recurrent, rate, activations, slots, X, y, row_weight, code, index, num_rows, tile_rows, size, scratch, weight_sums,
    bias_sums,
):  # fmt: skip
    """Gradients, one network on a tile at a time: sums [tiles, E] and [tiles, N] over the tile's rows. A column holds
    ``slots`` values and as many slopes, the adjoints, and sums for each edge and node."""
    storage = cuda.shared.array(0, float32) if SHARED else scratch[cuda.blockIdx.x]
    threads, thread = cuda.blockDim.x, cuda.threadIdx.x
    column = storage[thread * size : (thread + 1) * size] if SHARED else storage[thread::threads]
    at_sums = 3 * slots + ADJOINTS
    values, adjoint, sums = column[: 2 * slots], column[2 * slots : at_sums], column[at_sums:]
    num_networks, tiles = output_slot.shape[0], weight_sums.shape[0]
    for item in range(cuda.blockIdx.x, num_networks * tiles, cuda.gridDim.x):
        p, tile = item // tiles, item % tiles
        first, first_edge = node_start[p], edge_start[node_start[p]]
        edges, nodes = edge_start[node_start[p + 1]] - first_edge, node_start[p + 1] - first
        for k in range(edges + nodes):
            sums[k] = _ZERO
        for r in range(tile * tile_rows + thread, min((tile + 1) * tile_rows, num_rows), threads):
            row = pick_row(index, p, r)
            load_inputs(values, X[:, row : row + 1], num_inputs, bias_input)
            network_gradient(
                p, row, 1, values, adjoint, sums, p, p + 1, node_start, edge_start, bias, activation, aggregation,
                source, weight, output_slot, num_inputs, (y, row_weight, code),
            )  # fmt: skip
        cuda.syncthreads()
        for k in range(thread, edges + nodes, threads):
            total = sum_threads(storage, at_sums + k, threads, size)
            if k < edges:
                weight_sums[tile, first_edge + k] = total
            else:
                bias_sums[tile, first + k - edges] = total
        cuda.syncthreads()


def sum_threads(storage, index, threads, size):
    """Sum of one entry of every thread's column."""
    total = np.float64(0.0)
    for t in range(threads):
        total += storage[place(index, t, threads, size)]
    return total
