"""CPU drivers of breeding: plan every child, build it, change its structure, place it."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import kernel
from genomes.rng import random_bits, to_unit
from neat.kernels.crossover import cross_connections, cross_nodes, unite_connections, unite_nodes
from neat.kernels.graph import find
from neat.kernels.innovations import (
    IN_LINK,
    LINK,
    LINK_SOURCE,
    LINK_TARGET,
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
    BIASES,
    GENOME,
    WHICH_STRUCTURE,
    WHICH_VALUES,
    below,
    clip,
    fresh_value,
    mutate_enabled,
    mutate_functions,
    mutate_values,
    mutate_weights,
)
from neat.kernels.structure import delete, insert_connection, insert_node, propose_link, propose_split

__all__ = ["build", "change_structure", "place", "plan"]

ELITE, CLONE, MATE, MATE_ONLY = 0, 1, 2, 3
# What a plan says of a child: bits
ADD_NODE, ADD_CONNECTION, DELETE_NODE, DELETE_CONNECTION, UNITE, CROSS, MUTATE = 1, 2, 4, 8, 16, 32, 64
RESTRUCTURED = ADD_NODE | ADD_CONNECTION | DELETE_NODE | DELETE_CONNECTION
STAGED = RESTRUCTURED | UNITE  # its size is not known beforehand

# Purposes of random numbers
NEW_NODE, NEW_LINK = 150, 151

_ONE_WEIGHT = np.float32(1.0)


@kernel
def plan(begin, end, matings, node_start, conn_start, plans, parents, sizes, all_rules, seed, generation):
    """Decide for each child what happens to it, its fitter parent and the other, and its size or room."""
    kind, first, second, equal, _ = matings
    rules = all_rules[0]
    for p in range(begin, end):
        todo = 0
        a, b = first[p], second[p]
        if kind[p] == MATE or kind[p] == MATE_ONLY:
            todo |= CROSS
            if equal[p] and a != b:
                if rules.unite_equals:
                    todo |= UNITE
                elif conn_start[b + 1] - conn_start[b] < conn_start[a + 1] - conn_start[a]:
                    a, b = b, a
        if kind[p] == MATE or kind[p] == CLONE:
            todo |= mutations(rules, seed, generation, p)
        parents[p, 0] = a
        parents[p, 1] = b
        sizes[p, 0] = node_start[a + 1] - node_start[a]
        sizes[p, 1] = conn_start[a + 1] - conn_start[a]
        if todo & UNITE:
            sizes[p, 0] += node_start[b + 1] - node_start[b]
            sizes[p, 1] += conn_start[b + 1] - conn_start[b]
        plans[p] = todo


def mutations(rules, seed, generation, child):
    """Which kinds of mutation an offspring has."""
    a, b, c, d = random_bits(seed, generation, GENOME, child, WHICH_STRUCTURE)
    add_node = to_unit(a) < rules.add_node
    add_connection = to_unit(b) < rules.add_connection
    if rules.exclusive and add_node:
        return ADD_NODE
    if rules.exclusive and add_connection:
        return ADD_CONNECTION
    todo = MUTATE
    todo |= ADD_NODE if add_node else 0
    todo |= ADD_CONNECTION if add_connection else 0
    todo |= DELETE_NODE if to_unit(c) < rules.delete_node else 0
    todo |= DELETE_CONNECTION if to_unit(d) < rules.delete_connection else 0
    return todo


@kernel
def build(
    begin, end, children, plans, parents, sizes, average, olds, news, node_at, conn_at,
    inputs, outputs, activations, aggregations, numbers, ids, all_rules, seed, generation,
):  # fmt: skip
    """Cross or copy the parents of each child and mutate its values; write it at ``node_at[j]``, ``conn_at[j]``.

    Corrects the sizes of children whose parents are united. ``numbers`` and ``ids`` bound innovations and node ids.
    """
    node_start, node_id, bias, activation, aggregation, conn_start, innovation, source, target, weight, enabled = olds
    new_id, new_bias, new_act, new_agg, new_innovation, new_source, new_target, new_weight, new_enabled = news
    rules = all_rules[0]
    fixed = inputs + outputs
    connection_position = np.zeros(numbers, np.int32)
    node_position = np.zeros(ids, np.int32)
    room_nodes, room_links = 0, 0
    for j in range(begin, end):
        if plans[children[j]] & UNITE:
            room_nodes = max(room_nodes, sizes[children[j], 0])
            room_links = max(room_links, sizes[children[j], 1])
    by_node = np.empty((6, room_nodes + 1), np.int32)
    by_link = np.empty((3, room_links), np.int32)
    flags = np.empty((2, room_links), np.bool_)
    for j in range(begin, end):
        p = children[j]
        todo, n, c, first, second = plans[p], node_at[j], conn_at[j], parents[p, 0], parents[p, 1]
        n1, n1_end, n2, n2_end = node_start[first], node_start[first + 1], node_start[second], node_start[second + 1]
        c1, c1_end, c2, c2_end = conn_start[first], conn_start[first + 1], conn_start[second], conn_start[second + 1]
        if todo & UNITE:
            links = unite_connections(
                c1, c1_end, c2, c2_end, innovation, source, target, weight, enabled,
                new_innovation, new_source, new_target, new_weight, new_enabled, c, flags[0],
                average[p], rules.keep_disabled, seed, generation, p,
            )  # fmt: skip
            sizes[p, 0], sizes[p, 1] = unite_nodes(
                n1, n1_end, n2, n2_end, fixed, rules.feed_forward,
                node_id, bias, activation, aggregation, new_id, new_bias, new_act, new_agg, n,
                new_innovation, new_source, new_target, new_weight, new_enabled, c, links, flags[0],
                by_node[0], by_node[1], by_link[0], by_link[1], by_node[2], by_link[2], flags[1],
                by_node[3], by_node[4], by_node[5], seed, generation, p,
            )  # fmt: skip
        else:
            for i in range(n1_end - n1):
                new_id[n + i] = node_id[n1 + i]
            for i in range(c1_end - c1):
                new_innovation[c + i] = innovation[c1 + i]
                new_source[c + i] = source[c1 + i]
                new_target[c + i] = target[c1 + i]
            if todo & CROSS:
                cross_connections(
                    c1, c1_end, c2, c2_end, innovation, weight, enabled, new_weight, new_enabled, c,
                    connection_position, average[p], rules.keep_disabled, seed, generation, p,
                )  # fmt: skip
                cross_nodes(
                    n1, n1_end, n2, n2_end, fixed, node_id, bias, activation, aggregation,
                    new_bias, new_act, new_agg, n, node_position, seed, generation, p,
                )  # fmt: skip
            else:
                for i in range(n1_end - n1):
                    new_bias[n + i] = bias[n1 + i]
                    new_act[n + i] = activation[n1 + i]
                    new_agg[n + i] = aggregation[n1 + i]
                for i in range(c1_end - c1):
                    new_weight[c + i] = weight[c1 + i]
                    new_enabled[c + i] = enabled[c1 + i]
        if todo & MUTATE:
            mutate_genome(
                rules, n + inputs, n + sizes[p, 0], c, c + sizes[p, 1], outputs, new_bias, new_act, new_agg,
                new_weight, new_enabled, activations, aggregations, seed, generation, p,
            )  # fmt: skip


def mutate_genome(
    rules, node, node_end, conn, conn_end, outputs, bias, activation, aggregation, weight, enabled,
    activations, aggregations, seed, generation, child,
):  # fmt: skip
    """All mutations of a child that leave its structure alone; nodes are without the inputs."""
    a, b, c, _ = random_bits(seed, generation, GENOME, child, WHICH_VALUES)
    if to_unit(a) < rules.weight.mutation:
        mutate_weights(weight, conn, conn_end, rules, to_unit(b), seed, generation, child)
    if to_unit(c) < rules.bias.mutation:
        rule = rules.bias
        mutate_values(bias, node, node_end, rule.perturb, rule.replace, rule, seed, generation, BIASES, child, 0)
    if rules.activation_mutation > 0:
        first = node + outputs if rules.output_activation_fixed else node
        mutate_functions(
            activation, first, node_end, activations, rules.activation_mutation, seed, generation, ACTIVATIONS, child
        )
    if rules.aggregation_mutation > 0:
        mutate_functions(
            aggregation, node, node_end, aggregations, rules.aggregation_mutation, seed, generation, AGGREGATIONS, child
        )
    if rules.toggle_enabled > 0 or rules.reenable > 0:
        mutate_enabled(enabled, conn, conn_end, rules, seed, generation, child)


@kernel
def change_structure(
    begin, end, children, plans, sizes, genes, node_at, conn_at, inputs, outputs, splits, changes,
    all_rules, seed, generation,
):  # fmt: skip
    """Apply the deletions of each staged child in place, and propose its additions in its row of ``changes``."""
    node_id, bias, activation, aggregation, innovation, source, target, weight, enabled = genes
    rules = all_rules[0]
    fixed = inputs + outputs
    most_nodes, most_links = 0, 0
    for j in range(begin, end):
        most_nodes = max(most_nodes, sizes[children[j], 0])
        most_links = max(most_links, sizes[children[j], 1])
    by_node = np.empty((6, most_nodes + 1), np.int32)
    by_link = np.empty((4, most_links), np.int32)
    gone_node = np.empty(most_nodes, np.bool_)
    gone_link = np.empty(most_links, np.bool_)
    for j in range(begin, end):
        p = children[j]
        todo, n, c, nodes, links = plans[p], node_at[j], conn_at[j], sizes[p, 0], sizes[p, 1]
        change = changes[j]
        change[:] = -1
        if todo & (DELETE_NODE | DELETE_CONNECTION):
            locate(node_id, n, nodes, source, target, c, links, by_link[0], by_link[1])
            delete(
                todo & DELETE_NODE, todo & DELETE_CONNECTION, rules.prune_dangling, fixed, nodes, links,
                by_link[0], by_link[1], gone_node, gone_link, by_node[0], by_link[2], by_node[1], by_link[3],
                by_node[2], by_node[3], by_node[4], seed, generation, p,
            )  # fmt: skip
            kept = 0
            for i in range(links):
                if not gone_link[i]:
                    innovation[c + kept] = innovation[c + i]
                    source[c + kept] = source[c + i]
                    target[c + kept] = target[c + i]
                    weight[c + kept] = weight[c + i]
                    enabled[c + kept] = enabled[c + i]
                    kept += 1
            sizes[p, 1] = links = kept
            kept = 0
            for i in range(nodes):
                if not gone_node[i]:
                    node_id[n + kept] = node_id[n + i]
                    bias[n + kept] = bias[n + i]
                    activation[n + kept] = activation[n + i]
                    aggregation[n + kept] = aggregation[n + i]
                    kept += 1
            sizes[p, 0] = nodes = kept
        if todo & ADD_NODE:
            propose_split(
                change, rules.constant_input, node_id, n, n + nodes, innovation, source, target, enabled,
                c, c + links, splits, seed, generation, p,
            )  # fmt: skip
        if todo & ADD_CONNECTION:
            locate(node_id, n, nodes, source, target, c, links, by_link[0], by_link[1])
            propose_link(
                change, rules.add_connection_tries, rules.feed_forward, inputs, outputs, node_id, n, nodes, links,
                by_link[0], by_link[1], by_node[0], by_link[2], by_node[1], by_node[2], seed, generation, p,
            )  # fmt: skip


def locate(node_id, node, nodes, source, target, conn, links, tail, head):
    """The positions of each link's ends among the genome's nodes."""
    for e in range(links):
        tail[e] = find(node_id, node, node + nodes, source[conn + e])
        head[e] = find(node_id, node, node + nodes, target[conn + e])


@kernel
def place(
    begin, end, children, sizes, changes, staged, staged_node_at, staged_conn_at, news, node_start, conn_start,
    activations, aggregations, all_rules, seed, generation,
):  # fmt: skip
    """Copy each staged child to its place in the new population and insert its additions."""
    old_id, old_bias, old_act, old_agg, old_innovation, old_source, old_target, old_weight, old_enabled = staged
    node_id, bias, activation, aggregation, innovation, source, target, weight, enabled = news
    rules = all_rules[0]
    for j in range(begin, end):
        p = children[j]
        change = changes[j]
        n, old_n, c, old_c = node_start[p], staged_node_at[j], conn_start[p], staged_conn_at[j]
        for i in range(sizes[p, 0]):
            node_id[n + i] = old_id[old_n + i]
            bias[n + i] = old_bias[old_n + i]
            activation[n + i] = old_act[old_n + i]
            aggregation[n + i] = old_agg[old_n + i]
        for i in range(sizes[p, 1]):
            innovation[c + i] = old_innovation[old_c + i]
            source[c + i] = old_source[old_c + i]
            target[c + i] = old_target[old_c + i]
            weight[c + i] = old_weight[old_c + i]
            enabled[c + i] = old_enabled[old_c + i]
        c_end = c + sizes[p, 1]
        low, high = rules.weight.low, rules.weight.high
        if change[SPLIT_INNOVATION] >= 0:
            e = c + change[SPLIT_AT]
            enabled[e] = False
            a, b, _, _ = random_bits(seed, generation, NEW_NODE, p, 0)
            insert_node(
                node_id, bias, activation, aggregation, n, n + sizes[p, 0], change[NODE],
                activations[below(a, len(activations))], aggregations[below(b, len(aggregations))],
            )  # fmt: skip
            insert_connection(
                innovation, source, target, weight, enabled, c, c_end,
                change[IN_LINK], change[SPLIT_SOURCE], change[NODE], clip(_ONE_WEIGHT, low, high),
            )  # fmt: skip
            insert_connection(
                innovation, source, target, weight, enabled, c, c_end + 1,
                change[OUT_LINK], change[NODE], change[SPLIT_TARGET], old_weight[old_c + change[SPLIT_AT]],
            )  # fmt: skip
            c_end += 2
        if change[LINK_SOURCE] >= 0:
            a, b, _, _ = random_bits(seed, generation, NEW_LINK, p, 0)
            insert_connection(
                innovation, source, target, weight, enabled, c, c_end,
                change[LINK], change[LINK_SOURCE], change[LINK_TARGET], fresh_value(rules.weight, a, b),
            )  # fmt: skip
