"""A population compiled to evaluation order: what the forward kernels and rollouts read.

Every genome has a buffer of float32 values, addressed by *slots*:

    0 .. I-1            inputs; the last is the constant one where the population has a bias input
    I .. I+n-1          its n evaluated nodes (outputs and the hidden nodes that matter), in evaluation order
    I+n .. I+2n-1       recurrent modes only: the same nodes' values of the previous activation, 0 at the start

A node computes activation(bias + aggregation(weight * value[source] over its incoming edges)); the aggregation of
nothing is 0. Incoming edges of a node are in ascending order of source slot. Values of a recurrent network are copied
to the upper slots after each activation, and live across the steps of an episode.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from genomes.population import Population

__all__ = ["MODES", "Networks", "compile_population"]

MODES = ("feedforward", "synchronous", "sequential")


@dataclass(frozen=True, eq=False)
class Networks:
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

    def __len__(self) -> int:
        return len(self.node_start) - 1

    @property
    def task_inputs(self) -> int:
        """Number of inputs that a task supplies: I, less the constant one."""
        return self.num_inputs - (self.bias_input is not None)

    @property
    def max_slots(self) -> int:
        """Slots of the largest network's value buffer."""
        nodes = int(np.diff(self.node_start).max(initial=0))
        return self.num_inputs + nodes * (2 if self.recurrent else 1)


def compile_population(
    population: Population, mode: str = "feedforward", device: str = "cpu", activations_per_step: int = 1
) -> Networks:
    """Compile genomes to networks: enabled connections and the nodes that can reach an output, in evaluation order.

    Parameters
    ----------
    mode : ``"feedforward"``; ``"synchronous"`` (every node reads the previous activation); ``"sequential"`` (strongly
        connected components in topological order, ascending node id within one; a link from an equal or later node
        reads the previous activation).
    device : ``"cpu"``.
    """
    raise NotImplementedError
