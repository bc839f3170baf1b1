"""Double pole balancing by methods that train a fixed network, as the benchmark measures it."""

import numpy as np
import pytest

from envs.control.poles import LONG_TRIAL, SHORT_TRIAL
from envs.control.task import NativeTask
from experiments.bench.peers import poles
from genomes.evaluation import Evaluation


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cma-es", "cosyne"])
def test_hidden_velocities_are_balanced_for_the_whole_trial(name, monkeypatch):
    tried, validate = [], NativeTask.validate

    def watched(task, networks, key):
        tried.append(validate(task, networks, key))
        return tried[-1]

    monkeypatch.setattr(NativeTask, "validate", watched)
    settings = poles.HIDDEN_METHODS[name]
    solved = poles.balance(poles.self_reading_unit(), name, settings, 3, 6_000, poles.RESTART)
    steps = [float(evaluation.fitness[0]) for evaluation in tried]
    assert (solved is not None) == (steps[-1] == LONG_TRIAL) and all(s < LONG_TRIAL for s in steps[:-1])
    assert (solved or 6_000) <= len(steps) * settings["population"]  # the best of every generation is tried


def test_a_fitness_run_is_not_the_trial(monkeypatch):
    """A network that falls after 2,000 steps has done all of a fitness run, and not balanced."""
    short = Evaluation.of(np.array([2.0 * SHORT_TRIAL]), 1)
    monkeypatch.setattr(NativeTask, "validate", lambda task, networks, key: short)
    settings = {"sigma": 1.0, "population": 10}
    assert poles.balance(poles.self_reading_unit(), "cma-es", settings, 1, 300, poles.RESTART) is None
