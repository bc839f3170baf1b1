"""Ensemble Kalman inversion against the Kalman formula."""

import numpy as np
import pytest

from neat.weights import EnsembleKalman
from neat.weights.kalman import KalmanParams

RNG = np.random.default_rng(4)


def textbook(members, outputs, targets, gamma):
    """u_j + C_up (C_pp + Γ)⁻¹ (y - G(u_j)), written with the covariances themselves."""
    count = len(members)
    du, dg = members - members.mean(axis=0), outputs - outputs.mean(axis=0)
    c_up, c_pp = du.T @ dg / count, dg.T @ dg / count
    gain = c_up @ np.linalg.inv(c_pp + gamma * np.eye(outputs.shape[1]))
    return members + (targets - outputs) @ gain.T


@pytest.mark.parametrize("values", [3, 40])  # fewer and more than members
def test_update_is_the_formula(values):
    method = EnsembleKalman(np.zeros(5), KalmanParams(ensemble=12, noise=0.3), dtype=np.float64)
    members = method.ask()
    outputs = np.tanh(members @ RNG.standard_normal((5, values)))
    targets = RNG.standard_normal(values)
    method.tell(np.zeros(12), outputs, targets)
    assert np.allclose(method.ask(), textbook(members, outputs, targets, 0.3), atol=1e-10)


def test_adaptive_step_is_the_formula():
    method = EnsembleKalman(np.zeros(5), KalmanParams(ensemble=12, noise=0.3, adaptive=True), dtype=np.float64)
    members = method.ask()
    outputs = members @ RNG.standard_normal((5, 4))
    targets = RNG.standard_normal(4)
    method.tell(np.zeros(12), outputs, targets)
    deviation = outputs - outputs.mean(axis=0)
    step = 1 / (np.linalg.norm(deviation.T @ deviation / 12) + 1e-8)
    assert np.allclose(method.ask(), textbook(members, outputs, targets, 0.3 / step), atol=1e-10)


def test_linear_model_gives_the_posterior_mean():
    """A large ensemble's mean after one step is that of Bayes' rule with prior N(0, I)."""
    design = RNG.standard_normal((4, 3))
    targets = RNG.standard_normal(4)
    method = EnsembleKalman(np.zeros(3), KalmanParams(ensemble=20_000, noise=0.5), dtype=np.float64)
    members = method.ask()
    method.tell(np.zeros(20_000), members @ design.T, targets)
    posterior = np.linalg.solve(design.T @ design / 0.5 + np.eye(3), design.T @ targets / 0.5)
    assert np.allclose(method.solution, posterior, atol=0.02)


def test_failed_members_change_nothing():
    """The others move as if it were not there, and it starts again from their mean."""
    method = EnsembleKalman(np.zeros(3), KalmanParams(ensemble=6), dtype=np.float64)
    members = method.ask()
    outputs, targets = members[:, :2] ** 2, np.ones(2)
    fitness = np.zeros(6)
    fitness[4], outputs[2, 0] = np.nan, np.inf
    method.tell(fitness, outputs, targets)
    good = [0, 1, 3, 5]
    after = method.ask()
    assert np.allclose(after[good], textbook(members[good], outputs[good], targets, 0.01))
    assert np.allclose(after[[2, 4]], members[good].mean(axis=0))


def test_jitter_leaves_the_span_of_the_first_ensemble():
    """Three members can reach a plane only; noise after each step takes them beyond, and keeps their spread."""
    targets, truth, left = np.array([3.0, -2.0, 1.0, 2.0]), np.array([3.0, -2.0, 1.0, 2.0]), {}
    for jitter in (0.0, 0.1):
        method = EnsembleKalman(np.zeros(4), KalmanParams(ensemble=3, jitter=jitter), dtype=np.float64)
        for _ in range(200):
            members = method.ask()
            method.tell(np.zeros(3), members, targets)
        left[jitter] = np.abs(method.solution - truth).max()
        spread = method.ask().std(axis=0)
        assert (spread > 0.02).all() if jitter else (spread < 0.02).all()
    assert left[0.1] < 0.2 < 0.5 < left[0.0]


def test_momentum_and_mini_batches_fit_a_regression():
    inputs = RNG.standard_normal((200, 6))
    truth = RNG.standard_normal(6)
    method = EnsembleKalman(np.zeros(6), KalmanParams(ensemble=40, momentum=0.9), dtype=np.float64)
    for generation in range(30):
        rows = np.arange(generation * 20, generation * 20 + 20) % 200
        members = method.ask()
        outputs = members @ inputs[rows].T
        targets = inputs[rows] @ truth
        method.tell(-((outputs - targets) ** 2).mean(axis=1), outputs, targets)
    assert np.allclose(method.solution, truth, atol=0.02)


def test_bad_evidence():
    method = EnsembleKalman(np.zeros(3), KalmanParams(ensemble=4))
    method.ask()
    with pytest.raises(ValueError, match="outputs have 5 values a candidate, targets 4"):
        method.tell(np.zeros(4), np.zeros((4, 5)), np.zeros(4))
    with pytest.raises(ValueError, match="targets are not finite"):
        method.tell(np.zeros(4), np.zeros((4, 2)), [0, np.nan])
    with pytest.raises(ValueError, match="fewer than two candidates"):
        method.tell([0, np.nan, np.nan, np.nan], np.zeros((4, 2)), np.zeros(2))
