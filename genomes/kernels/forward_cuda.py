"""Forward evaluation on the GPU: a thread for each row of a tile, which takes one network after the other.

Networks of a group share the inputs that a thread has loaded, as on the CPU. All threads of a warp evaluate the same
network, so edges come once a warp and the switch over functions does not diverge.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from numba import float32

from genomes.backend import cuda
from genomes.kernels.binding_cuda import cuda_kernel
from genomes.kernels.forward import evaluate_network, load_inputs
from genomes.kernels.forward_each import activate_network, leak

__all__ = ["each_columns", "forward_columns"]

SHARED = True  # whether columns are in shared memory; bound


@cuda_kernel
def forward_columns(
    node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs, bias_input,
    recurrent, rate, activations, X, group_size, size, scratch, out,
):  # fmt: skip
    """Outputs ``out`` [P, R, O] on the rows X [task_inputs, R]. A block takes items, ``group_size`` networks on a row
    a thread, until none is left. A thread's column has ``size`` values."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    storage = cuda.shared.array(0, float32) if SHARED else scratch[cuda.blockIdx.x]
    values = storage[thread * size : (thread + 1) * size] if SHARED else storage[thread::threads]
    num_networks, num_rows = output_slot.shape[0], X.shape[1]
    tiles = (num_rows + threads - 1) // threads
    groups = (num_networks + group_size - 1) // group_size
    for item in range(cuda.blockIdx.x, groups * tiles, cuda.gridDim.x):
        group, row = item // tiles * group_size, item % tiles * threads + thread
        if row >= num_rows:
            continue
        load_inputs(values, X[:, row : row + 1], num_inputs, bias_input)
        for p in range(group, min(group + group_size, num_networks)):
            evaluate_network(
                values, num_inputs, node_start[p], node_start[p + 1], edge_start, bias, activation, aggregation, source,
                weight, recurrent, rate, activations,
            )  # fmt: skip
            for o in range(output_slot.shape[1]):
                out[p, row, o] = values[output_slot[p, o]]


@cuda_kernel
def each_columns(
    node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs, bias_input,
    recurrent, rate, activations, X, size, scratch, state, out,
):  # fmt: skip
    """Each network on a row of its own, a thread a network; see `genomes.kernels.forward_each`."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    storage = cuda.shared.array(0, float32) if SHARED else scratch[cuda.blockIdx.x]
    values = storage[thread * size : (thread + 1) * size] if SHARED else storage[thread::threads]
    for p in range(cuda.blockIdx.x * threads + thread, output_slot.shape[0], cuda.gridDim.x * threads):
        step_network(
            p, values, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
            bias_input, recurrent, rate, activations, X, state, out,
        )  # fmt: skip


def step_network(
    p, values, node_start, edge_start, bias, activation, aggregation, source, weight, output_slot, num_inputs,
    bias_input, recurrent, rate, activations, X, state, out,
):  # fmt: skip
    """Network ``p`` on its row. The CPU's kernel has this in its own body: as a function it was 8 % slower there."""
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
