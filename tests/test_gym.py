"""Gymnasium: our environments in it, champions judged in its environments."""

import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import envs
from envs.control.cartpole import CARTPOLE
from envs.gym import judge


def test_registered_environment_passes_gymnasiums_checker():
    assert envs.native_env("CartPole-v1") is CARTPOLE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*infinity.*")
        check_env(gymnasium.make("speciate/CartPole-v1").unwrapped)


def test_given_state_spaces_and_time_limit():
    env, real = gymnasium.make("speciate/CartPole-v1"), gymnasium.make("CartPole-v1")
    assert env.observation_space == real.observation_space and env.action_space == real.action_space
    observation, _ = env.reset(options={"state": [0.1, -0.2, 0.03, 0.04]})
    np.testing.assert_array_equal(observation, np.array([0.1, -0.2, 0.03, 0.04], np.float32))
    assert env.spec.max_episode_steps == 500 and env.spec.reward_threshold == 475
    with pytest.raises(ValueError, match="4 finite numbers"):
        env.reset(options={"state": [0, 0, 0]})
    observation, _ = env.reset(seed=1)
    for step in range(1, 1000):
        observation, _, terminated, truncated, _ = env.step(int(observation[2] + observation[3] > 0))
        if terminated or truncated:
            assert terminated or step == 500
            break
    else:
        raise AssertionError("the episode goes on")


@pytest.mark.parametrize("order", ["import envs, gymnasium", "import gymnasium, envs"])
def test_registration_in_either_order_of_imports(order):
    code = f"{order}; print(gymnasium.make('speciate/CartPole-v1').spec.id)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "speciate/CartPole-v1"


def test_importing_envs_imports_neither_gymnasium_nor_numba():
    code = "import sys, envs; print([m for m in ('gymnasium', 'numba') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_judge_is_deterministic_and_reports_the_returns():
    def good(x):
        return [x[2] + x[3]]

    def constant(x):
        return [1.0]

    score = judge("CartPole-v1", good, CARTPOLE.act, episodes=5, seed=3)
    assert score == judge("CartPole-v1", good, CARTPOLE.act, episodes=5, seed=3)
    assert score.episodes == 5 and score.min <= score.mean <= score.max <= 500
    poor = judge("CartPole-v1", constant, CARTPOLE.act, episodes=30, seed=3)
    assert 8 <= poor.min <= poor.mean <= poor.max <= 11 and poor.std > 0
    with pytest.raises(ValueError, match="episodes"):
        judge("CartPole-v1", good, CARTPOLE.act, episodes=0)
