"""Novelty search: the score against its definition, the archive, resuming, and what the run reports."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.control.maze import MAZE_MEDIUM
from envs.control.task import NativeTask
from genomes.evaluation import Evaluation
from genomes.networks import compile_population
from neat import NEAT, NEATParams
from neat.novelty import novelty

PARAMS = NEATParams(population=40, selection="novelty", novelty_archive=0.2)


def naive(behaviour, archive, k):
    everything = [*behaviour, *archive]
    scores = []
    for i, b in enumerate(behaviour):
        distances = sorted(float(np.linalg.norm(b - other)) for m, other in enumerate(everything) if m != i)[:k]
        scores.append(sum(distances) / len(distances) if distances else 0.0)
    return scores


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 30), st.integers(1, 3), st.integers(1, 20), st.integers(0, 99))
def test_novelty_is_the_mean_distance_to_the_nearest(size, remembered, length, neighbours, seed):
    rng = np.random.default_rng(seed)
    behaviour, archive = (rng.integers(0, 6, (n, length)).astype(np.float32) for n in (size, remembered))
    scores = novelty(behaviour, archive, neighbours)
    np.testing.assert_allclose(scores, naive(behaviour, archive, neighbours), rtol=1e-5, atol=1e-6)


def behaving(population, generation, failed=()):
    """An evaluation whose behaviour and fitness are functions of the genes."""
    weights = np.add.reduceat(population.weight, population.conn_start[:-1])
    fitness = weights.astype(np.float64)
    fitness[list(failed)] = np.nan
    evaluation = Evaluation.of(fitness)
    evaluation.extras["behaviour"] = np.stack([weights, np.sin(weights) + generation], axis=1).astype(np.float32)
    evaluation.extras["behaviour"][list(failed)] = np.nan
    return evaluation


def run(algorithm, generations):
    for _ in range(generations):
        algorithm.tell(behaving(algorithm.ask(), algorithm.generation, failed=(3,)))
    return algorithm


def test_resumed_runs_are_bit_for_bit_the_same():
    whole = run(NEAT(PARAMS, 3, 1, seed=4), 9)
    half = run(NEAT(PARAMS, 3, 1, seed=4), 5)
    arrays, scalars = half.state_dict()
    resumed = run(NEAT.restore(PARAMS, arrays, scalars), 4)
    expected, _ = whole.state_dict()
    found, _ = resumed.state_dict()
    assert expected.keys() == found.keys() and expected["archive"].shape[1] == 2
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    share = len(expected["archive"]) / (9 * PARAMS.population)
    assert 0.1 < share < 0.3 and np.isfinite(expected["archive"]).all()


def test_novelty_selects_and_fitness_is_reported():
    algorithm = NEAT(PARAMS, 3, 1, seed=2)
    population = algorithm.ask()
    evaluation = behaving(population, 0)
    evaluation.extras["behaviour"][:] = 1.0
    evaluation.extras["behaviour"][7] = 50.0  # nobody else is there
    algorithm.tell(evaluation)
    report = algorithm.report
    assert report.best.max() == evaluation.fitness.max()
    richest = report.offspring[list(report.id).index(report.species_of[7])]
    assert richest == report.offspring.max()
    assert (report.stagnation == 0).all()


def test_a_task_without_behaviour_is_refused():
    algorithm = NEAT(PARAMS, 3, 1)
    population = algorithm.ask()
    with pytest.raises(ValueError, match="describes behaviour"):
        algorithm.tell(Evaluation.of(np.ones(len(population))))


def test_the_maze_feeds_it():
    task = NativeTask(replace(MAZE_MEDIUM, max_steps=40), episodes=1)
    algorithm = NEAT(PARAMS, task.num_inputs, task.num_outputs)
    for generation in range(3):
        evaluation = task.evaluate(compile_population(algorithm.ask()), (1, generation))
        assert evaluation.extras["behaviour"].shape == (40, 2)
        algorithm.tell(evaluation)
