"""Distance and assignment, held against plain Python that does them one by one.

Weights are multiples of 1/8 and coefficients are powers of two, so that every sum is exact.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes.kernels.parallel import get_threads, set_threads
from genomes.population import Population
from neat.params import NEATParams
from neat.speciation import adapt_threshold, speciate
from tests.speciation_cases import clusters, genome_of


def naive_distance(a: dict[int, float], b: dict[int, float], params: NEATParams) -> float:
    last_a, last_b = max(a, default=-1), max(b, default=-1)
    excess = sum(i > last_b for i in a) + sum(i > last_a for i in b)
    matching = a.keys() & b.keys()
    disjoint = len(a) + len(b) - 2 * len(matching) - excess
    larger = max(len(a), len(b))
    n = larger if larger >= params.small_genome else 1
    mean = sum(abs(a[i] - b[i]) for i in matching) / len(matching) if matching else 0.0
    return (
        params.excess_coefficient * excess / n
        + params.disjoint_coefficient * disjoint / n
        + params.weight_coefficient * mean
    )


def naive_speciate(genomes, representatives, params, threshold):
    kept, species, founders = list(representatives), [], []
    for p, genome in enumerate(genomes):
        near = [s for s, r in enumerate(kept) if naive_distance(genome, r, params) < threshold]
        if not near:
            near = [len(kept)]
            kept.append(genome)
            founders.append(p)
        species.append(near[0])
    return species, founders


weights = st.integers(-16, 16).map(lambda n: n / 8)
genes = st.dictionaries(st.integers(0, 12), weights, max_size=8)


def test_a_genome_counts_as_small_below_the_given_size():
    population = Population.of([genome_of(dict.fromkeys(range(n), 0.0)) for n in (4, 3)])
    assert speciate(population, None, NEATParams(small_genome=4), 0.3)[0].tolist() == [0, 0]
    assert speciate(population, None, NEATParams(small_genome=5), 0.3)[0].tolist() == [0, 1]


@settings(max_examples=150, deadline=None)
@given(
    genomes=st.lists(genes, min_size=1, max_size=40),
    representatives=st.lists(genes, max_size=5),
    excess=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    disjoint=st.sampled_from([0.5, 1.0]),
    small=st.sampled_from([1, 4, 100]),
    threshold=st.sampled_from([0.0, 0.3, 0.71, 1.1, 2.3, 5.2]),
)
def test_assignment_is_first_fit_in_index_order(genomes, representatives, excess, disjoint, small, threshold):
    params = NEATParams(
        excess_coefficient=excess, disjoint_coefficient=disjoint, weight_coefficient=0.25, small_genome=small
    )
    every = [*genomes, *representatives]
    pairs = [naive_distance(a, b, params) for a in genomes for b in every]
    if any(abs(d - threshold) < 1e-5 for d in pairs if threshold):
        return  # float32 and float64 may differ there
    existing = Population.of([genome_of(g) for g in representatives]) if representatives else None
    species, founders = speciate(Population.of([genome_of(g) for g in genomes]), existing, params, threshold)
    expected, expected_founders = naive_speciate(genomes, representatives, params, threshold)
    assert species.tolist() == expected
    assert founders.tolist() == expected_founders
    assert species.dtype == np.int32


@pytest.mark.parametrize("species", [1, 31, 33, 80])
def test_many_species_need_more_than_one_batch(species):
    genomes = clusters(700, species, seed=species)
    params = NEATParams(small_genome=1)
    population = Population.of([genome_of(g) for g in genomes])
    found, founders = speciate(population, None, params, 1.013)
    expected, expected_founders = naive_speciate(genomes, [], params, 1.013)
    assert found.tolist() == expected
    assert founders.tolist() == expected_founders
    again, new = speciate(population, population.select(founders), params, 1.013)
    assert again.tolist() == expected and not len(new)


def test_threads_change_nothing():
    population = Population.of([genome_of(g) for g in clusters(900, 40, seed=1)])
    before = get_threads()
    try:
        outcomes = []
        for threads in (1, 2, 3):
            set_threads(threads)
            species, founders = speciate(population, None, NEATParams(small_genome=1), 1.0)
            outcomes.append((species.tolist(), founders.tolist()))
    finally:
        set_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_threshold_follows_the_target():
    params = NEATParams(target_species=5, threshold_step=0.25)
    assert adapt_threshold(3.0, 9, params) == 3.25
    assert adapt_threshold(3.0, 2, params) == 2.75
    assert adapt_threshold(3.0, 5, params) == 3.0
    assert adapt_threshold(0.25, 2, params) == 0.25
    assert adapt_threshold(3.0, 9, NEATParams(target_species=0)) == 3.0
    assert adapt_threshold(3.0, 9, NEATParams(target_species=50, population=90)) == 3.0
