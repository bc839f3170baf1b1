"""Crossover, against the rules written out gene by gene."""

import networkx as nx
import numpy as np
import pytest

from neat.breeding import breed
from neat.reproduction import ELITE, MATE_ONLY
from tests.breeding_cases import CONTINUOUS, RESTLESS, STILL, changed, contrary_population, matings, varied_population


def connections(genome):
    """Innovation -> (weight, enabled)."""
    return dict(zip(genome.innovation.tolist(), zip(genome.weight, genome.enabled, strict=True), strict=True))


def nodes(genome):
    """Node id -> (bias, activation, aggregation, time constant)."""
    tau = genome.time_constant if len(genome.time_constant) else np.zeros_like(genome.bias)
    genes = zip(genome.bias, genome.activation, genome.aggregation, tau, strict=True)
    return dict(zip(genome.node_id.tolist(), genes, strict=True))


def cross(equal, average=False, params=STILL, count=300, seed=3, make=varied_population, **population):
    parents, innovations = make(**population)
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, len(parents), (2, count))
    children = breed(parents, matings(MATE_ONLY, first, second, equal, average), params, innovations, seed, 0)
    children.check(feed_forward=params.mode == "feedforward")
    return [(parents.genome(a), parents.genome(b), child) for a, b, child in zip(first, second, children, strict=True)]


@pytest.mark.parametrize("average", [False, True])
def test_the_fitter_parent_gives_the_structure(average):
    picked = []
    for first, second, child in cross(equal=False, average=average):
        for name in ("node_id", "innovation", "source", "target"):
            assert np.array_equal(getattr(child, name), getattr(first, name))
        other = connections(second)
        for number, (weight, enabled) in connections(first).items():
            theirs, their_enabled = other.get(number, (weight, enabled))
            got, got_enabled = connections(child)[number]
            if average:
                assert got == np.float32(0.5) * weight + np.float32(0.5) * theirs
            else:
                assert got in (weight, theirs)
                picked += [got == weight] if weight != theirs else []
            assert got_enabled or not (enabled and their_enabled)
        for node, gene in nodes(child).items():
            assert gene in (nodes(first)[node], nodes(second).get(node, nodes(first)[node]))
    assert average or 0.45 < np.mean(picked) < 0.55


@pytest.mark.parametrize("equal", [False, True])
def test_a_nodes_genes_come_from_one_parent(equal):
    """The time constant among them."""
    params = changed(STILL, mode="ctrnn")
    from_second = []
    for first, second, child in cross(equal, params=params, make=lambda: varied_population(params=CONTINUOUS)):
        mine, theirs = nodes(first), nodes(second)
        for node, gene in nodes(child).items():
            assert gene in (mine.get(node), theirs.get(node))
            if node >= 3 and node in mine and node in theirs and mine[node] != theirs[node]:
                from_second.append(gene == theirs[node])
    assert 0.45 < np.mean(from_second) < 0.55


@pytest.mark.parametrize("equal", [False, True])
@pytest.mark.parametrize("keep", [0.0, 0.75, 1.0])
def test_the_75_percent_rule(equal, keep):
    stayed = []
    for first, second, child in cross(equal, params=changed(STILL, keep_disabled=keep)):
        mine, theirs = connections(first), connections(second)
        for number, (_, enabled) in connections(child).items():
            off = [not genes[number][1] for genes in (mine, theirs) if number in genes]
            if first.equals(second):
                continue
            if any(off if equal else off[: 2 if number in mine else 1]):
                stayed.append(not enabled)
            else:
                assert enabled
    assert len(stayed) > 300
    assert abs(np.mean(stayed) - keep) < 0.05


def test_equally_fit_parents_give_matching_genes_and_half_of_the_others():
    # Recurrent, so that no gene is left out because of a cycle
    others = []
    for first, second, child in cross(equal=True, params=changed(STILL, mode="synchronous")):
        mine, theirs, got = connections(first), connections(second), connections(child)
        if first.equals(second):
            continue
        assert mine.keys() & theirs.keys() <= got.keys() <= mine.keys() | theirs.keys()
        others += [number in got for number in mine.keys() ^ theirs.keys()]
        for number, (weight, _) in got.items():
            assert weight in [genes[number][0] for genes in (mine, theirs) if number in genes]
        needed = set(range(5)) | set(child.source.tolist()) | set(child.target.tolist())
        assert set(nodes(child)) == needed | (nodes(first).keys() & nodes(second).keys())
        for node, gene in nodes(child).items():
            assert gene in [genes[node] for genes in (nodes(first), nodes(second)) if node in genes]
    assert 0.45 < np.mean(others) < 0.55


def test_links_that_would_close_a_cycle_are_left_out():
    conflicts, left_out, kept, crossed = 0, 0, 0, cross(equal=True, count=500, make=contrary_population)
    free = cross(equal=True, count=500, make=contrary_population, params=changed(STILL, mode="synchronous"))
    for (first, second, child), (_, _, unbound) in zip(crossed, free, strict=True):
        # The same draws in a recurrent mode leave nothing out: the difference is what the cycles cost.
        graph = nx.DiGraph(zip(unbound.source.tolist(), unbound.target.tolist(), strict=True))
        missing = ~np.isin(unbound.innovation, child.innovation)
        assert set(child.innovation) <= set(unbound.innovation)
        assert set(unbound.innovation[missing]) <= set(second.innovation) - set(first.innovation)
        conflicts += not nx.is_directed_acyclic_graph(graph)
        if nx.is_directed_acyclic_graph(graph):
            assert not missing.any()
        left_out += missing.sum()
        kept += (~np.isin(child.innovation, first.innovation)).sum()
    assert conflicts > 250
    assert 0 < left_out < kept


def test_averaging_of_equally_fit_parents():
    for first, second, child in cross(equal=True, average=True):
        mine, theirs = connections(first), connections(second)
        for number, (weight, _) in connections(child).items():
            a = mine.get(number, theirs.get(number))[0]
            b = theirs.get(number, mine.get(number))[0]
            assert weight == np.float32(0.5) * a + np.float32(0.5) * b


def test_shorter_means_the_first_parents_structure():
    for first, _, child in cross(equal=True, params=changed(STILL, equal_fitness_genes="shorter"), count=50):
        assert np.array_equal(child.innovation, first.innovation)


@pytest.mark.parametrize("equal", [False, True])
def test_a_genome_crossed_with_itself_or_copied_is_itself(equal):
    parents, innovations = varied_population()
    everyone = np.arange(len(parents))
    for kind in (MATE_ONLY, ELITE):
        params = changed(RESTLESS, keep_disabled=1.0)
        children = breed(parents, matings(kind, everyone, everyone, equal), params, innovations, 1, 0)
        assert all(child.equals(parent) for child, parent in zip(children, parents, strict=True))


def test_empty_genomes_cross():
    for equal in (False, True):
        for first, _, child in cross(equal, generations=0, topology="unconnected", count=20):
            assert len(child.innovation) == 0
            assert np.array_equal(child.node_id, first.node_id)
