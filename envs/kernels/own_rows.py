"""Each network on rows of its own: loss and gradient."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.backward import SCRATCH, add_up, network_gradient
from genomes.kernels.binding import kernel
from genomes.kernels.forward import LINE, evaluate_network, take_outputs
from genomes.kernels.vector import BLOCK, LANES
from genomes.rng import random_bits

__all__ = ["CLASSES", "NUMBERS", "draw_rows", "own_gradients", "own_losses"]

_ZERO = np.float32(0.0)
_SHIFT_32, _FOUR = np.uint64(32), np.int64(4)


@kernel
def draw_rows(begin, end, index, num_rows, seed, generation, purpose, step):
    """Fill rows begin..end-1 of ``index`` [P, B] with row numbers, with replacement."""
    draws = (index.shape[1] + 3) // 4
    for p in range(begin, end):
        for k in range(draws):
            words = random_bits(seed, generation, purpose, p, step * draws + k)
            for j in range(min(_FOUR, index.shape[1] - 4 * k)):
                index[p, 4 * k + j] = (np.uint64(words[j]) * np.uint64(num_rows)) >> _SHIFT_32


def new_targets(y):
    """An empty block of targets; bound to numbers or classes."""
    return y


def gather_targets(y, rows, own):
    """Targets of these rows."""


def new_numbers(y):
    return np.zeros((y.shape[0], BLOCK), np.float32)


def gather_numbers(y, rows, own):
    for o in range(y.shape[0]):
        for r in range(len(rows)):
            own[o, r] = y[o, rows[r]]


def new_classes(y):
    return np.zeros(BLOCK, np.int32)


def gather_classes(y, rows, own):
    for r in range(len(rows)):
        own[r] = y[rows[r]]


NUMBERS = {"new_targets": new_numbers, "gather_targets": gather_numbers}
CLASSES = {"new_targets": new_classes, "gather_targets": gather_classes}


@kernel
def own_losses(
    begin, end, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
    bias_input, recurrent, rate, activations, max_slots, X, y, row_weight, code, index, totals,
):  # fmt: skip
    """Networks begin <= p < end on the rows index[p] of X [R, task_inputs], y and row_weight [R]."""
    values = np.zeros(max_slots * BLOCK, np.float32)
    own_y, own_weight = new_targets(y), np.empty(BLOCK, np.float32)
    used, inputs = np.empty(num_inputs, np.bool_), np.empty(num_inputs, np.int64)
    for p in range(begin, end):
        count = list_used(used, inputs, source, edge_start[node_start[p]], edge_start[node_start[p + 1]], X.shape[1])
        for row in range(0, index.shape[1], BLOCK):
            rows = index[p, row : row + BLOCK]
            gather(values, X, y, row_weight, rows, inputs[:count], num_inputs, bias_input, own_y, own_weight)
            evaluate_network(
                values, num_inputs, node_start[p], node_start[p + 1], edge_start, bias, activation, aggregation,
                source, weight, recurrent, rate, activations,
            )  # fmt: skip
            take_outputs(p, 0, len(rows), values, output_slot, (own_y, own_weight, code, totals))


@kernel
def own_gradients(
    begin, end, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
    bias_input, recurrent, rate, activations, max_slots, X, y, row_weight, code, index, max_sums, weight_sums,
    bias_sums,
):  # fmt: skip
    """Gradients [E] and [N] of networks begin <= p < end, summed over the rows index[p]."""
    values = np.zeros(2 * max_slots * BLOCK, np.float32)
    adjoint = np.zeros((max_slots + SCRATCH) * BLOCK, np.float32)
    lanes = np.empty(max_sums * LANES, np.float32)
    own_y, own_weight = new_targets(y), np.empty(BLOCK, np.float32)
    used, inputs = np.empty(num_inputs, np.bool_), np.empty(num_inputs, np.int64)
    for p in range(begin, end):
        lanes[:] = _ZERO
        count = list_used(used, inputs, source, edge_start[node_start[p]], edge_start[node_start[p + 1]], X.shape[1])
        for row in range(0, index.shape[1], BLOCK):
            rows = index[p, row : row + BLOCK]
            gather(values, X, y, row_weight, rows, inputs[:count], num_inputs, bias_input, own_y, own_weight)
            network_gradient(
                p, 0, len(rows), values, adjoint, lanes, p, p + 1, node_start, edge_start, bias, activation,
                aggregation, source, weight, output_slot, num_inputs, (own_y, own_weight, code),
            )  # fmt: skip
        add_up(lanes, p, p + 1, node_start, edge_start, weight_sums, bias_sums)


def list_used(used, inputs, source, begin, end, task_inputs):
    """Which inputs a network reads: the others are not worth fetching. Returns their number."""
    used[:] = False
    for e in range(begin, end):
        if source[e] < task_inputs:
            used[source[e]] = True
    count = 0
    for i in range(task_inputs):
        inputs[count] = i
        count += used[i]
    return count


def gather(values, X, y, row_weight, rows, inputs, num_inputs, bias_input, own_y, own_weight):
    """Fetch these inputs of these rows, their targets and weights; the last row is repeated, with weight 0, to fill
    the block."""
    last = len(rows) - 1
    for first in range(0, BLOCK, LINE):
        for i in inputs:
            for r in range(first, first + LINE):
                values[i * BLOCK + r] = X[rows[min(r, last)], i]
    if X.shape[1] < num_inputs:
        for r in range(BLOCK):
            values[X.shape[1] * BLOCK + r] = bias_input
    gather_targets(y, rows, own_y)
    for r in range(BLOCK):
        own_weight[r] = row_weight[rows[r]] if r <= last else _ZERO
