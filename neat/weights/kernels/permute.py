"""Random permutations within columns."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numpy as np

from genomes.kernels.binding import kernel
from genomes.rng import random_bits, to_unit

__all__ = ["permute_columns"]

SHIFT_32 = np.uint64(32)


@kernel
def permute_columns(begin, end, members, chance, seed, generation, purpose):
    """Of columns begin..end-1, entries marked with probability ``chance[row]`` change places with each other.

    One draw an entry: its first word marks it, its second one swaps it (Fisher-Yates among the marked ones so far).
    """
    marked = np.empty(len(members), np.int64)
    for column in range(begin, end):
        count = 0
        for row in range(len(members)):
            mark, swap, _, _ = random_bits(seed, generation, purpose, column, row)
            if to_unit(mark) < chance[row]:
                marked[count] = row
                count += 1
                other = marked[np.int64((np.uint64(swap) * np.uint64(count)) >> SHIFT_32)]
                value = members[row, column]
                members[row, column] = members[other, column]
                members[other, column] = value
