"""What the combinatorial problems share: random instances, and the call of a decoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.task import Key, UnfitNetworks
from genomes.functions import activation_switch
from genomes.kernels.binding import Kernel
from genomes.kernels.parallel import parallel_for
from genomes.networks import Networks

__all__ = ["TRAINING", "VALIDATION", "decode", "instance_bytes", "instance_generator"]

# Purposes of random numbers
TRAINING, VALIDATION = 210, 211


def instance_generator(key: Key, purpose: int) -> np.random.Generator:
    """The generator of a generation's instances: a function of the key (seed, generation) and the purpose."""
    seed, generation = key
    return np.random.Generator(np.random.Philox(key=[seed, generation << 16 | purpose]))


def instance_bytes(size: int, genomes: int, item: int) -> dict[str, float]:
    """Bytes that an instance of a problem takes (see `envs.task.Task.memory`), ``item`` in each genome's solution."""
    return {"instances": size * (8 + item * genomes), "validation_instances": size * (8 + item)}


def decode(driver: Kernel, networks: Networks, inputs: int, instances: int, *arrays: NDArray[Any]) -> None:
    """Run a decoder of `envs.kernels.combinatorial` for every network on every instance; on the CPU, whatever the
    networks' device.

    Raises
    ------
    UnfitNetworks : the networks are recurrent, or of other inputs or outputs.
    """
    from genomes.kernels.vector import fused_multiply_add

    n = networks
    if n.recurrent:
        raise UnfitNetworks("policies of combinatorial problems are feed-forward: candidates have no order in time")
    if (n.task_inputs, n.num_outputs) != (inputs, 1):
        raise UnfitNetworks(
            f"the problem feeds {inputs} inputs and reads 1 output, the networks have {n.task_inputs} and "
            f"{n.num_outputs}"
        )
    genes = (n.node_start, n.edge_start, n.bias, n.activation, n.aggregation, n.source, n.weight, n.output_slot)
    shape = (n.num_inputs, n.task_inputs, np.float32(n.bias_input or 0.0), n.max_slots)
    bound = driver.bind(activate=activation_switch(), multiply_add=fused_multiply_add)
    parallel_for(bound, len(n) * instances, genes, *shape, *arrays)
