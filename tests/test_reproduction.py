"""Fitness sharing, offspring counts, and who mates with whom."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes.kernels.parallel import get_threads, set_threads
from neat.params import NEATParams
from neat.reproduction import (
    CLONE,
    ELITE,
    MATE_ONLY,
    Ranking,
    allot,
    best_species,
    draw_matings,
    may_reproduce,
    representatives,
    shares,
)


def ranking_of(fitness, species) -> Ranking:
    return Ranking.of(np.array(fitness, np.float64), np.array(species, np.int32), max(species) + 1)


@st.composite
def ranked(draw) -> Ranking:
    """1 to 6 species; fitness exact in eighths, some failed."""
    members = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(-80, 80), st.integers(0, 9)), min_size=1))
    _, species = np.unique([s for s, _, _ in members], return_inverse=True)
    return ranking_of([-np.inf if fails == 0 else f / 8 for _, f, fails in members], species)


def test_ranking_sorts_by_species_then_fitness_then_index():
    ranking = ranking_of([1, 5, -np.inf, 5, 2], [0, 1, 0, 1, 0])
    assert ranking.genomes.tolist() == [4, 0, 2, 1, 3]
    assert ranking.best.tolist() == [2, 5] and ranking.sound.tolist() == [2, 2]


@given(ranking=ranked(), constant=st.integers(-1000, 1000))
def test_a_constant_added_to_all_fitness_changes_no_share(ranking, constant):
    moved = Ranking.of(ranking.fitness + constant, ranking.species, len(ranking.best))
    sized = shares(ranking, True).max(initial=1.0)
    assert np.allclose(shares(moved, True), shares(ranking, True), atol=1e-12 * sized)


def test_equal_fitness_gives_equal_shares_whatever_the_size():
    share = shares(ranking_of([3] * 10, [0] * 7 + [1] * 2 + [2]), True)
    assert allot(share, np.ones(3, bool), np.array([0]), 9).tolist() == [3, 3, 3]


def test_shares_are_means_above_the_worst_and_failures_count_as_worst():
    share = shares(ranking_of([2, 4, -np.inf, 6], [0, 0, 1, 1]), True)
    assert share[0] / share[1] == pytest.approx(1 / 2)  # (0 + 2) / 2 against (0 + 4) / 2
    share = shares(ranking_of([2, 4, -np.inf, 6], [0, 0, 1, 1]), False)
    assert share[0] / share[1] == pytest.approx(3 / 3)


def test_huge_fitness_does_not_overflow():
    assert np.isfinite(shares(ranking_of([1e308, -1e308, 1e308], [0, 0, 1]), True)).all()


@given(
    share=st.lists(st.integers(0, 50), min_size=1, max_size=12),
    allowed=st.lists(st.booleans(), min_size=12, max_size=12),
    protected=st.integers(0, 3),
    total=st.integers(12, 200),
)
def test_offspring_sum_exactly_and_follow_the_shares(share, allowed, protected, total):
    allowed = np.array(allowed[: len(share)])
    share = np.array(share, np.float64)
    favoured = np.argsort(-share, kind="stable")[:protected]
    offspring = allot(share, allowed, favoured, total)
    if not allowed.any():
        assert not offspring.any()
        return
    assert offspring.sum() == total and (offspring >= 0).all() and not offspring[~allowed].any()
    assert (offspring[favoured][allowed[favoured]] > 0).all()
    weight = np.where(allowed, share, 0.0) if (share * allowed).any() else allowed
    quota = weight / weight.sum() * total
    assert (abs(offspring - quota) < 1 + protected).all()


def test_largest_remainder_with_ties_by_age():
    everybody, nobody = np.ones(3, bool), np.empty(0, np.int64)
    assert allot(np.array([1.0, 1, 1]), everybody, nobody, 11).tolist() == [4, 4, 3]
    assert allot(np.array([1.0, 2, 4]), everybody, nobody, 10).tolist() == [1, 3, 6]
    assert allot(np.array([0.0, 1, 1]), everybody, np.array([0]), 3).tolist() == [1, 1, 1]


def test_stagnation_spares_the_best_species_and_never_those_that_failed():
    ranking = ranking_of([5, 4, 9, -np.inf], [0, 1, 2, 3])
    params = NEATParams(max_stagnation=15, species_elitism=1)
    stagnation = np.array([14, 15, 40, 0])
    assert may_reproduce(ranking, stagnation, params).tolist() == [True, False, True, False]
    none = dataclasses.replace(params, species_elitism=0)
    assert may_reproduce(ranking, stagnation, none).tolist() == [True, False, False, False]
    assert best_species(ranking, 2).tolist() == [2, 0]


@settings(deadline=None)
@given(ranking=ranked(), seed=st.integers(0, 2**64 - 1), threshold=st.sampled_from([0.0, 0.2, 1.0]))
def test_matings_keep_every_rule(ranking, seed, threshold):
    params = NEATParams(survival_threshold=threshold, elite_min_species_size=2, interspecies_mating=0.0)
    allowed = ranking.sound > 0
    if not allowed.any():
        return
    offspring = allot(shares(ranking, True), allowed, np.empty(0, np.int64), len(ranking.fitness))
    genes = np.ones(len(ranking.fitness), np.int64)
    matings = draw_matings(ranking, offspring, genes, params, (seed, 3))
    fitness, j = ranking.fitness, 0
    for s, count in enumerate(offspring):
        members = ranking.genomes[ranking.start[s] : ranking.start[s + 1]].tolist()
        pool = members[: min(int(threshold * len(members)) + 1, ranking.sound[s])]
        elites = min(1 if len(members) >= 2 else 0, count)
        assert (matings.kind[j : j + count] == ELITE).sum() == elites
        assert matings.first[j : j + elites].tolist() == members[:elites]
        assert set(matings.first[j : j + count]) | set(matings.second[j : j + count]) <= set(pool) | set(members[:1])
        j += count
    assert j == len(matings)
    assert (fitness[matings.first] > -np.inf).all() and (fitness[matings.first] >= fitness[matings.second]).all()
    alone = (matings.kind == ELITE) | (matings.kind == CLONE)
    assert (matings.first[alone] == matings.second[alone]).all()
    assert (matings.first[~alone] != matings.second[~alone]).all()
    assert (matings.equal[~alone] == (fitness[matings.first] == fitness[matings.second])[~alone]).all()


def big_ranking() -> Ranking:
    rng = np.random.default_rng(0)
    return ranking_of(rng.random(9000), np.arange(9000) % 9)


def test_kinds_of_offspring_come_as_often_as_set():
    params = NEATParams(mutate_only=0.25, mate_only=0.2, mate_averaging=0.4, interspecies_mating=0.1, elitism=0)
    ranking, offspring = big_ranking(), np.full(9, 1000)
    matings = draw_matings(ranking, offspring, np.ones(9000, np.int64), params, (1, 0))
    mated = matings.kind > CLONE
    foreign = ranking.species[matings.first] != ranking.species[matings.second]
    assert (~mated).mean() == pytest.approx(0.25, abs=0.02)
    assert (matings.kind == MATE_ONLY)[mated].mean() == pytest.approx(0.2, abs=0.02)
    assert matings.average[mated].mean() == pytest.approx(0.4, abs=0.02)
    assert foreign[mated].mean() == pytest.approx(0.1, abs=0.015)
    home = np.repeat(np.arange(9), 1000)
    champions = np.isin(ranking.species[matings.first], home) & foreign
    stranger = np.where(ranking.species[matings.first] == home, matings.second, matings.first)[champions]
    assert np.isin(stranger, ranking.champions).all()


def test_mates_from_other_species_are_never_from_ones_own():
    params = NEATParams(mutate_only=0.0, interspecies_mating=1.0, elitism=0)
    ranking = big_ranking()
    matings = draw_matings(ranking, np.full(9, 1000), np.ones(9000, np.int64), params, (1, 0))
    assert (ranking.species[matings.first] != ranking.species[matings.second]).all()


def test_the_shorter_of_equally_fit_parents_comes_first():
    ranking = ranking_of([1.0] * 100, [0] * 100)
    genes = np.arange(100) % 7
    params = NEATParams(survival_threshold=1.0, equal_fitness_genes="shorter", mutate_only=0.0)
    matings = draw_matings(ranking, np.array([100]), genes, params, (1, 0))
    assert (genes[matings.first] <= genes[matings.second]).all() and matings.equal.sum() > 50


def test_threads_change_no_mating():
    ranking, before = big_ranking(), get_threads()
    outcomes = []
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            matings = draw_matings(ranking, np.full(9, 1000), np.ones(9000, np.int64), NEATParams(), (5, 7))
            outcomes.append([getattr(matings, f.name).tobytes() for f in dataclasses.fields(matings)])
    finally:
        set_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_representatives_are_members():
    ranking = ranking_of([1, 5, 3, 4, 2, 9], [0, 0, 1, 1, 1, 2])
    alive = np.ones(3, bool)
    assert representatives(ranking, alive, "champion", (1, 0)).tolist() == [1, 3, 5]
    drawn = np.array([representatives(ranking, alive, "random", (1, g)) for g in range(60)])
    assert set(drawn[:, 0]) == {0, 1} and set(drawn[:, 1]) == {2, 3, 4} and set(drawn[:, 2]) == {5}
