"""A population compiled to evaluation order: what the forward kernels and rollouts read.

Every genome has a buffer of float32 values, addressed by *slots*:

    0 .. I-1            inputs; the last is the constant one where the population has a bias input
    I .. I+n-1          its n evaluated nodes (outputs and the hidden nodes that matter), in evaluation order
    I+n .. I+2n-1       recurrent modes only: the same nodes' values of the previous activation, 0 at the start

A node computes activation(bias + aggregation(weight * value[source] over its incoming edges)); the aggregation of
nothing is 0. In a continuous-time network its value then goes a part of the way there, its *rate*. Incoming edges of a
node are in ascending order of source slot. Values of a recurrent network are copied to the upper slots after each
activation, and live across the steps of an episode.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays_of, check_device, numbers
from genomes.each import each
from genomes.functions import require_functions
from genomes.functions.pickling import NamedActivations
from genomes.kernels.local import localise
from genomes.population import InvalidGenome, no_genes

if TYPE_CHECKING:
    from genomes.population import Population

__all__ = ["MODES", "Networks", "compile_population", "write_back"]

_GRAIN = 64  # genomes that are worth a thread
MODES = ("feedforward", "synchronous", "sequential", "ctrnn")


@dataclass(frozen=True, eq=False)
class Networks(NamedActivations):
    """P compiled networks with N evaluated nodes and E enabled edges in all."""

    num_inputs: int  # I, the constant input included
    num_outputs: int  # O
    bias_input: float | None
    recurrent: bool
    node_start: NDArray[np.int64]  # [P+1] network p owns evaluated nodes node_start[p]:node_start[p+1]
    edge_start: NDArray[np.int64]  # [N+1] node i owns edges edge_start[i]:edge_start[i+1]
    bias: NDArray[np.float32]  # [N]
    activation: NDArray[np.uint8]  # [N]
    aggregation: NDArray[np.uint8]  # [N]
    source: NDArray[np.int32]  # [E] slot, ascending within a node
    weight: NDArray[np.float32]  # [E]
    output_slot: NDArray[np.int32]  # [P, O]
    activations_per_step: int = 1  # recurrent modes: how often the network is activated on one input
    rate: NDArray[np.float32] = field(default_factory=no_genes)  # [N] part of the way that a node goes; or [0]: all
    # Where it computes: "cpu", "cuda", or "auto" by the amount of work. The arrays are in the memory of the host, or of
    # the GPU where the genomes were (then this is "cuda").
    device: str = "cpu"
    edge_gene: NDArray[np.int32] | None = None  # [E] index of each edge's gene in the population; see `write_back`
    node_gene: NDArray[np.int32] | None = None  # [N]
    most_nodes: int | None = None  # no network has more evaluated nodes; None: not counted yet

    def __len__(self) -> int:
        return len(self.node_start) - 1

    @property
    def task_inputs(self) -> int:
        """Number of inputs that a task supplies: I, less the constant one."""
        return self.num_inputs - (self.bias_input is not None)

    @property
    def max_slots(self) -> int:
        """Slots of the largest network's value buffer."""
        nodes = int(np.diff(self.node_start).max(initial=0)) if self.most_nodes is None else self.most_nodes
        return self.num_inputs + nodes * (2 if self.recurrent else 1)

    def part(self, begin: int, end: int) -> Networks:
        """Networks begin <= p < end, as views; their genes are still those of the whole population."""
        a, b = numbers(self.node_start[begin], self.node_start[end])
        nodes, edges = slice(a, b), slice(*numbers(self.edge_start[a], self.edge_start[b]))
        return dataclasses.replace(
            self,
            node_start=self.node_start[begin : end + 1] - a,
            edge_start=self.edge_start[a : b + 1] - self.edge_start[a],
            bias=self.bias[nodes],
            activation=self.activation[nodes],
            aggregation=self.aggregation[nodes],
            rate=self.rate[nodes],
            source=self.source[edges],
            weight=self.weight[edges],
            output_slot=self.output_slot[begin:end],
            edge_gene=None if self.edge_gene is None else self.edge_gene[edges],
            node_gene=None if self.node_gene is None else self.node_gene[nodes],
        )


def compile_population(
    population: Population,
    mode: str = "feedforward",
    device: str = "cpu",
    activations_per_step: int = 1,
    *,
    time_step: float = 1.0,
    genes: bool = False,
) -> Networks:
    """Compile genomes to networks: their enabled connections and the nodes that can reach an output.

    Parameters
    ----------
    mode : ``"feedforward"`` (by layer, then by node id); ``"synchronous"`` (every node reads the previous activation);
        ``"sequential"`` (strongly connected components in topological order, ascending node id within one; a link
        from an equal or later node reads the previous activation); ``"ctrnn"`` (as synchronous, in continuous time:
        dy/dt = (-y + activation(bias + aggregation)) / time constant, as in neat-python, integrated by exponential
        Euler: y += (1 - exp(-time_step / time constant)) * (-y + activation(...))).
    device : where the networks will compute: ``"cpu"``, ``"cuda"``, or ``"auto"``: on a GPU where there is one and the
        work is large enough to gain. Genomes in the memory of a GPU are compiled there, and compute there.
    activations_per_step : recurrent modes: activations on one input, 1 or more.
    time_step : mode ctrnn: time from one activation to the next, in the unit of the time constants; above 0.
    genes : also note which gene each edge and node comes from, so that `write_back` can return trained weights.

    Raises
    ------
    InvalidGenome
        In feed-forward mode, when the enabled connections of a genome form a cycle; in mode ctrnn, when the nodes
        have no time constants.
    UnknownFunction : an activation function is known by name only.
    DeviceError : ``"cuda"`` without a usable GPU.
    """
    from genomes.kernels import compile as kernels

    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, got {mode!r}")
    check_device(device)
    tau = population.time_constant if mode == "ctrnn" else population.time_constant[:0]
    if mode == "ctrnn" and not len(tau):
        raise InvalidGenome('the nodes have no time constants, which mode "ctrnn" needs')
    if not 0.0 < time_step < np.inf:
        raise ValueError(f"time_step must be positive and finite, got {time_step}")
    if population.device == "cuda":
        device = "cuda"  # where the genomes are
    columns, sizes = _columns(population)
    node_start, out_edge, order, most_nodes = _ordered(population, mode, columns, sizes)
    xp, pop, size = arrays_of(population.device), population, len(population)
    num_nodes, num_edges = numbers(node_start[-1], out_edge[-1])
    # The kernel only copies these: with genes it copies positions, in the bits of a float32.
    weight, bias = (xp.arange(len(g), dtype=np.int32).view(np.float32) if genes else g for g in (pop.weight, pop.bias))
    networks = Networks(
        pop.num_inputs,
        pop.num_outputs,
        pop.bias_input,
        mode != "feedforward",
        node_start=node_start,
        edge_start=xp.full(num_nodes + 1, num_edges, np.int64),
        bias=xp.empty(num_nodes, np.float32),
        activation=xp.empty(num_nodes, np.uint8),
        aggregation=xp.empty(num_nodes, np.uint8),
        source=xp.empty(num_edges, np.int32),
        weight=xp.empty(num_edges, np.float32),
        output_slot=xp.empty((size, pop.num_outputs), np.int32),
        activations_per_step=activations_per_step,
        rate=xp.empty(num_nodes if len(tau) else 0, np.float32),
        device=device,
        most_nodes=most_nodes,
    )
    with np.errstate(divide="ignore"):  # the inputs' is 0
        rate = -xp.expm1(-time_step / tau.astype(np.float64)).astype(np.float32)
    each(
        pop.device, kernels.emit, size, *columns, weight, bias, pop.activation, pop.aggregation, rate, pop.num_inputs,
        pop.num_outputs, order, node_start, out_edge, networks.edge_start, networks.bias, networks.activation,
        networks.aggregation, networks.rate, networks.source, networks.weight, networks.output_slot,
        networks.recurrent, mode == "sequential", scratch=kernels.emit_scratch, sizes=sizes, grain=_GRAIN,
    )  # fmt: skip
    require_functions(networks.activation)
    if not genes:
        return networks
    edge_gene, node_gene = networks.weight.view(np.int32), networks.bias.view(np.int32)
    return dataclasses.replace(
        networks, weight=pop.weight[edge_gene], bias=pop.bias[node_gene], edge_gene=edge_gene, node_gene=node_gene
    )


def _ordered(
    pop: Population, mode: str, columns: tuple[Any, ...], sizes: tuple[int, int, int]
) -> tuple[Any, Any, Any, int]:
    """Where the nodes and the edges of each network begin [P+1], the order of the nodes, and the most of a network."""
    from genomes.kernels import order as kernels

    xp, size = arrays_of(pop.device), len(pop)
    order = xp.empty(len(pop.node_id) - size * pop.num_inputs, np.int32)
    node_count, edge_count = xp.zeros((2, size + 1), np.int64)  # of each network, shifted by one
    ordering = (*columns, pop.num_inputs, pop.num_outputs, order, node_count[1:], edge_count[1:])
    driver: dict[str, Any] = {"scratch": kernels.order_scratch, "sizes": sizes, "grain": _GRAIN}
    if mode == "feedforward":
        each(pop.device, kernels.order_feedforward, size, *ordering, **driver)
    else:
        each(pop.device, kernels.order_recurrent, size, *ordering, mode == "sequential", **driver)
    fewest, most = numbers(node_count.min(), node_count.max())
    if fewest < 0:
        p = int(xp.argmin(node_count)) - 1
        raise InvalidGenome(f"genome {p}: its enabled connections form a cycle, which feed-forward mode forbids")
    return xp.cumsum(node_count), xp.cumsum(edge_count), order, most


def _columns(pop: Population) -> tuple[tuple[Any, ...], tuple[int, int, int]]:
    """The genes that decide the order; and what is above all node ids, the most nodes and the most connections.

    On the GPU node ids are made positions: what is above them, and with it the scratch of a thread, is smaller."""
    if pop.device == "cpu":
        ids = int(pop.node_id[pop.node_start[1:] - 1].max(initial=0)) + 1
        sizes = ids, int(np.diff(pop.node_start).max(initial=0)), int(np.diff(pop.conn_start).max(initial=0))
        return (pop.node_start, pop.node_id, pop.conn_start, pop.source, pop.target, pop.enabled), sizes
    xp = arrays_of(pop.device)
    local_id, tail, head = (xp.empty_like(ids) for ids in (pop.node_id, pop.source, pop.target))
    old = (pop.node_start, pop.node_id, pop.conn_start, pop.source, pop.target)
    each(pop.device, localise, len(pop), *old, local_id, tail, head)
    most_nodes, most_links = numbers(xp.diff(pop.node_start).max(), xp.diff(pop.conn_start).max())
    columns = (pop.node_start, local_id, pop.conn_start, tail, head, pop.enabled)
    return columns, (most_nodes, most_nodes, most_links)


def write_back(population: Population, networks: Networks) -> Population:
    """The genomes with the weights and biases of networks that were compiled from them; all else stays.

    Raises
    ------
    ValueError : the networks do not know their genes (compile with ``genes=True``), or are of another population.
    """
    if networks.edge_gene is None or networks.node_gene is None:
        raise ValueError("the networks do not know their genes: compile_population(..., genes=True)")
    if len(networks) != len(population):
        raise ValueError(f"there are {len(population)} genomes, but {len(networks)} networks")
    weight, bias = population.weight.copy(), population.bias.copy()
    weight[networks.edge_gene] = networks.weight
    bias[networks.node_gene] = networks.bias
    return dataclasses.replace(population, weight=weight, bias=bias)
