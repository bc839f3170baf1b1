"""Sums over species, on the GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays, simulated, to_host
from neat.kernels.selection_cuda import sum_rows

__all__ = ["sums_on_device"]

_THREADS = 256
_SIMULATED_THREADS = 3


def sums_on_device(values: Any, species: Any, start: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums [S] of ``values`` [P] over ``species`` [P], whose members are ``start[s]:start[s + 1]`` when sorted."""
    xp, count = arrays(), len(start) - 1
    in_order = values[xp.argsort(species, kind="stable")]
    sums = xp.empty(count, np.float64)
    threads = _SIMULATED_THREADS if simulated() else _THREADS
    sum_rows.launch(min(count, 1 << 16), threads, 0, in_order, xp.asarray(start), sums)
    return to_host(sums)
