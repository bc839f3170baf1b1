"""Slime volleyball: the court holds, points are counted, the opponent plays well."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.control import slime_volley as game
from envs.control.slime_volley import SLIME_VOLLEY
from envs.kernels.rollout import try_step

step = try_step.bind(**SLIME_VOLLEY.functions)
IDLE = (-game.ONE,) * 3


def floats(values):
    return tuple(np.float32(v) for v in values)


def play(start, policy):
    """Return, steps and states of a game."""
    state, total, states = SLIME_VOLLEY.reset((np.float32(start),)), 0.0, []
    for _ in range(SLIME_VOLLEY.max_steps):
        after, reward, over = step(state, policy(state))
        state, total = floats(after), total + reward
        states.append(state)
        if over:
            break
    return total, len(states), np.array(states)


def equal(state):
    """The opponent's own rule."""
    return game.opponent(*state[:5])


@pytest.mark.parametrize("start", [0.1, 0.3, 0.7])
def test_the_opponent_beats_the_idle_and_matches_itself(start):
    total, steps, states = play(start, lambda _: IDLE)
    lost, won = states[-1][13:15]
    assert total == won - lost <= -3 and lost == 5 and steps < 1500
    total, steps, states = play(start, equal)
    assert abs(total) <= 2 and steps > 1500


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 1, exclude_max=True, width=32), st.integers(0, 99))
def test_nothing_leaves_its_place(start, seed):
    rng = np.random.default_rng(seed)
    _, _, states = play(start, lambda _: floats(rng.choice([-1, 1], 3)))
    ball, agent, other = states[:, :4], states[:, 4:8], states[:, 8:12]
    assert np.isfinite(states).all()
    assert (np.abs(ball[:, 0]) <= 23.5).all() and (ball[:, 1] <= 47.5).all() and (ball[:, 1] > 1.5).all()
    for x, y in ((agent[:, 0], agent[:, 1]), (-other[:, 0], other[:, 1])):
        assert (x >= 2.0).all() and (x <= 22.5).all() and (y >= 1.5).all()
    assert ((states[:, 15] >= 0) & (states[:, 15] < 1)).all()


def test_the_ball_rebounds_and_a_fall_is_a_point():
    state = list(SLIME_VOLLEY.reset((np.float32(0.5),)))
    state[12] = 0  # the pause is over
    state[:4] = 10, 2.1, 0, -9
    after, reward, over = step(floats(state), IDLE)
    assert reward == -1 and after[13] == 1 and after[12] == game.PAUSE and not over
    state[:4] = -10, 2.1, 0, -9
    state[14] = 4
    _, reward, over = step(floats(state), IDLE)
    assert reward == 1 and over
    state[:4] = 12, 3.6, 0, -9  # on the agent's head
    after, reward, _ = step(floats(state), IDLE)
    assert reward == 0 and after[3] > 8
    state[:4] = 1.2, 3.0, -9, 0  # into the net
    assert step(floats(state), IDLE)[0][2] > 8
