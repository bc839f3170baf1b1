"""The invariant checker of genomes."""

from __future__ import annotations

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from genomes.functions import AGGREGATIONS, known_activations
from genomes.population import CONNECTION_GENES, NODE_GENES, Genome, InvalidGenome, Population

__all__ = ["check_genome", "check_population"]


def check_population(population: Population, feed_forward: bool = False) -> None:
    """Raise `InvalidGenome` at the first rule that a genome breaks; see `Population` for the rules."""
    for name, dtype in (NODE_GENES | CONNECTION_GENES).items():
        array = getattr(population, name)
        if array.dtype != dtype or array.ndim != 1:
            raise InvalidGenome(f"{name} must be a {np.dtype(dtype)} array of one dimension, got {array.dtype}")
    _check_offsets("node_start", population.node_start, len(population.node_id), tuple(NODE_GENES), population)
    _check_offsets("conn_start", population.conn_start, len(population.innovation), tuple(CONNECTION_GENES), population)
    if len(population.node_start) != len(population.conn_start):
        raise InvalidGenome("node_start and conn_start must have the same length")
    for p, genome in enumerate(population):
        check_genome(genome, f"genome {p}", feed_forward)


def _check_offsets(name: str, start: NDArray[np.int64], total: int, genes: tuple[str, ...], pop: Population) -> None:
    if start.dtype != np.int64 or len(start) == 0 or start[0] != 0 or start[-1] != total or (np.diff(start) < 0).any():
        raise InvalidGenome(f"{name} must be int64, ascend from 0 and end at the number of genes, {total}")
    for gene in genes:
        if gene == "time_constant" and not len(pop.time_constant):
            continue
        if len(getattr(pop, gene)) != total:
            raise InvalidGenome(f"{gene} must have {total} entries, got {len(getattr(pop, gene))}")


def check_genome(genome: Genome, name: str = "genome", feed_forward: bool = False) -> None:
    """Raise `InvalidGenome` at the first rule that the genome breaks."""
    _check_nodes(genome, name)
    _check_time_constants(genome, name)
    _check_connections(genome, name)
    if feed_forward:
        _check_acyclic(genome, name)


def _fail(name: str, gene: str, rule: str) -> None:
    raise InvalidGenome(f"{name}, {gene}: {rule}")


def _check_nodes(g: Genome, name: str) -> None:
    fixed = g.num_inputs + g.num_outputs
    activations, aggregations = set(known_activations().values()), set(AGGREGATIONS.values())
    if g.num_inputs < 0 or g.num_outputs < 1:
        _fail(name, "header", f"needs 0 or more inputs and 1 or more outputs, got {g.num_inputs} and {g.num_outputs}")
    if g.bias_input is not None and not (np.isfinite(g.bias_input) and g.num_inputs):
        _fail(name, "header", "bias_input must be finite, and one of the inputs")
    if len(g.node_id) < fixed or (g.node_id[:fixed] != np.arange(fixed)).any():
        _fail(name, "nodes", f"ids 0 to {fixed - 1} must be there: inputs, then outputs")
    for i, (node, bias) in enumerate(zip(g.node_id, g.bias, strict=True)):
        gene = f"node {node}"
        if i and node <= g.node_id[i - 1]:
            _fail(name, gene, "ids must ascend")
        if not np.isfinite(bias):
            _fail(name, gene, f"bias must be finite, got {bias}")
        if g.activation[i] not in activations:
            _fail(name, gene, f"unknown activation code {g.activation[i]}")
        if g.aggregation[i] not in aggregations:
            _fail(name, gene, f"unknown aggregation code {g.aggregation[i]}")
        if i < g.num_inputs and (bias or g.activation[i] or g.aggregation[i]):
            _fail(name, gene, "an input has bias 0, activation 0 and aggregation 0")


def _check_time_constants(g: Genome, name: str) -> None:
    if len(g.time_constant) not in (0, len(g.node_id)):
        _fail(name, "nodes", f"all of {len(g.node_id)} have a time constant or none has, got {len(g.time_constant)}")
    for i, value in enumerate(g.time_constant):
        if i < g.num_inputs and value:
            _fail(name, f"node {g.node_id[i]}", f"an input has time constant 0, got {value}")
        if i >= g.num_inputs and not 0.0 < value < np.inf:
            _fail(name, f"node {g.node_id[i]}", f"a time constant must be positive and finite, got {value}")


def _check_connections(g: Genome, name: str) -> None:
    nodes = set(g.node_id.tolist())
    links = set()
    for e, innovation in enumerate(g.innovation):
        source, target = int(g.source[e]), int(g.target[e])
        gene = f"connection {innovation} ({source} -> {target})"
        if innovation < 0 or (e and innovation <= g.innovation[e - 1]):
            _fail(name, gene, "innovation numbers must ascend from 0 or more")
        if source not in nodes or target not in nodes:
            _fail(name, gene, "both ends must be nodes of the genome")
        if target < g.num_inputs:
            _fail(name, gene, "an input cannot be a target")
        if (source, target) in links:
            _fail(name, gene, "a genome has a link once")
        links.add((source, target))
        if not np.isfinite(g.weight[e]):
            _fail(name, gene, f"weight must be finite, got {g.weight[e]}")


def _check_acyclic(g: Genome, name: str) -> None:
    graph = nx.DiGraph(zip(g.source.tolist(), g.target.tolist(), strict=True))
    try:
        cycle = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return
    path = " -> ".join(str(edge[0]) for edge in cycle)
    _fail(name, "connections", f"a feed-forward genome has no cycle, disabled genes included: {path} -> {cycle[0][0]}")
