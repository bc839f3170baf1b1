"""A function of each item (a genome, a child), on the CPU or, in `genomes.each`, on the GPU: the thin driver of either.

``item`` is called with the item's index, scratch memory that no other thread has, and the arguments. It must not have
loops of its own: what has none is inlined, and its many arguments are not copied for every call.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import borrowing, kernel

__all__ = ["for_each", "no_scratch"]


@kernel
def no_scratch():
    """Five arrays of nothing: what functions need that need none."""
    nothing = np.empty((1, 1), np.int32)
    return nothing, nothing, nothing, nothing, nothing


def item(index, scratch, *arguments):
    """To be bound: the function of each item."""


def scratch(*sizes):
    """To be bound: five arrays [rows, length], of any types."""
    return no_scratch()


@kernel
def for_each(begin, end, sizes, arguments):
    """Items begin..end-1, one after the other."""
    walk(begin, end, scratch(*sizes), arguments)


@borrowing
def walk(begin, end, own, arguments):
    """The loop of `for_each`."""
    for i in range(begin, end):
        item(i, own, *arguments)
