"""Whole runs on the device: the population, the species and the registry of every generation are the CPU's."""

import dataclasses

import numpy as np
import pytest

from envs import native_env
from envs.rollout_cuda import play_on_device
from genomes.backend import to_device, to_host
from genomes.evaluation import Evaluation
from genomes.networks import compile_population
from neat import NEAT, PRESETS, NEATParams
from tests.cuda.cases import assert_same_population

GROWING = NEATParams(add_node=0.3, add_connection=0.4, compatibility_threshold=0.4, elite_min_species_size=2)
CASES = {
    "growing": GROWING,
    "constant fitness": dataclasses.replace(GROWING, mate_only=0.5),
    "neat-2002": dataclasses.replace(PRESETS["neat-2002"], add_node=0.3, add_connection=0.3),
    "recurrent": dataclasses.replace(PRESETS["control"], mode="synchronous", representative="champion"),
    "novelty": dataclasses.replace(GROWING, selection="novelty", novelty_neighbours=3, novelty_archive=0.3),
    "pruned": dataclasses.replace(
        GROWING, delete_node=0.2, delete_connection=0.3, max_stagnation=2, extinction="restart"
    ),
}


def fitness_of(population, constant):
    """Any deterministic function of genes: here, how near the summed weight is to 5; a few genomes fail."""
    population = population.to("cpu")
    if constant:
        return np.ones(len(population))
    running = np.concatenate(([0.0], np.cumsum(population.weight, dtype=np.float64)))
    sums = running[population.conn_start[1:]] - running[population.conn_start[:-1]]
    return np.where(np.arange(len(population)) % 7 == 3, np.nan, 50.0 / (1.0 + np.abs(sums - 5.0)))


def assert_same_state(found, expected):
    (arrays, scalars), (others, other_scalars) = found.state_dict(), expected.state_dict()
    assert scalars == other_scalars and arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert (array.dtype, array.shape) == (others[name].dtype, others[name].shape), name
        assert array.tobytes() == others[name].tobytes(), name


def assert_same_report(found, expected):
    for field in dataclasses.fields(expected):
        a, b = getattr(found, field.name), getattr(expected, field.name)
        np.testing.assert_array_equal(a, b, err_msg=field.name)


@pytest.mark.parametrize("name", CASES)
def test_runs_equal_the_cpus(name, many):
    params = dataclasses.replace(CASES[name], population=8 * many)
    cpu, device = NEAT(params, 3, 2, seed=3), NEAT(params, 3, 2, seed=3, device="cuda")
    for generation in range(4):
        population = device.ask()
        assert population.device == "cuda"
        assert_same_population(population, cpu.ask())
        evaluation = Evaluation.of(fitness_of(population, name == "constant fitness"))
        behaviour = np.random.default_rng(generation).random((len(population), 2), np.float32)
        evaluation.extras["behaviour"] = behaviour
        cpu.tell(evaluation)
        device.tell(evaluation)
        assert_same_report(device.report, cpu.report)
        assert_same_state(device, cpu)
        if generation == 1:  # from a checkpoint, and onto the other device
            device = NEAT.restore(params, *device.state_dict(), device="cuda")
            cpu = NEAT.restore(params, *device.state_dict())


def test_a_generation_on_the_device(many):
    """Compiled, played, judged and bred there; fitness may differ from the CPU's in its last digits, so it is given."""
    env = dataclasses.replace(native_env("CartPole-v1"), max_steps=6)
    params = dataclasses.replace(GROWING, population=10 * many)
    algorithm = NEAT(params, env.num_inputs, env.num_outputs, device="cuda")
    other = NEAT(params, env.num_inputs, env.num_outputs)
    starts = to_device(np.full((2, env.num_states), 0.02, np.float32))
    for _ in range(2):
        networks = compile_population(algorithm.ask(), "feedforward")
        returns, steps, _ = play_on_device(env, networks, starts)
        evaluation = Evaluation.of(returns.mean(axis=1), steps.sum(axis=1))
        algorithm.tell(evaluation)
        other.ask()
        other.tell(Evaluation.of(to_host(evaluation.fitness), to_host(evaluation.steps)))
        assert_same_state(algorithm, other)


def test_a_function_of_the_users_stays_on_the_cpu_and_says_so(capsys):
    pytest.importorskip("click")
    from experiments import evolve

    given = dict(num_inputs=2, num_outputs=1, population=4, generations=1, workers=0)
    evolve(lambda network: float(network([0.5, 1.0])[0]), **given, device="cuda")
    assert 'device "cuda": the networks of this task compute on the CPU' in capsys.readouterr().err


def test_a_run_is_the_cpus():
    """From the task to the checkpoint's arrays; episodes are so short that fitness is the same on both."""
    pytest.importorskip("click")
    from envs.control.task import NativeTask
    from experiments.config import RunSettings
    from experiments.run import Run

    task = NativeTask(dataclasses.replace(native_env("CartPole-v1"), max_steps=4), episodes=1, validation_episodes=2)
    params, runs = dataclasses.replace(GROWING, population=8), []
    for device in ("cpu", "cuda"):
        run = Run.new(params, task, RunSettings(generations=3, device=device))
        seen = []
        run.go(lambda row, population, evaluation, report, seen=seen: seen.append((row.best, row.connections)))
        assert run.algorithm.device == device
        runs.append((run, seen))
    (cpu, rows), (device, other_rows) = runs
    assert rows == other_rows and len(rows) == 3
    assert device.champion.genome.equals(cpu.champion.genome) and device.champion.score == cpu.champion.score
    assert_same_state(device.algorithm, cpu.algorithm)
