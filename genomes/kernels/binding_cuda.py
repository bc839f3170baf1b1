"""Compile a kernel, and everything that it reaches, for CUDA: `genomes.kernels.binding` for the other device.

A kernel of this kind is written for one thread, and finds its place by ``cuda.blockIdx`` and ``cuda.threadIdx``;
the functions that it calls are the same that the CPU's kernels call.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable
from functools import cached_property
from typing import Any

from genomes.backend import cuda, simulated
from genomes.kernels.binding import Kernel, prune, rebuild

__all__ = ["CudaKernel", "as_argument", "cuda_kernel"]

# Of a thread: 768 threads are then resident on a multiprocessor. Left alone the compiler takes 95 to 160, and what it
# spills below that lies outside the innermost loops.
_REGISTERS = 80
# A small population is few blocks; that is no mistake.
warnings.filterwarnings("ignore", message="Grid size .* under-utilization")


class CudaKernel(Kernel):
    """A kernel for CUDA; see `Kernel` for how it is bound. Compiled at its first launch, from disk where it can be."""

    @cached_property
    def compiled(self) -> Any:
        """The dispatcher of numba.cuda."""
        if simulated():  # functions that do not ask for their thread are called as they are
            return cuda.jit(rebuild(self, lambda function: function))
        dispatcher = cuda.jit(cache=True, max_registers=_REGISTERS)(self.rebuilt)
        prune(dispatcher, self.function.__name__)
        return dispatcher

    @cached_property
    def rebuilt(self) -> types.FunctionType:
        """The function that is compiled, its helpers being device functions: NVVM inlines all of them, asked or not."""
        return rebuild(self, cuda.jit(device=True))

    def bind(self, **replacements: Any) -> CudaKernel:
        """The same kernel with global names bound to other functions or constants."""
        bound = super().bind(**replacements)
        assert isinstance(bound, CudaKernel)
        return bound

    def launch(self, blocks: int, threads: int, shared: int, *arguments: Any) -> None:
        """Run ``blocks`` blocks of ``threads`` threads with ``shared`` bytes of shared memory each; does not wait."""
        self.compiled[blocks, threads, 0, shared](*map(as_argument, arguments))


def cuda_kernel(function: Callable[..., Any]) -> CudaKernel:
    """Decorator: make a `CudaKernel` of a plain Python function."""
    return CudaKernel(function)


def as_argument(value: Any) -> Any:
    """Arrays, in tuples, too, as numba.cuda takes them, without waiting: kernels and CuPy share CUDA's default stream.

    It takes some microseconds an array: do it once where several launches take the same.
    """
    if isinstance(value, tuple):
        return tuple(map(as_argument, value))
    if not simulated() and hasattr(value, "__cuda_array_interface__") and not hasattr(value, "__cuda_ndarray__"):
        return cuda.as_cuda_array(value, sync=False)
    return value
