"""Elementary functions in float32, as scalar functions that loops vectorise: no branch, no table, no library call.

Each takes and returns float32 and is total: nothing is raised, NaN gives NaN. Errors are over all arguments unless a
range is named. Ranges are reduced after Cody & Waite (Software Manual for the Elementary Functions, 1980); the
polynomials and the rational function are minimax fits.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

__all__ = ["clamp", "cos", "exp", "log", "scaled_tanh", "sin", "tanh", "tanh_constants"]

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_HALF = np.float32(0.5)
_INFINITY = np.float32(np.inf)
_NAN = np.float32(np.nan)

# Adding and taking away 1.5 * 2**23 rounds to the nearest integer, which is then in the low bits of the sum.
_ROUND = np.float32(12582912.0)
_ROUND_BITS = np.int32(0x4B400000)
_MANTISSA_BITS = np.int32(23)

_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693145751953125)  # 15 bits: products with an exponent are exact
_LN2_LOW = np.float32(1.4286068203094173e-06)
_EXP_LOW = np.float32(-87.33654)  # the smallest normal number
_EXP_HIGH = np.float32(88.72283)  # the largest finite number
_EXP_2, _EXP_3 = np.float32(0.49999202), np.float32(0.16667133)
_EXP_4, _EXP_5 = np.float32(0.0418945), np.float32(0.00831205)

_SMALLEST_NORMAL = np.float32(2.0**-126)
_TWO_23 = np.float32(2.0**23)
_TWENTY_THREE = np.float32(23.0)
_TWO_THIRDS_BITS = np.int32(0x3F2AAAAB)
_EXPONENT_MASK = np.int32(-(2**23))
_LOG_3, _LOG_4, _LOG_5 = np.float32(0.33336564), np.float32(-0.25004665), np.float32(0.19822502)
_LOG_6, _LOG_7, _LOG_8 = np.float32(-0.16462456), np.float32(0.16964889), np.float32(-0.15177207)

_TWO_OVER_PI = np.float32(0.6366197723675814)
_HALF_PI_HIGH = np.float32(1.5703125)  # 8 bits
_HALF_PI_MIDDLE = np.float32(0.0004837512969970703)  # 11 bits
_HALF_PI_LOW = np.float32(7.549789948768648e-08)
_EIGHTH_TURN = np.float32(0.793)  # pi / 4, and a little for rounding
_SIN_3, _SIN_5, _SIN_7 = np.float32(-0.16666654), np.float32(0.00833213), np.float32(-0.00019511)
_COS_4, _COS_6, _COS_8 = np.float32(4.16666457e-02), np.float32(-1.38873060e-03), np.float32(2.44312046e-05)


def clamp(x, low, high):
    """``x`` limited to [low, high]; NaN stays NaN."""
    x = low if x < low else x
    return high if x > high else x


def exp(x):
    """e**x within 2e-7 relative; 0 below -87.3, infinite above 88.7."""
    shifted = x * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = _EXP_2 + r * (_EXP_3 + r * (_EXP_4 + r * _EXP_5))
    p = _ONE + (r + r * r * p)
    n = np.int32(np.float32(shifted).view(np.int32) - _ROUND_BITS)
    y = np.int32(np.float32(p).view(np.int32) + np.int32(n << _MANTISSA_BITS)).view(np.float32)  # p * 2**n
    y = _ZERO if x < _EXP_LOW else y
    return y if x <= _EXP_HIGH else x * _INFINITY


def log(x):
    """Natural logarithm within 4e-7 relative; -inf at 0, NaN below."""
    subnormal = x < _SMALLEST_NORMAL
    bits = np.float32(x * _TWO_23 if subnormal else x).view(np.int32)
    exponent = np.int32(np.int32(bits - _TWO_THIRDS_BITS) & _EXPONENT_MASK)
    f = np.int32(bits - exponent).view(np.float32) - _ONE  # in -1/3 .. 1/3
    k = np.float32(np.int32(exponent >> _MANTISSA_BITS)) - (_TWENTY_THREE if subnormal else _ZERO)
    p = _LOG_3 + f * (_LOG_4 + f * (_LOG_5 + f * (_LOG_6 + f * (_LOG_7 + f * _LOG_8))))
    p = f * f * (f * p - _HALF)
    y = k * _LN2_HIGH + (f + (p + k * _LN2_LOW))
    y = y if x < _INFINITY else x
    return y if x > _ZERO else (-_INFINITY if x == _ZERO else _NAN)


def _sinusoid(x, quarter_turns):
    """sin(x + quarter_turns * pi / 2)."""
    shifted = x * _TWO_OVER_PI + _ROUND
    k = shifted - _ROUND
    r = ((x - k * _HALF_PI_HIGH) - k * _HALF_PI_MIDDLE) - k * _HALF_PI_LOW
    r = clamp(r, -_EIGHTH_TURN, _EIGHTH_TURN)  # keeps huge arguments in -1 .. 1
    s = r * r
    odd = r + r * s * (_SIN_3 + s * (_SIN_5 + s * _SIN_7))
    even = _ONE - s * (_HALF - s * (_COS_4 + s * (_COS_6 + s * _COS_8)))
    quadrant = np.int32(np.float32(shifted).view(np.int32) + quarter_turns)
    y = even if np.int32(quadrant & 1) else odd
    return -y if np.int32(quadrant & 2) else y


def sin(x):
    """Sine of x radians within 2e-7 absolute for |x| up to 1e4; in -1 .. 1 beyond, NaN at infinity."""
    return _sinusoid(x, np.int32(0))


def cos(x):
    """Cosine of x radians within 2e-7 absolute for |x| up to 1e4; in -1 .. 1 beyond, NaN at infinity."""
    return _sinusoid(x, np.int32(1))


def tanh_constants(scale):
    """The constants by which `scaled_tanh` gives tanh(scale * x)."""
    constants = (
        5.9 / scale,  # where the fraction is exactly 1
        -0.0001530267899451677 * scale**3,
        0.0692519100120803 * scale,
        5.204442066844105 / scale,
        62.15962520533075 / scale**3,
        29.48672451416671 / scale**2,
        66.78859930331595 / scale**4,
    )
    return tuple(np.float32(c) for c in constants)


def scaled_tanh(x, constants):
    """tanh(scale * x) within 1.6e-5 absolute; odd, and exactly 1 from scale * x = 5.9 on.

    A rational function x P(x²) / Q(x²) with P cubic and Q quadratic, divided out to need the fewest multiplications.
    """
    limit, a, b, c, d, e, f = constants
    x = clamp(x, -limit, limit)
    s = x * x
    return x * ((a * s + b) + (c * s + d) / ((s + e) * s + f))


_TANH = tanh_constants(1.0)


def tanh(x):
    """Hyperbolic tangent; see `scaled_tanh`."""
    return scaled_tanh(x, _TANH)
