"""Crossover of two genomes (Stanley & Miikkulainen 2002, sections 3.2 and 4.1).

`cross`: the child has the genes of the fitter parent, matching ones from either. `unite`: of equally fit parents,
genes that only one of them has come with probability one half each.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.rng import random_bits, to_unit
from neat.kernels.graph import find, group, topological_rank

__all__ = ["cross_connections", "cross_nodes", "unite_connections", "unite_nodes"]

# Purposes of random numbers
CONNECTIONS, NODES = 130, 131

_HALF = np.float32(0.5)
_ONE = np.uint32(1)


def cross_connections(
    first, first_end, second, second_end, innovation, weight, enabled,
    out_weight, out_enabled, at, position_of, average, keep_disabled, seed, generation, child,
):  # fmt: skip
    """Weights and enabled flags of a child with the connections ``first:first_end`` of the fitter parent.

    ``position_of`` [innovations] is scratch: whatever it holds must be 0 or more.
    """
    count = second_end - second
    for e in range(count):
        position_of[innovation[second + e]] = e
    for e in range(first_end - first):
        mine = first + e
        position = position_of[innovation[mine]]
        theirs = second + position if position < count else mine
        theirs = theirs if innovation[theirs] == innovation[mine] else mine
        a, b, _, _ = random_bits(seed, generation, CONNECTIONS, child, e)
        out_weight[at + e] = inherited(weight[mine], weight[theirs], a, average)
        out_enabled[at + e] = (enabled[mine] & enabled[theirs]) | (to_unit(b) >= keep_disabled)


def inherited(first, second, bits, average):
    """The weight of a matching gene: of either parent, or their mean."""
    picked = first if bits & _ONE else second
    return _HALF * first + _HALF * second if average else picked


def cross_nodes(
    first, first_end, second, second_end, fixed, node_id, bias, activation, aggregation,
    out_bias, out_activation, out_aggregation, at, position_of, seed, generation, child,
):  # fmt: skip
    """Genes of a child with the nodes ``first:first_end`` of the fitter parent; matching nodes come from either.

    ``position_of`` [node ids] is scratch as above. The first ``fixed`` nodes are inputs and outputs.
    """
    count = second_end - second
    for n in range(fixed, count):
        position_of[node_id[second + n]] = n
    for n in range(first_end - first):
        mine = first + n
        position = n if n < fixed else position_of[node_id[mine]]
        theirs = second + position if position < count else mine
        theirs = theirs if node_id[theirs] == node_id[mine] else mine
        a, _, _, _ = random_bits(seed, generation, NODES, child, n)
        chosen = mine if a & _ONE else theirs
        out_bias[at + n] = bias[chosen]
        out_activation[at + n] = activation[chosen]
        out_aggregation[at + n] = aggregation[chosen]


def unite_connections(
    first, first_end, second, second_end, innovation, source, target, weight, enabled,
    out_innovation, out_source, out_target, out_weight, out_enabled, at, only_second,
    average, keep_disabled, seed, generation, child,
):  # fmt: skip
    """Matching connections of both parents and a random half of the others, in order. Return how many.

    ``only_second`` [of the child's connections] tells which ones the first parent lacks.
    """
    i, j, count, draw = first, second, 0, 0
    while i < first_end or j < second_end:
        a, b, _, _ = random_bits(seed, generation, CONNECTIONS, child, draw)
        draw += 1
        in_first = i < first_end and (j >= second_end or innovation[i] <= innovation[j])
        in_second = j < second_end and (i >= first_end or innovation[j] <= innovation[i])
        mine = i if in_first else j
        theirs = j if in_second else i
        i += in_first
        j += in_second
        if (in_first and in_second) or a & _ONE:
            to = at + count
            out_innovation[to] = innovation[mine]
            out_source[to] = source[mine]
            out_target[to] = target[mine]
            out_weight[to] = inherited(weight[mine], weight[theirs], a, average)
            out_enabled[to] = (enabled[mine] & enabled[theirs]) | (to_unit(b) >= keep_disabled)
            only_second[count] = not in_first
            count += 1
    return count


def unite_nodes(
    first, first_end, second, second_end, fixed, feed_forward,
    node_id, bias, activation, aggregation, out_node_id, out_bias, out_activation, out_aggregation, at,
    out_innovation, out_source, out_target, out_weight, out_enabled, conn_at, links, only_second,
    owners, used, tail, head, start, grouped, left_out, degree, queue, rank, seed, generation, child,
):  # fmt: skip
    """Nodes of the child that `unite_connections` began: those of both parents and those that its links need.

    In a feed-forward child the links that would close a cycle are left out first. Return the numbers of nodes and
    links. The nodes are collected in place, so there must be room for those of both parents.
    """
    nodes = _merge_nodes(
        first, first_end, second, second_end, node_id, bias, activation, aggregation,
        out_node_id, out_bias, out_activation, out_aggregation, at, owners, seed, generation, child,
    )  # fmt: skip
    for e in range(links):
        tail[e] = find(out_node_id, at, at + nodes, out_source[conn_at + e])
        head[e] = find(out_node_id, at, at + nodes, out_target[conn_at + e])
        left_out[e] = False
    if feed_forward:
        group(tail, links, nodes, start, grouped)
        _leave_out_cycles(tail, head, links, nodes, start, grouped, only_second, left_out, degree, queue, rank)
    for n in range(nodes):
        used[n] = n < fixed or owners[n] == 2
    kept_links = 0
    for e in range(links):
        if not left_out[e]:
            used[tail[e]] = True
            used[head[e]] = True
            to, old = conn_at + kept_links, conn_at + e
            out_innovation[to] = out_innovation[old]
            out_source[to] = out_source[old]
            out_target[to] = out_target[old]
            out_weight[to] = out_weight[old]
            out_enabled[to] = out_enabled[old]
            kept_links += 1
    kept = 0
    for n in range(nodes):
        if used[n]:
            to, old = at + kept, at + n
            out_node_id[to] = out_node_id[old]
            out_bias[to] = out_bias[old]
            out_activation[to] = out_activation[old]
            out_aggregation[to] = out_aggregation[old]
            kept += 1
    return kept, kept_links


def _merge_nodes(
    first, first_end, second, second_end, node_id, bias, activation, aggregation,
    out_node_id, out_bias, out_activation, out_aggregation, at, owners, seed, generation, child,
):  # fmt: skip
    """All nodes of both parents in ascending order, matching ones from either. Return how many."""
    i, j, count = first, second, 0
    while i < first_end or j < second_end:
        in_first = i < first_end and (j >= second_end or node_id[i] <= node_id[j])
        in_second = j < second_end and (i >= first_end or node_id[j] <= node_id[i])
        a, _, _, _ = random_bits(seed, generation, NODES, child, count)
        chosen = i if in_first and (not in_second or a & _ONE) else j
        out_node_id[at + count] = node_id[chosen]
        out_bias[at + count] = bias[chosen]
        out_activation[at + count] = activation[chosen]
        out_aggregation[at + count] = aggregation[chosen]
        owners[count] = 2 if in_first and in_second else 1
        i += in_first
        j += in_second
        count += 1
    return count


def _leave_out_cycles(tail, head, links, nodes, start, grouped, only_second, left_out, degree, queue, rank):
    """Where the links make cycles, leave out those of the second parent that run against the first one's order.

    Each parent is acyclic, so a cycle has links of both. Only nodes on cycles or behind them are looked at: all other
    links stay. Linear in nodes and links.
    """
    if topological_rank(tail, head, links, nodes, start, grouped, left_out, degree, queue, rank) == nodes:
        return
    for n in range(nodes):
        degree[n] = rank[n] < 0
    for e in range(links):
        left_out[e] = only_second[e] and degree[tail[e]] and degree[head[e]]
        only_second[e] = left_out[e]
    topological_rank(tail, head, links, nodes, start, grouped, only_second, degree, queue, rank)
    for e in range(links):
        left_out[e] = only_second[e] and rank[tail[e]] >= rank[head[e]]
