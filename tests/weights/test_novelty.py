"""Novelty search by evolution strategies."""

import numpy as np
import pytest

from neat.weights import NSES, NSRES, noise
from neat.weights.novelty import NoveltyParams, novelty


def test_novelty_is_the_mean_distance_to_the_nearest():
    archive = np.array([[0.0, 0], [3, 4], [0, 1], [10, 0]])
    assert novelty(np.array([[0.0, 0]]), archive, 3)[0] == pytest.approx((0 + 1 + 5) / 3)
    assert novelty(np.array([[0.0, 0]]), archive, 10)[0] == pytest.approx((0 + 1 + 5 + 10) / 4)
    assert novelty(np.zeros((2, 2)), np.zeros((0, 0)), 10).tolist() == [0, 0]


@pytest.mark.parametrize("kind", [NSES, NSRES])
def test_a_step_by_hand(kind):
    params = NoveltyParams(population=4, agents=1, sigma=0.1, weight_decay=0.0, neighbours=1)
    method = kind([0.0, 0.0], params, dtype=np.float64)
    points = method.ask()
    assert points.shape == (5, 2) and np.array_equal(points[0], [0, 0])
    eps = noise.normals(method.key, noise.NOISE, range(2), 2, np.float64)
    assert np.allclose(points[1:], 0.1 * np.stack([eps[0], -eps[0], eps[1], -eps[1]]))
    behaviour = np.array([[0.0], [3.0], [1.0], [2.0], [4.0]])  # the archive is [[0]]
    method.tell([0.0, 1, 2, 3, 4], behaviour)
    by_novelty = np.array([2, 0, 1, 3]) / 3 - 0.5
    by_fitness = np.array([0, 1, 2, 3]) / 3 - 0.5
    weight = by_novelty if kind is NSES else (by_novelty + by_fitness) / 2
    gradient = ((weight[0] - weight[1]) * eps[0] + (weight[2] - weight[3]) * eps[1]) / 0.4
    assert np.allclose(method.state.mean[0], 0.01 * np.sign(gradient), atol=1e-6)
    assert method.state.archive.tolist() == [[0.0]]


def test_agents_take_turns_then_by_novelty():
    method = NSES(np.zeros(2), NoveltyParams(population=2, agents=3))
    turns = []
    for _ in range(60):
        turns.append(method.state.agent)
        points = method.ask()
        behaviour = np.full((3, 1), [0.0, 0.0, 100.0][method.state.agent])
        method.tell(np.zeros(len(points)), behaviour)
    assert turns[:3] == [0, 1, 2]
    assert turns[3:].count(2) < 57  # its behaviour is remembered, and so no longer new for ever
    assert len(method.state.archive) == 60
    assert method.state.last.max() == 59


def test_leaves_a_deceptive_trap():
    """Fitness leads to a trap at -1 and keeps there what follows it; novelty alone goes on."""

    def judge(points):
        x = points[:, 0].astype(float)
        return -np.abs(x + 1.0), (x + 0.1 * x**2)[:, None]  # a line would be symmetric: no gradient

    params = NoveltyParams(population=20, agents=1, sigma=0.1, learning_rate=0.05, weight_decay=0.0)
    method = NSES([0.0], params)
    for _ in range(100):
        method.tell(*judge(method.ask()))
    assert np.abs(method.state.archive).max() > 3.0


def test_bad_behaviour():
    method = NSES(np.zeros(2), NoveltyParams(population=2))
    method.ask()
    with pytest.raises(ValueError, match="one row for each of 3 candidates"):
        method.tell(np.zeros(3), np.zeros((2, 1)))
    method.tell(np.zeros(3), np.zeros((3, 1)))
    method.ask()
    with pytest.raises(ValueError, match="behaviour has 2 numbers, earlier ones had 1"):
        method.tell(np.zeros(3), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="population = 3: must be even"):
        NoveltyParams(population=3)
