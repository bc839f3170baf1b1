"""Genomes as networkx graphs, and a layered layout to draw them by."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np

from genomes.check import check_genome
from genomes.functions import activation_code, activation_name, aggregation_code, aggregation_name
from genomes.population import Genome

__all__ = ["from_networkx", "layered_layout", "to_networkx"]


def to_networkx(genome: Genome) -> nx.DiGraph:
    """A directed graph: a node for every node gene, an edge for every connection gene, disabled ones too.

    Graph attributes: num_inputs, num_outputs, bias_input. Node attributes: kind ("input", "bias", "output",
    "hidden"), bias, activation, aggregation, and time_constant where the genome has them. Edge attributes: innovation,
    weight, enabled.
    """
    inputs, fixed = genome.num_inputs, genome.num_inputs + genome.num_outputs
    graph = nx.DiGraph(num_inputs=inputs, num_outputs=genome.num_outputs, bias_input=genome.bias_input)
    for i, node in enumerate(genome.node_id.tolist()):
        constant = genome.bias_input is not None and node == inputs - 1
        kind = "bias" if constant else "input" if node < inputs else "output" if node < fixed else "hidden"
        graph.add_node(
            node,
            kind=kind,
            bias=float(genome.bias[i]),
            activation=activation_name(int(genome.activation[i])),
            aggregation=aggregation_name(int(genome.aggregation[i])),
            **({"time_constant": float(genome.time_constant[i])} if len(genome.time_constant) else {}),
        )
    for e in range(len(genome.innovation)):
        graph.add_edge(
            int(genome.source[e]),
            int(genome.target[e]),
            innovation=int(genome.innovation[e]),
            weight=float(genome.weight[e]),
            enabled=bool(genome.enabled[e]),
        )
    return graph


def from_networkx(graph: nx.DiGraph) -> Genome:
    """The inverse of `to_networkx`.

    Raises
    ------
    InvalidGenome
        When the graph breaks a rule of genomes.
    KeyError
        When an attribute is missing.
    """
    nodes = sorted(graph.nodes(data=True))
    timed = any("time_constant" in gene for _, gene in nodes)
    edges = sorted(graph.edges(data=True), key=lambda edge: edge[2]["innovation"])
    genome = Genome(
        graph.graph["num_inputs"],
        graph.graph["num_outputs"],
        np.array([node for node, _ in nodes], np.int32),
        np.array([gene["bias"] for _, gene in nodes], np.float32),
        np.array([activation_code(gene["activation"]) for _, gene in nodes], np.uint8),
        np.array([aggregation_code(gene["aggregation"]) for _, gene in nodes], np.uint8),
        np.array([gene["innovation"] for _, _, gene in edges], np.int32),
        np.array([source for source, _, _ in edges], np.int32),
        np.array([target for _, target, _ in edges], np.int32),
        np.array([gene["weight"] for _, _, gene in edges], np.float32),
        np.array([gene["enabled"] for _, _, gene in edges], np.bool_),
        bias_input=graph.graph["bias_input"],
        time_constant=np.array([gene["time_constant"] for _, gene in nodes] if timed else [], np.float32),
    )
    check_genome(genome)
    return genome


def layered_layout(genome: Genome) -> dict[int, tuple[float, float]]:
    """Positions in the unit square, node id -> (x, y): inputs at x = 0, outputs at x = 1, hidden nodes between them by
    their longest path from the inputs, cycles taken as one; within a layer by the mean height of what feeds them.
    Hidden layers are a little higher and lower in turn, so that what skips a layer does not pass behind its nodes."""
    graph = to_networkx(genome)
    layer = _layers(graph)
    columns: dict[int, list[int]] = {}
    for node in graph:
        columns.setdefault(layer[node], []).append(node)
    height: dict[int, float] = {}
    depth = max(layer.values())
    for column in sorted(columns):
        members = columns[column]
        feeds = {n: [height[s] for s in graph.predecessors(n) if s in height] for n in members}
        if column not in (0, depth):
            members = sorted(members, key=lambda n: (np.mean(feeds[n]) if feeds[n] else 0.5, n))
        shift = 0.0 if column in (0, depth) else 0.2 * (-1) ** column
        for rank, node in enumerate(members):
            height[node] = 1.0 - (rank + 0.5 + shift) / len(members)
    return {node: (layer[node] / depth, height[node]) for node in graph}


def _layers(graph: nx.DiGraph) -> dict[int, int]:
    """Node -> column: 0 for inputs, the last for outputs, between them the longest path from the inputs."""
    kind: dict[int, Any] = nx.get_node_attributes(graph, "kind")
    hidden = graph.subgraph([n for n in graph if kind[n] == "hidden"])
    groups = nx.condensation(hidden)
    layer: dict[int, int] = {}
    for group in nx.topological_sort(groups):
        before = [layer[n] for g in groups.predecessors(group) for n in groups.nodes[g]["members"]]
        for node in groups.nodes[group]["members"]:
            layer[node] = max(before, default=0) + 1
    last = max(layer.values(), default=0) + 1
    for node in graph:
        if kind[node] in ("input", "bias"):
            layer[node] = 0
        elif kind[node] == "output":
            layer[node] = last
    return layer
