"""How far behaviours are from their nearest neighbours, and which of them are remembered."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import math

import numpy as np

from genomes.kernels.binding import kernel
from genomes.rng import uniform

__all__ = ["draw_remembered", "mean_distances"]

# Purposes of random numbers
REMEMBERED = np.uint32(103)

ZERO, INFINITY = np.float32(0.0), np.float32(np.inf)


@kernel
def mean_distances(begin, end, rows, known, neighbours, result):
    """Mean Euclidean distance of the behaviours ``known[rows[begin:end]]`` to the nearest ``neighbours`` others.

    ``known`` [M, B]; fewer neighbours where there are no more.
    """
    nearest = np.empty(neighbours, np.float32)  # squared distances, ascending
    for i in range(begin, end):
        nearest[:] = INFINITY
        for m in range(len(known)):
            if m == rows[i]:
                continue
            square = ZERO
            for b in range(known.shape[1]):
                difference = known[m, b] - known[rows[i], b]
                square += difference * difference
            place = neighbours - 1
            if square >= nearest[place]:
                continue
            while place > 0 and nearest[place - 1] > square:
                nearest[place] = nearest[place - 1]
                place -= 1
            nearest[place] = square
        total, count = 0.0, 0
        for square in nearest:
            if square < INFINITY:
                total += math.sqrt(square)
                count += 1
        result[i] = total / max(count, 1)


@kernel
def draw_remembered(begin, end, chance, seed, generation, remembered):
    """Whether each genome's behaviour joins the archive."""
    for p in range(begin, end):
        remembered[p] = uniform(seed, generation, REMEMBERED, p, 0) < chance
