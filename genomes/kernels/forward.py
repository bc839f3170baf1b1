"""Forward evaluation, a block of rows at a time: every node is one row of BLOCK values in a buffer [slots * BLOCK]."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.functions.aggregations import MEAN, MEDIAN, SUM, aggregate, combine
from genomes.kernels.binding import kernel
from genomes.kernels.vector import BLOCK, address_of, interleave_four, weighted_sum

__all__ = ["LINE", "TILE", "evaluate_network", "forward_blocks", "load_inputs", "transpose_blocks"]

TILE = 16 * BLOCK  # rows of one item of work

LINE = 16  # values of a cache line
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


def activate_rows(code, values, first):
    """Apply an activation to BLOCK values; the generated switch is bound here."""


def take_outputs(p, row, rows, values, output_slot, out):
    """What becomes of a block: its outputs of network ``p`` are the rows ``row`` to ``row + rows`` of ``out``."""
    num_outputs, done = output_slot.shape[1], 0
    if rows == BLOCK:
        for o in range(0, num_outputs - 3, 4):
            slots = (
                np.int64(output_slot[p, o]),
                np.int64(output_slot[p, o + 1]),
                np.int64(output_slot[p, o + 2]),
                np.int64(output_slot[p, o + 3]),
            )
            interleave_four(values, slots, address_of(out, p, row, o), num_outputs)
            done = o + 4
    for o in range(done, num_outputs):
        first = np.uint64(output_slot[p, o]) * np.uint64(BLOCK)
        for r in range(np.uint64(rows)):
            out[p, np.uint64(row) + r, o] = values[first + r]


@kernel
def transpose_blocks(begin, end, X, blocks):
    """Blocks begin..end-1 of the rows X [R, I], as blocks [*, I, BLOCK]; the last row is repeated to fill the last."""
    last = X.shape[0] - 1
    for b in range(begin, end):
        for first in range(0, BLOCK, LINE):
            for i in range(X.shape[1]):
                for r in range(first, first + LINE):
                    blocks[b, i, r] = X[min(b * BLOCK + r, last), i]


@kernel
def forward_blocks(
    begin, end, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
    bias_input, recurrent, rate, activations, max_slots, blocks, num_rows, group_size, out,
):  # fmt: skip
    """Items begin <= item < end: ``group_size`` networks, which share a block's inputs, on TILE rows each, tiles
    varying fastest. ``blocks`` [*, task_inputs, BLOCK] are the rows."""
    num_networks = output_slot.shape[0]
    tiles = (num_rows + TILE - 1) // TILE
    values = np.zeros(max_slots * BLOCK, np.float32)
    for item in range(begin, end):
        group, tile = item // tiles * group_size, item % tiles * TILE
        for row in range(tile, min(tile + TILE, num_rows), BLOCK):
            rows = min(BLOCK, num_rows - row)
            load_inputs(values, blocks[row // BLOCK], num_inputs, bias_input)
            for p in range(group, min(group + group_size, num_networks)):
                evaluate_network(
                    values, num_inputs, node_start[p], node_start[p + 1], edge_start, bias, activation, aggregation,
                    source, weight, recurrent, rate, activations,
                )  # fmt: skip
                take_outputs(p, row, rows, values, output_slot, out)


def load_inputs(values, block, num_inputs, bias_input):
    """A block [task_inputs, BLOCK] as the input slots, and the constant one where there is one."""
    for i in range(np.uint64(block.shape[0])):
        first = i * np.uint64(BLOCK)
        for r in range(np.uint64(BLOCK)):
            values[first + r] = block[i, r]
    if block.shape[0] < num_inputs:
        for r in range(BLOCK):
            values[(num_inputs - 1) * BLOCK + r] = bias_input


def evaluate_network(
    values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight, recurrent, rate,
    activations,
):  # fmt: skip
    """The nodes first <= i < last of a network on a block; recurrent ones start from state 0."""
    current, previous = num_inputs * BLOCK, (num_inputs + last - first) * BLOCK
    if recurrent:
        values[previous : previous + (last - first) * BLOCK] = _ZERO
    for step in range(activations if recurrent else 1):
        if step:
            for k in range((last - first) * BLOCK):
                values[previous + k] = values[current + k]
        evaluate_block(values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight)
        if len(rate):
            leak_block(values, num_inputs, first, last, rate)


def leak_block(values, num_inputs, first, last, rate):
    """Continuous time: each node goes part of the way from its previous values to the new ones."""
    distance = np.uint64((last - first) * BLOCK)
    for i in range(first, last):
        at, part = np.uint64((num_inputs + i - first) * BLOCK), rate[i]
        for r in range(np.uint64(BLOCK)):
            values[at + r] = (_ONE - part) * values[at + distance + r] + part * values[at + r]


def evaluate_block(values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight):
    """Compute the nodes first <= i < last, in order, from the values of their sources."""
    for i in range(first, last):
        slot, begin, end = num_inputs + i - first, edge_start[i], edge_start[i + 1]
        if aggregation[i] == SUM:
            weighted_sum(values, source, weight, begin, end, bias[i], slot)
        else:
            aggregate_rows(aggregation[i], values, source, weight, begin, end, bias[i], slot)
        activate_rows(activation[i], values, np.uint64(slot * BLOCK))


def aggregate_rows(code, values, source, weight, begin, end, bias, slot):
    """bias + aggregation of BLOCK rows, for any aggregation but the sum."""
    target = slot * BLOCK
    if code == MEDIAN or begin == end:
        for r in range(BLOCK):
            values[target + r] = bias + aggregate(code, values, source, weight, begin, end, BLOCK, r)
        return
    first = np.uint64(target)
    if code == MEAN:
        weighted_sum(values, source, weight, begin, end, _ZERO, slot)
        count = np.float32(end - begin)
        for r in range(np.uint64(BLOCK)):
            values[first + r] /= count
    else:
        for e in range(begin, end):
            other, factor = np.uint64(source[e]) * np.uint64(BLOCK), weight[e]
            for r in range(np.uint64(BLOCK)):
                value = factor * values[other + r]
                values[first + r] = value if e == begin else combine(code, values[first + r], value)
    for r in range(np.uint64(BLOCK)):
        values[first + r] = bias + values[first + r]
