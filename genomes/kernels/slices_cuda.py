"""Networks laid out for threads that each evaluate another one: in slices, their edges and nodes interleaved.

The genomes of a slice are WIDTH neighbours in size, one a thread of a warp. Edge k of all of them lies together, so
that a warp fetches a line where it would fetch WIDTH; likewise node k. Shorter ones leave gaps.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.backend import cuda
from genomes.functions.aggregations import SUM, multiply_add
from genomes.kernels.binding_cuda import cuda_kernel
from genomes.kernels.columns_cuda import activate_rows
from genomes.kernels.forward import aggregate_rows

__all__ = ["WIDTH", "evaluate_slice", "fill_slices"]

WIDTH = 32
_ZERO, _ONE, _STEP = np.float32(0.0), np.uint64(1), np.uint64(WIDTH)


@cuda_kernel
def fill_slices(
    members, node_base, edge_base, node_start, edge_start, bias, activation, aggregation, rate, source, weight,
    own_degree, own_bias, own_activation, own_aggregation, own_rate, own_source, own_weight,
):  # fmt: skip
    """Genome ``members[m]`` is thread ``m % WIDTH`` of slice ``m // WIDTH``, whose nodes begin at ``node_base`` and
    edges at ``edge_base``; the last arrays are written. A thread copies a genome."""
    step = cuda.gridDim.x * cuda.blockDim.x
    for m in range(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x, members.shape[0], step):
        first, last = node_start[members[m]], node_start[members[m] + 1]
        at = node_base[m // WIDTH] + m % WIDTH
        for i in range(first, last):
            own_degree[at] = edge_start[i + 1] - edge_start[i]
            own_bias[at] = bias[i]
            own_activation[at] = activation[i]
            own_aggregation[at] = aggregation[i]
            if len(rate):
                own_rate[at] = rate[i]
            at += WIDTH
        at = edge_base[m // WIDTH] + m % WIDTH
        for e in range(edge_start[first], edge_start[last]):
            own_source[at] = source[e]
            own_weight[at] = weight[e]
            at += WIDTH


def evaluate_slice(values, num_inputs, count, at, edge_at, degree, bias, activation, aggregation, source, weight):
    """The ``count`` nodes of a network whose first node is at ``at`` and first edge at ``edge_at``.

    As `genomes.kernels.columns_cuda.evaluate_nodes`; positions are unsigned for its reason.
    """
    i, e, slot = np.uint64(at), np.uint64(edge_at), np.uint64(num_inputs)
    last = slot + np.uint64(count)
    while slot < last:
        stop = e + _STEP * np.uint64(degree[i])
        if aggregation[i] == SUM:
            total = _ZERO
            while e < stop:
                total = multiply_add(weight[e], values[np.uint64(source[e])], total)
                e += _STEP
            values[slot] = bias[i] + total
        else:
            begin, end = np.int64(e), np.int64(stop)
            aggregate_rows(
                aggregation[i], values, source[begin:end:WIDTH], weight[begin:end:WIDTH], 0, np.int64(degree[i]),
                bias[i], np.int64(slot),
            )  # fmt: skip
            e = stop
        activate_rows(activation[i], values, slot)
        i, slot = i + _STEP, slot + _ONE
