"""Species on the device are those of the CPU: weights and distances are equal to the last bit."""

import numpy as np
import pytest

from genomes.backend import to_host
from genomes.population import Population
from neat.params import NEATParams
from neat.speciation import speciate
from tests.breeding_cases import varied_population
from tests.speciation_cases import clusters, genome_of


@pytest.mark.parametrize("excess", [1.0, 0.5])
@pytest.mark.parametrize("threshold", [0.0, 0.4, 1e9])
def test_species_equal_the_cpus(excess, threshold, many):
    params = NEATParams(excess_coefficient=excess, small_genome=4)
    population, _ = varied_population(12 * many, 6)
    existing = population.select([5, 2, 9])
    for representatives in (None, existing):
        expected = speciate(population, representatives, params, threshold)
        there = representatives.to("cuda") if representatives is not None else None
        found = speciate(population.to("cuda"), there, params, threshold)
        np.testing.assert_array_equal(to_host(found[0]), expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
        assert to_host(found[0]).dtype == np.int32


def test_more_species_than_lanes_and_windows(many):
    params, genomes = NEATParams(small_genome=1), clusters(70 * many, 60, seed=3)
    population = Population.of([genome_of(g) for g in genomes])
    species, founders = speciate(population, None, params, 1.013)
    found, new = speciate(population.to("cuda"), None, params, 1.013)
    assert len(founders) > 32
    np.testing.assert_array_equal(to_host(found), species)
    np.testing.assert_array_equal(new, founders)
    again, none = speciate(population.to("cuda"), population.select(founders).to("cuda"), params, 1.013)
    np.testing.assert_array_equal(to_host(again), species)
    assert not len(none)


def test_genomes_without_genes():
    population = Population.of([genome_of({}) for _ in range(4)])
    species, founders = speciate(population.to("cuda"), None, NEATParams(), 1.0)
    assert to_host(species).tolist() == [0, 0, 0, 0] and founders.tolist() == [0]
