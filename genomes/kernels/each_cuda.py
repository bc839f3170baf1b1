"""`genomes.kernels.each` on the GPU: a thread takes one item after the other."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from genomes.backend import cuda, libdevice
from genomes.kernels.binding_cuda import cuda_kernel
from genomes.kernels.each import item  # bound

__all__ = ["for_each", "rounded_product"]


@cuda_kernel
def for_each(count, scratch, arguments):
    """Items 0..count-1; ``scratch`` holds arrays [rows, length, threads]."""
    thread = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    own = own_scratch(scratch, thread)
    for i in range(thread, count, cuda.gridDim.x * cuda.blockDim.x):
        item(i, own, *arguments)


def own_scratch(scratch, thread):
    """A thread's columns: neighbouring threads touch neighbouring words."""
    a, b, c, d, e = scratch
    return a[:, :, thread], b[:, :, thread], c[:, :, thread], d[:, :, thread], e[:, :, thread]


def rounded_product(a, b):
    """In place of `genomes.rng.times`."""
    return libdevice.fmul_rn(a, b)
