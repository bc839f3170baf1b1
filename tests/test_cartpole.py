"""CartPole: step by step equal to Gymnasium's, from its own states."""

import gymnasium
import numpy as np
import pytest

from envs.control.cartpole import ANGLE_LIMIT, CARTPOLE, X_LIMIT
from envs.kernels.rollout import try_step
from envs.native import native_env
from envs.rollout import starting_states

step_kernel = try_step.bind(**CARTPOLE.functions)
LIMITS = np.array([X_LIMIT, ANGLE_LIMIT])


def gymnasium_steps(steps, scale, seed):
    """States before and after, actions and flags of random play that starts anywhere within ``scale``."""
    env = gymnasium.make("CartPole-v1").unwrapped
    rng = np.random.default_rng(seed)
    rows = []
    env.reset(seed=seed)
    for i in range(steps):
        if i % 20 == 0:
            env.reset()
            env.state = rng.uniform(-1, 1, 4) * scale
        before, action = np.array(env.state), int(rng.integers(2))
        _, reward, terminated, _, _ = env.step(action)
        rows.append((before, action, np.array(env.state), reward, terminated))
        if terminated:
            env.reset()
            env.state = rng.uniform(-1, 1, 4) * scale
    return rows


@pytest.mark.parametrize(
    "scale", [(0.05,) * 4, (2.4, 3.0, 0.2094, 3.0), (2.4, 0.02, 0.2094, 0.02), (2.39999, 0.001, 0.2094, 0.001)]
)
def test_each_step_agrees_with_gymnasium(scale):
    terminations = 0
    for before, action, after, reward, terminated in gymnasium_steps(3000, np.array(scale), 7):
        state, ours, flag = step_kernel(tuple(before.astype(np.float32)), np.int32(action))
        np.testing.assert_allclose(state, after, rtol=1e-5, atol=1e-5)
        assert ours == reward == 1.0
        margin = np.abs(np.abs(after[[0, 2]]) - LIMITS).min()
        assert bool(flag) == terminated or margin < 1e-5 * (1 + LIMITS.max())
        terminations += terminated
    assert terminations > 100 or scale[0] == 0.05


def test_plain_python_and_compiled_steps_are_equal():
    for before, action, *_ in gymnasium_steps(200, np.array([2.0, 2.0, 0.2, 2.0]), 3):
        state = tuple(before.astype(np.float32))
        compiled, plain = step_kernel(state, np.int32(action)), CARTPOLE.step(state, np.int32(action))
        assert all(isinstance(v, np.float32) for v in plain[0])
        np.testing.assert_allclose(compiled[0], plain[0], rtol=1e-6, atol=1e-7)


def test_starts_are_uniform_and_follow_the_key():
    starts = starting_states(CARTPOLE, (5, 3), 200, 20_000)
    assert starts.dtype == np.float32 and starts.shape == (20_000, 4)
    assert np.abs(starts).max() <= np.float32(0.05)
    for column in starts.T:
        counts, _ = np.histogram(column, bins=20, range=(-0.05, 0.05))
        assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-square, 19 degrees of freedom: p < 0.001
    assert abs(np.corrcoef(starts.T)[np.triu_indices(4, 1)]).max() < 0.03
    np.testing.assert_array_equal(starts[:10], starting_states(CARTPOLE, (5, 3), 200, 10))
    for other in [((6, 3), 200), ((5, 4), 200), ((5, 3), 201)]:
        assert not np.array_equal(starts[:10], starting_states(CARTPOLE, *other, 10))


def test_registry_finds_it():
    assert native_env("CartPole-v1") is CARTPOLE
    with pytest.raises(KeyError, match="CartPole-v1"):
        native_env("CartPole-v9")
