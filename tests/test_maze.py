"""The maze against plain geometry in float64, and the swing-up against its equations."""

import math

import gymnasium
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from envs.control.maze import MAZE_HARD, MAZE_MEDIUM, maze
from envs.control.swing_up import SWING_UP
from envs.control.task import NativeTask
from envs.kernels.rollout import try_observe, try_step
from envs.rollout import rollout, starting_states
from tests.test_rollout import networks_of, one_node

WALLS = ((0, 0, 100, 0), (100, 0, 100, 100), (100, 100, 0, 90), (0, 90, 0, 0), (50, 0, 60, 60))
CORNER = maze("Corner", (20, 20), (80, 50), WALLS)
observe, step = try_observe.bind(**CORNER.functions), try_step.bind(**CORNER.functions)


def floats(values):
    return tuple(np.float32(v) for v in values)


def beam(x, y, degrees):
    """Free way in a direction, by solving for the crossing with every wall."""
    direction = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    best = 100.0
    for ax, ay, bx, by in WALLS:
        matrix = np.array([direction, [ax - bx, ay - by]]).T
        if abs(np.linalg.det(matrix)) > 1e-12:
            way, along = np.linalg.solve(matrix, [ax - x, ay - y])
            if way > 0 and -1e-9 <= along <= 1 + 1e-9:  # corners are closed
                best = min(best, way)
    return best / 100


def clearance(x, y):
    """Distance to the nearest wall, by sampling it."""
    ways = [np.linspace(wall[:2], wall[2:], 200) for wall in WALLS]
    return min(np.hypot(*(way - (x, y)).T).min() for way in ways)


@settings(max_examples=150, deadline=None)
@given(st.floats(1, 99, width=32), st.floats(1, 85, width=32), st.floats(-720, 720, width=32))
def test_sensors(x, y, heading):
    assume(clearance(x, y) > 1)  # the robot never is within 8 of a wall
    seen = observe(floats((x, y, heading, 0, 0)))
    beams = [beam(x, y, heading + turn) for turn in (-90, -45, 0, 45, 90, 180)]
    differ = np.abs(np.subtract(seen[:6], beams)) > 1e-3
    grazing = [abs(beam(x, y, heading + t + 0.05) - beam(x, y, heading + t - 0.05)) for t in (-90, -45, 0, 45, 90, 180)]
    assert not (differ & (np.array(grazing) < 1e-2)).any()
    angle = (math.degrees(math.atan2(50 - y, 80 - x)) - heading) % 360
    slices = [angle > 315 or angle < 45, 45 <= angle <= 135, 135 < angle < 225, 225 <= angle <= 315]
    if min(abs(angle - edge) for edge in (45, 135, 225, 315)) > 1e-2:
        assert list(seen[6:]) == slices


def test_motion_and_walls():
    state = floats((20, 20, 0, 0, 0))
    for _ in range(3):
        state = floats(step(state, floats((0.5, 1)))[0])
    # turns by 0.25, 0.5, 0.75 degrees; moves by 0.5, 1, 1.5 along the headings before each turn
    np.testing.assert_allclose(state[2:], (1.5, 1.5, 0.75), rtol=1e-6)
    expected = 20 + 0.5 + math.cos(math.radians(0.25)) + 1.5 * math.cos(math.radians(0.75))
    np.testing.assert_allclose(state[0], expected, rtol=1e-6)
    stuck, _, _ = step(floats((20, 8.5, -90, 3, 0)), floats((0, 0)))
    assert stuck[:2] == (20, 8.5) and stuck[3] == 3
    free, reward, over = step(floats((80, 30, 90, 3, 0)), floats((0, 0)))
    assert free[1] == 33 and abs(reward - 3) < 1e-4 and not over
    assert step(floats((80, 44, 90, 3, 0)), floats((0, 0)))[2]


@pytest.mark.parametrize("env", [MAZE_MEDIUM, MAZE_HARD])
def test_mazes_score_the_distance_and_describe_the_place(env):
    networks = networks_of(
        [one_node(10, outputs=2, bias=(0.0, 0.0)), one_node(10, outputs=2, bias=(0.3, 1.0))] * 40, 10, 2
    )
    played = rollout(env, networks, starting_states(env, (1, 1), 200, 1))
    start = env.reset(())[:2]
    np.testing.assert_array_equal(played.behaviours[0, 0], start)
    assert not np.array_equal(played.behaviours[1, 0], start)
    moved = 300 - played.scores[0, 0] - played.returns[1, 0]
    np.testing.assert_allclose(300 - played.scores[1, 0], moved, atol=1e-2)  # the return is the way gained
    task = NativeTask(env, episodes=1)
    np.testing.assert_array_equal(task.validate(networks, (1, 1)).fitness, played.scores[:, 0])
    assert task.evaluate(networks, (1, 1)).extras["behaviour"].shape == (80, 2)
    assert task.target == 295 and played.scores.max() < 295


def swing(state, push):
    """One step of the published equations."""
    x, v, a, w = map(float, state)
    g, mp, m, half, b, dt = 9.82, 0.5, 1.0, 0.6, 0.1, 0.01
    f, s, c, mpl = 10 * push, math.sin(a), math.cos(a), 0.3
    rate = (-2 * mpl * w**2 * s + 3 * mp * g * s * c + 4 * f - 4 * b * v) / (4 * m - 3 * mp * c**2)
    spin = (-3 * mpl * w**2 * s * c + 6 * m * g * s + 6 * (f - b * v) * c) / (4 * half * m - 3 * mpl * c**2)
    x, a = x + v * dt, a + w * dt
    return [x, v + rate * dt, a, w + spin * dt], (math.cos(a) + 1) / 2 * math.cos(math.pi * x / 4.8), abs(x) > 2.4


swing_step = try_step.bind(**SWING_UP.functions)


@settings(max_examples=150, deadline=None)
@given(st.tuples(*(st.floats(-limit, limit, width=32) for limit in (2.375, 4, 7, 12))), st.floats(-1, 1, width=32))
def test_swing_up_is_the_published_one(state, push):
    after, reward, lost = swing_step(floats(state), floats((push,)))
    expected, gain, out = swing(state, push)
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-5)
    assert abs(reward - gain) < 1e-5 and (bool(lost) == out or abs(abs(expected[0]) - 2.4) < 1e-5)


def test_swing_up_starts():
    starts = starting_states(SWING_UP, (1, 1), 200, 20_000)
    assert np.isfinite(starts).all()
    np.testing.assert_allclose(starts.mean(axis=0), [0, 0, math.pi, 0], atol=0.01)
    np.testing.assert_allclose(np.cov(starts.T), 0.04 * np.eye(4), atol=0.002)
    fourth = ((starts - starts.mean(axis=0)) ** 4).mean(axis=0) / starts.var(axis=0) ** 2
    np.testing.assert_allclose(fourth, 3, atol=0.2)  # as of a normal distribution


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["MazeHard-v0", "MazeMedium-v0", "CartPoleSwingUp-v0"])
def test_registered(name):
    env = gymnasium.make(f"speciate/{name}")
    observation, _ = env.reset(seed=1)
    for _ in range(20):
        observation, reward, _, _, _ = env.step(env.action_space.sample())
        assert env.observation_space.contains(observation) and isinstance(reward, float)
