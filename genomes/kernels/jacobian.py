"""Derivatives of a network's outputs, row by row: `genomes.kernels.backward` with the sums over rows left out."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.backward import SCRATCH, network_gradient
from genomes.kernels.binding import kernel
from genomes.kernels.forward import load_inputs
from genomes.kernels.vector import BLOCK

__all__ = ["ROW_BY_ROW", "jacobian_rows"]

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@kernel
def jacobian_rows(
    begin, end, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
    bias_input, recurrent, rate, activations, max_slots, blocks, num_rows, out,
):  # fmt: skip
    """Blocks begin..end-1 of out [R, O, E + N], of a single network: by the weights, then by the biases."""
    values = np.zeros(2 * max_slots * BLOCK, np.float32)
    adjoint = np.zeros((max_slots + SCRATCH) * BLOCK, np.float32)
    derivatives = np.empty(out.shape[2] * BLOCK, np.float32)
    for b in range(begin, end):
        row = b * BLOCK
        rows = min(BLOCK, num_rows - row)
        load_inputs(values, blocks[b], num_inputs, bias_input)
        for o in range(out.shape[1]):
            derivatives[:] = _ZERO
            network_gradient(
                0, row, rows, values, adjoint, derivatives, 0, 1, node_start, edge_start, bias, activation,
                aggregation, source, weight, output_slot, num_inputs, o,
            )  # fmt: skip
            for r in range(rows):
                for k in range(out.shape[2]):
                    out[row + r, o, k] = derivatives[k * BLOCK + r]


def put_output(p, row, rows, values, output_slot, adjoint, o):
    """The ``put_adjoints`` that differentiates output ``o`` itself."""
    first = np.int64(output_slot[p, o]) * BLOCK
    for r in range(BLOCK):
        adjoint[first + r] = _ONE


def keep_row(values, slot, derivatives, index):
    """In the place of ``add_to_lanes``: the values of each row."""
    for r in range(BLOCK):
        derivatives[index * BLOCK + r] += values[slot * BLOCK + r]


def spread_rows(values, adjoint, source, weight, begin, end, delta, num_inputs, derivatives, offset):
    """In the place of ``spread_back``: the values of each row."""
    for e in range(begin, end):
        other = np.int64(source[e])
        for r in range(BLOCK):
            derivatives[(e + offset) * BLOCK + r] += values[other * BLOCK + r] * adjoint[delta * BLOCK + r]
        if other >= num_inputs:
            for r in range(BLOCK):
                adjoint[other * BLOCK + r] += weight[e] * adjoint[delta * BLOCK + r]


ROW_BY_ROW = {"put_adjoints": put_output, "add_to_lanes": keep_row, "spread_back": spread_rows}
