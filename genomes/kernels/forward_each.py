"""Forward evaluation of one row per network: scalar code in a buffer [slots]."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.functions.aggregations import aggregate
from genomes.kernels.binding import kernel

__all__ = ["activate_network", "forward_each", "leak"]

_ONE = np.float32(1.0)


def activate(code, x):
    """One activation; the generated switch is bound here."""
    return x


@kernel
def forward_each(
    begin, end, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
    bias_input, recurrent, rate, activations, max_slots, X, state, out,
):  # fmt: skip
    """Networks begin <= p < end on row p of X [P, task_inputs]. ``state`` [N] holds the values of the previous step
    where the networks are recurrent, and is updated."""
    values = np.empty(max_slots, np.float32)
    for p in range(begin, end):
        first, last = node_start[p], node_start[p + 1]
        for i in range(X.shape[1]):
            values[i] = X[p, i]
        if X.shape[1] < num_inputs:
            values[num_inputs - 1] = bias_input
        for _ in range(activations if recurrent else 1):
            if recurrent:
                for i in range(first, last):
                    values[num_inputs + last - first + i - first] = state[i]
            activate_network(values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight)
            if len(rate):
                leak(values, num_inputs, first, last, rate)
            if recurrent:
                for i in range(first, last):
                    state[i] = values[num_inputs + i - first]
        for o in range(output_slot.shape[1]):
            out[p, o] = values[output_slot[p, o]]


def activate_network(values, num_inputs, first, last, edge_start, bias, activation, aggregation, source, weight):
    """Compute the nodes first <= i < last, in order, from the values of their sources."""
    for i in range(first, last):
        total = aggregate(aggregation[i], values, source, weight, edge_start[i], edge_start[i + 1], 1, 0)
        values[num_inputs + i - first] = activate(activation[i], bias[i] + total)


def leak(values, num_inputs, first, last, rate):
    """Continuous time: each node goes part of the way from its previous value to the new one."""
    current, previous = num_inputs, num_inputs + last - first
    for i in range(last - first):
        part = rate[first + i]
        values[current + i] = (_ONE - part) * values[previous + i] + part * values[current + i]
