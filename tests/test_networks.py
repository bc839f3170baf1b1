"""Compiling genomes to networks, against the naive oracle."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes.kernels.parallel import get_threads, set_threads
from genomes.networks import MODES, Networks, compile_population
from genomes.population import InvalidGenome, Population
from tests import reference

SHAPES = [
    dict(num_inputs=3, num_outputs=2, num_hidden=6),
    dict(num_inputs=1, num_outputs=1, num_hidden=0),
    dict(num_inputs=4, num_outputs=1, num_hidden=20, density=0.15),
    dict(num_inputs=8, num_outputs=4, num_hidden=49, density=0.1),
    dict(num_inputs=70, num_outputs=3, num_hidden=30, density=0.1),
    dict(num_inputs=5, num_outputs=2, num_hidden=90, density=0.08),
    dict(num_inputs=2, num_outputs=2, num_hidden=60, density=0.02),
    dict(num_inputs=3, num_outputs=1, num_hidden=4, bias_input=0.5),
]


def described(networks: Networks, p: int, genome) -> dict[int, dict]:
    """Network p as {node id: bias, incoming (source node id, late) -> weight}, in evaluation order.

    Evaluated nodes are recognised by their biases, which the populations below make unique."""
    first, last = networks.node_start[p], networks.node_start[p + 1]
    node_of = {float(b): int(n) for n, b in zip(genome.node_id, genome.bias, strict=True) if n >= genome.num_inputs}
    order = [node_of[float(b)] for b in networks.bias[first:last]]
    count, inputs = last - first, genome.num_inputs
    result = {}
    for i in range(first, last):
        edges = range(networks.edge_start[i], networks.edge_start[i + 1])
        slots = [int(networks.source[e]) for e in edges]
        assert slots == sorted(slots)
        incoming = {}
        for e, slot in zip(edges, slots, strict=True):
            late = slot >= inputs + count
            node = slot if slot < inputs else order[(slot - inputs) % count]
            incoming[node, late] = float(networks.weight[e])
        result[order[i - first]] = incoming
    assert [order[s - inputs] for s in networks.output_slot[p]] == list(range(inputs, inputs + genome.num_outputs))
    return result


def unique_biases(population: Population) -> Population:
    population.bias[:] = np.arange(1, len(population.bias) + 1)
    return population


@pytest.mark.parametrize("shape", SHAPES)
def test_feedforward_order_and_edges(shape):
    population = unique_biases(reference.random_population(random.Random(1), 40, **shape))
    networks = compile_population(population)
    assert networks.bias.dtype == networks.weight.dtype == np.float32
    for p, genome in enumerate(population):
        network = described(networks, p, genome)
        assert list(network) == reference.evaluation_order(genome)
        graph = reference.graph_of(genome)
        for node, incoming in network.items():
            assert incoming == {(s, False): d["weight"] for s, _, d in graph.in_edges(node, data=True)}


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("shape", SHAPES)
def test_recurrent_order_and_edges(shape, mode):
    population = unique_biases(reference.random_population(random.Random(2), 40, **reference.dynamics(mode), **shape))
    networks = compile_population(population, mode)
    for p, genome in enumerate(population):
        network = described(networks, p, genome)
        assert set(network) == reference.needed_nodes(genome)
        place = {n: k for k, n in enumerate(network)}
        if mode == "sequential":
            assert_component_order(genome, list(network))
        for node, incoming in network.items():
            expected = {}
            for s, _, data in reference.graph_of(genome).in_edges(node, data=True):
                late = s >= genome.num_inputs and (mode != "sequential" or place[s] >= place[node])
                expected[s, late] = data["weight"]
            assert incoming == expected


def assert_component_order(genome, order):
    import networkx as nx

    graph = reference.graph_of(genome).subgraph(order)
    place = {n: k for k, n in enumerate(order)}
    component = {n: k for k, c in enumerate(nx.strongly_connected_components(graph)) for n in c}
    for s, t in graph.edges:
        assert component[s] == component[t] or place[s] < place[t]
    for members in nx.strongly_connected_components(graph):
        places = [place[n] for n in sorted(members)]
        assert places == list(range(places[0], places[0] + len(places)))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 12), st.sampled_from(MODES))
def test_random_genomes(seed, hidden, mode):
    rng = random.Random(seed)
    shape = dict(num_hidden=hidden, density=rng.random())
    population = reference.random_population(rng, 3, **shape, **reference.dynamics(mode))
    networks = compile_population(unique_biases(population), mode)
    for p, genome in enumerate(population):
        assert set(described(networks, p, genome)) == reference.needed_nodes(genome)


def test_cycle_in_feedforward_mode_names_the_genome():
    rng = random.Random(3)
    good = reference.random_genome(rng, num_hidden=2)
    bad = reference.random_genome(rng, num_hidden=2, recurrent=True, density=1.0)
    with pytest.raises(InvalidGenome, match="genome 1: .*cycle"):
        compile_population(Population.of([good, bad]))
    big = reference.random_genome(rng, num_hidden=70, recurrent=True, density=1.0)
    with pytest.raises(InvalidGenome, match="genome 0: .*cycle"):
        compile_population(Population.of([big]))


def test_threads_do_not_change_networks():
    population = reference.random_population(random.Random(4), 301, num_hidden=12)
    before = get_threads()
    try:
        results = []
        for threads in (1, 2, 3):
            set_threads(threads)
            networks = compile_population(population)
            results.append([a.tobytes() for a in vars(networks).values() if isinstance(a, np.ndarray)])
        assert results[0] == results[1] == results[2]
    finally:
        set_threads(before)


def test_empty_population():
    population = reference.random_population(random.Random(5), 2).select([])
    networks = compile_population(population)
    assert len(networks) == 0 and networks.max_slots == population.num_inputs


def test_unknown_mode_and_device():
    population = reference.random_population(random.Random(5), 2)
    with pytest.raises(ValueError, match="mode must be one of"):
        compile_population(population, "backward")
    with pytest.raises(ValueError, match="device must be one of auto, cpu, cuda, got 'tpu'"):
        compile_population(population, device="tpu")


def test_rates_follow_their_nodes():
    population = reference.random_population(random.Random(6), 30, **reference.dynamics("ctrnn"))
    networks = compile_population(unique_biases(population), "ctrnn", time_step=0.25)
    tau = dict(zip(population.bias.tolist(), population.time_constant.tolist(), strict=True))
    expected = [1.0 - np.exp(-0.25 / tau[bias]) for bias in networks.bias.tolist()]
    assert networks.rate.dtype == np.float32
    np.testing.assert_allclose(networks.rate, expected, rtol=1e-6)
    part = networks.part(3, 7)
    np.testing.assert_array_equal(part.rate, networks.rate[networks.node_start[3] : networks.node_start[7]])
    for mode in MODES[1:3]:
        assert len(compile_population(population, mode).rate) == 0


def test_continuous_time_needs_time_constants_and_a_step():
    population = reference.random_population(random.Random(5), 2)
    with pytest.raises(InvalidGenome, match="no time constants, which mode"):
        compile_population(population, "ctrnn")
    with pytest.raises(ValueError, match="time_step must be positive and finite, got 0"):
        compile_population(population, time_step=0.0)
