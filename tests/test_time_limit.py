"""Time limits of users' calls."""

import time

import numpy as np
import pytest

from envs.fitness import FitnessError, FitnessTask
from envs.gym.task import GymTask
from experiments.config import load_config
from experiments.errors import BadInput
from experiments.tasks import FunctionSettings, GymSettings
from neat.params import ParameterError
from tests import gym_worlds as worlds
from tests.run_cases import neat
from tests.test_workers import KEY, first_output, networks

pytestmark = pytest.mark.slow  # real processes, many of them

LIMIT = 1.0


def stuck(network):
    value = first_output(network)
    if value > 0.5:
        worlds.ctypes.PyDLL(None).sleep(600)  # holds Python's lock
    return value


def values_of(nets):
    return FitnessTask(first_output, 2, 1, workers=0).evaluate(nets, KEY).fitness


def test_a_call_that_takes_too_long_fails_its_genome_alone():
    nets = networks(12)
    usual = values_of(nets)
    task = FitnessTask(stuck, 2, 1, workers=2, on_error="worst", time_limit=LIMIT)
    found = task.evaluate(nets, KEY)
    again = FitnessTask(stuck, 2, 1, workers=1, on_error="worst", time_limit=LIMIT)
    again.restore(task.state_dict())
    task.close()
    assert 0 < (usual > 0.5).sum() < 12
    np.testing.assert_array_equal(found.fitness, np.where(usual > 0.5, np.nan, usual))
    late = int((usual > 0.5).sum())
    assert again.timed_out == task.timed_out == late == len(task.errors)
    first = int(np.argmax(usual > 0.5))
    assert task.errors[0] == f"genome {first}: a call of the fitness function took longer than task.time_limit = 1 s"


def test_or_ends_the_run():
    nets = networks(12)
    task = FitnessTask(stuck, 2, 1, workers=2, time_limit=LIMIT)
    with pytest.raises(FitnessError, match=r"^genome \d+: a call .* longer than task\.time_limit = 1 s$"):
        task.evaluate(nets, KEY)
    task.close()


def test_importing_the_function_and_compiling_are_not_its_time(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import time\ntime.sleep(2)\ndef fitness(network): return float(network([1.0, 0.5])[0])\n"
    )
    (tmp_path / "mine.toml").write_text(
        f'[task]\nname = "mine:fitness"\ninputs = 2\noutputs = 1\ntime_limit = {LIMIT}\n[neat]\npopulation = 6\n'
        "[run]\ngenerations = 1\n"
    )
    neat("run", "mine.toml", "--out", "run", "--quiet", cwd=tmp_path)


def test_an_episode_that_takes_too_long_fails_its_genome_alone():
    usual = GymTask(worlds.Raising, workers=0, episodes=2, scaling="none", on_error="worst")
    nets = networks(12)
    expected = usual.evaluate(nets, KEY)
    assert 0 < expected.failed.sum() < 12
    for env in (worlds.Stuck, worlds.Sluggish):
        task = GymTask(env, workers=2, episodes=2, scaling="none", on_error="worst", time_limit=LIMIT)
        task.player.fresh = False  # trying it with random actions could take too long, too
        found = task.evaluate(nets, KEY)
        task.close()
        np.testing.assert_array_equal(found.fitness, expected.fitness)
        assert task.timed_out == expected.failed.sum()
        assert "an episode took longer than task.time_limit = 1 s" in task.errors[0]


def test_an_environment_that_hangs_when_it_is_tried(tmp_path):
    task = GymTask(lambda: worlds.Hanging(tmp_path), workers=1, on_error="worst", time_limit=LIMIT)
    with pytest.raises(FitnessError, match=r"random actions, which tries .*longer than task\.time_limit = 1 s"):
        task.evaluate(networks(), KEY)
    task.close()


def test_a_limit_without_workers_is_refused():
    for refused in (
        lambda: FitnessTask(first_output, 2, 1, workers=0, time_limit=1.0),
        lambda: FitnessTask(first_output, 2, 1, per="population", time_limit=1.0),
        lambda: GymTask(worlds.Line, workers=0, time_limit=1.0),
    ):
        with pytest.raises(ValueError, match="time_limit = 1 needs worker processes"):
            refused()
    for wrong in (-1.0, float("nan"), True, "5"):
        with pytest.raises(ValueError, match="time_limit must be a number of seconds"):
            FitnessTask(first_output, 2, 1, time_limit=wrong)
    with pytest.raises(ParameterError, match="time_limit"):
        FunctionSettings("mine:fitness", 2, 1, per="population", time_limit=1.0)
    with pytest.raises(BadInput, match=r"task\.time_limit = -1"):
        load_config("FrozenLake-v1", ["task.time_limit=-1"])


def test_the_settings_pass_it_on_and_a_run_may_go_on_with_another():
    config = load_config("FrozenLake-v1", ["task.time_limit=30"])
    assert isinstance(config.task, GymSettings) and config.task.make("stop").time_limit == 30.0
    assert config.digest() == load_config("FrozenLake-v1").digest()


@pytest.mark.parametrize("workers", [0, 1])
def test_what_an_evaluation_is_at(workers, monkeypatch, tmp_path):
    import threading

    monkeypatch.setattr("envs.mark.LEAST", 0.0)
    go_on = tmp_path / "go on"

    def waiting(network):
        while not go_on.exists():
            time.sleep(0.01)
        return 1.0

    class Waiting(worlds.Line):
        def step(self, action):
            waiting(None)
            return super().step(action)

    tasks = FitnessTask(waiting, 2, 1, workers=workers), GymTask(Waiting, workers=workers, episodes=3)
    tasks[1].player.fresh = False
    last = 1 if workers else 3  # of the first portion, or of all
    expected = (
        "0 of 4 genomes judged; genome 0 has run for",
        f"0 of 12 episodes played; an episode of genome {last} has run for",
    )
    for task, said in zip(tasks, expected, strict=True):
        go_on.unlink(missing_ok=True)
        assert task.activity() == ""
        worker = threading.Thread(target=task.evaluate, args=(networks(4), KEY))
        worker.start()
        while said not in task.activity():
            assert worker.is_alive()
            time.sleep(0.01)
        assert ("process" in task.activity()) == bool(workers)
        go_on.touch()
        worker.join()
        assert task.activity() == ""
        task.close()
