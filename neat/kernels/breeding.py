"""Breeding one child, in the order of use: plan it, build it, change its structure, place it.

``parents``, ``children``, ``aside`` are (node_start, node genes, conn_start, connection genes), the genes as tuples of
arrays in the order of `genomes.population`. ``who`` are the children that a step is for; ``j`` is the position among
them. Drivers are in `genomes.kernels.each`, which says what ``scratch`` is.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import borrowing, kernel
from genomes.rng import random_bits, to_unit
from neat.kernels.crossover import (
    CONNECTIONS,
    NODES,
    cross_connections,
    cross_nodes,
    draw_gene_words,
    unite,
)
from neat.kernels.graph import copy_link, copy_node, copy_range
from neat.kernels.innovations import (
    COLUMNS,
    IN_LINK,
    LINK,
    LINK_SOURCE,
    LINK_TARGET,
    NEW_ACTIVATION,
    NEW_AGGREGATION,
    NODE,
    OUT_LINK,
    SPLIT_AT,
    SPLIT_INNOVATION,
    SPLIT_SOURCE,
    SPLIT_TARGET,
)
from neat.kernels.mutation import (
    ACTIVATIONS,
    AGGREGATIONS,
    GENOME,
    WHICH_STRUCTURE,
    clip,
    fresh_time_constant,
    fresh_value,
    mutate_enabled,
    mutate_functions,
    mutate_genome,
    mutate_time_constants,
)
from neat.kernels.selection import CLONE, MATE, MATE_ONLY, below
from neat.kernels.structure import delete, insert_link, insert_node, propose_link, propose_split

__all__ = [
    "breeding_scratch", "build", "delete_genes", "mutate_rarely", "place", "plan", "propose", "unite_parents",
]  # fmt: skip

# What the plan of a child says: bits
ADD_NODE, ADD_CONNECTION, DELETE_NODE, DELETE_CONNECTION, UNITE, CROSS, MUTATE = 1, 2, 4, 8, 16, 32, 64
ADD, DELETE = ADD_NODE | ADD_CONNECTION, DELETE_NODE | DELETE_CONNECTION
STAGED = ADD | DELETE | UNITE  # children whose size is not known beforehand

# Purposes of random numbers
ADDITIONS = np.uint32(150)

_FIRST_DRAW, _SECOND_DRAW, _THIRD_DRAW = np.int64(0), np.int64(1), np.int64(2)
_WEIGHT, _TIME_CONSTANT = np.int64(0), np.int64(1)  # columns of new values

_ONE_WEIGHT = np.float32(1.0)


@kernel
def breeding_scratch(most_nodes, most_links, bounds):
    """Integers by node and by link, flags, random words; and tables by node id and by innovation number, which are
    below ``bounds``."""
    return (
        np.empty((6, most_nodes + 1), np.int32),
        np.empty((4, most_links), np.int32),
        np.empty((2, max(most_nodes, most_links)), np.bool_),
        np.empty((4, max(2, most_nodes, most_links)), np.uint32),
        np.zeros((2, bounds), np.int32),
    )


@borrowing
def plan(p, scratch, matings, node_start, conn_start, plans, sizes, all_rules, seed, generation):
    """Decide what happens to child ``p``; its numbers of nodes and links, or the room that it needs for now."""
    kind, first, second, equal, _ = matings
    rules = all_rules[0]
    a, b = first[p], second[p]
    todo = 0
    if kind[p] == MATE or kind[p] == MATE_ONLY:
        todo |= UNITE | CROSS if equal[p] and rules.unite_equals and a != b else CROSS
    if kind[p] == MATE or kind[p] == CLONE:
        todo |= mutations(rules, seed, generation, p)
    sizes[p, 0] = node_start[a + 1] - node_start[a]
    sizes[p, 1] = conn_start[a + 1] - conn_start[a]
    if todo & UNITE:
        sizes[p, 0] += node_start[b + 1] - node_start[b]
        sizes[p, 1] += conn_start[b + 1] - conn_start[b]
    plans[p] = todo


def mutations(rules, seed, generation, child):
    """Which kinds of mutation an offspring has."""
    a, b, c, d = random_bits(seed, generation, GENOME, child, WHICH_STRUCTURE)
    todo = ADD_NODE if to_unit(a) < rules.add_node else 0
    if rules.exclusive and todo:
        return todo
    todo |= ADD_CONNECTION if to_unit(b) < rules.add_connection else 0
    if rules.exclusive and todo:
        return todo
    todo |= DELETE_NODE if to_unit(c) < rules.delete_node else 0
    todo |= DELETE_CONNECTION if to_unit(d) < rules.delete_connection else 0
    return todo | MUTATE


@borrowing
def unite_parents(j, scratch, who, plans, sizes, matings, parents, aside, fixed, all_rules, seed, generation):
    """The child of equally fit parents, with genes of both; sets its size."""
    _, first, second, _, average = matings
    node_start, nodes, conn_start, links = parents
    node_at, new_nodes, conn_at, new_links = aside
    by_node, by_link, flags, words, tables = scratch
    rules, p = all_rules[0], who[j]
    if plans[p] & UNITE:
        a, b = first[p], second[p]
        sizes[p, 0], sizes[p, 1] = unite(
            nodes, node_start[a], node_start[a + 1], node_start[b], node_start[b + 1],
            links, conn_start[a], conn_start[a + 1], conn_start[b], conn_start[b + 1],
            fixed, rules.feed_forward, average[p], rules.keep_disabled,
            new_nodes, node_at[j], new_links, conn_at[j], by_node, by_link, flags, tables[0], words,
            seed, generation, p,
        )  # fmt: skip


@borrowing
def build(j, scratch, who, plans, sizes, matings, parents, children, inputs, all_rules, seed, generation):
    """Cross or copy the parents of a child, unless they are united already, and mutate its values.

    Child ``who[j]`` is written at the j-th of the starts of ``children``.
    """
    _, all_first, all_second, _, average = matings
    node_start, nodes, conn_start, links = parents
    node_at, new_nodes, conn_at, new_links = children
    words, tables = scratch[3], scratch[4]
    rules, p = all_rules[0], who[j]
    first, second = all_first[p], all_second[p]
    n, c = np.uint64(node_at[j]), np.uint64(conn_at[j])
    n_count, c_count = np.uint64(sizes[p, 0]), np.uint64(sizes[p, 1])
    n1, n2, c1, c2 = node_start[first], node_start[second], conn_start[first], conn_start[second]
    n2_count, c2_count = np.uint64(node_start[second + 1] - n2), np.uint64(conn_start[second + 1] - c2)
    n1, n2, c1, c2 = np.uint64(n1), np.uint64(n2), np.uint64(c1), np.uint64(c2)
    if not plans[p] & UNITE:
        copy_range(nodes[0], n1, new_nodes[0], n, n_count)
        copy_range(links[0], c1, new_links[0], c, c_count)
        copy_range(links[1], c1, new_links[1], c, c_count)
        copy_range(links[2], c1, new_links[2], c, c_count)
        if plans[p] & CROSS:
            draw_gene_words(words, sizes[p, 1], seed, generation, CONNECTIONS, p)
            cross_connections(
                links, c1, c_count, c2, c2_count, new_links, c, tables[1], words, average[p], rules.keep_disabled
            )
            draw_gene_words(words, sizes[p, 0], seed, generation, NODES, p)
            cross_nodes(nodes, n1, n_count, n2, n2_count, new_nodes, n, tables[0], words)
        else:
            copy_range(nodes[1], n1, new_nodes[1], n, n_count)
            copy_range(nodes[2], n1, new_nodes[2], n, n_count)
            copy_range(nodes[3], n1, new_nodes[3], n, n_count)
            if len(nodes[4]):
                copy_range(nodes[4], n1, new_nodes[4], n, n_count)
            copy_range(links[3], c1, new_links[3], c, c_count)
            copy_range(links[4], c1, new_links[4], c, c_count)
    if plans[p] & MUTATE:
        mutate_genome(
            rules, new_nodes[1], n + np.uint64(inputs), n + n_count, new_links[3], c, c + c_count, words,
            seed, generation, p,
        )  # fmt: skip


@borrowing
def mutate_rarely(
    p, scratch, plans, children, inputs, outputs, activations, aggregations, all_rules, seed, generation
):  # fmt: skip
    """The mutations of node functions, time constants and enabled flags, which most runs do without."""
    node_start, nodes, conn_start, links = children
    rules = all_rules[0]
    if plans[p] & MUTATE:
        first, last = node_start[p] + inputs, node_start[p + 1]
        free = first + outputs if rules.output_activation_fixed else first
        rate = rules.activation_mutation
        mutate_functions(nodes[2], free, last, activations, rate, seed, generation, ACTIVATIONS, p)
        rate = rules.aggregation_mutation
        mutate_functions(nodes[3], first, last, aggregations, rate, seed, generation, AGGREGATIONS, p)
        if len(nodes[4]):
            mutate_time_constants(nodes[4], first, last, rules.time_constant, seed, generation, p)
        mutate_enabled(links[4], conn_start[p], conn_start[p + 1], rules, seed, generation, p)


@borrowing
def delete_genes(j, scratch, who, plans, sizes, aside, fixed, all_rules, seed, generation):
    """The deletions of a staged child; corrects its size."""
    node_at, nodes, conn_at, links = aside
    by_node, by_link, flags, _, tables = scratch
    p = who[j]
    if plans[p] & DELETE:
        sizes[p, 0], sizes[p, 1] = delete(
            plans[p] & DELETE_NODE != 0, plans[p] & DELETE_CONNECTION != 0, all_rules[0].prune_dangling, fixed,
            nodes, node_at[j], sizes[p, 0], links, conn_at[j], sizes[p, 1],
            by_node, by_link, flags[0], flags[1], tables[0], seed, generation, p,
        )  # fmt: skip


@borrowing
def propose(
    j, scratch, who, plans, sizes, aside, inputs, outputs, activations, aggregations, splits, changes, new_values,
    all_rules, seed, generation,
):  # fmt: skip
    """Propose the additions of a staged child in its row of ``changes``; beside it the weight of a new link and the
    time constant of a new node."""
    node_at, nodes, conn_at, links = aside
    by_node, by_link, _, _, tables = scratch
    rules, p, change = all_rules[0], who[j], changes[j]
    clear(change)
    n, c, n_count, c_count = node_at[j], conn_at[j], sizes[p, 0], sizes[p, 1]
    which, activation, aggregation, _ = random_bits(seed, generation, ADDITIONS, p, _FIRST_DRAW)
    if plans[p] & ADD_NODE:
        propose_split(
            change, rules.constant_input, nodes, n, n + n_count, links, c, c + c_count, splits, which
        )  # fmt: skip
        change[NEW_ACTIVATION] = activations[below(activation, len(activations))]
        change[NEW_AGGREGATION] = aggregations[below(aggregation, len(aggregations))]
        if len(nodes[4]):
            a, b, _, _ = random_bits(seed, generation, ADDITIONS, p, _THIRD_DRAW)
            new_values[j, _TIME_CONSTANT] = fresh_time_constant(rules.time_constant, a, b)
    if plans[p] & ADD_CONNECTION:
        propose_link(
            change, rules.add_connection_tries, rules.feed_forward, inputs, outputs, nodes, n, n_count,
            links, c, c_count, by_node, by_link, tables[0], seed, generation, p,
        )  # fmt: skip
        a, b, _, _ = random_bits(seed, generation, ADDITIONS, p, _SECOND_DRAW)
        new_values[j, _WEIGHT] = fresh_value(rules.weight, a, b)


def clear(change):
    """No change is proposed."""
    for column in range(COLUMNS):
        change[column] = -1


@borrowing
def place(j, scratch, who, sizes, changes, new_values, aside, children, all_rules):
    """Copy a staged child to its place in the new population and insert its additions."""
    node_at, old_nodes, conn_at, old_links = aside
    node_start, nodes, conn_start, links = children
    low, high = all_rules[0].weight.low, all_rules[0].weight.high
    p, change = who[j], changes[j]
    n, c, n_end, c_end = node_start[p], conn_start[p], node_start[p] + sizes[p, 0], conn_start[p] + sizes[p, 1]
    copy_nodes(old_nodes, node_at[j], nodes, n, n_end - n)
    copy_links(old_links, conn_at[j], links, c, c_end - c)
    if change[SPLIT_INNOVATION] >= 0:
        new, split = change[NODE], c + change[SPLIT_AT]
        source, target, weight = change[SPLIT_SOURCE], change[SPLIT_TARGET], links[3][split]
        links[4][split] = False
        insert_node(
            nodes, n, n_end, new, change[NEW_ACTIVATION], change[NEW_AGGREGATION], new_values[j, _TIME_CONSTANT]
        )
        insert_link(links, c, c_end, change[IN_LINK], source, new, clip(_ONE_WEIGHT, low, high))
        insert_link(links, c, c_end + 1, change[OUT_LINK], new, target, weight)
        c_end += 2
    if change[LINK_SOURCE] >= 0:
        insert_link(links, c, c_end, change[LINK], change[LINK_SOURCE], change[LINK_TARGET], new_values[j, _WEIGHT])


def copy_nodes(nodes, first, new_nodes, at, count):
    """Copy so many node genes."""
    for i in range(count):
        copy_node(nodes, first + i, new_nodes, at + i)


def copy_links(links, first, new_links, at, count):
    """Copy so many connection genes."""
    for i in range(count):
        copy_link(links, first + i, new_links, at + i)
