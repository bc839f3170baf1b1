"""Counter-based random numbers: Philox-4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011, section 3.3).

A number is a function of (seed, generation, purpose, index, draw) and of nothing else, so threads, devices and
interruptions cannot change it. These are scalar functions: kernels inline them, and loops over ``index`` or ``draw``
vectorise.

    seed        64-bit key of the run
    generation  0 .. 2**32 - 1
    purpose     a constant of the caller's, below; distinct purposes give independent streams
    index       the genome, offspring or episode
    draw        numbers the blocks of four words within one index; a gene's position, a step, ...
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["normals", "random_bits", "uniform", "uniforms"]

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint32(0x9E3779B9)
_WEYL_1 = np.uint32(0xBB67AE85)
_SHIFT_32 = np.uint64(32)
_MASK_32 = np.uint64(0xFFFFFFFF)
_ROUND_0, _ROUND_2, _ROUND_4, _ROUND_6, _ROUND_8 = (np.uint32(r) for r in (0, 2, 4, 6, 8))
_ONE = np.uint32(1)
_SHIFT_8 = np.uint32(8)
_UNIT = np.float32(2.0**-24)
_HALF_UNIT = np.float32(2.0**-25)
_TWO_PI = np.float32(2.0 * math.pi)
_MINUS_TWO = np.float32(-2.0)


def random_bits(seed, generation, purpose, index, draw):  # type: ignore[no-untyped-def]
    """Four independent uint32 words."""
    k0 = np.uint32(np.uint64(seed) & _MASK_32)
    k1 = np.uint32(np.uint64(seed) >> _SHIFT_32)
    words = np.uint32(draw), np.uint32(index), np.uint32(generation), np.uint32(purpose)
    # Ten rounds, written out: a loop in here would keep loops over draws from vectorising.
    words = _two_rounds(words, k0, k1, _ROUND_0)
    words = _two_rounds(words, k0, k1, _ROUND_2)
    words = _two_rounds(words, k0, k1, _ROUND_4)
    words = _two_rounds(words, k0, k1, _ROUND_6)
    return _two_rounds(words, k0, k1, _ROUND_8)


def _two_rounds(words, k0, k1, r):  # type: ignore[no-untyped-def]
    words = _round(words, np.uint32(k0 + r * _WEYL_0), np.uint32(k1 + r * _WEYL_1))
    return _round(words, np.uint32(k0 + (r + _ONE) * _WEYL_0), np.uint32(k1 + (r + _ONE) * _WEYL_1))


def _round(words, k0, k1):  # type: ignore[no-untyped-def]
    c0, c1, c2, c3 = words
    product_0 = _MULTIPLIER_0 * np.uint64(c0)
    product_1 = _MULTIPLIER_1 * np.uint64(c2)
    return (
        np.uint32(product_1 >> _SHIFT_32) ^ c1 ^ k0,
        np.uint32(product_1 & _MASK_32),
        np.uint32(product_0 >> _SHIFT_32) ^ c3 ^ k1,
        np.uint32(product_0 & _MASK_32),
    )


def to_unit(bits):  # type: ignore[no-untyped-def]
    """A uint32 word as a float32 in [0, 1)."""
    return np.float32(bits >> _SHIFT_8) * _UNIT


def uniform(seed, generation, purpose, index, draw):  # type: ignore[no-untyped-def]
    """One float32 in [0, 1): the first of `uniforms`."""
    bits, _, _, _ = random_bits(seed, generation, purpose, index, draw)
    return to_unit(bits)


def uniforms(seed, generation, purpose, index, draw):  # type: ignore[no-untyped-def]
    """Four independent float32 in [0, 1)."""
    a, b, c, d = random_bits(seed, generation, purpose, index, draw)
    return to_unit(a), to_unit(b), to_unit(c), to_unit(d)


def normals(seed, generation, purpose, index, draw):  # type: ignore[no-untyped-def]
    """Two independent standard normal float32, by Box-Muller; at most 5.9 in size."""
    a, b, _, _ = random_bits(seed, generation, purpose, index, draw)
    radius = math.sqrt(_MINUS_TWO * math.log(to_unit(a) + _HALF_UNIT))
    angle = _TWO_PI * to_unit(b)
    return np.float32(radius * math.cos(angle)), np.float32(radius * math.sin(angle))
