"""One genome as a callable."""

import random

import numpy as np
import pytest

from genomes.forward import forward
from genomes.network import Network
from genomes.networks import MODES, compile_population
from genomes.population import Population
from tests import reference


def genome(mode="feedforward", **shape):
    tanh = 2
    shape |= reference.dynamics(mode)
    return reference.random_genome(random.Random(3), activations=(tanh,), density=0.7, **shape)


@pytest.mark.parametrize("mode", MODES)
def test_one_row_and_many(mode):
    g = genome(mode)
    network = g.network(mode)
    X = np.random.default_rng(1).standard_normal((70, 3)).astype(np.float32)
    expected = forward(compile_population(Population.of([g]), mode), X)[0]
    np.testing.assert_array_equal(network(X), expected)
    for x, y in zip(X, expected, strict=True):
        network.reset()
        found = network(x)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, y)


def test_each_call_gives_a_new_array():
    network = genome().network()
    first = network([1.0, 2.0, 3.0])
    kept = first.copy()
    network([3.0, 2.0, 1.0])
    np.testing.assert_array_equal(first, kept)


def test_sequences_and_types():
    network = genome().network()
    expected = network(np.array([1, 0, 2], np.float32))
    for same in ([1, 0, 2], (1.0, 0.0, 2.0), np.array([1, 0, 2]), np.array([1, 0, 2], np.float64)):
        np.testing.assert_array_equal(network(same), expected)


@pytest.mark.parametrize("mode", MODES[1:])
def test_state_and_reset(mode):
    network = genome(mode).network(mode)
    x = [0.5, -1.0, 2.0]
    first, second = network(x), network(x)
    assert not np.array_equal(first, second)
    network(np.zeros((5, 3)))  # a batch leaves the state alone
    third = network(x)
    network.reset()
    for expected in (first, second, third):
        np.testing.assert_array_equal(network(x), expected)


def test_networks_do_not_share_state():
    a, b = (genome("synchronous").network("synchronous") for _ in range(2))
    first = a([1, 1, 1])
    np.testing.assert_array_equal(b([1, 1, 1]), first)


def test_activations_per_step():
    g = genome("synchronous")
    once, thrice = Network(g, "synchronous"), Network(g, "synchronous", activations_per_step=3)
    x = [0.3, 0.2, 0.1]
    once(x), once(x)
    np.testing.assert_array_equal(thrice(x), once(x))


def test_the_constant_input_is_appended():
    g = genome(bias_input=0.5)
    assert g.network().num_inputs == 2
    assert g.network()([1.0, 2.0]).shape == (2,)


def test_wrong_shapes():
    network = genome().network()
    for wrong in ([1.0, 2.0], 1.0, np.zeros((4, 2)), np.zeros((1, 1, 3)), []):
        with pytest.raises(ValueError, match=r"inputs must have shape \[3\] or \[rows, 3\]"):
            network(wrong)
    with pytest.raises(ValueError, match="mode must be one of"):
        Network(genome(), "backwards")
