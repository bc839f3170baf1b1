"""Sums of rows on the GPU."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np
from numba import float64

from genomes.backend import cuda
from genomes.kernels.binding_cuda import cuda_kernel

__all__ = ["sum_rows"]

_PART = 1024
_ZERO = np.float64(0.0)


@cuda_kernel
def sum_rows(values, start, sums):
    """``sums[s]`` of ``values[start[s]:start[s + 1]]``, added up in their order, as the CPU does it: the order decides
    the last digits. A block has a row: all threads load, one adds."""
    part = cuda.shared.array(_PART, float64)
    for row in range(cuda.blockIdx.x, sums.shape[0], cuda.gridDim.x):
        total = _ZERO
        for begin in range(start[row], start[row + 1], _PART):
            count = min(_PART, start[row + 1] - begin)
            for i in range(cuda.threadIdx.x, count, cuda.blockDim.x):
                part[i] = values[begin + i]
            cuda.syncthreads()
            if cuda.threadIdx.x == 0:
                for i in range(count):
                    total += part[i]
            cuda.syncthreads()
        if cuda.threadIdx.x == 0:
            sums[row] = total
