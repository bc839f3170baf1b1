"""Memory is reckoned before any is taken: an error names the setting that is to blame and how large it may be."""

import re
from functools import partial

import gymnasium
import numpy as np
import pytest

from envs.combinatorial import Knapsack, Scheduling, TravellingSalesman
from envs.gym.spaces import MOST_INPUTS, SpaceError, action_map, observation_map
from experiments import memory
from experiments.cli import _run
from experiments.errors import BadInput
from experiments.evolution import evolve
from experiments.memory import machine_memory, require_memory
from neat.params import NEATParams, ParameterError

HUGE = str(10**12)
OWN = '[task]\nname = "own:f"\ninputs = 2\noutputs = 1\n'


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["xor", "--population", HUGE], "neat.population"),
        (["xor", "--set", 'neat.initial="layers"', "--set", f"neat.initial_layers=[{HUGE}]"], "neat.initial_layers"),
        (["own.toml", "--set", "task.inputs=16000000"], "task.inputs"),
        (["own.toml", "--set", "task.outputs=16000000"], "task.outputs"),
        (["own.toml", "--set", f"task.inputs={10**9}"], "task.inputs"),
        (["knapsack", "--population", "10", "--set", f"task.instances={HUGE}"], "task.instances"),
        (["tsp", "--set", f"task.validation_instances={HUGE}"], "task.validation_instances"),
        (["scheduling", "--set", f"task.instances={HUGE}"], "task.instances"),
        (["cartpole", "--set", f"task.episodes={HUGE}"], "task.episodes"),
        (["cartpole", "--set", f"task.validation_episodes={HUGE}"], "task.validation_episodes"),
        (["CartPole-v1", "--set", "task.native=false", "--set", f"task.episodes={HUGE}"], "task.episodes"),
    ],
)
def test_runs_that_cannot_be_held_are_refused(arguments, key, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(memory, "machine_memory", lambda: 2.0**33)
    (tmp_path / "own.toml").write_text(OWN)
    (tmp_path / "own.py").write_text("def f(network): return 0.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert _run(["run", *arguments, "--quiet", "--out", "run"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and f"{key} = " in printed and not (tmp_path / "run").exists(), printed


def test_tunings_and_tests_that_cannot_be_held_are_refused(tmp_path, monkeypatch, capsys):
    run = str(tmp_path / "run")
    _run(["run", "xor", "--population", "4", "--generations", "1", "--quiet", "--out", run])
    refine = ["refine", run, "--out", str(tmp_path / "new"), "--evaluations", "40", "--method"]
    for method, key in {"cma-es": "population", "ga": "population", "annealing": "chains", "pso": "particles"}.items():
        assert _run([*refine, method, "--set", f"{key}={HUGE}"]) == 2
        assert f"{key} = {HUGE}" in capsys.readouterr().err
    for command in (["evaluate", run], ["replay", run, "--out", str(tmp_path / "x.gif")]):
        assert _run([*command, "--episodes", HUGE]) == 2
        assert f"--episodes = {HUGE}" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_is_said_to_fit_fits(monkeypatch):
    monkeypatch.setattr(memory, "machine_memory", lambda: 1e9)

    def knapsack(instances):
        return evolve(Knapsack(5, instances), generations=0, evaluations=10, population=10, quiet=True, threads=1)

    with pytest.raises(BadInput, match="task.instances = 100000000: needs .* GiB") as caught:
        knapsack(10**8)
    most = int(re.search(r"about ([\d,]+) would fit", str(caught.value))[1].replace(",", ""))
    assert 10**6 < most < 10**8
    require_memory([(Knapsack(5, most).memory(10)["instances"] * most, {"x": 1})])


@pytest.mark.parametrize(("kind", "item"), [(Knapsack, 1), (Scheduling, 8), (TravellingSalesman, 8)])
def test_what_is_reckoned_is_not_more_than_what_is_taken(kind, item):
    """Else a run that fits would be refused."""
    task, genomes = kind(50, 2000), 10
    instances = task.draw((1, 0), 1, task.instances)
    arrays = vars(instances).values() if not isinstance(instances, np.ndarray) else [instances]
    taken = sum(array.nbytes for array in arrays) + genomes * task.instances * 50 * item
    assert task.memory(genomes)["instances"] * task.instances <= taken


@pytest.mark.parametrize(
    "space",
    [
        gymnasium.spaces.Discrete(10**12),
        gymnasium.spaces.MultiDiscrete([10**11, 10**11]),
        gymnasium.spaces.Tuple([gymnasium.spaces.Discrete(3), gymnasium.spaces.Discrete(10**12)]),
        gymnasium.spaces.Box(-1, 1, (MOST_INPUTS + 1,)),
    ],
)
def test_spaces_of_too_many_numbers_are_refused_before_arrays_are_made(space):
    for mapped in (observation_map, partial(action_map, discrete="argmax")):
        with pytest.raises(SpaceError, match="a network at most 10,000"):
            mapped(space)


def test_the_machine_has_memory():
    assert 2**27 < machine_memory() < 2**50
    require_memory([(1.0, {"x": 1})])


def test_fitness_to_be_minimised_needs_shares_that_may_be_negative():
    params = NEATParams(population=4, allow_negative_fitness=False)
    with pytest.raises(ParameterError, match="allow_negative_fitness = False: must be true"):
        evolve(lambda network: 1.0, num_inputs=1, num_outputs=1, maximize=False, params=params, workers=0, quiet=True)
