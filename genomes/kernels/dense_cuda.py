"""Activations of whole arrays on the GPU."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.backend import cuda
from genomes.kernels.binding_cuda import cuda_kernel
from genomes.kernels.dense import activate_rows

__all__ = ["activate_values"]


@cuda_kernel
def activate_values(code, values):
    """A flat array of values, in place."""
    step = cuda.gridDim.x * cuda.blockDim.x
    for i in range(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x, values.shape[0], step):
        activate_rows(code, values, np.uint64(i))
