"""Scaling of observations by their bounds, or by what was observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from genomes.scaling import Scaling

__all__ = ["SCALINGS", "bounds_scaling", "choose_scaling", "running_scaling"]

SCALINGS = ("auto", "none", "bounds", "running")
LIMIT = 10.0  # standard deviations
LEAST_DEVIATION = 1e-6  # an input that varies less is taken as constant, and left in its unit


def choose_scaling(low: NDArray[np.float64], high: NDArray[np.float64]) -> str:
    """What ``"auto"`` stands for, given the bounds of the inputs [I]."""
    return "none" if max(abs(low).max(), abs(high).max()) <= 1.0 else "running"  # bounds are often far out of reach


def bounds_scaling(low: NDArray[np.float64], high: NDArray[np.float64]) -> Scaling:
    """Inputs with two finite bounds [I] to [-1, 1], the others as they are."""
    bounded = np.isfinite(low) & np.isfinite(high) & (high > low) & (np.maximum(abs(low), abs(high)) < 1e30)
    bottom, top = np.where(bounded, low, -1.0), np.where(bounded, high, 1.0)
    return Scaling(((bottom + top) / 2).astype(np.float32), (2 / (top - bottom)).astype(np.float32))


def running_scaling(moments: NDArray[np.float64], start: Scaling) -> Scaling:
    """To mean 0 and standard deviation 1, clipped at ±10.

    Parameters
    ----------
    moments : [1 + 2I] of all observations: their count, sums, sums of squares.
    start : for as long as there are none.
    """
    count, inputs = moments[0], len(start.shift)
    if count < 2:
        return start
    mean = moments[1 : 1 + inputs] / count
    deviation = np.sqrt(np.maximum(moments[1 + inputs :] / count - mean * mean, 0.0))
    scale = 1.0 / np.where(deviation < LEAST_DEVIATION, 1.0, deviation)
    return Scaling(mean.astype(np.float32), scale.astype(np.float32), LIMIT)
