"""CartPole: starts and registry; its steps are compared with Gymnasium's in `test_control`."""

import numpy as np
import pytest

from envs.control.cartpole import CARTPOLE
from envs.native import native_env
from envs.rollout import starting_states


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
