"""The registry's hash table on the GPU."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from genomes.backend import cuda
from genomes.kernels.binding_cuda import cuda_kernel
from neat.kernels.innovations import first_slot

__all__ = ["fill_table"]

_EMPTY = -1


@cuda_kernel
def fill_table(begin, end, firsts, seconds, table):
    """Enter the entries begin..end-1, which are new, into the table: each takes the first slot that is still empty."""
    mask = table.shape[0] - 1
    thread = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    for entry in range(begin + thread, end, cuda.gridDim.x * cuda.blockDim.x):
        slot = first_slot(firsts[entry], seconds[entry], mask)
        while cuda.atomic.cas(table, slot, _EMPTY, entry) != _EMPTY:
            slot = (slot + 1) & mask
