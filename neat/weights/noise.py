"""Counter-based noise for vectors: keyed by (seed, generation, purpose, index), the same for any number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from genomes.kernels.parallel import parallel_for
from neat.weights.kernels import noise as kernels
from neat.weights.kernels.noise import CHUNK

__all__ = [
    "CHANCES",
    "CHOICES",
    "FIRST",
    "NOISE",
    "OFFSPRING",
    "PARENTS",
    "SUBSETS",
    "normals",
    "perturbed",
    "sum_noise",
    "uniforms",
]

# Purposes of random numbers: 700-719, of the methods that train weights
NOISE, FIRST, CHANCES, PARENTS, OFFSPRING, SUBSETS, CHOICES = 700, 701, 702, 703, 704, 705, 706

_GRAIN = 1 << 16  # least numbers worth a thread

Key = tuple[int, int]  # (seed, generation)


def normals(key: Key, purpose: int, index: ArrayLike, size: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Standard normal numbers [n, size], one row for each of the n ``index``; at most 5.9 in size."""
    return _rows(kernels.normal_rows, key, purpose, index, size, dtype)


def uniforms(key: Key, purpose: int, index: ArrayLike, size: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Uniform numbers in [0, 1) [n, size], one row for each of the n ``index``."""
    return _rows(kernels.uniform_rows, key, purpose, index, size, dtype)


def perturbed(
    center: NDArray[Any],
    which: ArrayLike,
    factor: ArrayLike,
    index: ArrayLike,
    key: Key,
    *,
    scale: NDArray[Any] | None = None,
    generation: ArrayLike | None = None,
    purpose: int = NOISE,
    dtype: DTypeLike | None = None,
) -> NDArray[Any]:
    """``center[which] + factor * scale * noise`` [n, D].

    Parameters
    ----------
    center : [C, D] float32 or float64; arithmetic is in this type.
    which, factor, index : [n] row of ``center``, multiple of the noise, and the noise's index.
    scale : [D] or [1]; None: 1.
    generation : [n] of the noise, where it is not that of the key.
    dtype : of the result; None: that of ``center``.
    """
    rows = np.ascontiguousarray(index, np.int64)
    out = np.empty((len(rows), center.shape[1]), dtype or center.dtype)
    chunks = -(-center.shape[1] // CHUNK)
    parallel_for(
        kernels.perturb,
        len(rows) * chunks,
        out,
        center,
        np.broadcast_to(np.asarray(which, np.int64), rows.shape).copy(),
        np.broadcast_to(np.asarray(factor, center.dtype), rows.shape).copy(),
        np.ones(1, center.dtype) if scale is None else scale,
        rows,
        np.broadcast_to(np.asarray(key[1] if generation is None else generation, np.int64), rows.shape).copy(),
        np.uint64(key[0]),
        purpose,
        grain=_grain(center.shape[1]),
    )
    return out


def sum_noise(
    weights: NDArray[Any], index: ArrayLike, size: int, key: Key, *, squares: bool = False, purpose: int = NOISE
) -> tuple[NDArray[Any], NDArray[Any]]:
    """``(sum_i weights[i] * noise_i, sum_i weights[i] * noise_i**2)``, both [size] in the type of ``weights``; the
    second is empty unless ``squares``."""
    total = np.zeros(size, weights.dtype)
    second = np.zeros(size if squares else 0, weights.dtype)
    rows = np.ascontiguousarray(index, np.int64)
    grain = max(1, _grain(size) // max(len(rows), 1))
    chunks = -(-size // CHUNK)
    parallel_for(
        kernels.sum_noise, chunks, total, second, weights, rows, np.uint64(key[0]), key[1], purpose, grain=grain
    )
    return total, second


def _rows(kernel: Any, key: Key, purpose: int, index: ArrayLike, size: int, dtype: DTypeLike) -> NDArray[Any]:
    rows = np.ascontiguousarray(index, np.int64)
    out = np.empty((len(rows), size), dtype)
    chunks = -(-size // CHUNK)
    count = len(rows) * chunks
    parallel_for(kernel, count, out, chunks, rows, np.uint64(key[0]), key[1], purpose, grain=_grain(size))
    return out


def _grain(size: int) -> int:
    """Items of (row, chunk) that are worth a thread."""
    return max(1, _GRAIN // min(max(size, 1), CHUNK))
