"""Activation and aggregation functions, compiled, against double precision."""

import math

import numpy as np
import pytest

from genomes import functions
from genomes.check import check_genome
from genomes.dense import MLP
from genomes.functions import elementary, table
from genomes.initial import initial_population
from genomes.kernels.binding import Kernel

SPECIAL = np.array([0.0, -0.0, 1.0, -1.0, 1e-45, 3.4e38, -3.4e38, np.inf, -np.inf, np.nan], np.float32)
SWEEP = np.concatenate([np.linspace(-100, 100, 400_001), np.linspace(-1, 1, 200_001)]).astype(np.float32)


def clip(x, limit):
    return np.clip(x, -limit, limit)


# Definitions of neat-python 2.1 in float64, and our additions.
REFERENCE = {
    "identity": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-clip(5 * x, 60))),
    "tanh": lambda x: np.tanh(clip(2.5 * x, 60)),
    "sin": lambda x: np.sin(clip(5 * x, 60)),
    "gauss": lambda x: np.exp(-5 * clip(x, 3.4) ** 2),
    "relu": lambda x: np.maximum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "lelu": lambda x: np.where(x > 0, x, 0.005 * x),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    "softplus": lambda x: 0.2 * np.log1p(np.exp(clip(5 * x, 60))),
    "clamped": lambda x: clip(x, 1),
    "inv": lambda x: np.divide(1, x, where=x != 0, out=np.zeros_like(x)),
    "log": lambda x: np.log(np.maximum(x, 1e-7)),
    "exp": lambda x: np.exp(clip(x, 60)),
    "abs": np.abs,
    "hat": lambda x: np.maximum(0, 1 - np.abs(x)),
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    "sigmoid-steep": lambda x: 1 / (1 + np.exp(-clip(4.9 * x, 60))),
    "gelu": lambda x: x / 2 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "silu": lambda x: x / (1 + np.exp(-clip(x, 700))),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "step": lambda x: np.where(x > 0, 1.0, 0.0),
}
BUILT_IN = list(REFERENCE)


def apply(function, x):
    """The compiled function over an array; also checks the type that it returns."""

    def loop(x, y):
        for i in range(x.shape[0]):
            y[i] = function(x[i])

    y = np.empty_like(x)
    kernel = Kernel(loop)
    kernel(x, y)
    return y


@pytest.fixture(scope="module")
def activated():
    """Every activation over the sweep and the special values, by the generated switch: code, x -> y."""

    def loop(codes, x, y):
        for k in range(codes.shape[0]):
            for i in range(x.shape[0]):
                y[k, i] = activate(codes[k], x[i])

    activate = functions.activation_switch()
    codes = np.array([functions.activation_code(name) for name in BUILT_IN], np.uint8)
    x = np.concatenate([SWEEP, SPECIAL])
    y = np.empty((len(codes), len(x)), np.float32)
    Kernel(loop)(codes, x, y)
    return dict(zip(BUILT_IN, y, strict=True))


def test_every_built_in_has_a_reference():
    assert {name for name, code in functions.ACTIVATIONS.items() if code < 128} == set(BUILT_IN)


def test_codes_are_fixed():
    assert [functions.activation_code(name) for name in BUILT_IN] == list(range(len(BUILT_IN)))
    assert list(functions.AGGREGATIONS) == ["sum", "product", "min", "max", "mean", "median", "maxabs"]
    assert list(functions.AGGREGATIONS.values()) == list(range(7))


@pytest.mark.parametrize("name", BUILT_IN)
def test_activation_values(name, activated):
    expected = REFERENCE[name](SWEEP.astype(np.float64))
    tolerance = {"tanh": (5e-5, 0), "gelu": (6e-4, 1e-6)}.get(name, (4e-6, 3e-6))
    np.testing.assert_allclose(activated[name][: len(SWEEP)], expected, atol=tolerance[0], rtol=tolerance[1])


@pytest.mark.parametrize("name", BUILT_IN)
def test_activation_of_special_values(name, activated):
    found = activated[name][len(SWEEP) :]
    assert np.isnan(found[-1]), "NaN must stay NaN"
    assert not np.isnan(found[:-1]).any()
    with np.errstate(all="ignore"):
        expected = REFERENCE[name](SPECIAL[:7].astype(np.float64)).astype(np.float32)
    np.testing.assert_allclose(found[:7], expected, atol=6e-4 if name == "gelu" else 5e-5, rtol=1e-5)


@pytest.mark.parametrize("name", BUILT_IN)
def test_activation_returns_float32(name):
    import numba

    kernel = Kernel(functions.activation_function(name))
    kernel(np.float32(0.5))
    (signature,) = kernel.compiled.nopython_signatures
    assert signature.return_type == numba.float32


def test_undecorated_functions_agree_with_compiled_ones(activated):
    rows = np.arange(0, len(SWEEP), 20_011)
    for name in BUILT_IN:
        with np.errstate(all="ignore"):
            plain = [functions.activation_function(name)(SWEEP[i]) for i in rows]
        assert all(isinstance(value, np.float32) for value in plain)
        np.testing.assert_array_equal(np.array(plain), activated[name][rows])


@pytest.mark.parametrize(("function", "scale"), [(elementary.tanh, 1.0), (functions.activation_function("tanh"), 2.5)])
def test_tanh_over_all_floats(function, scale):
    """Every 997th float32 from 0 to infinity, both signs, and every one around the point where it becomes 1."""
    top = int(np.float32(np.inf).view(np.int32))
    saturation = int(np.float32(5.9 / scale).view(np.int32))
    patterns = np.concatenate([np.arange(0, top, 997), np.arange(saturation - 5000, saturation + 5000), [top]])
    x = patterns.astype(np.int32).view(np.float32)
    y = apply(function, x)
    assert np.abs(y - np.tanh(scale * x.astype(np.float64))).max() < 1.6e-5
    assert y.max() <= np.nextafter(np.float32(1), np.float32(2))
    assert y[-1] == 1.0
    np.testing.assert_array_equal(apply(function, -x), -y)
    assert np.isnan(apply(function, np.array([np.nan], np.float32))).all()


def test_sine_and_cosine():
    x = np.concatenate([np.linspace(-1e4, 1e4, 1_000_001), np.linspace(-7, 7, 200_001)]).astype(np.float32)
    assert np.abs(apply(elementary.sin, x) - np.sin(x.astype(np.float64))).max() < 2e-7
    assert np.abs(apply(elementary.cos, x) - np.cos(x.astype(np.float64))).max() < 2e-7
    huge = np.float32(10.0) ** np.linspace(4, 38, 10_001, dtype=np.float32)
    assert np.abs(apply(elementary.sin, huge)).max() <= 1.0
    assert np.isnan(apply(elementary.cos, np.array([np.inf, np.nan], np.float32))).all()


def test_exponential_and_logarithm():
    x = np.linspace(-87, 88.7, 500_001).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    assert np.abs(apply(elementary.exp, x) / exact - 1).max() < 2e-7
    edges = np.array([-np.inf, -200, 89, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(apply(elementary.exp, edges), np.array([0, 0, np.inf, np.inf, np.nan], np.float32))

    y = np.concatenate([exact, np.linspace(0.5, 2, 500_001)]).astype(np.float32)
    y = y[y != 1]
    assert np.abs(apply(elementary.log, y) / np.log(y.astype(np.float64)) - 1).max() < 4e-7
    edges = np.array([0, -1, np.inf, -np.inf, np.nan, 1], np.float32)
    expected = np.array([-np.inf, np.nan, np.inf, np.nan, np.nan, 0], np.float32)
    np.testing.assert_array_equal(apply(elementary.log, edges), expected)


def test_unknown_names_and_codes():
    with pytest.raises(ValueError, match=r"unknown activation 'tahn'.*tanh"):
        functions.activation_code("tahn")
    with pytest.raises(ValueError, match=r"unknown aggregation 'average'"):
        functions.aggregation_code("average")
    with pytest.raises(ValueError, match="no activation function has code 99"):
        functions.activation_name(99)
    assert functions.activation_name(functions.activation_code("hat")) == "hat"
    assert functions.aggregation_name(functions.aggregation_code("median")) == "median"


@pytest.fixture
def own_table(monkeypatch):
    """A table that forgets what the test registers."""
    monkeypatch.setattr(table, "ACTIVATIONS", functions.ACTIVATIONS)
    before, known = dict(functions.ACTIVATIONS), dict(table._functions)
    yield
    for current, saved in ((functions.ACTIVATIONS, before), (table._functions, known)):
        current.clear()
        current.update(saved)
    table._switches.clear()


def test_registering_and_replacing(own_table):
    code = functions.register_activation("double", lambda x: 2.0 * x)
    assert functions.activation_code("double") == code >= 128
    switch = functions.activation_switch()
    assert switch(code, np.float32(3)) == 6
    assert functions.register_activation("double", lambda x: x + x + 1) == code
    assert functions.activation_switch() is not switch
    assert functions.activation_switch()(code, np.float32(3)) == 7
    assert functions.register_activation("third", lambda x: x / 3) == code + 1


def test_registering_refuses(own_table):
    before = dict(functions.ACTIVATIONS)
    with pytest.raises(ValueError, match="'tanh' is built in"):
        functions.register_activation("tanh", lambda x: x)
    with pytest.raises(TypeError, match="must take one argument"):
        functions.register_activation("two", lambda x, y: x)
    with pytest.raises(TypeError, match=r"'text' .*test_functions.py:\d+\) cannot be compiled"):
        functions.register_activation("text", lambda x: "text"[x])
    with pytest.raises(TypeError, match="must return a number"):
        functions.register_activation("pair", lambda x: (x, x))
    with pytest.raises(TypeError, match="plain Python function"):
        functions.register_activation("built-in", math.tanh)
    assert before == functions.ACTIVATIONS


def test_a_function_that_is_known_by_name_only_is_never_computed(own_table):
    code = functions.declare_activation("own-elsewhere")
    assert functions.declare_activation("own-elsewhere") == functions.activation_code("own-elsewhere") == code
    assert functions.activation_name(code) == "own-elsewhere" and "own-elsewhere" not in functions.ACTIVATIONS
    assert functions.declare_activation("tanh") == functions.activation_code("tanh")
    genome = initial_population(1, 2, 1, activations=[code]).genome(0)
    check_genome(genome)
    for compute in (genome.network, lambda: MLP((2, 1), output_activation="own-elsewhere")):
        with pytest.raises(functions.UnknownFunction, match="'own-elsewhere' is known here by its name only"):
            compute()
    assert functions.register_activation("own-elsewhere", lambda x: x - 7) == code
    assert genome.network()([0.0, 0.0]) == genome.bias[2] - 7
