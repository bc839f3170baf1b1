"""Do something to each of many items, on the CPU or the GPU: kernels of one item, and who drives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from genomes.backend import arrays, multiprocessors, simulated
from genomes.kernels import each as kernels
from genomes.kernels.binding import Kernel
from genomes.kernels.parallel import parallel_for

__all__ = ["each", "grid", "ready"]

_THREADS_OF_MULTIPROCESSOR, _THREADS_OF_BLOCK = 1024, 128
_SIMULATED_THREADS = 3  # each is a thread of the operating system there
_NO_BINDINGS: Mapping[str, Any] = MappingProxyType({})
_SCRATCH = 1 << 30  # bytes of scratch memory on the GPU: large items have fewer threads


def each(
    device: str,
    item: Kernel,
    count: int,
    *arguments: Any,
    scratch: Kernel = kernels.no_scratch,
    sizes: Sequence[int] = (),
    grain: int = 1,
    bindings: Mapping[str, Any] = _NO_BINDINGS,
) -> None:
    """Call ``item(i, scratch, *arguments)`` for 0 <= i < count.

    Parameters
    ----------
    device : "cpu", or "cuda", where all arrays among the arguments are to be.
    scratch, sizes : ``scratch(*sizes)`` gives the five arrays that a thread has for itself.
    grain : on the CPU, items that are worth a thread.
    bindings : what names mean on the GPU, where functions need to be others.
    """
    if count == 0:
        return
    if device == "cpu":
        driver = kernels.for_each.bind(item=item, scratch=scratch)
        parallel_for(driver, count, tuple(sizes), arguments, grain=grain)
        return
    from genomes.kernels.each_cuda import for_each, rounded_product

    own = scratch.function(*sizes)
    blocks, threads = grid(count, sum(array.nbytes for array in own))
    if scratch is kernels.no_scratch:
        room = _nothing()
    else:
        room = tuple(arrays().empty((*array.shape, threads * blocks), array.dtype) for array in own)
    products = {} if simulated() else {"times": rounded_product}
    for_each.bind(item=item, **products, **bindings).launch(blocks, threads, 0, count, room, arguments)


@cache
def _nothing() -> Any:
    """`no_scratch` for as many threads as there may be."""
    blocks, threads = grid(1 << 30)
    return ready("cuda", (arrays().empty((1, 1, threads * blocks), np.int32),) * 5)


def ready(device: str, arguments: Any) -> Any:
    """Arguments of `each`, in a form that it need not make anew for every call."""
    if device == "cpu":
        return arguments
    from genomes.kernels import binding_cuda

    return binding_cuda.as_argument(arguments)


def grid(count: int, bytes_each: int = 0) -> tuple[int, int]:
    """Blocks, and threads of a block, for so many items: no more than are resident, and than have room for so many
    bytes each."""
    if simulated():
        return 1, min(_SIMULATED_THREADS, count)
    most = min(count, _THREADS_OF_MULTIPROCESSOR * multiprocessors())
    threads = min(_THREADS_OF_BLOCK, max(_SCRATCH // max(bytes_each, 1), 1))
    return max(min(-(-most // threads), _SCRATCH // max(bytes_each * threads, 1)), 1), threads
