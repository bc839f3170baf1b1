"""Activation functions: scalar, float32, total (nothing is raised; NaN gives NaN, so that a failure is seen).

Names, scales and limits are those of neat-python 2.1 (`neat/activations.py`) where it has the function.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.functions import elementary
from genomes.functions.elementary import clamp, scaled_tanh

__all__ = [
    "absolute",
    "clamped",
    "cube",
    "elu",
    "exp",
    "gauss",
    "gelu",
    "hat",
    "identity",
    "inv",
    "lelu",
    "log",
    "relu",
    "selu",
    "sigmoid",
    "sigmoid_steep",
    "silu",
    "sin",
    "softplus",
    "softsign",
    "square",
    "step",
    "tanh",
]

_exp, _log, _sin, _tanh = elementary.exp, elementary.log, elementary.sin, elementary.tanh

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_SIXTY = np.float32(60.0)
_MINUS_SIXTY = np.float32(-60.0)
_SIGMOID_SCALE = np.float32(5.0)
_STEEP_SCALE = np.float32(4.9)
_TANH = elementary.tanh_constants(2.5)
_SIN_SCALE = np.float32(5.0)
_GAUSS_LIMIT = np.float32(3.4)
_GAUSS_SCALE = np.float32(-5.0)
_LEAK = np.float32(0.005)
_SELU_SCALE = np.float32(1.0507009873554805)
_SELU_ALPHA = np.float32(1.0507009873554805 * 1.6732632423543772)
_SOFTPLUS_SCALE = np.float32(5.0)
_SOFTPLUS_UNSCALE = np.float32(0.2)
_LOG_LOW = np.float32(1e-7)
_LARGEST = np.finfo(np.float32).max
_GELU_LOW = np.float32(-10.0)
_GELU_SCALE = np.float32(0.7978845608028654)  # sqrt(2 / pi)
_GELU_CUBIC = np.float32(0.044715)
_SILU_LOW = np.float32(-104.0)


def identity(x):
    """x"""
    return x


def sigmoid(x):
    """1 / (1 + exp(-5 x)), 5 x limited to ±60"""
    return _ONE / (_ONE + _exp(-clamp(_SIGMOID_SCALE * x, _MINUS_SIXTY, _SIXTY)))


def tanh(x):
    """tanh(2.5 x)"""
    return scaled_tanh(x, _TANH)


def sin(x):
    """sin(5 x), 5 x limited to ±60"""
    return _sin(clamp(_SIN_SCALE * x, _MINUS_SIXTY, _SIXTY))


def gauss(x):
    """exp(-5 x²), x limited to ±3.4"""
    x = clamp(x, -_GAUSS_LIMIT, _GAUSS_LIMIT)
    return _exp(_GAUSS_SCALE * x * x)


def relu(x):
    """max(0, x)"""
    return _ZERO if x < _ZERO else x


def elu(x):
    """x above 0, else exp(x) - 1"""
    return x if x > _ZERO else _exp(x) - _ONE


def lelu(x):
    """Leaky ReLU: x above 0, else 0.005 x"""
    return x if x > _ZERO else _LEAK * x


def selu(x):
    """1.0507 times (x above 0, else 1.67326 (exp(x) - 1))"""
    return _SELU_SCALE * x if x > _ZERO else _SELU_ALPHA * (_exp(x) - _ONE)


def softplus(x):
    """0.2 log(1 + exp(5 x)), 5 x limited to ±60"""
    return _SOFTPLUS_UNSCALE * _log(_ONE + _exp(clamp(_SOFTPLUS_SCALE * x, _MINUS_SIXTY, _SIXTY)))


def clamped(x):
    """x limited to -1 .. 1"""
    return clamp(x, -_ONE, _ONE)


def inv(x):
    """1 / x, and 0 at 0"""
    return _ZERO if x == _ZERO else _ONE / x


def log(x):
    """log(max(1e-7, x))"""
    return _log(_LOG_LOW if x < _LOG_LOW else x)


def exp(x):
    """exp(x), x limited to ±60"""
    return _exp(clamp(x, _MINUS_SIXTY, _SIXTY))


def absolute(x):
    """|x|"""
    return abs(x)


def hat(x):
    """max(0, 1 - |x|)"""
    return relu(_ONE - abs(x))


def square(x):
    """x²"""
    return x * x


def cube(x):
    """x³"""
    return x * x * x


def sigmoid_steep(x):
    """1 / (1 + exp(-4.9 x)): the steepened sigmoid of Stanley & Miikkulainen 2002, section 4.1"""
    return _ONE / (_ONE + _exp(-clamp(_STEEP_SCALE * x, _MINUS_SIXTY, _SIXTY)))


def gelu(x):
    """x Φ(x), by its tanh approximation (Hendrycks & Gimpel 2016, section 2)"""
    x = _GELU_LOW if x < _GELU_LOW else x
    return _HALF * x * (_ONE + _tanh(_GELU_SCALE * (x + _GELU_CUBIC * x * x * x)))


def silu(x):
    """x / (1 + exp(-x)), also known as swish"""
    x = _SILU_LOW if x < _SILU_LOW else x
    return x / (_ONE + _exp(-x))


def softsign(x):
    """x / (1 + |x|)"""
    x = clamp(x, -_LARGEST, _LARGEST)
    return x / (_ONE + abs(x))


def step(x):
    """1 above 0, else 0"""
    return _ONE if x > _ZERO else (_ZERO if x <= _ZERO else x)
