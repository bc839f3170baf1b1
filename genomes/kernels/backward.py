"""Reverse-mode differentiation, a block of rows at a time: the way back through `genomes.kernels.forward`.

``adjoint`` [(slots + SCRATCH) * BLOCK] holds the derivative of the loss by each slot's value, as far as it is known:
nodes are visited from the last to the first. ``values`` [2 * slots * BLOCK] holds the values and, in its second half,
the activations' slopes. Sums over rows are kept for each edge and node in the LANES of a vector, and added up
at the end of a tile.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.functions.aggregations import MEAN, MEDIAN, PRODUCT, SUM, combine
from genomes.kernels.binding import kernel
from genomes.kernels.forward import TILE, evaluate_block, load_inputs
from genomes.kernels.vector import BLOCK, LANES, add_to_lanes, spread_back, sum_lanes

__all__ = ["SCRATCH", "add_up", "gradient_blocks", "network_gradient"]

SCRATCH = 3  # rows of ``adjoint`` that belong to no slot

_ZERO, _HALF, _ONE = np.float32(0.0), np.float32(0.5), np.float32(1.0)


def put_adjoints(p, row, rows, values, output_slot, adjoint, targets):
    """Set the derivatives of the loss by the outputs of network ``p``; bound to a loss."""


@kernel
def gradient_blocks(
    begin, end, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
    bias_input, recurrent, rate, activations, max_slots, blocks, num_rows, group_size, targets, max_sums, weight_sums,
    bias_sums,
):  # fmt: skip
    """Gradients of ``group_size`` networks over TILE rows each, tiles varying fastest; see `forward_blocks`.

    ``weight_sums`` [tiles, E] and ``bias_sums`` [tiles, N] get the sums over each tile's rows; ``max_sums`` is the
    greatest number of edges and nodes of a group.
    """
    num_networks = output_slot.shape[0]
    tiles = (num_rows + TILE - 1) // TILE
    values = np.zeros(2 * max_slots * BLOCK, np.float32)
    adjoint = np.zeros((max_slots + SCRATCH) * BLOCK, np.float32)
    lanes = np.empty(max_sums * LANES, np.float32)
    for item in range(begin, end):
        group, tile = item // tiles * group_size, item % tiles
        stop = min(group + group_size, num_networks)
        lanes[:] = _ZERO
        for row in range(tile * TILE, min(tile * TILE + TILE, num_rows), BLOCK):
            rows = min(BLOCK, num_rows - row)
            load_inputs(values, blocks[row // BLOCK], num_inputs, bias_input)
            for p in range(group, stop):
                network_gradient(
                    p, row, rows, values, adjoint, lanes, group, stop, node_start, edge_start, bias, activation,
                    aggregation, source, weight, output_slot, num_inputs, targets,
                )  # fmt: skip
        add_up(lanes, group, stop, node_start, edge_start, weight_sums[tile], bias_sums[tile])


def network_gradient(
    p, row, rows, values, adjoint, lanes, group, stop, node_start, edge_start, bias, activation, aggregation, source,
    weight, output_slot, num_inputs, targets,
):  # fmt: skip
    """Add the gradient of network ``p`` on a block, whose inputs are in ``values``, to the lanes of its group."""
    first, last = node_start[p], node_start[p + 1]
    edges, nodes = edge_start[node_start[group]], node_start[group]
    all_edges = edge_start[node_start[stop]] - edges
    evaluate_block(values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight)
    for k in range(num_inputs * BLOCK, (num_inputs + last - first) * BLOCK):
        adjoint[k] = _ZERO
    put_adjoints(p, row, rows, values, output_slot, adjoint, targets)
    for i in range(last - 1, first - 1, -1):
        slot, begin, end = num_inputs + i - first, edge_start[i], edge_start[i + 1]
        scale_by_slopes(adjoint, values, np.uint64(slot * BLOCK))
        add_to_lanes(adjoint, slot, lanes, all_edges + i - nodes)
        if aggregation[i] == SUM:
            spread_back(values, adjoint, source, weight, begin, end, slot, num_inputs, lanes, -edges)
        elif begin < end:
            spread_aggregate(
                aggregation[i], values, adjoint, source, weight, begin, end, slot, num_inputs, lanes, -edges
            )


def scale_by_slopes(adjoint, values, first):
    """From the derivatives by a node's value to those by its sum."""
    slopes = first + np.uint64(values.shape[0] // 2)
    for r in range(np.uint64(BLOCK)):
        adjoint[first + r] *= values[slopes + r]


def add_up(lanes, group, stop, node_start, edge_start, weight_sums, bias_sums):
    """The sums of a group's lanes: edges first, then nodes."""
    edges, nodes = edge_start[node_start[group]], node_start[group]
    count = edge_start[node_start[stop]] - edges
    for e in range(count):
        weight_sums[edges + e] = sum_lanes(lanes, e)
    for i in range(node_start[stop] - nodes):
        bias_sums[nodes + i] = sum_lanes(lanes, count + i)


def spread_aggregate(code, values, adjoint, source, weight, begin, end, slot, num_inputs, lanes, offset):
    """`spread_back` of a node with any aggregation but the sum.

    For each edge, a scratch row gets the derivatives by its weight * value; these go back as through a sum.
    """
    scratch = adjoint.shape[0] // BLOCK - SCRATCH
    delta, term = np.uint64(slot * BLOCK), np.uint64(scratch * BLOCK)
    if code == MEAN:
        scale = _ONE / np.float32(end - begin)
        for r in range(np.uint64(BLOCK)):
            adjoint[term + r] = scale * adjoint[delta + r]
        spread_back(values, adjoint, source, weight, begin, end, scratch, num_inputs, lanes, offset)
        return
    rest, zeros = np.uint64((scratch + 1) * BLOCK), np.uint64((scratch + 2) * BLOCK)
    if code == PRODUCT:
        multiply_nonzero(values, adjoint, source, weight, begin, end, rest, zeros)
    elif code != MEDIAN:
        for r in range(np.uint64(BLOCK)):
            adjoint[zeros + r] = adjoint[delta + r]  # what is still to be given to an edge
        combine_all(code, values, adjoint, source, weight, begin, end, rest)
    for e in range(begin, end):
        other, factor = np.uint64(source[e]) * np.uint64(BLOCK), weight[e]
        if code == PRODUCT:
            for r in range(np.uint64(BLOCK)):
                value = factor * values[other + r]
                others = adjoint[rest + r] / (value if adjoint[zeros + r] == _ZERO else _ONE)
                alone = (adjoint[zeros + r] == _ZERO) | ((adjoint[zeros + r] == _ONE) & (value == _ZERO))
                adjoint[term + r] = adjoint[delta + r] * others if alone else _ZERO
        elif code == MEDIAN:
            for r in range(BLOCK):
                share = median_share(values, source, weight, begin, end, e, r)
                adjoint[term + np.uint64(r)] = share * adjoint[delta + np.uint64(r)]
        else:
            for r in range(np.uint64(BLOCK)):
                chosen = factor * values[other + r] == adjoint[rest + r]
                adjoint[term + r] = adjoint[zeros + r] if chosen else _ZERO
                adjoint[zeros + r] = _ZERO if chosen else adjoint[zeros + r]
        spread_back(values, adjoint, source, weight, e, e + 1, scratch, num_inputs, lanes, offset)


def multiply_nonzero(values, adjoint, source, weight, begin, end, rest, zeros):
    """The product of a node's values other than 0, and how many are 0."""
    for r in range(np.uint64(BLOCK)):
        adjoint[rest + r] = _ONE
        adjoint[zeros + r] = _ZERO
    for e in range(begin, end):
        other, factor = np.uint64(source[e]) * np.uint64(BLOCK), weight[e]
        for r in range(np.uint64(BLOCK)):
            value = factor * values[other + r]
            adjoint[rest + r] *= _ONE if value == _ZERO else value
            adjoint[zeros + r] += _ONE if value == _ZERO else _ZERO


def combine_all(code, values, adjoint, source, weight, begin, end, rest):
    """The minimum, maximum or largest in size of a node's values."""
    for e in range(begin, end):
        other, factor = np.uint64(source[e]) * np.uint64(BLOCK), weight[e]
        for r in range(np.uint64(BLOCK)):
            value = factor * values[other + r]
            adjoint[rest + r] = value if e == begin else combine(code, adjoint[rest + r], value)


def median_share(values, source, weight, begin, end, e, r):
    """Derivative of the median by the value of edge ``e``: 1, one half of two middle ones, or 0; of equals the first
    is the middle one."""
    own = weight[e] * values[source[e] * BLOCK + r]
    before = 0
    for other in range(begin, end):
        rival = weight[other] * values[source[other] * BLOCK + r]
        before += (rival < own) | ((rival == own) & (other < e))
    share = _ZERO
    if before == (end - begin - 1) // 2:
        share += _HALF
    if before == (end - begin) // 2:
        share += _HALF
    return share
