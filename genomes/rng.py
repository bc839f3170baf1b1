"""Counter-based random numbers: Philox-4x32-10 (Salmon, Moraes, Dror & Shaw, SC 2011, section 3.3).

A number is a function of (seed, generation, purpose, index, draw) and of nothing else, so threads, devices and
interruptions cannot change it. These are scalar functions: kernels inline them, and loops over ``index`` or ``draw``
vectorise.

    seed        64-bit key of the run
    generation  0 .. 2**32 - 1
    purpose     a constant of the caller's, which gives an independent stream; distinct within a run, which has one
                task: tests/test_purposes.py lists them and holds this
    index       the genome, offspring or episode
    draw        numbers the blocks of four words within one index; a gene's position, a step, ...
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

from __future__ import annotations

import math

import numpy as np

__all__ = ["normals", "random_bits", "times", "to_normal", "to_unit", "uniform", "uniforms"]

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint32(0x9E3779B9)
_WEYL_1 = np.uint32(0xBB67AE85)
_SHIFT_32 = np.uint64(32)
_MASK_32 = np.uint64(0xFFFFFFFF)
_ROUND_1, _ROUND_2, _ROUND_3, _ROUND_4, _ROUND_5, _ROUND_6, _ROUND_7, _ROUND_8, _ROUND_9 = (
    np.uint32(r) for r in range(1, 10)
)
_SHIFT_8 = np.uint32(8)
_UNIT = np.float32(2.0**-24)
_HALF, _ONE, _ZERO, _MINUS_TWO = np.float32(0.5), np.float32(1.0), np.float32(0.0), np.float32(-2.0)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_EXPONENT = np.int32(23)
_LN_2 = np.float32(math.log(2.0))
# Near-minimax polynomials: (ln(1 + r) - r) / r**2 in r, for 1 + r in [1/sqrt 2, sqrt 2];
# cos(2 pi t) and sin(2 pi t) / t in t**2, for |t| <= 1/2
_LN = tuple(np.float32(c) for c in (-0.50001144, 0.33314675, -0.24908289, 0.20491759, -0.18680751, 0.11931054))
_COS = tuple(np.float32(c) for c in (0.99999923, -19.73898125, 64.92865753, -85.2716217, 58.79049301, -21.0711059))
_SIN = tuple(np.float32(c) for c in (6.28318501, -41.34159088, 81.59994507, -76.61447144, 41.34288406, -12.47124386))


def random_bits(seed, generation, purpose, index, draw):
    """Four independent uint32 words."""
    k0 = np.uint32(np.uint64(seed) & _MASK_32)
    k1 = np.uint32(np.uint64(seed) >> _SHIFT_32)
    words = np.uint32(draw), np.uint32(index), np.uint32(generation), np.uint32(purpose)
    # Ten rounds, written out: a loop in here would keep loops over draws from vectorising.
    words = _round(words, k0, k1)
    words = _round(words, _key(k0, _WEYL_0, _ROUND_1), _key(k1, _WEYL_1, _ROUND_1))
    words = _round(words, _key(k0, _WEYL_0, _ROUND_2), _key(k1, _WEYL_1, _ROUND_2))
    words = _round(words, _key(k0, _WEYL_0, _ROUND_3), _key(k1, _WEYL_1, _ROUND_3))
    words = _round(words, _key(k0, _WEYL_0, _ROUND_4), _key(k1, _WEYL_1, _ROUND_4))
    words = _round(words, _key(k0, _WEYL_0, _ROUND_5), _key(k1, _WEYL_1, _ROUND_5))
    words = _round(words, _key(k0, _WEYL_0, _ROUND_6), _key(k1, _WEYL_1, _ROUND_6))
    words = _round(words, _key(k0, _WEYL_0, _ROUND_7), _key(k1, _WEYL_1, _ROUND_7))
    words = _round(words, _key(k0, _WEYL_0, _ROUND_8), _key(k1, _WEYL_1, _ROUND_8))
    return _round(words, _key(k0, _WEYL_0, _ROUND_9), _key(k1, _WEYL_1, _ROUND_9))


def _key(key, step, number):
    return np.uint32(key + number * step)


def _round(words, k0, k1):
    c0, c1, c2, c3 = words
    product_0 = _MULTIPLIER_0 * np.uint64(c0)
    product_1 = _MULTIPLIER_1 * np.uint64(c2)
    return (
        np.uint32(np.uint32(product_1 >> _SHIFT_32) ^ c1 ^ k0),
        np.uint32(product_1 & _MASK_32),
        np.uint32(np.uint32(product_0 >> _SHIFT_32) ^ c3 ^ k1),
        np.uint32(product_0 & _MASK_32),
    )


def to_unit(bits):
    """A uint32 word as a float32 in [0, 1)."""
    return times(np.float32(bits >> _SHIFT_8), _UNIT)


def uniform(seed, generation, purpose, index, draw):
    """One float32 in [0, 1): the first of `uniforms`."""
    bits, _, _, _ = random_bits(seed, generation, purpose, index, draw)
    return to_unit(bits)


def uniforms(seed, generation, purpose, index, draw):
    """Four independent float32 in [0, 1)."""
    a, b, c, d = random_bits(seed, generation, purpose, index, draw)
    return to_unit(a), to_unit(b), to_unit(c), to_unit(d)


def normals(seed, generation, purpose, index, draw):
    """Two independent standard normal float32, by Box-Muller; at most 5.9 in size."""
    a, b, _, _ = random_bits(seed, generation, purpose, index, draw)
    radius, t = _radius(a), to_unit(b) - _HALF
    return times(radius, _horner_5(_COS, times(t, t))), times(times(radius, t), _horner_5(_SIN, times(t, t)))


def to_normal(a, b):
    """A standard normal float32 from two words: the first of `normals`."""
    t = to_unit(b) - _HALF
    return times(_radius(a), _horner_5(_COS, times(t, t)))


def _radius(bits):
    """sqrt(-2 ln u) of u in (0, 1]. Polynomials, here and for the angle: they vectorise, and are the same anywhere."""
    u = np.float32(times(np.float32(bits >> _SHIFT_8) + _HALF, _UNIT))
    as_int = u.view(np.int32)
    exponent = np.int32((as_int - _SQRT_HALF_BITS) >> _EXPONENT)
    r = np.int32(as_int - (exponent << _EXPONENT)).view(np.float32) - _ONE
    logarithm = times(np.float32(exponent), _LN_2) + times(r, _ONE + times(r, _horner_5(_LN, r)))
    return np.float32(math.sqrt(max(times(_MINUS_TWO, logarithm), _ZERO)))


def _horner_5(c, x):
    high = c[3] + times(x, c[4] + times(x, c[5]))
    return c[0] + times(x, c[1] + times(x, c[2] + times(x, high)))


def times(a, b):
    """The product of two float32. On the GPU, which would fuse it with a sum that it goes into, one that is rounded is
    bound in its place: numbers are the same anywhere."""
    return a * b
