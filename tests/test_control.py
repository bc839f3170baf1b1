"""Native environments beside Gymnasium's: every step from identical states, starts, spaces, time limits."""

import math
from dataclasses import dataclass
from functools import cache

import gymnasium
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.control.actions import best_of_three, wrapped
from envs.gym.native import NativeGymEnv
from envs.kernels.rollout import try_observe, try_step
from envs.native import NATIVE_ENVS, native_env
from envs.rollout import starting_states

pytestmark = pytest.mark.filterwarnings("ignore:.*Overriding environment.*", "ignore:.*infinity.*")
IDS = [name for name in NATIVE_ENVS if native_env(name).gymnasium_id]
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Case:
    """Where states are drawn from, and how near one is to where a flag or the motion changes."""

    low: tuple[float, ...]
    high: tuple[float, ...]
    margin: object  # state after the step -> distance to the nearest threshold


def symmetric(margin, *high):
    return Case(tuple(-v for v in high), high, margin)


def car(goal):
    return Case((-1.2, -0.07), (0.6, 0.07), lambda s: min(abs(s[0] - goal), abs(s[1]) if s[0] > goal else 1.0))


CASES = {
    "CartPole-v1": symmetric(lambda s: min(abs(abs(s[0]) - 2.4), abs(abs(s[2]) - math.radians(12))), 2.5, 3, 0.23, 3),
    "MountainCar-v0": car(0.5),
    "MountainCarContinuous-v0": car(0.45),
    "Acrobot-v1": symmetric(lambda s: abs(-math.cos(s[0]) - math.cos(s[0] + s[1]) - 1.0), math.pi, math.pi, 10, 20),
    "Pendulum-v1": symmetric(lambda s: 1.0, 3 * math.pi, 8),
}


@cache
def both(env_id):
    """Gymnasium's environment, and the compiled step and observation of ours."""
    functions = native_env(env_id).functions
    return gymnasium.make(env_id).unwrapped, try_step.bind(**functions), try_observe.bind(**functions)


def compare(env_id, state, action):
    """One step from ``state`` (float32 values) in both; what Gymnasium says."""
    real, step, observe = both(env_id)
    real.reset(seed=1)
    real.state = np.array(state, np.float64)
    observation, reward, terminated, truncated, _ = real.step(
        np.array([action]) if isinstance(action, float) else action
    )
    given_action = (np.float32(action),) if isinstance(action, float) else np.int32(action)
    after, our_reward, flag = step(tuple(np.float32(v) for v in state), given_action)
    near = CASES[env_id].margin(np.array(real.state)) < TOLERANCE
    assert bool(flag) == terminated or near
    assert not truncated
    ours = observe(tuple(np.float32(v) for v in after))
    np.testing.assert_allclose(ours, observation, TOLERANCE, TOLERANCE)
    if bool(flag) == terminated:
        np.testing.assert_allclose(our_reward, reward, TOLERANCE, TOLERANCE)
    return np.array(real.state), terminated


def draw_action(actions, rng):
    if isinstance(actions, int):
        return int(rng.integers(actions))
    return float(np.float32(1.5 * rng.uniform(actions[0][0], actions[1][0])))  # Gymnasium's limit what is beyond


@pytest.mark.parametrize("env_id", IDS)
def test_steps_agree_in_play(env_id):
    """Random play from Gymnasium's starts and from anywhere; each step begins at Gymnasium's own state."""
    native, case, rng = native_env(env_id), CASES[env_id], np.random.default_rng(7)
    state, terminations = None, 0
    for i in range(2500):
        if state is None or i % 50 == 0:
            state = (
                rng.uniform(case.low, case.high) if i % 100 else both(env_id)[0].reset(seed=i) and both(env_id)[0].state
            )
        state = np.asarray(state, np.float32)
        state, terminated = compare(env_id, state, draw_action(native.actions, rng))
        terminations += terminated
        state = None if terminated else state
    assert terminations > 3 or env_id == "Pendulum-v1"


@pytest.mark.parametrize("env_id", IDS)
def test_steps_agree_anywhere(env_id):
    case, actions = CASES[env_id], native_env(env_id).actions
    bounds = zip(case.low, case.high, strict=True)
    states = st.tuples(*(st.floats(float(np.float32(a)), float(np.float32(b)), width=32) for a, b in bounds))
    discrete = isinstance(actions, int)
    action = st.integers(0, actions - 1) if discrete else st.floats(actions[0][0], actions[1][0], width=32)

    # The same states in every run: Acrobot magnifies rounding at both speed limits, see `envs.control.acrobot`
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(states, action)
    def check(state, action):
        if "Car-" in env_id or "CarC" in env_id:  # the wall, where the car stops, is a threshold too
            landed = state[0] + np.clip(state[1] - 0.0025 * math.cos(3 * state[0]), -0.07, 0.07)
            if abs(landed + 1.2) < 0.002:
                return
        compare(env_id, state, action)

    check()


@pytest.mark.parametrize("env_id", IDS)
def test_starts_have_gymnasiums_distribution(env_id):
    """Kolmogorov-Smirnov, two samples, each state variable (for the angle of the pendulum too)."""
    native, real, count = native_env(env_id), both(env_id)[0], 3000
    real.reset(seed=1)
    theirs = np.array([np.array(real.state) for _ in range(count) if real.reset()])
    ours = starting_states(native, (1, 1), 200, count)
    for a, b in zip(ours.T, theirs.T, strict=True):
        everything = np.sort(np.concatenate([a, b]))
        cdfs = (np.searchsorted(np.sort(x), everything, side="right") / count for x in (a, b))
        distance = np.abs(np.subtract(*cdfs)).max()
        assert distance < 2.0 * math.sqrt(2 / count)  # p < 0.001
        for bound in (np.min, np.max):  # all starts are uniform: 3,000 come within 0.5 % of the bounds
            np.testing.assert_allclose(bound(a), bound(b), atol=0.005 * np.ptp(b))
    assert abs(np.corrcoef(ours[:, ours.std(axis=0) > 0].T) - np.eye((ours.std(axis=0) > 0).sum())).max() < 0.07


@pytest.mark.parametrize("env_id", IDS)
def test_spaces_and_limits_are_gymnasiums(env_id):
    ours, real = gymnasium.make(f"speciate/{env_id}"), gymnasium.make(env_id)
    assert isinstance(ours.unwrapped, NativeGymEnv)
    assert ours.action_space == real.action_space
    for bound in ("low", "high"):
        np.testing.assert_array_equal(getattr(ours.observation_space, bound), getattr(real.observation_space, bound))
    assert ours.spec.max_episode_steps == real.spec.max_episode_steps
    assert real.spec.reward_threshold in (None, native_env(env_id).target)
    if not isinstance(native_env(env_id).actions, int):
        for output, bound in ((-1, real.action_space.low), (1, real.action_space.high), (3, real.action_space.high)):
            assert native_env(env_id).act((np.float32(output),)) == tuple(bound)


@pytest.mark.parametrize("env_id", IDS)
def test_plain_python_and_compiled_steps_are_equal(env_id):
    """The Gymnasium environment steps in plain Python; results stay float32."""
    native, case, rng = native_env(env_id), CASES[env_id], np.random.default_rng(3)
    for _ in range(100):
        state = tuple(rng.uniform(case.low, case.high).astype(np.float32))
        action = draw_action(native.actions, rng)
        action = (np.float32(action),) if isinstance(action, float) else np.int32(action)
        plain, compiled = native.step(state, action), both(env_id)[1](state, action)
        assert all(isinstance(v, np.float32) for v in (*plain[0], plain[1]))
        np.testing.assert_allclose(compiled[0], plain[0], rtol=2e-5, atol=2e-6)


def test_argmax_ties_go_to_the_lowest_index():
    for outputs, best in [((1, 1, 1), 0), ((0, 1, 1), 1), ((0, 1, 2), 2), ((2, 1, 2), 0), ((0, 3, 2), 1)]:
        action = best_of_three(tuple(np.float32(v) for v in outputs))
        assert action == best and isinstance(action, np.int32)


@given(st.floats(-100.0, 100.0, width=32))
def test_wrapped_angles(angle):
    result = float(wrapped(np.float32(angle)))
    assert abs(result) <= math.pi + 1e-4
    assert abs(math.remainder(result - angle, 2 * math.pi)) < 1e-4
