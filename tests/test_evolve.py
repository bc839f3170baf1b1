"""`evolve`: own tasks from Python, in scripts, notebooks and threads."""

import subprocess
import sys

import numpy as np
import pytest

from envs.control.cartpole import CARTPOLE
from envs.fitness import FitnessError
from experiments import evolve
from genomes.forward import forward
from tests.run_cases import env, neat

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
XOR = dict(num_inputs=2, num_outputs=1, quiet=True)


def closeness(network):
    return 4.0 - float(np.abs(network(X)[:, 0] - [0, 1, 1, 0]).sum())


def test_an_own_function_until_it_is_solved():
    result = evolve(closeness, target=3.0, generations=200, workers=0, **XOR)
    assert result.solved and result.champion.num_hidden >= 1
    assert closeness(result.network) == pytest.approx(result.best_fitness) and result.best_fitness >= 3.0
    assert result.evaluations == 150 * result.generations == 150 * len(result.history)


def test_per_population_and_minimised_is_the_same_run():
    def errors(networks):
        return np.abs(forward(networks, X)[:, :, 0] - [0, 1, 1, 0]).sum(axis=1)

    one = evolve(closeness, generations=5, population=40, workers=0, **XOR)
    other = evolve(errors, per="population", maximize=False, generations=5, population=40, **XOR)
    assert one.champion.equals(other.champion)
    assert one.best_fitness == pytest.approx(4 - other.best_fitness, abs=1e-5)


def test_workers_and_threads_change_nothing():
    offset = 0.5
    results = [
        evolve(lambda network: closeness(network) + offset, generations=4, population=30, workers=w, threads=t, **XOR)
        for w, t in ((0, 1), (1, 2), (3, 3))
    ]
    assert all(results[0].champion.equals(other.champion) for other in results)


def test_on_generation_sees_everything_and_may_stop():
    seen = []

    def watch(population, evaluation, species):
        seen.append((len(population), len(evaluation), int(species.size.sum())))
        return len(seen) == 3

    result = evolve(closeness, population=40, on_generation=watch, workers=0, **XOR)
    assert seen == [(40, 40, 40)] * 3 and result.generations == 3
    assert result.summary["stopped"] == "stopped by on_generation"


def test_tasks_environments_and_names(tmp_path):
    by_name = evolve("CartPole-v1", generations=2, target=1e9, population=30, quiet=True)
    by_env = evolve(CARTPOLE, generations=2, target=1e9, population=30, quiet=True, out=tmp_path / "run")
    assert by_name.champion.equals(by_env.champion) and (tmp_path / "run" / "champion.json").is_file()
    assert evolve("xor", seed=3, quiet=True).solved


@pytest.mark.parametrize(
    ("arguments", "error", "part"),
    [
        (dict(task="xro"), ValueError, "xor"),
        (dict(task=closeness), TypeError, "num_inputs"),
        (dict(task="xor", populaton=3), TypeError, "population"),
        (dict(task="xor", population=1), ValueError, "at least 2"),
        (dict(task="xor", params="neat-2001"), ValueError, "neat-2002"),
        (dict(task=lambda network: 1 / 0, **XOR), FitnessError, "ZeroDivisionError"),
        (dict(task=lambda network: 1 / 0, workers=0, **XOR), FitnessError, "ZeroDivisionError"),
        (dict(task="xor", seed=-1), ValueError, "seed"),
        (dict(task="xor", seed=1.5), ValueError, "seed"),
        (dict(task="xor", generations=-5), ValueError, "generations"),
        (dict(task=closeness, workers=-1, **XOR), ValueError, "workers"),
        (dict(task=closeness, target=float("nan"), **XOR), ValueError, "target"),
        (dict(task=lambda network: exit(3), workers=0, **XOR), FitnessError, "SystemExit"),
    ],
)
def test_mistakes(arguments, error, part):
    with pytest.raises(error, match=part):
        evolve(**arguments)


def test_nan_fitness_is_worst_and_a_dead_worker_too():
    def fragile(network):
        value = float(network([1, 1])[0])
        if value > 0.9:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGKILL)
        return float("nan") if value > 0 else value

    failures = []
    result = evolve(
        fragile, generations=1, population=6, workers=2, on_error="worst", **XOR,
        on_generation=lambda population, evaluation, species: failures.append(int(evaluation.failed.sum())),
    )  # fmt: skip
    assert failures[0] > 0 and result.best_fitness <= 0


def test_a_script_without_a_main_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from experiments import evolve\n"
        "scale = 2.0\n"
        "result = evolve(lambda network: scale * float(network([1, 1])[0]), num_inputs=2, num_outputs=1,\n"
        "                generations=2, population=20, workers=2, quiet=True)\n"
        "print(result.generations)\n"
    )
    done = subprocess.run([sys.executable, script], env=env(), capture_output=True, text=True, timeout=120)
    assert done.stdout == "2\n", done.stderr


def test_first_topologies_and_first_genomes(tmp_path):
    for initial in ("fs-neat", "unconnected"):
        assert evolve(closeness, generations=1, population=20, initial=initial, workers=0, **XOR).generations == 1
    found = evolve(closeness, generations=3, population=20, workers=0, **XOR)
    again = evolve(
        "xor", generations=1, population=20, initial_genome=found.champion, quiet=True, out=tmp_path / "run",
        stop_when_solved=False,
    )  # fmt: skip
    assert again.champion is not None
    repeated = neat("run", "run/config.toml", "--out", "again", "--quiet", cwd=tmp_path, code=None)
    assert repeated.returncode in (0, 1)
    names = ("champion.json", "species.csv")
    assert all((tmp_path / "run" / n).read_bytes() == (tmp_path / "again" / n).read_bytes() for n in names)


def test_one_number_in_an_array_is_a_fitness_and_text_is_not():
    assert evolve(lambda network: network([1, 1]), generations=1, population=10, workers=0, **XOR).best_fitness <= 1
    with pytest.raises(FitnessError, match="must return a number, it returned '3'"):
        evolve(lambda network: "3", workers=0, **XOR)
