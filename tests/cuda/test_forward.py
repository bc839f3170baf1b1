"""Forward on the device against the naive oracle and the CPU."""

import gc
import random
from dataclasses import replace

import numpy as np
import pytest

from genomes import forward_cuda
from genomes.backend import DeviceError, check_device
from genomes.forward import forward, forward_each, initial_state
from genomes.functions import ACTIVATIONS, AGGREGATIONS, activation_function, register_activation
from genomes.kernels import columns_cuda
from genomes.networks import MODES, compile_population
from genomes.population import Population
from tests import reference

NAMES = {code: name for name, code in AGGREGATIONS.items()}
EVERY = tuple(code for code in ACTIVATIONS.values() if code < 128)


def population(count, seed=1, **shape):
    shape = dict(activations=EVERY, aggregations=tuple(AGGREGATIONS.values())) | shape
    return reference.random_population(random.Random(seed), count, **shape)


def rows(count, inputs=3):
    return np.random.default_rng(1).standard_normal((count, inputs)).astype(np.float32)


def assert_nearly_all_close(found, expected):
    """Where functions have steps or poles, a difference in the last digit may become any difference: rarely."""
    close = np.isclose(found, expected, rtol=1e-4, atol=1e-4, equal_nan=True)
    assert close.all() if close.size < 10_000 else close.mean() > 0.999


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bias_input", [None, 0.5])
@pytest.mark.filterwarnings("ignore")
def test_agrees_with_the_oracle(mode, bias_input):
    pytest.importorskip("networkx")
    smooth = tuple(ACTIVATIONS[name] for name in ("tanh", "sigmoid", "softplus", "gauss", "identity", "softsign"))
    shape = dict(num_inputs=3 + (bias_input is not None), bias_input=bias_input) | reference.dynamics(mode)
    pop = population(3, activations=smooth, **shape)
    X = rows(5)
    found = forward(compile_population(pop, mode, "cuda", 2), X)
    functions = {code: activation_function(name) for name, code in ACTIVATIONS.items()}
    for p in range(len(pop)):
        network = reference.ReferenceNetwork(pop.genome(p), mode, functions, NAMES, 2)
        for r, row in enumerate(X):
            network.reset()
            expected = network([*row, *([bias_input] if bias_input is not None else [])])
            np.testing.assert_allclose(found[p, r], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", MODES)
def test_agrees_with_the_cpu(mode, many):
    pop = population(17 * many, **reference.dynamics(mode))
    X = rows(9 * many)
    cpu = forward(compile_population(pop, mode, activations_per_step=2), X)
    found = forward(compile_population(pop, mode, "cuda", 2), X)
    assert found.dtype == np.float32
    assert_nearly_all_close(found, cpu)


def test_the_same_on_every_run(many):
    networks = compile_population(population(5 * many), "feedforward", "cuda")
    np.testing.assert_array_equal(forward(networks, rows(7)), forward(networks, rows(7)))
    again = replace(networks, weight=networks.weight * np.float32(2.0))  # other weights are another upload
    assert not np.array_equal(forward(again, rows(7)), forward(networks, rows(7)))


@pytest.mark.parametrize("mode", MODES)
def test_a_row_for_each_network(mode, many):
    """Two steps, so that the state of the first matters."""
    cpu = compile_population(population(9 * many, **reference.dynamics(mode)), mode, activations_per_step=2)
    device, X = replace(cpu, device="cuda"), rows(9 * many)
    expected_state, state = initial_state(cpu), initial_state(cpu)
    for _ in range(2):
        expected, found = forward_each(cpu, X, expected_state), forward_each(device, X, state)
        assert_nearly_all_close(found, expected)
        assert_nearly_all_close(state, expected_state)
    assert (np.abs(state).sum() > 0) == cpu.recurrent


def test_arrays_cross_once_and_leave_with_their_host():
    gc.collect()  # what other tests left
    networks = compile_population(population(3), "feedforward", "cuda")
    before = len(forward_cuda._resident)
    forward(networks, rows(2))
    held = len(forward_cuda._resident)
    forward(networks, rows(2))
    assert held > before and len(forward_cuda._resident) == held
    other = replace(networks, weight=networks.weight + np.float32(1.0))
    forward(other, rows(2))
    assert len(forward_cuda._resident) == held + 1
    del networks, other
    assert len(forward_cuda._resident) == before


def test_columns_in_global_memory_give_the_same(monkeypatch):
    networks = compile_population(population(4), "feedforward", "cuda")
    expected = forward(networks, rows(6))
    monkeypatch.setattr(columns_cuda, "_SHARED", 0)
    np.testing.assert_array_equal(forward(networks, rows(6)), expected)


def test_outputs_that_do_not_fit_the_device_come_in_parts(monkeypatch):
    networks = compile_population(population(5), "feedforward", "cuda")
    expected = forward(networks, rows(6))
    monkeypatch.setattr(forward_cuda, "_OUTPUTS", 2 * 6 * networks.num_outputs)
    np.testing.assert_array_equal(forward(networks, rows(6)), expected)


def test_a_network_larger_than_shared_memory():
    genome = reference.random_genome(random.Random(1), num_hidden=1600, density=0.003, recurrent=True)
    networks = compile_population(Population.of([genome]), "synchronous", "cuda")
    assert not columns_cuda.room(networks.max_slots, 3).in_shared
    expected = forward(replace(networks, device="cpu"), rows(3))
    np.testing.assert_allclose(forward(networks, rows(3)), expected, rtol=1e-4, atol=1e-4)


def test_activations_of_the_user():
    code = register_activation("cuda-test", lambda x: x * np.float32(0.5) + np.float32(1.0))
    try:
        pop = population(3, activations=(code,))
        found = forward(compile_population(pop, "feedforward", "cuda"), rows(4))
        np.testing.assert_allclose(found, forward(compile_population(pop), rows(4)), rtol=1e-5, atol=1e-5)
    finally:
        del ACTIVATIONS["cuda-test"]


def test_no_rows_and_no_networks():
    networks = compile_population(population(2), "feedforward", "cuda")
    assert forward(networks, rows(0)).shape == (2, 0, 2)
    check_device("cuda")
    with pytest.raises(ValueError, match="device must be"):
        check_device("gpu")
    assert issubclass(DeviceError, RuntimeError)
