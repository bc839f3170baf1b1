"""The readout in closed form against numpy's least squares, genome by genome."""

import dataclasses

import numpy as np
import pytest

from envs.readout import ridge_readout
from envs.supervised import Rows
from genomes.forward import forward
from genomes.functions import activation_code, aggregation_code
from genomes.initial import initial_population
from genomes.networks import compile_population, write_back
from tests.breeding_cases import STILL, changed, varied_population

GROWING = changed(STILL, add_node=0.5, add_connection=0.6, output_activation="identity", weight_mutation=0.8)


def grown(inputs=3, outputs=2):
    """Different genomes with hidden nodes, outputs without activation."""
    return varied_population(
        12, 8, params=GROWING, inputs=inputs, outputs=outputs, output_activation=activation_code("identity")
    )[0]


def rows(outputs=2, seed=1):
    rng = np.random.default_rng(seed)
    return Rows(rng.normal(size=(60, 3)).astype(np.float32), rng.normal(size=(60, outputs)).astype(np.float32))


def test_a_linear_network_finds_the_line():
    X = rows().X
    y = (X @ np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 3.0]]) + [4.0, -2.0]).astype(np.float32)
    population = initial_population(3, 3, 2, activations=(activation_code("identity"),), seed=2)
    solved = ridge_readout(compile_population(population), Rows(X, y), penalty=0.0)
    np.testing.assert_allclose(forward(solved, X), np.broadcast_to(y, (3, 60, 2)), atol=1e-4)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", [0.3, 20.0])
def test_weights_are_those_of_ridge_regression(penalty, weighted):
    population, data = grown(), rows()
    weight = np.random.default_rng(3).uniform(0, 2, 60).astype(np.float32) if weighted else np.ones(60, np.float32)
    data = dataclasses.replace(data, weight=weight if weighted else None)
    networks = compile_population(population, genes=True)
    genomes = write_back(population, ridge_readout(networks, data, penalty=penalty))
    for before, after in zip(population, genomes, strict=True):
        for k in range(2):
            links = np.flatnonzero((before.target == 3 + k) & before.enabled)
            values = values_of(before, before.source[links], data.X)
            H = np.column_stack((values, np.ones(60))) * np.sqrt(weight)[:, None]
            ridge = np.diag([penalty] * len(links) + [0.0])
            expected = np.linalg.solve(H.T @ H + ridge, H.T @ (data.y[:, k] * np.sqrt(weight)))
            found = [*after.weight[links], after.bias[3 + k]]
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
        inner = ~np.isin(before.target, (3, 4))
        np.testing.assert_array_equal(before.weight[inner], after.weight[inner])


def values_of(genome, nodes, X):
    """Values [R, nodes], by making each node in turn the source of a lone, linear output."""
    columns = []
    for node in nodes:
        at = np.isin(genome.target, (3, 4))
        weight, enabled = genome.weight.copy(), genome.enabled.copy()
        enabled[at] = False
        first = np.flatnonzero(at & (genome.source == node) & genome.enabled)[:1]
        weight[first], enabled[first] = 1.0, True
        bias = genome.bias.copy()
        bias[3:5] = 0.0
        alone = dataclasses.replace(genome, weight=weight, enabled=enabled, bias=bias)
        columns.append(alone.network()(X)[:, genome.target[first[0]] - 3])
    return np.column_stack(columns)


def test_classes_become_signs_and_are_told_apart():
    X = np.random.default_rng(1).normal(size=(90, 2)).astype(np.float32)
    for outputs, labels in ((1, X[:, 0] > 0.2), (3, np.digitize(X[:, 0], [-0.5, 0.5]))):
        population = initial_population(2, 2, outputs, activations=(activation_code("identity"),))
        data = Rows(X, labels.astype(np.int32))
        logits = forward(ridge_readout(compile_population(population), data, 3, 0.1), X)
        found = logits[..., 0] > 0 if outputs == 1 else logits.argmax(axis=2)
        assert (found == labels).mean() > (0.9 if outputs == 1 else 0.7)


def test_what_cannot_be_solved_stays():
    data = rows()
    for codes in ({"aggregations": (aggregation_code("max"),)}, {"topology": "unconnected"}):
        population = initial_population(2, 3, 2, **codes)
        networks = compile_population(population)
        solved = ridge_readout(networks, data)
        np.testing.assert_array_equal(solved.weight, networks.weight)
    np.testing.assert_allclose(solved.bias.reshape(2, 2), np.tile(data.y.mean(axis=0), (2, 1)), rtol=1e-5)
    with pytest.raises(ValueError, match="penalty"):
        ridge_readout(networks, data, penalty=-1.0)
    with pytest.raises(ValueError, match="feed-forward"):
        ridge_readout(compile_population(population, "synchronous"), data)
