"""The naive oracle: genomes in plain Python and networkx, written to be read, never to be fast."""

from __future__ import annotations

import math
import random

import numpy as np

from genomes.population import Genome, Population

try:
    import networkx as nx
except ImportError:  # a machine for the GPU has random genomes, but no oracle
    nx = None

TANH, IDENTITY, SIGMOID, RELU = "tanh", "identity", "sigmoid", "relu"


def graph_of(genome: Genome, enabled_only: bool = True) -> nx.DiGraph:
    """Links of a genome; node ids as nodes."""
    graph = nx.DiGraph()
    graph.add_nodes_from(genome.node_id.tolist())
    for s, t, w, on in zip(genome.source, genome.target, genome.weight, genome.enabled, strict=True):
        if on or not enabled_only:
            graph.add_edge(int(s), int(t), weight=float(w))
    return graph


def needed_nodes(genome: Genome) -> set[int]:
    """Nodes, inputs apart, from which an output can be reached over enabled links; outputs included."""
    graph = graph_of(genome)
    outputs = range(genome.num_inputs, genome.num_inputs + genome.num_outputs)
    needed = set(outputs)
    for output in outputs:
        needed |= nx.ancestors(graph, output)
    return {n for n in needed if n >= genome.num_inputs}


def evaluation_order(genome: Genome) -> list[int]:
    """Evaluated nodes by longest path from the inputs, then by id."""
    graph, needed = graph_of(genome), needed_nodes(genome)
    layer: dict[int, int] = {}
    for node in nx.topological_sort(graph):
        before = [layer[s] for s in graph.predecessors(node)]
        layer[node] = -1 if node < genome.num_inputs else max(before, default=-1) + 1
    return sorted(needed, key=lambda n: (layer[n], n))


def component_order(genome: Genome) -> list[int]:
    """Evaluated nodes of one valid sequential order: components topologically, ascending id within one."""
    graph = graph_of(genome).subgraph(needed_nodes(genome))
    condensed = nx.condensation(graph)
    return [n for c in nx.topological_sort(condensed) for n in sorted(condensed.nodes[c]["members"])]


def aggregate(name: str, values: list[float]) -> float:
    """An aggregation; of nothing it is 0."""
    if not values:
        return 0.0
    table = {
        "sum": sum,
        "product": math.prod,
        "min": min,
        "max": max,
        "mean": lambda v: sum(v) / len(v),
        "median": lambda v: float(np.median(v)),
        "maxabs": lambda v: max(v, key=abs),
    }
    return float(table[name](values))


class ReferenceNetwork:
    """One network, node by node; recurrent modes keep state until `reset`."""

    def __init__(
        self,
        genome: Genome,
        mode: str,
        activations,
        aggregation_names,
        activations_per_step: int = 1,
        time_step: float = 1.0,
    ) -> None:
        self.genome, self.mode, self.per_step, self.time_step = genome, mode, activations_per_step, time_step
        self.activations = activations  # code -> scalar function
        self.aggregation_names = aggregation_names  # code -> name
        self.graph = graph_of(genome)
        if mode == "feedforward":
            self.order = evaluation_order(genome)
        elif mode == "sequential":
            self.order = component_order(genome)
        else:
            self.order = sorted(needed_nodes(genome))
        self.row = {int(n): i for i, n in enumerate(genome.node_id)}
        self.reset()

    def reset(self) -> None:
        self.previous = {n: 0.0 for n in self.order}

    def activate(self, x) -> None:
        g = self.genome
        values = {i: float(v) for i, v in enumerate(x)}
        if g.bias_input is not None:
            values[g.num_inputs - 1] = g.bias_input
        place = {n: k for k, n in enumerate(self.order)}
        for node in self.order:
            incoming = []
            for s, _, data in self.graph.in_edges(node, data=True):
                late = s >= g.num_inputs and (
                    self.mode in ("synchronous", "ctrnn") or (self.mode == "sequential" and place[s] >= place[node])
                )
                incoming.append(data["weight"] * (self.previous[s] if late else values[s]))
            i = self.row[node]
            total = float(g.bias[i]) + aggregate(self.aggregation_names[int(g.aggregation[i])], incoming)
            values[node] = float(self.activations[int(g.activation[i])](np.float32(total)))
            if self.mode == "ctrnn":  # exponential Euler: exact, were the right hand side constant for the time step
                decay = math.exp(-self.time_step / float(g.time_constant[i]))
                values[node] = decay * self.previous[node] + (1.0 - decay) * values[node]
        self.previous = {n: values[n] for n in self.order}

    def __call__(self, x) -> list[float]:
        for _ in range(self.per_step if self.mode != "feedforward" else 1):
            self.activate(x)
        outputs = range(self.genome.num_inputs, self.genome.num_inputs + self.genome.num_outputs)
        return [self.previous[o] for o in outputs]


def dynamics(mode: str) -> dict[str, bool]:
    """What `random_genome` needs to make genomes for a mode."""
    return dict(recurrent=mode != "feedforward", time_constants=mode == "ctrnn")


def random_genome(
    rng: random.Random,
    num_inputs: int = 3,
    num_outputs: int = 2,
    num_hidden: int = 5,
    density: float = 0.4,
    recurrent: bool = False,
    activations: tuple[int, ...] = (0,),
    aggregations: tuple[int, ...] = (0,),
    bias_input: float | None = None,
    time_constants: bool = False,
) -> Genome:
    """A valid genome with random ids, links, weights and functions; a fifth of its links disabled."""
    fixed = num_inputs + num_outputs
    hidden = sorted(rng.sample(range(fixed, fixed + 4 * num_hidden + 1), num_hidden))
    nodes = [*range(fixed), *hidden]
    outputs = nodes[num_inputs:fixed]
    rank = {n: rng.random() for n in nodes[num_inputs:]} | {n: -1.0 for n in range(num_inputs)}
    links = [
        (s, t) for s in nodes for t in hidden + outputs if rng.random() < density and (recurrent or rank[s] < rank[t])
    ]
    rng.shuffle(links)
    constant = bias_input is not None
    return Genome(
        num_inputs,
        num_outputs,
        np.array(nodes, np.int32),
        np.array([0.0 if n < num_inputs or constant else rng.gauss(0, 1) for n in nodes], np.float32),
        np.array([0 if n < num_inputs else rng.choice(activations) for n in nodes], np.uint8),
        np.array([0 if n < num_inputs else rng.choice(aggregations) for n in nodes], np.uint8),
        np.array(sorted(rng.sample(range(3 * len(links) + 1), len(links))), np.int32),
        np.array([s for s, _ in links], np.int32),
        np.array([t for _, t in links], np.int32),
        np.array([rng.gauss(0, 1) for _ in links], np.float32),
        np.array([rng.random() < 0.8 for _ in links], np.bool_),
        bias_input=bias_input,
        time_constant=np.array(
            [0.0 if n < num_inputs else rng.uniform(0.05, 5.0) for n in nodes] if time_constants else [], np.float32
        ),
    )


def random_population(rng: random.Random, count: int, **shape) -> Population:
    """`count` random genomes of different sizes."""
    largest = shape.pop("num_hidden", 6)
    return Population.of(random_genome(rng, num_hidden=rng.randint(0, largest), **shape) for _ in range(count))
