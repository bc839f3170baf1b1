"""Crossover of two genomes (Stanley & Miikkulainen 2002, sections 3.2 and 4.1).

`cross_connections`, `cross_nodes`: the child has the genes of the fitter parent, matching ones from either.
`unite`: of equally fit parents, genes that only one of them has come with probability one half each.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.rng import times, to_unit
from neat.kernels.graph import copy_link, copy_node, group, locate, topological_rank
from neat.kernels.mutation import draw_words

__all__ = ["cross_connections", "cross_nodes", "matching_by_search", "note_nothing", "unite"]

# Purposes of random numbers
CONNECTIONS, NODES = np.uint32(130), np.uint32(131)

_HALF = np.float32(0.5)
_COIN = np.uint32(1)
_ZERO, _ONE, _TWO, _THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)


def draw_gene_words(words, genes, seed, generation, purpose, child):
    """One random word for each gene: that of gene g is ``words[g % 4, g // 4]``."""
    draw_words(words, (genes + 3) // 4, seed, generation, purpose, child)


def cross_connections(
    links, first, count, second, other_count, new_links, at, position_of, words, average, keep_disabled
):  # fmt: skip
    """Weights and enabled flags of a child with the ``count`` connections of the fitter parent from ``first`` on.

    ``position_of`` [innovations] is scratch: whatever it holds must be 0 or more. All positions are unsigned.
    """
    innovation, _, _, weight, enabled = links
    _, _, _, new_weight, new_enabled = new_links
    note_positions(innovation, second, other_count, position_of)
    for e in range(count):
        mine = first + e
        theirs = matching(innovation, mine, second, other_count, position_of)
        bits = words[e & _THREE, e >> _TWO]
        chosen = either(mine, theirs, bits)
        new_weight[at + e] = mean(weight[mine], weight[theirs]) if average else weight[chosen]
        new_enabled[at + e] = (enabled[mine] & enabled[theirs]) | (to_unit(bits) >= keep_disabled)


def note_positions(ids, second, other_count, position_of):
    """Enter the second parent's genes into the table that `matching` looks into."""
    for e in range(other_count):
        position_of[np.uint32(ids[second + e])] = e


def either(mine, theirs, bits):
    """One of two positions by the lowest bit; without a branch, which would be mispredicted half of the time."""
    return theirs ^ ((mine ^ theirs) & (_ZERO - np.uint64(bits & _COIN)))


def matching(ids, mine, second, other_count, position_of):
    """Where the second parent has the gene ``mine``; ``mine`` itself if it lacks it."""
    position = np.uint64(position_of[np.uint32(ids[mine])])
    theirs = second + position if position < other_count else mine
    return theirs if ids[theirs] == ids[mine] else mine


def note_nothing(ids, second, other_count, position_of):
    """In place of `note_positions` where there is no table."""


def matching_by_search(ids, mine, second, other_count, position_of):
    """`matching` without a table, which every thread of a GPU would need for itself."""
    low, high = second, second + other_count
    while low < high:
        middle = (low + high) >> _ONE
        if ids[middle] < ids[mine]:
            low = middle + _ONE
        else:
            high = middle
    return low if low < second + other_count and ids[low] == ids[mine] else mine


def mean(first, second):
    """The mean of two weights, of any size."""
    return times(_HALF, first) + times(_HALF, second)


def inherited(first, second, bits, average):
    """The weight of a matching gene: of either parent, or their mean."""
    picked = first if bits & _COIN else second
    return mean(first, second) if average else picked


def cross_nodes(nodes, first, count, second, other_count, new_nodes, at, position_of, words):
    """Genes of a child with the ``count`` nodes of the fitter parent; matching nodes come from either.

    ``position_of`` [node ids] is scratch as above.
    """
    node_id, bias, activation, aggregation, time_constant = nodes
    _, new_bias, new_activation, new_aggregation, new_time_constant = new_nodes
    note_positions(node_id, second, other_count, position_of)
    for n in range(count):
        mine = first + n
        theirs = matching(node_id, mine, second, other_count, position_of)
        chosen = either(mine, theirs, words[n & _THREE, n >> _TWO])
        new_bias[at + n] = bias[chosen]
        new_activation[at + n] = activation[chosen]
        new_aggregation[at + n] = aggregation[chosen]
        if len(time_constant):
            new_time_constant[at + n] = time_constant[chosen]


def unite(
    nodes, n1, n1_end, n2, n2_end, links, c1, c1_end, c2, c2_end, fixed, feed_forward, average, keep_disabled,
    new_nodes, n, new_links, c, by_node, by_link, flags, position_of, words, seed, generation, child,
):  # fmt: skip
    """Matching connections of both parents, a random half of the others, the nodes of both parents and those that the
    connections need. In a feed-forward child the links that would close a cycle are left out.

    Written at ``n`` and ``c``, where there must be room for the genes of both. Return the numbers of nodes and links.
    Scratch: ``by_node`` [6, nodes of both + 1], ``by_link`` [3, links of both], ``flags`` [2, links of both].
    """
    owners, start, used = by_node[0], by_node[1], by_node[2]
    degree, queue, rank = by_node[3], by_node[4], by_node[5]
    tail, head, grouped = by_link[0], by_link[1], by_link[2]
    only_second, left_out = flags[0], flags[1]
    most_nodes, most_links = n1_end - n1 + n2_end - n2, c1_end - c1 + c2_end - c2
    draw_gene_words(words, most_links, seed, generation, CONNECTIONS, child)
    links_count = _merge_links(
        links, c1, c1_end, c2, c2_end, new_links, c, only_second, average, keep_disabled, words
    )  # fmt: skip
    draw_gene_words(words, most_nodes, seed, generation, NODES, child)
    nodes_count = _merge_nodes(nodes, n1, n1_end, n2, n2_end, new_nodes, n, owners, words)
    locate(new_nodes[0], n, nodes_count, new_links[1], new_links[2], c, links_count, tail, head, position_of)
    for e in range(links_count):
        left_out[e] = False
    if feed_forward:
        group(tail, links_count, nodes_count, start, grouped)
        _leave_out_cycles(
            tail, head, links_count, nodes_count, start, grouped, only_second, left_out, degree, queue, rank
        )  # fmt: skip
    for i in range(nodes_count):
        used[i] = i < fixed or owners[i] == 2
    kept_links = 0
    for e in range(links_count):
        if not left_out[e]:
            used[tail[e]] = True
            used[head[e]] = True
            copy_link(new_links, c + e, new_links, c + kept_links)
            kept_links += 1
    kept_nodes = 0
    for i in range(nodes_count):
        if used[i]:
            copy_node(new_nodes, n + i, new_nodes, n + kept_nodes)
            kept_nodes += 1
    return kept_nodes, kept_links


def _merge_links(links, c1, c1_end, c2, c2_end, new_links, c, only_second, average, keep_disabled, words):
    """Matching connections of both parents and a random half of the others, in order. Return how many."""
    innovation, _, _, weight, enabled = links
    _, _, _, new_weight, new_enabled = new_links
    i, j, count, draw = c1, c2, 0, 0
    while i < c1_end or j < c2_end:
        bits = words[draw & 3, draw >> 2]
        draw += 1
        in_first = i < c1_end and (j >= c2_end or innovation[i] <= innovation[j])
        in_second = j < c2_end and (i >= c1_end or innovation[j] <= innovation[i])
        mine = i if in_first else j
        theirs = j if in_second else i
        i += in_first
        j += in_second
        if (in_first and in_second) or bits & _COIN:
            copy_link(links, mine, new_links, c + count)
            new_weight[c + count] = inherited(weight[mine], weight[theirs], bits, average)
            new_enabled[c + count] = (enabled[mine] & enabled[theirs]) | (to_unit(bits) >= keep_disabled)
            only_second[count] = not in_first
            count += 1
    return count


def _merge_nodes(nodes, n1, n1_end, n2, n2_end, new_nodes, n, owners, words):
    """All nodes of both parents in ascending order, matching ones from either. Return how many."""
    node_id = nodes[0]
    i, j, count = n1, n2, 0
    while i < n1_end or j < n2_end:
        in_first = i < n1_end and (j >= n2_end or node_id[i] <= node_id[j])
        in_second = j < n2_end and (i >= n1_end or node_id[j] <= node_id[i])
        from_first = in_first and (not in_second or words[count & 3, count >> 2] & _COIN)
        copy_node(nodes, i if from_first else j, new_nodes, n + count)
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
    for e in range(links):
        only_second[e] &= rank[tail[e]] < 0 and rank[head[e]] < 0
    topological_rank(tail, head, links, nodes, start, grouped, only_second, degree, queue, rank)
    for e in range(links):
        left_out[e] = only_second[e] and rank[tail[e]] >= rank[head[e]]
