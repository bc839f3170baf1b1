"""Derivatives of the activation functions: scalar float32 functions of the argument x and of the value y there.

Of the functions as they are computed, limits included: where a function is held constant its derivative is 0, and so
it is at a kink on the side that the function takes there. NaN gives NaN or 0.
"""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"

import numpy as np

from genomes.functions import activations, elementary

__all__ = ["DERIVATIVES"]

_cos, _tanh, _sigmoid = elementary.cos, elementary.tanh, activations.sigmoid
_exp = elementary.exp

_ZERO = np.float32(0.0)
_HALF = np.float32(0.5)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)
_THREE = np.float32(3.0)
_TWELVE = np.float32(12.0)  # 60 / 5, the limit of sin and softplus
_SIXTY = np.float32(60.0)
_SIGMOID_SCALE = np.float32(5.0)
_STEEP_SCALE = np.float32(4.9)
_TANH_SCALE = np.float32(2.5)
_GAUSS_LIMIT = np.float32(3.4)
_MINUS_TEN = np.float32(-10.0)
_LEAK = np.float32(0.005)
_SELU_SCALE = np.float32(1.0507009873554805)
_SELU_ALPHA = np.float32(1.0507009873554805 * 1.6732632423543772)
_LOG_LOW = np.float32(1e-7)
_GELU_LOW = np.float32(-10.0)
_GELU_SCALE = np.float32(0.7978845608028654)
_GELU_CUBIC = np.float32(0.044715)
_GELU_SLOPE = np.float32(3 * 0.044715)
_SILU_LOW = np.float32(-104.0)


def identity(x, y):
    """1"""
    return _ONE


def sigmoid(x, y):
    """5 y (1 - y)"""
    return _SIGMOID_SCALE * y * (_ONE - y)


def tanh(x, y):
    """2.5 (1 - y²)"""
    return _TANH_SCALE * (_ONE - y * y)


def sin(x, y):
    """5 cos(5 x)"""
    return _SIGMOID_SCALE * _cos(_SIGMOID_SCALE * x) if abs(x) < _TWELVE else _ZERO


def gauss(x, y):
    """-10 x y"""
    return _MINUS_TEN * x * y if abs(x) < _GAUSS_LIMIT else _ZERO


def relu(x, y):
    """1 above 0, else 0"""
    return _ONE if x > _ZERO else _ZERO


def elu(x, y):
    """1 above 0, else y + 1"""
    return _ONE if x > _ZERO else y + _ONE


def lelu(x, y):
    """1 above 0, else 0.005"""
    return _ONE if x > _ZERO else _LEAK


def selu(x, y):
    """1.0507 above 0, else y + 1.75810"""
    return _SELU_SCALE if x > _ZERO else y + _SELU_ALPHA


def softplus(x, y):
    """1 / (1 + exp(-5 x))"""
    return _sigmoid(x) if abs(x) < _TWELVE else _ZERO


def clamped(x, y):
    """1 within -1 .. 1, else 0"""
    return _ONE if abs(x) < _ONE else _ZERO


def inv(x, y):
    """-y²"""
    return -y * y


def log(x, y):
    """1 / x above 1e-7, else 0"""
    return _ONE / x if x > _LOG_LOW else _ZERO


def exp(x, y):
    """y"""
    return y if abs(x) < _SIXTY else _ZERO


def absolute(x, y):
    """The sign of x"""
    return _ONE if x > _ZERO else (-_ONE if x < _ZERO else _ZERO)


def hat(x, y):
    """Minus the sign of x within -1 .. 1, else 0"""
    return -absolute(x, y) if abs(x) < _ONE else _ZERO


def square(x, y):
    """2 x"""
    return _TWO * x


def cube(x, y):
    """3 x²"""
    return _THREE * x * x


def sigmoid_steep(x, y):
    """4.9 y (1 - y)"""
    return _STEEP_SCALE * y * (_ONE - y)


def gelu(x, y):
    """Of x (1 + tanh(u)) / 2 with u = 0.798 (x + 0.0447 x³)"""
    s = x * x
    t = _tanh(_GELU_SCALE * (x + _GELU_CUBIC * s * x))
    slope = _HALF * (_ONE + t) + _HALF * x * (_ONE - t * t) * _GELU_SCALE * (_ONE + _GELU_SLOPE * s)
    return slope if x > _GELU_LOW else _ZERO


def silu(x, y):
    """s (1 + x - y) with s = 1 / (1 + exp(-x))"""
    return (_ONE + x - y) / (_ONE + _exp(-x)) if x > _SILU_LOW else _ZERO


def softsign(x, y):
    """1 / (1 + |x|)²"""
    below = _ONE / (_ONE + abs(x))
    return below * below


def step(x, y):
    """0"""
    return _ZERO


DERIVATIVES = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "sin": sin,
    "gauss": gauss,
    "relu": relu,
    "elu": elu,
    "lelu": lelu,
    "selu": selu,
    "softplus": softplus,
    "clamped": clamped,
    "inv": inv,
    "log": log,
    "exp": exp,
    "abs": absolute,
    "hat": hat,
    "square": square,
    "cube": cube,
    "sigmoid-steep": sigmoid_steep,
    "gelu": gelu,
    "silu": silu,
    "softsign": softsign,
    "step": step,
}
