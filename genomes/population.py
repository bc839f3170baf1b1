"""A population of genomes as flat gene arrays, and a view of one genome.

Dimensions, the same letters everywhere: P genomes, N nodes and E connections of all genomes together,
I input nodes, O outputs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays_of, check_device, moved
from genomes.functions.pickling import NamedActivations

if TYPE_CHECKING:
    import networkx as nx

    from genomes.network import Network

__all__ = ["CONNECTION_GENES", "NODE_GENES", "Genome", "InvalidGenome", "Population", "offsets"]

NODE_GENES = {
    "node_id": np.int32,
    "bias": np.float32,
    "activation": np.uint8,
    "aggregation": np.uint8,
    "time_constant": np.float32,  # optional: of length N, or 0
}
CONNECTION_GENES = {
    "innovation": np.int32,
    "source": np.int32,
    "target": np.int32,
    "weight": np.float32,
    "enabled": np.bool_,
}


def no_genes() -> NDArray[np.float32]:
    """The array of a gene that no node has."""
    return np.empty(0, np.float32)


class InvalidGenome(ValueError):
    """A genome breaks a rule of the representation; the message names the genome, the gene and the rule."""


@dataclass(frozen=True, eq=False)
class Population(NamedActivations):
    """P genomes of any size, exact-size and ragged: genome p owns ``node_start[p]:node_start[p + 1]`` of the node
    arrays and ``conn_start[p]:conn_start[p + 1]`` of the connection arrays.

    Node ids 0..I-1 are inputs, I..I+O-1 outputs, higher ones hidden. Where ``bias_input`` is given, input node I-1 is
    no input of the task but a constant of that value. Arrays are not to be written once the population is built.
    """

    num_inputs: int  # I, the constant input included
    num_outputs: int  # O
    node_start: NDArray[np.int64]  # [P+1]
    node_id: NDArray[np.int32]  # [N] ascending within a genome
    bias: NDArray[np.float32]  # [N] 0 for input nodes
    activation: NDArray[np.uint8]  # [N] code in genomes.functions; 0 for input nodes
    aggregation: NDArray[np.uint8]  # [N] code in genomes.functions; 0 for input nodes
    conn_start: NDArray[np.int64]  # [P+1]
    innovation: NDArray[np.int32]  # [E] ascending within a genome
    source: NDArray[np.int32]  # [E] node id
    target: NDArray[np.int32]  # [E] node id, never an input
    weight: NDArray[np.float32]  # [E]
    enabled: NDArray[np.bool_]  # [E]
    bias_input: float | None = None
    time_constant: NDArray[np.float32] = field(default_factory=no_genes)  # [N] 0 for input nodes; or [0]: mode without
    device: str = "cpu"  # in whose memory the arrays are: "cpu" or "cuda"

    def __len__(self) -> int:
        return len(self.node_start) - 1

    def to(self, device: str) -> Population:
        """The same genomes in the memory of "cpu" or "cuda": copies, unless they are there already.

        Raises
        ------
        ValueError : there is no such memory.
        DeviceError : ``"cuda"`` without a usable GPU.
        """
        if device == self.device:
            return self
        if device == "auto":
            raise ValueError("genomes are in the memory of 'cpu' or 'cuda', got 'auto'")
        check_device(device)
        names = ("node_start", "conn_start", *NODE_GENES, *CONNECTION_GENES)
        genes = {name: moved(getattr(self, name), device) for name in names}
        return dataclasses.replace(self, device=device, **genes)

    @property
    def task_inputs(self) -> int:
        """Number of inputs that a task supplies: I, less the constant one."""
        return self.num_inputs - (self.bias_input is not None)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Connection genes of each genome [P]."""
        return self.conn_start[1:] - self.conn_start[:-1]

    def genome(self, p: int) -> Genome:
        """A view of genome ``p``; negative indices count from the end."""
        p = range(len(self))[p]
        nodes = slice(self.node_start[p], self.node_start[p + 1])
        conns = slice(self.conn_start[p], self.conn_start[p + 1])
        genes: dict[str, Any] = {name: getattr(self, name)[nodes] for name in NODE_GENES}
        genes |= {name: getattr(self, name)[conns] for name in CONNECTION_GENES}
        return Genome(self.num_inputs, self.num_outputs, bias_input=self.bias_input, **genes)

    def __iter__(self) -> Iterator[Genome]:
        return (self.genome(p) for p in range(len(self)))

    def select(self, genomes: Sequence[int] | NDArray[Any]) -> Population:
        """A new population of copies of the genomes with these indices, in this order."""
        xp = arrays_of(self.device)
        chosen = xp.asarray(genomes, dtype=np.int64)
        node_start, nodes = _gather(self.node_start, chosen, xp)
        conn_start, conns = _gather(self.conn_start, chosen, xp)
        genes: dict[str, Any] = {name: getattr(self, name)[nodes] for name in NODE_GENES if len(getattr(self, name))}
        genes |= {name: getattr(self, name)[conns] for name in CONNECTION_GENES}
        return dataclasses.replace(self, node_start=node_start, conn_start=conn_start, **genes)

    @classmethod
    def of(cls, genomes: Iterable[Genome]) -> Population:
        """A population of copies of ``genomes``, which must agree in inputs and outputs."""
        members = list(genomes)
        if not members:
            raise ValueError("a population needs at least one genome")
        shapes = {(g.num_inputs, g.num_outputs, g.bias_input, len(g.time_constant) > 0) for g in members}
        if len(shapes) > 1:
            raise ValueError(
                "genomes of one population must agree in (inputs, outputs, bias_input, whether nodes have time "
                f"constants), got {shapes}"
            )
        (shape,) = shapes
        genes: dict[str, Any] = {
            name: np.concatenate([getattr(g, name) for g in members]).astype(dtype)
            for name, dtype in (NODE_GENES | CONNECTION_GENES).items()
        }
        return cls(
            shape[0],
            shape[1],
            node_start=offsets([len(g.node_id) for g in members]),
            conn_start=offsets([len(g.innovation) for g in members]),
            bias_input=shape[2],
            **genes,
        )

    def check(self, feed_forward: bool = False) -> None:
        """Raise `InvalidGenome` at the first rule of the representation that a genome breaks.

        Parameters
        ----------
        feed_forward : also require every genome to be acyclic over all its genes, disabled ones included.
        """
        from genomes.check import check_population

        check_population(self, feed_forward)


@dataclass(frozen=True, eq=False)
class Genome(NamedActivations):
    """One genome: N nodes and E connections, as views of its population's arrays (see `Population`)."""

    num_inputs: int
    num_outputs: int
    node_id: NDArray[np.int32]  # [N]
    bias: NDArray[np.float32]  # [N]
    activation: NDArray[np.uint8]  # [N]
    aggregation: NDArray[np.uint8]  # [N]
    innovation: NDArray[np.int32]  # [E]
    source: NDArray[np.int32]  # [E]
    target: NDArray[np.int32]  # [E]
    weight: NDArray[np.float32]  # [E]
    enabled: NDArray[np.bool_]  # [E]
    bias_input: float | None = None
    time_constant: NDArray[np.float32] = field(default_factory=no_genes)  # [N], or [0]

    @property
    def num_hidden(self) -> int:
        """Number of hidden nodes."""
        return len(self.node_id) - self.num_inputs - self.num_outputs

    def equals(self, other: Genome) -> bool:
        """Whether every gene is equal, bit for bit."""
        header = ("num_inputs", "num_outputs", "bias_input")
        return all(getattr(self, name) == getattr(other, name) for name in header) and all(
            getattr(self, name).tobytes() == getattr(other, name).tobytes() for name in (*NODE_GENES, *CONNECTION_GENES)
        )

    def network(self, mode: str = "feedforward") -> Network:
        """The phenotype as a callable; see `genomes.network.Network`."""
        from genomes.network import Network

        return Network(self, mode)

    def to_networkx(self) -> nx.DiGraph:
        """A graph with every gene as a node or edge attribute; `genomes.graph.from_networkx` is the inverse."""
        from genomes.graph import to_networkx

        return to_networkx(self)

    def __repr__(self) -> str:
        enabled = int(self.enabled.sum())
        inputs, outputs = "input" + "s" * (self.num_inputs != 1), "output" + "s" * (self.num_outputs != 1)
        return (
            f"Genome({self.num_inputs} {inputs}, {self.num_outputs} {outputs}, {self.num_hidden} hidden, "
            f"{enabled} of {len(self.innovation)} connections enabled)"
        )


def offsets(counts: Any, xp: Any = np) -> Any:
    """Where each row begins, and the last one ends [n+1] int64, of rows of these lengths [n]."""
    start = xp.zeros(len(counts) + 1, np.int64)
    start[1:] = xp.cumsum(xp.asarray(counts), dtype=np.int64)
    return start


def _gather(start: Any, chosen: Any, xp: Any) -> tuple[Any, Any]:
    """Offsets [len(chosen)+1] of the chosen rows, and the old position of each of their elements."""
    new_start = offsets(start[chosen + 1] - start[chosen], xp)
    element = xp.arange(int(new_start[-1]), dtype=np.int64)
    owner = xp.searchsorted(new_start[1:], element, side="right")
    return new_start, element + (start[chosen] - new_start[:-1])[owner]
