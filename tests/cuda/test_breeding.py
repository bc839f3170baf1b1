"""Children bred on the device are those that the CPU breeds, bit for bit, and the registry learns the same."""

import numpy as np
import pytest

from genomes.backend import to_device, to_host
from neat.breeding import breed
from neat.innovations import Innovations
from tests.breeding_cases import (
    CONTINUOUS,
    RESTLESS,
    STILL,
    changed,
    contrary_population,
    random_matings,
    varied_population,
)
from tests.cuda.cases import assert_same_population

CASES = {
    "restless": RESTLESS,
    "still": STILL,
    "continuous": CONTINUOUS,
    "recurrent": changed(RESTLESS, mode="synchronous", weight_mutation_rule="severe-or-mild"),
    "constant": changed(RESTLESS, bias_input=1.0, equal_fitness_genes="shorter", exclusive_mutation=True),
    "growing": changed(RESTLESS, add_node=1.0, add_connection=1.0, delete_node=0.0, delete_connection=0.0),
    "uniform": changed(RESTLESS, weight_perturbation="uniform", weight_init="uniform", prune_dangling=False),
}


def assert_same_registry(found, expected):
    found, expected = found.arrays(), expected.arrays()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_generations_equal_the_cpus(params, many):
    rng = np.random.default_rng(1)
    population, innovations = varied_population(6 * many, 4, params=params)
    there, registry = population.to("cuda"), Innovations.from_arrays(innovations.arrays()).to("cuda")
    for generation in range(2):
        pairs = random_matings(rng, len(population), len(population))
        population = breed(population, pairs, params, innovations, 5, generation)
        there = breed(there, pairs.to("cuda"), params, registry, 5, generation)
        assert_same_population(there, population)
        assert_same_registry(registry, innovations)


def test_parents_of_contrary_orders():
    population, innovations = contrary_population(6)
    pairs = random_matings(np.random.default_rng(2), 6, 9)
    pairs.equal[:] = True
    expected = breed(population, pairs, RESTLESS, Innovations.from_arrays(innovations.arrays()), 1, 1)
    found = breed(population.to("cuda"), pairs.to("cuda"), RESTLESS, innovations.to("cuda"), 1, 1)
    assert_same_population(found, expected)


def test_a_registry_grows(many):
    """Over and over the same keys and new ones: numbers stay those of the registry on the CPU."""
    rng, changes = np.random.default_rng(3), []
    for _ in range(3):
        rows = np.full((20 * many, 13), -1, np.int32)
        split, link = rng.random((2, len(rows))) < 0.6
        rows[split, 1] = rng.integers(0, 9, split.sum())
        rows[split, 2] = rng.integers(0, 3, split.sum())
        rows[split, 3], rows[split, 4] = rows[split, 1] % 3, rows[split, 1] // 3 + 3
        rows[link, 7], rows[link, 8] = rng.integers(0, 12, (2, link.sum()))
        changes.append(rows)
    _, innovations = varied_population(3, 0)
    registry = Innovations.from_arrays(innovations.arrays()).to("cuda")
    for rows in changes:
        expected, found = rows.copy(), to_device(rows.copy())
        innovations.number(expected)
        assert (expected[:, 9:] >= 0).any()
        registry.number(found)
        np.testing.assert_array_equal(to_host(found), expected)
        assert_same_registry(registry, innovations)
