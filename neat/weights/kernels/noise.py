"""Noise for vectors of any length, drawn in chunks that stay in the cache.

Number k of vector ``index`` is a function of (seed, generation, purpose, index, k) alone. A chunk of 4,096 takes the
first numbers of 2,048 draws, then their second ones, so that the loop over draws vectorises.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import numpy as np

from genomes.kernels.binding import kernel
from genomes.rng import normals, uniforms

__all__ = ["CHUNK", "normal_rows", "perturb", "sum_noise", "uniform_rows"]

CHUNK = 4096
HALF, QUARTER = CHUNK // 2, CHUNK // 4


def fill_normals(buffer, count, seed, generation, purpose, index, chunk):
    """The first ``count`` numbers (or a few more) of a chunk of standard normal noise."""
    for h in range(min(count, HALF)):
        buffer[h], buffer[HALF + h] = normals(seed, generation, purpose, index, chunk * HALF + h)


def fill_uniforms(buffer, count, seed, generation, purpose, index, chunk):
    """The first ``count`` numbers (or a few more) of a chunk of uniform noise in [0, 1)."""
    for q in range(min(count, QUARTER)):
        a, b, c, d = uniforms(seed, generation, purpose, index, chunk * QUARTER + q)
        buffer[q], buffer[QUARTER + q], buffer[2 * QUARTER + q], buffer[3 * QUARTER + q] = a, b, c, d


@kernel
def normal_rows(begin, end, out, chunks, index, seed, generation, purpose):
    """Standard normal noise [n, D]; items are (row, chunk)."""
    buffer = np.empty(CHUNK, np.float32)
    for item in range(begin, end):
        row, chunk = item // chunks, item % chunks
        part = out[row, chunk * CHUNK : (chunk + 1) * CHUNK]
        fill_normals(buffer, len(part), seed, generation, purpose, index[row], chunk)
        for k in range(len(part)):
            part[k] = buffer[k]


@kernel
def uniform_rows(begin, end, out, chunks, index, seed, generation, purpose):
    """Uniform noise [n, D] in [0, 1); items are (row, chunk)."""
    buffer = np.empty(CHUNK, np.float32)
    for item in range(begin, end):
        row, chunk = item // chunks, item % chunks
        part = out[row, chunk * CHUNK : (chunk + 1) * CHUNK]
        fill_uniforms(buffer, len(part), seed, generation, purpose, index[row], chunk)
        for k in range(len(part)):
            part[k] = buffer[k]


@kernel
def perturb(begin, end, out, center, which, factor, scale, index, generation, seed, purpose):
    """``out[r] = center[which[r]] + factor[r] * scale * noise``; noise keyed by (generation[r], index[r]).

    ``scale`` is of length D, or 1 for the same scale everywhere. Items are (chunk, row): rows that follow each other
    with the same noise, as mirrored pairs do, share its drawing.
    """
    buffer = np.empty(CHUNK, np.float32)
    rows = len(index)
    filled, last = -1, -1  # chunk and row that the buffer was drawn for
    for item in range(begin, end):
        chunk, row = item // rows, item % rows
        first = chunk * CHUNK
        part = out[row, first : first + CHUNK]
        base = center[which[row], first : first + CHUNK]
        if filled != chunk or index[last] != index[row] or generation[last] != generation[row]:
            fill_normals(buffer, len(part), seed, generation[row], purpose, index[row], chunk)
        filled, last = chunk, row
        step = factor[row]
        if len(scale) == 1:
            step *= scale[0]
            for k in range(len(part)):
                part[k] = base[k] + step * buffer[k]
        else:
            own = scale[first : first + CHUNK]
            for k in range(len(part)):
                part[k] = base[k] + step * own[k] * buffer[k]


@kernel
def sum_noise(begin, end, total, squares, weights, index, seed, generation, purpose):
    """``total = sum_i weights[i] * noise_i`` and, unless empty, ``squares = sum_i weights[i] * noise_i**2``, both [D].

    Items are chunks; each adds up its rows in their order.
    """
    buffer = np.empty(CHUNK, np.float32)
    for chunk in range(begin, end):
        part = total[chunk * CHUNK : (chunk + 1) * CHUNK]
        second = squares[chunk * CHUNK : (chunk + 1) * CHUNK]
        for i in range(len(weights)):
            weight = weights[i]
            if weight == 0:
                continue
            fill_normals(buffer, len(part), seed, generation, purpose, index[i], chunk)
            for k in range(len(part)):
                part[k] += weight * buffer[k]
            for k in range(len(second)):
                second[k] += weight * buffer[k] * buffer[k]
