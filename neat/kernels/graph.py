"""One genome's genes as a graph: node positions, links grouped by an end, cycles; and copies of genes.

Nodes are positions in the genome's ascending list of node ids; a link runs from ``tail[e]`` to ``head[e]``.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.local import find

__all__ = ["copy_link", "copy_node", "copy_range", "group", "locate", "locate_by_search", "reaches", "topological_rank"]


def group(ends, links, nodes, start, grouped):
    """Group the links 0..links-1 by node: those with ``ends[e] == n`` are ``grouped[start[n]:start[n + 1]]``."""
    for n in range(nodes + 1):
        start[n] = 0
    for e in range(links):
        start[ends[e] + 1] += 1
    for n in range(nodes):
        start[n + 1] += start[n]
    for e in range(links - 1, -1, -1):
        start[ends[e] + 1] -= 1
        grouped[start[ends[e] + 1]] = e
    for n in range(nodes):
        start[n] = start[n + 1]
    start[nodes] = links


def reaches(origin, goal, head, start, grouped, seen, stamp, stack):
    """Whether a path leads from ``origin`` to ``goal``; links grouped by tail. ``seen`` holds no ``stamp`` yet."""
    stack[0] = origin
    seen[origin] = stamp
    depth = 1
    while depth:
        depth -= 1
        n = stack[depth]
        if n == goal:
            return True
        for i in range(start[n], start[n + 1]):
            m = head[grouped[i]]
            if seen[m] != stamp:
                seen[m] = stamp
                stack[depth] = m
                depth += 1
    return False


def topological_rank(tail, head, links, nodes, start, grouped, left_out, degree, queue, rank):
    """Number the nodes so that links run upwards; -1 for nodes on a cycle or behind one. Return how many got a rank.

    Links with a true ``left_out`` do not count. Links are grouped by tail.
    """
    for n in range(nodes):
        degree[n] = 0
        rank[n] = -1
    for e in range(links):
        if not left_out[e]:
            degree[head[e]] += 1
    filled = 0
    for n in range(nodes):
        if degree[n] == 0:
            queue[filled] = n
            filled += 1
    done = 0
    while done < filled:
        n = queue[done]
        rank[n] = done
        done += 1
        for i in range(start[n], start[n + 1]):
            e = grouped[i]
            if not left_out[e]:
                degree[head[e]] -= 1
                if degree[head[e]] == 0:
                    queue[filled] = head[e]
                    filled += 1
    return done


def locate(node_id, node, nodes, source, target, link, links, tail, head, position_of):
    """The positions of each link's ends among the genome's nodes; ``position_of`` [node ids] is scratch."""
    for n in range(nodes):
        position_of[np.uint32(node_id[node + n])] = n
    for e in range(links):
        tail[e] = position_of[np.uint32(source[link + e])]
        head[e] = position_of[np.uint32(target[link + e])]


def locate_by_search(node_id, node, nodes, source, target, link, links, tail, head, position_of):
    """`locate` without a table, which every thread of a GPU would need for itself."""
    for e in range(links):
        tail[e] = find(node_id, node, node + nodes, source[link + e])
        head[e] = find(node_id, node, node + nodes, target[link + e])


def copy_range(old, first, new, at, count):
    """``new[at:at + count] = old[first:first + count]``; all positions are unsigned."""
    for i in range(count):
        new[at + i] = old[first + i]


def copy_node(nodes, old, new_nodes, to):
    """Copy one node gene."""
    node_id, bias, activation, aggregation, time_constant = nodes
    new_id, new_bias, new_activation, new_aggregation, new_time_constant = new_nodes
    new_id[to] = node_id[old]
    new_bias[to] = bias[old]
    new_activation[to] = activation[old]
    new_aggregation[to] = aggregation[old]
    if len(time_constant):
        new_time_constant[to] = time_constant[old]


def copy_link(links, old, new_links, to):
    """Copy one connection gene."""
    innovation, source, target, weight, enabled = links
    new_innovation, new_source, new_target, new_weight, new_enabled = new_links
    new_innovation[to] = innovation[old]
    new_source[to] = source[old]
    new_target[to] = target[old]
    new_weight[to] = weight[old]
    new_enabled[to] = enabled[old]
