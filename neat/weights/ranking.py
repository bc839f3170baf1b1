"""From fitness (maximised, -inf where failed) to ranks and weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["best_first", "centred_ranks", "ranks"]

Fitness = NDArray[np.float64]


def best_first(fitness: Fitness) -> NDArray[np.int64]:
    """Indices [P] by falling fitness; ties by index."""
    return np.argsort(-fitness, kind="stable")


def ranks(fitness: Fitness) -> Fitness:
    """Rank of each value from 0, the worst, to P - 1; equal values share the mean of their ranks."""
    _, group, count = np.unique(fitness, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count + 1) / 2)[group.reshape(-1)]


def centred_ranks(fitness: Fitness) -> Fitness:
    """Ranks scaled to -0.5 .. 0.5 (Salimans et al. 2017); all 0 for a single value."""
    return ranks(fitness) / max(len(fitness) - 1, 1) - 0.5 if len(fitness) > 1 else np.zeros(1)
