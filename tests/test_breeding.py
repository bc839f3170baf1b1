"""Breeding as a whole: invariants through long runs, determinism."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neat.breeding
from genomes.kernels.parallel import get_threads, set_threads
from genomes.population import CONNECTION_GENES, NODE_GENES
from neat.breeding import breed
from neat.innovations import Innovations
from neat.reproduction import CLONE
from tests.breeding_cases import RESTLESS, STILL, changed, matings, random_matings, varied_population

probability = st.sampled_from([0.0, 0.1, 1.0])
rates = st.fixed_dictionaries(
    {
        name: probability
        for name in (
            *("weight_mutation", "bias_mutation", "activation_mutation", "toggle_enabled", "reenable", "add_node"),
            *("add_connection", "delete_node", "delete_connection", "keep_disabled"),
        )
    }
    | {"prune_dangling": st.booleans(), "exclusive_mutation": st.booleans()}
    | {"mode": st.sampled_from(["feedforward", "synchronous", "ctrnn"]), "bias_input": st.sampled_from([0.0, 1.0])}
    | {"equal_fitness_genes": st.sampled_from(["random", "shorter"])}
    | {"weight_mutation_rule": st.sampled_from(["constant", "severe-or-mild"])}
    | {"add_connection_tries": st.sampled_from([1, 20])}
)
TOPOLOGIES = [{"topology": "unconnected"}, {"topology": "full"}, {"topology": "fs-neat"}, {"layers": (2, 3)}]


def same(a, b):
    names = ("node_start", "conn_start", *NODE_GENES, *CONNECTION_GENES)
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in names)


def evolve(params, seed, count=12, generations=15, children=None, **initial):
    """The generations of a run with random matings."""
    rng = np.random.default_rng(seed)
    initial = {"topology": "layers"} | initial if "layers" in initial else initial
    population, innovations = varied_population(count, 0, seed, params, **initial)
    for generation in range(generations):
        size = children or len(population)
        population = breed(
            population, random_matings(rng, len(population), size), params, innovations, seed, generation
        )
        yield population, innovations


@settings(max_examples=40, deadline=None)
@given(values=rates, seed=st.integers(0, 2**32), initial=st.sampled_from(TOPOLOGIES), count=st.sampled_from([1, 2, 9]))
def test_every_generation_keeps_the_invariants(values, seed, initial, count):
    params = changed(RESTLESS, **values)
    numbers, ends = {}, {}
    for population, innovations in evolve(params, seed, count, **initial):
        population.check(feed_forward=params.mode == "feedforward")
        assert len(population.time_constant) == (len(population.node_id) if params.mode == "ctrnn" else 0)
        links = zip(population.source.tolist(), population.target.tolist(), population.innovation.tolist(), strict=True)
        for source, target, number in links:
            assert numbers.setdefault((source, target), number) == number
            assert ends.setdefault(number, (source, target)) == (source, target)
        assert population.innovation.max(initial=-1) < innovations.next_innovation
        assert population.node_id.max() < innovations.next_node
        if params.bias_input:
            assert (population.bias == 0).all()


def test_nodes_of_one_id_split_the_same_link():
    *_, (_, innovations) = evolve(RESTLESS, 4, count=60, generations=20)
    arrays = innovations.arrays()
    splits = list(zip(arrays["split_innovation"].tolist(), arrays["split_copy"].tolist(), strict=True))
    assert len(set(splits)) == len(splits) == len(set(arrays["split_node"].tolist()))
    ends = dict(zip(arrays["innovation"].tolist(), zip(arrays["source"], arrays["target"], strict=True), strict=True))
    pairs = {(int(s), int(t)) for s, t in ends.values()}
    for (innovation, copy), node in zip(splits, arrays["split_node"].tolist(), strict=True):
        assert (int(ends[innovation][0]), node) in pairs
        assert (node, int(ends[innovation][1])) in pairs
        assert copy == 0 or (innovation, copy - 1) in splits


def test_the_number_of_threads_changes_nothing(monkeypatch):
    monkeypatch.setattr(neat.breeding, "_GENES_PER_TASK", 10)
    before, runs = get_threads(), []
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            runs.append(list(evolve(RESTLESS, 7, count=150, generations=8)))
    finally:
        set_threads(before)
    for one, other in itertools.pairwise(runs):
        for (a, innovations_a), (b, innovations_b) in zip(one, other, strict=True):
            assert same(a, b)
            assert all(np.array_equal(x, innovations_b.arrays()[k]) for k, x in innovations_a.arrays().items())


def test_seed_and_generation_decide():
    population, innovations = varied_population()
    arrays = innovations.arrays()
    pairs = random_matings(np.random.default_rng(0), len(population), 50)

    def children(seed, generation):
        return breed(population, pairs, RESTLESS, Innovations.from_arrays(arrays), seed, generation)

    assert same(children(2**64 - 1, 3), children(2**64 - 1, 3))
    assert not same(children(1, 3), children(1, 4))
    assert not same(children(1, 3), children(2, 3))


def test_a_child_does_not_depend_on_the_number_of_its_siblings():
    population, innovations = varied_population()
    arrays = innovations.arrays()
    params = changed(RESTLESS, add_node=0.0, add_connection=0.0)
    pairs = random_matings(np.random.default_rng(0), len(population), 50)
    fewer = matings(pairs.kind[:9], pairs.first[:9], pairs.second[:9], pairs.equal[:9], pairs.average[:9])
    all_children = breed(population, pairs, params, Innovations.from_arrays(arrays), 1, 2)
    few_children = breed(population, fewer, params, Innovations.from_arrays(arrays), 1, 2)
    assert all(a.equals(b) for a, b in zip(all_children, few_children, strict=False))


def test_populations_may_grow_and_shrink():
    sizes = [len(p) for p, _ in evolve(RESTLESS, 3, count=10, generations=2, children=33)]
    assert sizes == [33, 33]


@pytest.mark.parametrize("kind", [CLONE])
def test_rates_of_zero_change_nothing(kind):
    population, innovations = varied_population()
    children = breed(population, matings(kind, np.arange(len(population))), STILL, innovations, 1, 0)
    assert same(population, children)


def test_parents_are_not_written():
    population, innovations = varied_population()
    copy = population.select(np.arange(len(population)))
    breed(population, random_matings(np.random.default_rng(0), len(population), 80), RESTLESS, innovations, 1, 0)
    assert same(population, copy)
