"""Structural mutation of one genome: deletions, proposals of additions, and their insertion.

Additions are proposed first and inserted once the registry has numbered those of the whole population.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.local import find
from genomes.rng import random_bits
from neat.kernels.graph import copy_link, copy_node, group, locate, reaches
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
from neat.kernels.selection import below

__all__ = ["delete", "insert_link", "insert_node", "propose_link", "propose_split"]

# Purposes of random numbers
DELETIONS, LINK = np.uint32(140), np.uint32(141)

_FIRST = np.int64(0)


def delete(
    node_too, link_too, prune, fixed, nodes, node, node_count, links, link, link_count, by_node, by_link,
    gone_nodes, gone_links, position_of, seed, generation, child,
):  # fmt: skip
    """Remove a random hidden node with its links, a random link, and with ``prune`` the hidden nodes that are left
    without in- or output (self-loops aside), again and again. Return the numbers of nodes and links that stay."""
    tail, head = by_link[0], by_link[1]
    a, b, _, _ = random_bits(seed, generation, DELETIONS, child, _FIRST)
    locate(nodes[0], node, node_count, links[1], links[2], link, link_count, tail, head, position_of)
    for n in range(node_count):
        gone_nodes[n] = False
    for e in range(link_count):
        gone_links[e] = False
    if node_too and node_count > fixed:
        n = fixed + below(a, node_count - fixed)
        gone_nodes[n] = True
        for e in range(link_count):
            gone_links[e] = tail[e] == n or head[e] == n
    if link_too and link_count:
        gone_links[below(b, link_count)] = True
    if prune:
        _prune(fixed, node_count, link_count, by_node, by_link, gone_nodes, gone_links)
    kept_links = 0
    for e in range(link_count):
        if not gone_links[e]:
            copy_link(links, link + e, links, link + kept_links)
            kept_links += 1
    kept_nodes = 0
    for n in range(node_count):
        if not gone_nodes[n]:
            copy_node(nodes, node + n, nodes, node + kept_nodes)
            kept_nodes += 1
    return kept_nodes, kept_links


def _prune(fixed, nodes, links, by_node, by_link, gone_nodes, gone_links):
    out_start, in_start, stack = by_node[0], by_node[1], by_node[2]
    out_degree, in_degree = by_node[3], by_node[4]
    tail, head, by_tail, by_head = by_link[0], by_link[1], by_link[2], by_link[3]
    group(tail, links, nodes, out_start, by_tail)
    group(head, links, nodes, in_start, by_head)
    for n in range(nodes):
        out_degree[n] = in_degree[n] = 0
    for e in range(links):
        if not gone_links[e] and tail[e] != head[e]:
            out_degree[tail[e]] += 1
            in_degree[head[e]] += 1
    depth = 0
    for n in range(fixed, nodes):
        if not gone_nodes[n] and (out_degree[n] == 0 or in_degree[n] == 0):
            gone_nodes[n] = True
            stack[depth] = n
            depth += 1
    while depth:
        depth -= 1
        n = stack[depth]
        outgoing = out_start[n + 1] - out_start[n]
        for i in range(outgoing + in_start[n + 1] - in_start[n]):
            goes_out = i < outgoing
            e = by_tail[out_start[n] + i] if goes_out else by_head[in_start[n] + i - outgoing]
            if gone_links[e]:
                continue
            gone_links[e] = True
            m = head[e] if goes_out else tail[e]
            degree = in_degree if goes_out else out_degree
            degree[m] -= 1
            if degree[m] == 0 and m >= fixed and not gone_nodes[m]:
                gone_nodes[m] = True
                stack[depth] = m
                depth += 1


def propose_split(change, constant_input, nodes, node, node_end, links, link, link_end, splits, bits):
    """Choose a random enabled connection to be split; a constant input's are left alone, as in the authors' code."""
    innovation, source, target, _, enabled = links
    candidates = 0
    for e in range(link, link_end):
        candidates += enabled[e] and source[e] != constant_input
    if candidates == 0:
        return
    skip = below(bits, candidates)
    e = link
    while skip or not (enabled[e] and source[e] != constant_input):
        skip -= enabled[e] and source[e] != constant_input
        e += 1
    split_innovation, split_copy, split_node, table = splits
    copy, made = -1, 0
    while made >= 0:
        copy += 1
        made = lookup(innovation[e], copy, split_innovation, split_copy, split_node, table)
        if made >= 0 and find(nodes[0], node, node_end, made) < 0:
            break
    change[SPLIT_AT] = e - link
    change[SPLIT_INNOVATION] = innovation[e]
    change[SPLIT_COPY] = copy
    change[SPLIT_SOURCE] = source[e]
    change[SPLIT_TARGET] = target[e]


def propose_link(
    change, tries, feed_forward, inputs, outputs, nodes, node, node_count, links, link, link_count,
    by_node, by_link, position_of, seed, generation, child,
):  # fmt: skip
    """Choose a random link that the genome lacks; in a feed-forward genome none from an output or closing a cycle."""
    tail, head, by_tail = by_link[0], by_link[1], by_link[2]
    start, seen, stack = by_node[0], by_node[1], by_node[2]
    sources = node_count - outputs if feed_forward else node_count
    if sources == 0:
        return
    locate(nodes[0], node, node_count, links[1], links[2], link, link_count, tail, head, position_of)
    group(tail, link_count, node_count, start, by_tail)
    for n in range(node_count):
        seen[n] = -1
    for attempt in range(tries):
        a, b, _, _ = random_bits(seed, generation, LINK, child, attempt)
        s, t = below(a, sources), inputs + below(b, node_count - inputs)
        if feed_forward and s >= inputs:
            s += outputs
        linked = False
        for i in range(start[s], start[s + 1]):
            linked |= head[by_tail[i]] == t
        if not linked and not (feed_forward and reaches(t, s, head, start, by_tail, seen, attempt, stack)):
            change[LINK_SOURCE] = nodes[0][node + s]
            change[LINK_TARGET] = nodes[0][node + t]
            return


def insert_node(nodes, begin, end, new_id, activation, aggregation, time_constant):
    """Insert a node at its place among the ascending ones of ``begin:end``; there is room for it at ``end``."""
    at = end
    while at > begin and nodes[0][at - 1] > new_id:
        copy_node(nodes, at - 1, nodes, at)
        at -= 1
    nodes[0][at] = new_id
    nodes[1][at] = 0.0
    nodes[2][at] = activation
    nodes[3][at] = aggregation
    if len(nodes[4]):
        nodes[4][at] = time_constant


def insert_link(links, begin, end, innovation, source, target, weight):
    """Insert an enabled connection at its place among the ascending ones of ``begin:end``; there is room at ``end``."""
    at = end
    while at > begin and links[0][at - 1] > innovation:
        copy_link(links, at - 1, links, at)
        at -= 1
    links[0][at] = innovation
    links[1][at] = source
    links[2][at] = target
    links[3][at] = weight
    links[4][at] = True
