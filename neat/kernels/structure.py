"""Structural mutation of one genome: deletions, proposals of additions, and their insertion.

Additions are proposed first and inserted once the registry has numbered those of the whole population.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from genomes.rng import random_bits
from neat.kernels.graph import find, group, reaches
from neat.kernels.innovations import (
    LINK_SOURCE,
    LINK_TARGET,
    SPLIT_AT,
    SPLIT_COPY,
    SPLIT_INNOVATION,
    SPLIT_SOURCE,
    SPLIT_TARGET,
    lookup,
)
from neat.kernels.mutation import below

__all__ = ["delete", "insert_connection", "insert_node", "propose_link", "propose_split"]

# Purposes of random numbers
DELETIONS, SPLIT, LINK = 140, 141, 142


def delete(
    want_node, want_connection, prune, fixed, nodes, links, tail, head,
    gone_node, gone_link, start, by_tail, start_in, by_head, degree_out, degree_in, stack, seed, generation, child,
):  # fmt: skip
    """Mark a random hidden node with its links, a random link, and with ``prune`` what they leave dangling.

    Links run from position ``tail[e]`` to ``head[e]``; self-loops keep no node alive.
    """
    a, b, _, _ = random_bits(seed, generation, DELETIONS, child, 0)
    for n in range(nodes):
        gone_node[n] = False
    for e in range(links):
        gone_link[e] = False
    if want_node and nodes > fixed:
        n = fixed + below(a, nodes - fixed)
        gone_node[n] = True
        for e in range(links):
            gone_link[e] = tail[e] == n or head[e] == n
    if want_connection and links:
        gone_link[below(b, links)] = True
    if prune:
        group(tail, links, nodes, start, by_tail)
        group(head, links, nodes, start_in, by_head)
        _prune(
            fixed, nodes, links, tail, head, gone_node, gone_link,
            start, by_tail, start_in, by_head, degree_out, degree_in, stack,
        )  # fmt: skip


def _prune(
    fixed, nodes, links, tail, head, gone_node, gone_link,
    start, by_tail, start_in, by_head, degree_out, degree_in, stack,
):  # fmt: skip
    for n in range(nodes):
        degree_out[n] = degree_in[n] = 0
    for e in range(links):
        if not gone_link[e] and tail[e] != head[e]:
            degree_out[tail[e]] += 1
            degree_in[head[e]] += 1
    depth = 0
    for n in range(fixed, nodes):
        if not gone_node[n] and (degree_out[n] == 0 or degree_in[n] == 0):
            gone_node[n] = True
            stack[depth] = n
            depth += 1
    while depth:
        depth -= 1
        n = stack[depth]
        for side in range(2):
            first, last = (start[n], start[n + 1]) if side == 0 else (start_in[n], start_in[n + 1])
            for i in range(first, last):
                e = by_tail[i] if side == 0 else by_head[i]
                if gone_link[e]:
                    continue
                gone_link[e] = True
                m = head[e] if side == 0 else tail[e]
                degree_in[m] -= side == 0
                degree_out[m] -= side == 1
                if m >= fixed and not gone_node[m] and (degree_out[m] == 0 or degree_in[m] == 0):
                    gone_node[m] = True
                    stack[depth] = m
                    depth += 1


def propose_split(
    change, constant_input, node_id, node, node_end, innovation, source, target, enabled, conn, conn_end, splits,
    seed, generation, child,
):  # fmt: skip
    """Choose a random enabled connection to be split; a constant input's are left alone, as in the authors' code."""
    candidates = 0
    for e in range(conn, conn_end):
        candidates += enabled[e] and source[e] != constant_input
    if candidates == 0:
        return
    a, _, _, _ = random_bits(seed, generation, SPLIT, child, 0)
    skip = below(a, candidates)
    e = conn
    while not (enabled[e] and source[e] != constant_input) or skip > 0:
        skip -= enabled[e] and source[e] != constant_input
        e += 1
    split_innovation, split_copy, split_node, table, _ = splits
    copy = 0
    made = lookup(innovation[e], copy, split_innovation, split_copy, split_node, table)
    while made >= 0 and find(node_id, node, node_end, made) >= 0:
        copy += 1
        made = lookup(innovation[e], copy, split_innovation, split_copy, split_node, table)
    change[SPLIT_AT] = e - conn
    change[SPLIT_INNOVATION] = innovation[e]
    change[SPLIT_COPY] = copy
    change[SPLIT_SOURCE] = source[e]
    change[SPLIT_TARGET] = target[e]


def propose_link(
    change, tries, feed_forward, inputs, outputs, node_id, node, nodes, links, tail, head,
    start, by_tail, seen, stack, seed, generation, child,
):  # fmt: skip
    """Choose a random link that the genome lacks; in a feed-forward genome none from an output or closing a cycle."""
    sources = nodes - outputs if feed_forward else nodes
    targets = nodes - inputs
    if sources == 0:
        return
    group(tail, links, nodes, start, by_tail)
    for n in range(nodes):
        seen[n] = -1
    for attempt in range(tries):
        a, b, _, _ = random_bits(seed, generation, LINK, child, attempt)
        s, t = below(a, sources), inputs + below(b, targets)
        if feed_forward and s >= inputs:
            s += outputs
        if _linked(s, t, head, start, by_tail):
            continue
        if feed_forward and reaches(t, s, head, start, by_tail, seen, attempt, stack):
            continue
        change[LINK_SOURCE] = node_id[node + s]
        change[LINK_TARGET] = node_id[node + t]
        return


def _linked(s, t, head, start, by_tail):
    for i in range(start[s], start[s + 1]):
        if head[by_tail[i]] == t:
            return True
    return False


def insert_node(node_id, bias, activation, aggregation, begin, end, new_id, new_activation, new_aggregation):
    """Insert a node at its place among the ascending ones of ``begin:end``; there is room for it at ``end``."""
    at = end
    while at > begin and node_id[at - 1] > new_id:
        node_id[at] = node_id[at - 1]
        bias[at] = bias[at - 1]
        activation[at] = activation[at - 1]
        aggregation[at] = aggregation[at - 1]
        at -= 1
    node_id[at] = new_id
    bias[at] = 0.0
    activation[at] = new_activation
    aggregation[at] = new_aggregation


def insert_connection(
    innovation, source, target, weight, enabled, begin, end, new_innovation, new_source, new_target, new_weight
):
    """Insert an enabled connection at its place among the ascending ones of ``begin:end``; there is room at ``end``."""
    at = end
    while at > begin and innovation[at - 1] > new_innovation:
        innovation[at] = innovation[at - 1]
        source[at] = source[at - 1]
        target[at] = target[at - 1]
        weight[at] = weight[at - 1]
        enabled[at] = enabled[at - 1]
        at -= 1
    innovation[at] = new_innovation
    source[at] = new_source
    target[at] = new_target
    weight[at] = new_weight
    enabled[at] = True
