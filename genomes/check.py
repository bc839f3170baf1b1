"""The invariant checker of genomes: every rule over all genes of a population at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.functions import AGGREGATIONS, known_activations
from genomes.population import CONNECTION_GENES, NODE_GENES, Genome, InvalidGenome, Population, offsets

__all__ = ["check_genome", "check_population"]

Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]


def check_population(population: Population, feed_forward: bool = False) -> None:
    """Raise `InvalidGenome` at a rule that a genome breaks; see `Population` for the rules."""
    _check_arrays(population)
    _check_offsets("node_start", population.node_start, len(population.node_id))
    _check_offsets("conn_start", population.conn_start, len(population.innovation))
    if len(population.node_start) != len(population.conn_start):
        raise InvalidGenome("node_start and conn_start must have the same length")
    _check_rules(population, lambda p: f"genome {p}", feed_forward)


def check_genome(genome: Genome, name: str = "genome", feed_forward: bool = False) -> None:
    """Raise `InvalidGenome` at a rule that the genome breaks."""
    genes: dict[str, Any] = {gene: getattr(genome, gene) for gene in (*NODE_GENES, *CONNECTION_GENES)}
    starts = {"node_start": offsets([len(genome.node_id)]), "conn_start": offsets([len(genome.innovation)])}
    alone = Population(genome.num_inputs, genome.num_outputs, bias_input=genome.bias_input, **starts, **genes)
    _check_arrays(alone)
    _check_rules(alone, lambda p: name, feed_forward)


def _check_arrays(population: Population) -> None:
    for genes in (NODE_GENES, CONNECTION_GENES):
        total = len(getattr(population, next(iter(genes))))
        for name, dtype in genes.items():
            array = getattr(population, name)
            if array.dtype != dtype or array.ndim != 1:
                found = f"{array.dtype} of {array.ndim} dimensions"
                raise InvalidGenome(f"{name} must be a {np.dtype(dtype)} array of one dimension, got {found}")
            if name == "time_constant":
                if len(array) not in (0, total):
                    raise InvalidGenome(f"all of {total} nodes have a time constant or none has, got {len(array)}")
            elif len(array) != total:
                raise InvalidGenome(f"{name} must have {total} entries, got {len(array)}")


def _check_offsets(name: str, start: NDArray[np.int64], total: int) -> None:
    sound = start.dtype == np.int64 and start.ndim == 1 and len(start) > 0 and start[0] == 0 and start[-1] == total
    if not sound or (start[1:] < start[:-1]).any():
        raise InvalidGenome(f"{name} must be int64, ascend from 0 and end at the number of genes, {total}")


def _check_rules(population: Population, name: Callable[[int], str], feed_forward: bool) -> None:
    if population.num_inputs < 0 or population.num_outputs < 1:
        shape = f"{population.num_inputs} and {population.num_outputs}"
        raise InvalidGenome(f"{name(0)}, header: needs 0 or more inputs and 1 or more outputs, got {shape}")
    if population.bias_input is not None and not (np.isfinite(population.bias_input) and population.num_inputs):
        raise InvalidGenome(f"{name(0)}, header: bias_input must be finite, and one of the inputs")
    node_owner = np.repeat(np.arange(len(population)), np.diff(population.node_start))
    _check_nodes(population, node_owner, name)
    _check_time_constants(population, node_owner, name)
    owner = np.repeat(np.arange(len(population)), np.diff(population.conn_start))
    tail, head = _check_connections(population, node_owner, owner, name)
    if feed_forward:
        behind = _behind_cycles(tail, head, len(node_owner))
        if behind.any():
            p = int(node_owner[np.argmax(behind)])
            _fail_by_cycle(population.genome(p), name(p))


def _check_nodes(pop: Population, owner: Indices, name: Callable[[int], str]) -> None:
    ids, fixed = pop.node_id, pop.num_inputs + pop.num_outputs
    place = np.arange(len(ids)) - pop.node_start[owner]  # in the genome

    def fail(wrong: Mask, rule: str, found: NDArray[Any] | None = None) -> None:
        if wrong.any():
            i = int(np.argmax(wrong))
            raise InvalidGenome(f"{name(int(owner[i]))}, node {ids[i]}: {rule}{'' if found is None else found[i]}")

    for p in np.flatnonzero(np.diff(pop.node_start) < fixed)[:1]:
        raise InvalidGenome(f"{name(int(p))}, nodes: ids 0 to {fixed - 1} must be there: inputs, then outputs")
    fail((place < fixed) & (ids != place), f"ids 0 to {fixed - 1} must be there: inputs, then outputs")
    fail(np.append(False, ids[1:] <= ids[:-1])[: len(ids)] & (place > 0), "ids must ascend")
    fail(~np.isfinite(pop.bias), "bias must be finite, got ", pop.bias)
    fail(~_known(known_activations())[pop.activation], "unknown activation code ", pop.activation)
    fail(~_known(AGGREGATIONS)[pop.aggregation], "unknown aggregation code ", pop.aggregation)
    coded = (pop.bias != 0) | (pop.activation != 0) | (pop.aggregation != 0)
    fail((place < pop.num_inputs) & coded, "an input has bias 0, activation 0 and aggregation 0")


def _known(table: dict[str, int]) -> Mask:
    """Whether each code is one of a table's."""
    known = np.zeros(256, np.bool_)
    known[list(table.values())] = True
    return known


def _check_time_constants(pop: Population, owner: Indices, name: Callable[[int], str]) -> None:
    values = pop.time_constant
    if not len(values):
        return
    is_input = np.arange(len(values)) - pop.node_start[owner] < pop.num_inputs
    wrong = np.where(is_input, values != 0, ~((values > 0) & (values < np.inf)))
    if wrong.any():
        i = int(np.argmax(wrong))
        rule = "an input has time constant 0" if is_input[i] else "a time constant must be positive and finite"
        raise InvalidGenome(f"{name(int(owner[i]))}, node {pop.node_id[i]}: {rule}, got {values[i]}")


def _check_connections(
    pop: Population, node_owner: Indices, owner: Indices, name: Callable[[int], str]
) -> tuple[Indices, Indices]:
    """The positions of all connections' ends among all nodes, which are in order already."""
    innovation = pop.innovation

    def fail(wrong: Mask, rule: str, found: NDArray[Any] | None = None) -> None:
        if wrong.any():
            e = int(np.argmax(wrong))
            gene = f"connection {innovation[e]} ({pop.source[e]} -> {pop.target[e]})"
            raise InvalidGenome(f"{name(int(owner[e]))}, {gene}: {rule}{'' if found is None else found[e]}")

    same = np.append(False, owner[1:] == owner[:-1])[: len(owner)]
    descends = same & np.append(False, innovation[1:] <= innovation[:-1])[: len(owner)]
    fail((innovation < 0) | descends, "innovation numbers must ascend from 0 or more")
    nodes = node_owner << 32 | pop.node_id
    tail, head = (np.searchsorted(nodes, owner << 32 | ends) for ends in (pop.source, pop.target))
    last = len(nodes) - 1
    for position, ends in ((tail, pop.source), (head, pop.target)):
        np.minimum(position, last, out=position)
        fail(nodes[position] != owner << 32 | ends, "both ends must be nodes of the genome")
    fail(pop.target < pop.num_inputs, "an input cannot be a target")
    links = tail << 32 | head
    order = np.argsort(links, kind="stable")
    again = np.zeros(len(links), np.bool_)
    again[order[1:]] = links[order[1:]] == links[order[:-1]]
    fail(again, "a genome has a link once")
    fail(~np.isfinite(pop.weight), "weight must be finite, got ", pop.weight)
    return tail, head


def _behind_cycles(tail: Indices, head: Indices, nodes: int) -> Mask:
    """Which nodes are on cycles or behind them: those that stay when nodes without incoming links are taken away, again
    and again."""
    incoming = np.bincount(head, minlength=nodes)
    start = offsets(np.bincount(tail, minlength=nodes))
    heads = head[np.argsort(tail, kind="stable")]
    free = np.flatnonzero(incoming == 0)
    while len(free):
        count = start[free + 1] - start[free]
        link = np.arange(count.sum()) + np.repeat(start[free] - offsets(count)[:-1], count)
        reached = heads[link]
        np.subtract.at(incoming, reached, 1)
        free = np.unique(reached[incoming[reached] == 0])
    return incoming > 0


def _fail_by_cycle(genome: Genome, name: str) -> None:
    import networkx as nx

    cycle = nx.find_cycle(nx.DiGraph(zip(genome.source.tolist(), genome.target.tolist(), strict=True)))
    path = " -> ".join(str(edge[0]) for edge in cycle)
    rule = f"a feed-forward genome has no cycle, disabled genes included: {path} -> {cycle[0][0]}"
    raise InvalidGenome(f"{name}, connections: {rule}")
