"""NEAT by ask and tell: order, failures, stagnation, phases, and going on bit for bit."""

import dataclasses
import json

import numpy as np
import pytest

from genomes import Evaluation
from genomes.kernels.parallel import get_threads, set_threads
from neat import NEAT, PRESETS, NEATParams
from neat.complexity import Phase
from neat.state import Progress

PARAMS = NEATParams(population=60, add_node=0.2, add_connection=0.3, compatibility_threshold=1.5)


def made_up_fitness(algorithm, population):
    """Any deterministic function of genes will do: here, how near the summed weight is to 5."""
    running = np.concatenate(([0.0], np.cumsum(population.weight, dtype=np.float64)))
    return -abs(running[population.conn_start[1:]] - running[population.conn_start[:-1]] - 5.0)


def advance(algorithm, generations, fitness=made_up_fitness):
    for _ in range(generations):
        population = algorithm.ask()
        algorithm.tell(Evaluation.of(fitness(algorithm, population)))
    return algorithm


def bits(algorithm):
    arrays, scalars = algorithm.state_dict()
    return {key: (value.dtype, value.shape, value.tobytes()) for key, value in arrays.items()}, scalars


def test_ask_and_tell_keep_their_order():
    algorithm = NEAT(PARAMS, 2, 1)
    evaluation = Evaluation.of(np.ones(60))
    with pytest.raises(RuntimeError, match=r"without ask"):
        algorithm.tell(evaluation)
    algorithm.ask()
    with pytest.raises(RuntimeError, match="twice"):
        algorithm.ask()
    with pytest.raises(ValueError, match="59 genomes, asked for 60"):
        algorithm.tell(Evaluation.of(np.ones(59)))
    algorithm.tell(evaluation)
    assert algorithm.generation == 1
    assert len(algorithm.ask()) == 60


def test_a_wrong_seed_is_refused():
    with pytest.raises(ValueError, match="seed"):
        NEAT(PARAMS, 2, 1, seed=-1)


@pytest.mark.parametrize("preset", ["default", "neat-2002"])
def test_populations_stay_sound_and_whole(preset):
    params = dataclasses.replace(PRESETS[preset], population=77, add_node=0.2, add_connection=0.3)
    algorithm = NEAT(params, 3, 2, seed=4)
    for _ in range(25):
        population = algorithm.ask()
        population.check(feed_forward=True)
        assert len(population) == 77
        algorithm.tell(Evaluation.of(made_up_fitness(algorithm, population) + 1000.0))
        report = algorithm.report
        assert report.size.sum() == report.offspring.sum() == 77
        assert (np.bincount(np.searchsorted(report.id, report.species_of)) == report.size).all()


def test_the_best_genome_is_kept_bit_for_bit():
    algorithm, kept = NEAT(PARAMS, 2, 1, seed=2), 0
    for _ in range(10):
        population = algorithm.ask()
        fitness = made_up_fitness(algorithm, population)
        best = int(np.argmax(fitness))
        algorithm.tell(Evaluation.of(fitness))
        report = algorithm.report
        if report.size[np.searchsorted(report.id, report.species_of[best])] >= PARAMS.elite_min_species_size:
            kept += 1
            assert any(population.genome(best).equals(genome) for genome in algorithm._state.population)
    assert kept


def test_minimising_is_maximising_the_negative():
    up = advance(NEAT(PARAMS, 2, 1, seed=3), 12)
    down = advance(NEAT(PARAMS, 2, 1, seed=3, maximize=False), 12, lambda a, p: -made_up_fitness(a, p))
    assert bits(up) == bits(down)
    assert (up.report.best == -down.report.best).all() and (up.report.mean == -down.report.mean).all()


def test_a_constant_added_to_fitness_changes_nothing():
    def coarse(algorithm, population):
        return np.round(made_up_fitness(algorithm, population) * 8) / 8

    plain = advance(NEAT(PARAMS, 2, 1, seed=3), 12, coarse)
    moved = advance(NEAT(PARAMS, 2, 1, seed=3), 12, lambda a, p: coarse(a, p) - 4096.0)
    assert [v for k, v in bits(plain)[0].items() if k.startswith("population")] == [
        v for k, v in bits(moved)[0].items() if k.startswith("population")
    ]


def test_negative_fitness_is_refused_where_shares_are_proportional():
    algorithm = NEAT(PRESETS["neat-2002"], 2, 1)
    algorithm.ask()
    with pytest.raises(ValueError, match=r"fitness -2 of genome 1 is negative"):
        algorithm.tell(Evaluation.of(np.array([0.0, -2.0] * 75)))


def test_failed_genomes_are_never_parents():
    """Failed genomes carry a weight that no other has; averaging and mutation off, it would come back unchanged."""
    params = dataclasses.replace(PARAMS, weight_mutation=0.0, mate_averaging=0.0, survival_threshold=1.0)
    algorithm = NEAT(params, 2, 1, seed=5)
    population = algorithm.ask()
    failed = np.arange(len(population)) % 3 > 0
    fitness = np.where(failed, np.resize([np.nan, np.inf, -np.inf], len(population)), 1.0)
    marked = population.weight[np.repeat(failed, np.diff(population.conn_start))]
    algorithm.tell(Evaluation.of(fitness))
    assert not np.isin(algorithm._state.population.weight, marked).any()
    assert np.isfinite(algorithm.report.best[algorithm.report.offspring > 0]).all()


@pytest.mark.parametrize("extinction", ["restart", "stop"])
def test_when_all_fail_the_run_restarts_or_stops(extinction):
    params = dataclasses.replace(PARAMS, extinction=extinction)
    algorithm = advance(NEAT(params, 2, 1, seed=5), 4)
    before = algorithm._state.population
    advance(algorithm, 1, lambda a, p: np.full(len(p), np.nan))
    assert algorithm.report.extinct and not algorithm.report.offspring.any()
    assert algorithm.done == (extinction == "stop")
    if algorithm.done:
        with pytest.raises(RuntimeError, match="over"):
            algorithm.ask()
    else:
        fresh = algorithm._state.population
        advance(algorithm, 1)
        assert algorithm.generation == 6 and len(fresh) == 60 != len(before.innovation)
        first = NEAT(params, 2, 1, seed=5).ask()
        assert algorithm.report.age.max() == 0 and algorithm.report.id.min() > 0
        assert fresh.weight[:10].tobytes() != first.weight[:10].tobytes()


@pytest.mark.parametrize(("at", "mode"), [(0, "feedforward"), (1, "ctrnn"), (7, "feedforward"), (7, "ctrnn")])
def test_restored_it_goes_on_bit_for_bit(at, mode):
    phases = {"complexity_mode": "relative", "complexity_ceiling": 4.0, "target_species": 5}
    params = dataclasses.replace(PARAMS, mode=mode, **phases)
    algorithm = advance(NEAT(params, 2, 1, seed=9, episodes_change=True), at)
    arrays, scalars = algorithm.state_dict()
    arrays = {key: value.copy() for key, value in arrays.items()}
    restored = NEAT.restore(params, arrays, json.loads(json.dumps(scalars)), episodes_change=True)
    assert bits(restored) == bits(algorithm)
    assert bits(advance(restored, 20)) == bits(advance(algorithm, 20))


def test_threads_change_nothing():
    before, outcomes = get_threads(), []
    params = dataclasses.replace(PARAMS, population=3000)
    try:
        for threads in (1, 2, 3):
            set_threads(threads)
            outcomes.append(bits(advance(NEAT(params, 4, 2, seed=1), 4)))
    finally:
        set_threads(before)
    assert outcomes[0] == outcomes[1] == outcomes[2]


def test_a_genome_can_begin_the_run():
    genome = advance(NEAT(PARAMS, 2, 1, seed=1), 15)._state.population.genome(0)
    population = NEAT(PARAMS, 2, 1, seed=2, initial=genome).ask()
    assert population.genome(0).equals(genome) and not population.genome(1).equals(genome)
    with pytest.raises(ValueError, match="initial genome has 2 inputs"):
        NEAT(PARAMS, 3, 1, initial=genome)
    continuous = dataclasses.replace(PARAMS, mode="ctrnn")
    with pytest.raises(ValueError, match="initial genome has no time constants; mode 'ctrnn'"):
        NEAT(continuous, 2, 1, initial=genome)
    timed = advance(NEAT(continuous, 2, 1, seed=1), 3)._state.population.genome(0)
    assert NEAT(continuous, 2, 1, seed=2, initial=timed).ask().genome(0).equals(timed)
    with pytest.raises(ValueError, match="initial genome has time constants; mode 'feedforward'"):
        NEAT(PARAMS, 2, 1, initial=timed)


def test_stagnation_counts_records_or_means_of_five():
    def improved(bests, episodes_change):
        progress = Progress.new(1, 0)
        for generation, best in enumerate(bests):
            progress = progress.after(np.array([float(best)]), generation, episodes_change)
        return int(progress.improved[0])

    assert improved([1, 5, 2, 3, 4], False) == 1
    assert improved([1, 5, 5, 5], False) == 1
    assert improved([9, 1, 1], True) == 2  # no five yet: counts as improving
    assert improved([1, 9, 1, 1, 1, 1, 1], True) == 4  # means 2.6, 2.6, 1: the lucky 9 is no record by itself
    assert improved([1, 1, 1, 1, 1, 2, 2], True) == 6


def test_only_two_species_reproduce_when_there_is_no_record_for_long():
    params = dataclasses.replace(PARAMS, population_stagnation=6, max_stagnation=50)
    algorithm = NEAT(params, 2, 1, seed=1)
    refocused = []
    for generation in range(8):
        advance(algorithm, 1, lambda a, p: np.linspace(0, 1, len(p)))
        refocused.append(algorithm.report.refocused)
        assert not algorithm.report.refocused or (algorithm.report.offspring > 0).sum() <= 2, generation
    assert refocused == [False] * 6 + [True, False]


def test_stagnant_species_do_not_reproduce():
    params = dataclasses.replace(PARAMS, max_stagnation=3, species_elitism=1, population_stagnation=0)
    algorithm = NEAT(params, 2, 1, seed=1)
    for _ in range(12):
        advance(algorithm, 1, lambda a, p: np.ones(len(p)))
        report = algorithm.report
        stale = report.stagnation >= 3
        assert (report.offspring[stale] > 0).sum() <= 1
    assert stale.any()


def test_phases_follow_complexity():
    params = NEATParams(
        complexity_mode="absolute", complexity_ceiling=10.0, simplifying_generations=2, complexity_window=2
    )
    phase, seen = Phase.first(params), []
    for generation, complexity in enumerate([8, 10, 11, 9, 7, 6, 5, 6, 9, 11]):
        phase = phase.after(complexity, generation, params)
        seen.append(phase.simplifying)
    # Above the ceiling at 2; the mean of two falls until 6 (5.5) and no longer does at 7 (5.5).
    assert seen == [False, False, True, True, True, True, True, False, False, True]
    effective = phase.effective(params)
    assert (effective.add_node, effective.add_connection, effective.mutate_only) == (0.0, 0.0, 1.0)
    assert effective.delete_connection == 0.4
    assert Phase.first(params).effective(params) is params


def test_a_relative_ceiling_counts_from_the_last_simplification():
    params = NEATParams(
        complexity_mode="relative", complexity_ceiling=10.0, simplifying_generations=1, complexity_window=1
    )
    phase = Phase.first(params)
    for generation, complexity in enumerate([11, 9, 7, 7]):
        phase = phase.after(complexity, generation, params)
    assert not phase.simplifying and phase.ceiling == 17.0


def test_a_ceiling_holds_growth_down():
    free = dataclasses.replace(PARAMS, add_node=0.5, add_connection=0.5)
    phased = {"complexity_mode": "absolute", "complexity_ceiling": 12.0, "complexity_window": 4}
    held = dataclasses.replace(free, **phased, simplifying_generations=3)

    def flat(algorithm, population):
        return np.linspace(1, 2, len(population))

    algorithm, phases, sizes = NEAT(held, 2, 1, seed=1), [], []
    for _ in range(60):
        advance(algorithm, 1, flat)
        phases.append(algorithm.report.simplifying)
        sizes.append(algorithm._state.mean_connections)
    assert True in phases and phases[phases.index(True) :].count(False) > 0
    assert max(sizes) < advance(NEAT(free, 2, 1, seed=1), 60, flat)._state.mean_connections
