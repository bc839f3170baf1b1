"""Forward evaluation against the naive oracle."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import functions
from genomes.forward import forward, forward_each, initial_state
from genomes.kernels.parallel import get_threads, set_threads
from genomes.networks import MODES, compile_population
from tests import reference

ACTIVATIONS = {code: functions.activation_function(name) for name, code in functions.ACTIVATIONS.items() if code < 128}
AGGREGATIONS = {code: name for name, code in functions.AGGREGATIONS.items()}
SMOOTH = tuple(functions.activation_code(name) for name in ("tanh", "sigmoid", "sin", "gauss", "clamped", "identity"))


def population(count, seed=1, **shape):
    shape = dict(aggregations=tuple(AGGREGATIONS), activations=SMOOTH) | shape
    return reference.random_population(random.Random(seed), count, **shape)


def oracle(genomes, mode, X, *how):
    """Outputs [P, R, O] in plain Python, each row from state 0."""
    outputs = []
    for genome in genomes:
        network = reference.ReferenceNetwork(genome, mode, ACTIVATIONS, AGGREGATIONS, *how)
        for row in X:
            network.reset()
            outputs.append(network(row))
    return np.array(outputs).reshape(len(genomes), len(X), -1)


def data(rows, columns, seed=1):
    return np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("outputs", [1, 2, 4, 5])
def test_against_the_oracle(mode, outputs):
    genomes = population(20, num_outputs=outputs, num_hidden=7, **reference.dynamics(mode))
    X = data(130, 3)
    found = forward(compile_population(genomes, mode), X)
    assert found.dtype == np.float32
    checked = [0, 1, 63, 127, 128, 129]
    np.testing.assert_allclose(found[:, checked], oracle(genomes, mode, X[checked]), atol=5e-4)


@pytest.mark.parametrize("mode", MODES[1:])
def test_activations_per_step(mode):
    genomes = population(10, bias_input=0.5, **reference.dynamics(mode))
    networks, X = compile_population(genomes, mode, activations_per_step=3), data(3, 3 - 1)
    np.testing.assert_allclose(forward(networks, X), oracle(genomes, mode, X, 3), atol=5e-4)


@pytest.mark.parametrize("name", [name for name, code in functions.ACTIVATIONS.items() if code < 128])
def test_every_activation(name):
    genomes = population(5, num_hidden=0, activations=(functions.activation_code(name),), aggregations=(0,))
    X = data(65, 3)
    networks = compile_population(genomes)
    found = forward(networks, X)
    np.testing.assert_allclose(found, oracle(genomes, "feedforward", X), atol=1e-4, rtol=1e-4)
    rows = np.array([forward_each(networks, np.repeat(X[r : r + 1], 5, 0)) for r in range(3)])
    np.testing.assert_array_equal(found[:, :3], rows.transpose(1, 0, 2))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rows", [1, 63, 64, 65, 128, 1000, 1025])
def test_a_row_does_not_depend_on_its_place(mode, rows):
    """Blocks, tails and the scalar kernel give the same bits."""
    genomes = population(17, num_hidden=6, **reference.dynamics(mode))
    networks, X = compile_population(genomes, mode), data(rows, 3)
    found = forward(networks, X)
    assert found.shape == (17, rows, 2)
    for r in {0, rows // 2, rows - 1}:
        np.testing.assert_array_equal(found[:, r], forward_each(networks, np.repeat(X[r : r + 1], 17, 0)))
    np.testing.assert_array_equal(forward(networks, X[::-1])[:, ::-1], found)


def test_threads_do_not_change_results():
    genomes = population(300, num_hidden=10)
    networks, X = compile_population(genomes), data(1100, 3)
    each = data(300, 3)
    before = get_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            set_threads(threads)
            results.append((forward(networks, X), forward_each(networks, each)))
    finally:
        set_threads(before)
    for block, row in results[1:]:
        np.testing.assert_array_equal(block, results[0][0])
        np.testing.assert_array_equal(row, results[0][1])


@pytest.mark.parametrize("mode", MODES[1:])
def test_state_lives_from_step_to_step(mode):
    genomes = population(12, num_hidden=5, **reference.dynamics(mode))
    networks, steps = compile_population(genomes, mode), data(6, 3)
    oracles = [reference.ReferenceNetwork(g, mode, ACTIVATIONS, AGGREGATIONS) for g in genomes]
    state = initial_state(networks)
    for x in steps:
        found = forward_each(networks, np.repeat(x[None], 12, 0), state)
        np.testing.assert_allclose(found, [network(x) for network in oracles], atol=2e-3)


def test_infinite_and_missing_inputs_reach_only_their_row():
    genomes = population(8, activations=(functions.activation_code("tanh"),), aggregations=(0,), density=1.0)
    networks, X = compile_population(genomes), data(70, 3)
    broken = X.copy()
    broken[5], broken[66] = np.nan, np.inf
    clean, found = forward(networks, X), forward(networks, broken)
    assert np.isnan(found[:, 5]).any()
    others = np.setdiff1d(np.arange(70), [5, 66])
    np.testing.assert_array_equal(found[:, others], clean[:, others])


@pytest.mark.parametrize("name", AGGREGATIONS.values())
def test_aggregation_of_nothing_is_zero_and_nan_is_seen(name):
    code = functions.aggregation_code(name)
    genomes = population(4, num_hidden=0, density=1.0, activations=(0,), aggregations=(code,))
    none = replace(genomes, enabled=np.zeros_like(genomes.enabled))
    X = data(3, 3)
    outputs = forward(compile_population(none), X)
    bias = np.stack([g.bias[3:5] for g in genomes])
    np.testing.assert_array_equal(outputs, np.repeat(bias[:, None], 3, 1))

    every = replace(genomes, enabled=np.ones_like(genomes.enabled))
    for column in range(3):
        Z = X.copy()
        Z[1, column] = np.nan
        found = forward(compile_population(every), Z)
        assert np.isnan(found[:, 1]).all()
        assert np.isfinite(found[:, [0, 2]]).all()


def test_nothing_to_do():
    networks = compile_population(population(3))
    assert forward(networks, np.empty((0, 3))).shape == (3, 0, 2)
    assert forward_each(compile_population(population(3).select([])), np.empty((0, 3))).shape == (0, 2)
    assert forward(compile_population(population(3).select([])), np.zeros((4, 3))).shape == (0, 4, 2)


def test_inputs_are_converted():
    networks, X = compile_population(population(3)), data(10, 3)
    expected = forward(networks, X)
    for same in (X.astype(np.float64), X.tolist(), np.asfortranarray(X), np.repeat(X, 2, 1)[:, ::2]):
        np.testing.assert_array_equal(forward(networks, same), expected)


def test_wrong_shapes():
    networks = compile_population(population(3))
    with pytest.raises(ValueError, match=r"X must have shape \[rows, 3\], got \[4, 2\]"):
        forward(networks, np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"got \[3\]"):
        forward(networks, np.zeros(3))
    with pytest.raises(ValueError, match="a row for each of 3 networks, got 4"):
        forward_each(networks, np.zeros((4, 3)))
    with pytest.raises(ValueError, match="state must be float32"):
        forward_each(networks, np.zeros((3, 3)), np.zeros(1, np.float32))


def test_a_users_function_reaches_both_kernels(monkeypatch):
    code = functions.register_activation("half-square", lambda x: 0.5 * x * x)
    genomes = population(4, num_hidden=3, activations=(code,), aggregations=(0,))
    networks, X = compile_population(genomes), data(66, 3)
    monkeypatch.setitem(ACTIVATIONS, code, lambda x: 0.5 * x * x)
    expected = oracle(genomes, "feedforward", X)
    np.testing.assert_allclose(forward(networks, X), expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(forward_each(networks, X[:4]), expected[range(4), range(4)], rtol=1e-3, atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.integers(1, 3))
def test_continuous_time_for_any_step(seed, time_step, per_step):
    bounded = tuple(functions.activation_code(name) for name in ("tanh", "sigmoid"))
    genomes = population(3, seed, num_hidden=4, aggregations=(0,), activations=bounded, **reference.dynamics("ctrnn"))
    genomes.weight[:] *= np.float32(0.3)  # less feedback: rounding does not grow
    networks = compile_population(genomes, "ctrnn", activations_per_step=per_step, time_step=time_step)
    X, state = data(4, 3, seed), initial_state(networks)
    oracles = [reference.ReferenceNetwork(g, "ctrnn", ACTIVATIONS, AGGREGATIONS, per_step, time_step) for g in genomes]
    for x in X:
        found = forward_each(networks, np.repeat(x[None], 3, 0), state)
        np.testing.assert_allclose(found, [network(x) for network in oracles], atol=2e-3)


def test_continuous_time_at_its_limits():
    """A step far longer than the time constants is the synchronous rule; one far shorter changes nothing. A node
    that is fed a constant reaches it as 1 - exp(-t / time constant), whatever the step."""
    genomes, X = population(9, aggregations=(0,), **reference.dynamics("ctrnn")), data(66, 3)
    slow = compile_population(genomes, "ctrnn", activations_per_step=3, time_step=1e4)
    expected = forward(compile_population(genomes, "synchronous", activations_per_step=3), X)
    np.testing.assert_array_equal(forward(slow, X), expected)
    assert abs(forward(compile_population(genomes, "ctrnn", time_step=1e-9), X)).max() < 1e-6
    alone = population(1, num_hidden=0, density=0.0, activations=(0,), aggregations=(0,), **reference.dynamics("ctrnn"))
    bias, tau = alone.bias[3:], alone.time_constant[3:]
    for steps in (1, 4, 50):
        network = compile_population(alone, "ctrnn", activations_per_step=steps, time_step=2.0 / steps)
        np.testing.assert_allclose(forward(network, X[:1])[0, 0], bias * (1.0 - np.exp(-2.0 / tau)), rtol=1e-4)
