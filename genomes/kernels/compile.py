"""Write one genome's network in evaluation order; drivers are in `genomes.kernels.each`."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import borrowing, kernel
from genomes.kernels.order import MASK_BITS, popcount

__all__ = ["emit", "emit_scratch"]

_ONE = np.uint64(1)
_ZERO = np.uint64(0)


@kernel
def emit_scratch(ids, most_nodes, most_links):
    """Scratch of `emit`: node ids are below ``ids``."""
    return (
        np.empty((1, 2 * most_nodes + 1), np.int64),
        np.empty((1, most_links + 1), np.uint64),
        np.empty((1, MASK_BITS + 1), np.uint64),
        np.empty((1, ids), np.uint32),
        np.empty((1, 1), np.int32),
    )


@borrowing
def emit(
    p, scratch, node_start, node_id, conn_start, source, target, enabled, weight, bias, activation, aggregation, rate,
    num_inputs, num_outputs, order, out_start, out_edge, edge_start, out_bias, out_activation, out_aggregation,
    out_rate, out_source, out_weight, output_slot, recurrent, sequential,
):  # fmt: skip
    """Write network ``p`` at its place; each node's edges in ascending order of source slot."""
    bucket, active, mask, slot = scratch[0][0], scratch[1][0], scratch[2][0], scratch[3][0]
    first, last, own = node_start[p], node_start[p + 1], order[node_start[p] - p * num_inputs :]
    at, count = out_start[p], out_start[p + 1] - out_start[p]
    number_slots(slot, node_id, first, last, own, count, num_inputs)
    emit_nodes(first, own, count, at, bias, activation, aggregation, out_bias, out_activation, out_aggregation)
    if len(rate):
        emit_rates(first, own, count, at, rate, out_rate)
    emit_outputs(slot, num_inputs, num_outputs, output_slot[p])
    starts = edge_start[at : at + count]
    slots = num_inputs + count * (2 if recurrent else 1)
    if slots <= MASK_BITS:
        place_by_mask(
            conn_start[p], conn_start[p + 1], source, target, enabled, weight, slot, np.uint32(num_inputs),
            np.uint32(count), recurrent, sequential, mask, active, out_edge[p], starts, out_source, out_weight,
        )  # fmt: skip
    else:
        place_by_sorting(
            conn_start[p], conn_start[p + 1], source, target, enabled, weight, slot, np.uint32(num_inputs),
            np.uint32(count), recurrent, sequential, bucket, active, out_edge[p], starts, out_source, out_weight,
        )  # fmt: skip


def number_slots(slot, node_id, first, last, order, count, num_inputs):
    """Slots by node id; one past the last where the node is not evaluated."""
    for i in range(num_inputs):
        slot[i] = i
    for i in range(first + num_inputs, last):
        slot[np.uint32(node_id[i])] = num_inputs + count
    for k in range(count):
        slot[np.uint32(node_id[first + order[k]])] = num_inputs + k


def emit_nodes(first, order, count, at, bias, activation, aggregation, out_bias, out_activation, out_aggregation):
    """The genes of the evaluated nodes."""
    for k in range(count):
        i = first + order[k]
        out_bias[at + k] = bias[i]
        out_activation[at + k] = activation[i]
        out_aggregation[at + k] = aggregation[i]


def emit_rates(first, order, count, at, rate, out_rate):
    """The rates of the evaluated nodes."""
    for k in range(count):
        out_rate[at + k] = rate[first + order[k]]


def emit_outputs(slot, num_inputs, num_outputs, output_slot):
    """The slots of the outputs."""
    for o in range(num_outputs):
        output_slot[o] = slot[num_inputs + o]


def edge_slot(read, row, num_inputs, count, recurrent, sequential):
    """Slot that an edge from slot ``read`` to slot ``row`` reads: this activation's value, or the previous one's."""
    late = recurrent & (read >= num_inputs) & ((not sequential) | (read >= row))
    return read + count * np.uint32(late)


def place_by_mask(
    first, last, source, target, enabled, weight, slot, num_inputs, count, recurrent, sequential, mask, active, at,
    starts, out_source, out_weight,
):  # fmt: skip
    """Edges to their final places: a node's edge has as many before it as its mask has lower source slots.

    Free of branches on the data: what does not count goes to a row of ``mask`` and a place of ``active`` of no use.
    """
    unused = num_inputs + count
    for i in range(unused + 1):
        mask[i] = _ZERO
    edges = np.int64(0)
    for e in range(first, last):
        row = slot[np.uint32(target[e])]
        read = edge_slot(slot[np.uint32(source[e])], row, num_inputs, count, recurrent, sequential)
        mask[row] |= np.uint64(enabled[e]) << np.uint64(read & np.uint32(63))
        active[edges] = (np.uint64(e - first) << np.uint64(16)) | np.uint64(row << np.uint32(8)) | np.uint64(read)
        edges += np.int64(enabled[e]) & np.int64(row < unused)
    for i in range(count):
        starts[i] = at
        at += popcount(mask[num_inputs + np.uint32(i)])
    for k in range(edges):
        read = active[k] & np.uint64(0xFF)
        row = (active[k] >> np.uint64(8)) & np.uint64(0xFF)
        lower = (_ONE << read) - _ONE
        at = np.uint64(starts[row - np.uint64(num_inputs)] + popcount(mask[row] & lower))
        out_source[at] = read
        out_weight[at] = weight[np.uint64(first) + (active[k] >> np.uint64(16))]


def place_by_sorting(
    first, last, source, target, enabled, weight, slot, num_inputs, count, recurrent, sequential, bucket, by_slot, at,
    starts, out_source, out_weight,
):  # fmt: skip
    """`place_by_mask` for any size: a counting sort by source slot, then one by target."""
    unused = num_inputs + count
    slots = unused + count if recurrent else unused
    for i in range(slots + 1):
        bucket[i] = 0
    for i in range(count):
        starts[i] = 0
    for e in range(first, last):
        row = slot[target[e]]
        if enabled[e] and row < unused:
            read = edge_slot(slot[source[e]], row, num_inputs, count, recurrent, sequential)
            bucket[read + 1] += 1
            starts[row - num_inputs] += 1
    for i in range(slots):
        bucket[i + 1] += bucket[i]
    edges = bucket[slots]
    for e in range(first, last):
        row = slot[target[e]]
        if enabled[e] and row < unused:
            read = edge_slot(slot[source[e]], row, num_inputs, count, recurrent, sequential)
            by_slot[bucket[read]] = e
            bucket[read] += 1
    for i in range(count):
        degree = starts[i]
        starts[i] = at
        bucket[i] = at
        at += degree
    for k in range(edges):
        e = by_slot[k]
        row = slot[target[e]]
        read = edge_slot(slot[source[e]], row, num_inputs, count, recurrent, sequential)
        place = bucket[row - num_inputs]
        bucket[row - num_inputs] += 1
        out_source[place] = read
        out_weight[place] = weight[e]
