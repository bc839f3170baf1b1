"""Gymnasium environments as tasks: real ones, and small ones that misbehave."""

import os
import subprocess
import sys
import threading
import time
from functools import partial

import gymnasium
import numpy as np
import pytest

from envs.fitness import FitnessError
from envs.gym.make import EnvError, EnvMaker, keeps_history
from envs.gym.play import Batch, Player
from envs.gym.task import GymTask
from genomes.functions import activation_code
from genomes.initial import initial_population
from genomes.network import Network
from genomes.networks import compile_population
from tests import gym_worlds as worlds
from tests.run_cases import still_runs

KEY = (5, 3)


def population(task, count=12):
    tanh = (activation_code("tanh"),)
    return initial_population(
        count, task.num_inputs, task.num_outputs, layers=(2,), topology="layers", activations=tanh
    )


def networks(task, count=12, mode="feedforward"):
    return compile_population(population(task, count), mode)


def alone(task, nets, p, seed):
    """One episode in plain Python: return and steps."""
    env = task.make()
    network = Network.of(nets.part(p, p + 1))
    network.scaling = task.scaling
    observation, _ = env.reset(seed=int(seed))
    total, steps, over = 0.0, 0, False
    while not over:
        action = task.actions(network(task.observations(observation))[None])[0]
        observation, reward, terminated, truncated, _ = env.step(action)
        total, steps, over = total + float(reward), steps + 1, terminated or truncated
    return total, steps


@pytest.mark.parametrize("mode", ["feedforward", "synchronous"])
@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1", worlds.Line])
def test_fitness_is_the_mean_return_of_the_episodes_played_one_by_one(env, mode):
    task = GymTask(env, episodes=2, workers=0, scaling="none")
    nets = networks(task, 20, mode)
    found = task.evaluate(nets, KEY)
    seeds = task._seeds(KEY, 210, 2, 20)
    for p in (0, 7, 19):
        played = [alone(task, nets, p, seed) for seed in seeds[p]]
        assert found.fitness[p] == np.mean([total for total, _ in played])
        assert found.steps[p] == sum(steps for _, steps in played)


def test_workers_and_lanes_change_nothing():
    results = []
    for workers, lanes in ((0, 16), (0, 1), (2, 3)):
        task = GymTask("CartPole-v1", episodes=3, workers=workers, scaling="running")
        task.player.lanes = lanes
        first = task.evaluate(networks(task, 30), KEY)
        task.absorb(first)
        second = task.evaluate(networks(task, 30), KEY)
        results.append((first.fitness, first.steps, first.extras["observations"], second.fitness))
        task.close()
    for other in results[1:]:
        for expected, found in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(results[0][0], results[0][3])


def test_starts_and_keys():
    common, own = (GymTask(worlds.Line, workers=0, starts=starts) for starts in ("common", "own"))
    same = compile_population(population(common, 1).select([0, 0, 0]))
    assert len(set(common.evaluate(same, KEY).fitness)) == 1
    assert len(set(own.evaluate(same, KEY).fitness)) == 3
    assert len(set(own.validate(same, KEY).fitness)) == 1
    seeds = [common._seeds(key, purpose, 4, 2) for key in (KEY, (5, 4), (6, 3)) for purpose in (210, 211, 212)]
    assert len(np.unique(seeds)) == 9 * 4 and np.min(seeds) >= 0


def test_fitness_of_the_returns():
    one = GymTask(worlds.Line, episodes=1, workers=0)
    nets = networks(one, 6)
    for kind, judged in (("mean", np.mean), ("min", np.min), ("median", np.median)):
        task = GymTask(worlds.Line, episodes=5, workers=0, fitness=kind, scaling="none")
        seeds = task._seeds(KEY, 210, 5, 6)
        returns = np.array([[alone(task, nets, p, seed)[0] for seed in seeds[p]] for p in range(6)])
        np.testing.assert_array_equal(task.evaluate(nets, KEY).fitness, judged(returns, axis=1))
    task = GymTask(worlds.Line, episodes=5, workers=0, fitness="quantile", quantile=0.4, scaling="none")
    np.testing.assert_array_equal(task.evaluate(nets, KEY).fitness, np.quantile(returns, 0.4, axis=1))


def test_step_limits():
    for env, settings, limit in (
        (worlds.Endless, {}, 1000),
        (worlds.Endless, {"max_steps": 30}, 30),
        ("CliffWalking-v1", {}, 1000),
        ("CliffWalking-v1", {"max_steps": 20}, 20),
        ("Pendulum-v1", {}, 200),
        ("Pendulum-v1", {"max_steps": 250}, 250),
    ):
        task = GymTask(env, episodes=1, workers=0, **settings)
        evaluation = task.evaluate(networks(task, 4), KEY)
        assert evaluation.steps.max() == limit and not evaluation.failed.any()


def test_hopeless_episodes_end_early_in_training_only():
    task = GymTask("MountainCar-v0", episodes=1, workers=0, give_up=15, validation_episodes=1)
    nets = networks(task, 4)
    np.testing.assert_array_equal(task.evaluate(nets, KEY).steps, 16)  # the first of -1, -2, ... is the highest
    assert task.validate(nets, KEY).steps.max() == 200
    patient = GymTask(worlds.Line, episodes=1, workers=0, give_up=1000)
    usual, nets = GymTask(worlds.Line, episodes=1, workers=0), networks(patient)
    np.testing.assert_array_equal(patient.evaluate(nets, KEY).fitness, usual.evaluate(nets, KEY).fitness)


def test_environments_that_remember_are_made_anew():
    assert keeps_history(worlds.Remembering) and not keeps_history(worlds.Line)
    assert not keeps_history(EnvMaker("FrozenLake-v1"))
    task = GymTask(worlds.Remembering, episodes=2, workers=0, scaling="none")
    nets = networks(task, 5)
    seeds = task._seeds(KEY, 210, 2, 5)
    expected = [np.mean([alone(task, nets, p, seed)[0] for seed in seeds[p]]) for p in range(5)]
    np.testing.assert_array_equal(task.evaluate(nets, KEY).fitness, expected)


def test_box2d_worlds():
    pytest.importorskip("Box2D")
    assert keeps_history(EnvMaker("BipedalWalker-v3")) and not keeps_history(EnvMaker("LunarLander-v3"))
    results = []
    for lanes in (1, 4):
        task = GymTask("BipedalWalker-v3", episodes=1, workers=0, max_steps=60)
        task.player.lanes = lanes
        results.append(task.evaluate(networks(task, 6), KEY).fitness)
    np.testing.assert_array_equal(*results)


def test_exceptions_and_nan_fail_a_genome():
    for env in (worlds.Raising, worlds.Exiting, worlds.NotANumber):
        good = GymTask(worlds.Line, workers=0, on_error="worst", scaling="none")
        bad = GymTask(env, workers=1, on_error="worst", scaling="none")
        nets = networks(good, 20)
        expected, found = good.evaluate(nets, KEY), bad.evaluate(nets, KEY)
        bad.close()
        assert 0 < found.failed.sum() < 20
        np.testing.assert_array_equal(found.fitness[~found.failed], expected.fitness[~found.failed])
        assert bad.errors
        if env is worlds.NotANumber:
            assert len(bad.errors) == found.failed.sum()
            assert all("the observation was nan at" in text or "a reward was nan at" in text for text in bad.errors)
    for workers in (0, 2):
        task = GymTask(worlds.Raising, workers=workers)
        with pytest.raises(FitnessError, match=r"(?s)episode of genome \d+ failed.*the line is broken"):
            task.evaluate(networks(task, 20), KEY)
        task.close()


def test_an_observation_of_another_size_is_an_error():
    task = GymTask(worlds.Narrow, workers=0)
    with pytest.raises(FitnessError, match="an observation has 1 numbers where its space has 2"):
        task.evaluate(networks(task, 3), KEY)


@pytest.mark.parametrize(
    ("returns", "said"),
    [
        (
            {"reset": lambda seen, info: seen},
            r"reset\(\) must return \(observation, info\), it returned an array of shape",
        ),
        ({"step": lambda seen, reward, *rest: (seen, reward, False, {})}, r"it returned 4 values; .* the old Gym$"),
        ({"step": lambda *five: None}, r"step\(\) must return \(observation, reward, .*, it returned None$"),
        ({"step": lambda seen, reward, *rest: (seen, None, *rest)}, r"a number as its reward, it returned None$"),
        (
            {"step": lambda seen, reward, *rest: (seen, np.array([reward]), *rest)},
            r"a number as its reward, it returned an array of shape \(1,\)$",
        ),
    ],
)
def test_what_an_environment_returned_is_said(returns, said):
    task = GymTask(lambda: worlds.Changed(**returns), workers=0)
    with pytest.raises(FitnessError, match=said) as caught:
        task.evaluate(networks(task, 3), KEY)
    assert "Traceback" not in str(caught.value)


def test_workers_end_with_their_parent_whatever_they_are_at(tmp_path):
    code = f"""
from envs.workers import alone
from tests.gym_worlds import Hanging
alone(lambda mark: Hanging({str(tmp_path)!r}).step("an action"))
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    while not (marks := list(tmp_path.glob("*.hangs"))):
        assert parent.poll() is None
        time.sleep(0.01)
    parent.kill()
    parent.wait()
    while still_runs(int(marks[0].stem)):
        time.sleep(0.01)


def test_a_worker_that_dies_changes_nothing(tmp_path):
    usual = GymTask(worlds.Line, workers=0, scaling="none")
    task = GymTask(partial(worlds.Deadly, str(tmp_path)), workers=1, scaling="none")
    nets = networks(usual, 20)
    found = task.evaluate(nets, KEY)
    task.close()
    assert (tmp_path / "died").exists() and not task.errors
    np.testing.assert_array_equal(found.fitness, usual.evaluate(nets, KEY).fitness)


def test_kill_minus_nine_in_mid_episode(tmp_path):
    usual = GymTask(worlds.Line, workers=0, scaling="none")
    task = GymTask(partial(worlds.Slow, str(tmp_path)), workers=2, episodes=1, scaling="none")
    nets = networks(usual, 12)

    def kill():
        while not (tmp_path / "playing").exists():
            time.sleep(0.005)
        os.kill(task._pool.processes[0], 9)

    killer = threading.Thread(target=kill)
    killer.start()
    found = task.evaluate(nets, KEY)
    killer.join()
    task.close()
    usual.episodes = 1
    np.testing.assert_array_equal(found.fitness, usual.evaluate(nets, KEY).fitness)


def test_a_genome_that_kills_its_worker_twice_is_worst():
    usual = GymTask(worlds.Line, workers=0, episodes=1, scaling="none")
    task = GymTask(worlds.Deadly, workers=1, episodes=1, scaling="none")
    nets = networks(usual, 8)
    expected, found = usual.evaluate(nets, KEY), task.evaluate(nets, KEY)
    task.close()
    assert 0 < found.failed.sum() < 8
    assert len(task.errors) == found.failed.sum() and "died twice" in task.errors[0]
    np.testing.assert_array_equal(found.fitness[~found.failed], expected.fitness[~found.failed])


def test_running_scaling_is_mean_and_deviation_of_all_that_was_seen():
    task = GymTask(worlds.Line, episodes=2, workers=0, scaling="running")
    nets = networks(task, 5)
    seen = []
    for p in range(5):
        for seed in task._seeds(KEY, 210, 2, 5)[p]:
            env, network = task.make(), Network.of(nets.part(p, p + 1))
            observation, over = env.reset(seed=int(seed))[0], False
            while not over:
                seen.append(observation)
                observation, _, a, b, _ = env.step(task.actions(network(observation)[None])[0])
                over = a or b
    task.absorb(task.evaluate(nets, KEY))
    np.testing.assert_allclose(task.scaling.shift, np.mean(seen, axis=0), rtol=1e-5)
    np.testing.assert_allclose(1 / task.scaling.scale, np.std(seen, axis=0), rtol=1e-4)
    again = GymTask(worlds.Line, workers=0, scaling="running")
    again.restore(task.state_dict())
    np.testing.assert_array_equal(again.scaling.scale, task.scaling.scale)


def test_scaling_by_bounds():
    task = GymTask("MountainCar-v0", workers=0, scaling="bounds")
    scaled = task.scaling(np.array([task.observations.low, task.observations.high]))
    np.testing.assert_allclose(scaled, [[-1, -1], [1, 1]], atol=1e-6)
    assert GymTask("FrozenLake-v1", workers=0).scaling is None
    assert GymTask("CartPole-v1", workers=0).scaling_kind == "running"


def test_the_check_plays_all_its_episodes_where_a_network_could_pass_or_become_champion():
    task = GymTask(worlds.Line, workers=0, validation_episodes=10, scaling="none")
    nets = networks(task, 8)
    seeds = task._seeds(KEY, 212, 10, 8)
    returns = np.array([[alone(task, nets, p, seed)[0] for seed in row] for p, row in enumerate(seeds)])
    few, whole = returns[:, :2].mean(axis=1), returns.mean(axis=1)
    np.testing.assert_allclose(task.validate(nets, KEY).fitness, whole)
    middle = float(np.median(few))

    def checked(held):
        return [task.check(nets.part(p, p + 1), KEY, held) for p in range(8)]

    np.testing.assert_allclose(checked(np.nan), whole)  # the first champion
    np.testing.assert_allclose(checked(middle), np.where(few >= middle, whole, few))
    task.target = middle
    np.testing.assert_allclose(checked(np.inf), np.where(few >= middle, whole, few))


def test_errors_of_making():
    with pytest.raises(EnvError, match="did you mean 'CartPole-v1'"):
        GymTask("CartPol-v1")
    with pytest.raises(EnvError, match="gravty"):
        GymTask("Pendulum-v1", kwargs={"gravty": 3})
    with pytest.raises(EnvError, match="made list"):
        GymTask(list)
    with pytest.raises(EnvError, match="no_such_module"):
        GymTask("no_such_module:Foo-v0")
    with pytest.raises(ValueError, match="starts must be one of common, own"):
        GymTask("CartPole-v1", starts="any")
    assert GymTask("CartPole-v1", kwargs={"sutton_barto_reward": True}).make.kwargs


def test_a_missing_package_names_its_extra(monkeypatch):
    def missing(*args, **kwargs):
        raise gymnasium.error.DependencyNotInstalled("Box2D is not installed")

    monkeypatch.setattr(gymnasium, "make", missing)
    with pytest.raises(EnvError, match=r"Box2D is not installed.*speciate\[box2d\]"):
        EnvMaker("LunarLander-v3")()


def test_a_missing_package_without_an_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "minigrid", None)
    with pytest.raises(EnvError, match=r"MiniGrid-Empty-5x5-v0: .*: pip install minigrid$"):
        EnvMaker("MiniGrid-Empty-5x5-v0")()


def test_a_player_reuses_its_environments():
    made = []

    def make():
        made.append(worlds.Line())
        return made[-1]

    player = Player(make, ("clip",), 3, False)
    task = GymTask(worlds.Line, workers=0)
    batch = Batch(networks(task, 4), np.arange(4), np.arange(4))
    first, second = player(batch), player(batch)
    np.testing.assert_array_equal(first.returns, second.returns)
    assert len(made) == 3
