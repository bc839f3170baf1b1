"""Forward evaluation of the networks that are in lanes: one row and one state a lane."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import kernel
from genomes.kernels.forward_each import activate_network, leak

__all__ = ["forward_lanes"]


@kernel
def forward_lanes(
    begin, end, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
    bias_input, recurrent, rate, activations, max_slots, member, X, state, out,
):  # fmt: skip
    """Lanes begin <= l < end: network ``member[l]`` on row l of X [L, task_inputs]. ``state`` [L, max_nodes] holds the
    values of the lane's previous step where the networks are recurrent, and is updated."""
    values = np.empty(max_slots, np.float32)
    for lane in range(begin, end):
        p = member[lane]
        first, last = node_start[p], node_start[p + 1]
        for i in range(X.shape[1]):
            values[i] = X[lane, i]
        if X.shape[1] < num_inputs:
            values[num_inputs - 1] = bias_input
        for _ in range(activations if recurrent else 1):
            if recurrent:
                for i in range(last - first):
                    values[num_inputs + last - first + i] = state[lane, i]
            activate_network(values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight)
            if len(rate):
                leak(values, num_inputs, first, last, rate)
            if recurrent:
                for i in range(last - first):
                    state[lane, i] = values[num_inputs + i]
        for o in range(output_slot.shape[1]):
            out[lane, o] = values[output_slot[p, o]]
