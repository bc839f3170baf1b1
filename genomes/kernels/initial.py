"""Random values of starting populations, keyed by genome and position."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.kernels.binding import kernel
from genomes.rng import normals, uniform

__all__ = ["GAUSSIAN", "UNIFORM", "draw_uniforms", "draw_values"]

GAUSSIAN, UNIFORM = 0, 1
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)


@kernel
def draw_uniforms(begin, end, values, seed, purpose):
    """Uniform numbers in [0, 1) for rows begin..end-1 of ``values``."""
    for p in range(begin, end):
        for i in range(values.shape[1]):
            values[p, i] = uniform(seed, 0, purpose, p, i)


@kernel
def draw_values(begin, end, start, values, seed, purpose, distribution, scale, low, high):
    """Gaussian or uniform values, clipped to [low, high], for genomes begin..end-1."""
    for p in range(begin, end):
        for i in range(start[p], start[p + 1]):
            if distribution == GAUSSIAN:
                value, _ = normals(seed, 0, purpose, p, i - start[p])
            else:
                value = _TWO * uniform(seed, 0, purpose, p, i - start[p]) - _ONE
            values[i] = min(max(value * scale, low), high)
