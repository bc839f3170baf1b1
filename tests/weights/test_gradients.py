"""Gradient references and estimates of gradients."""

import numpy as np
import pytest

from neat.weights import SGD, SPSA, Adam, CoolMomentum, FiniteDifferences, LevenbergMarquardt
from neat.weights.adam import AdamParams
from neat.weights.cool_momentum import CoolMomentumParams
from neat.weights.finite_differences import DifferencesParams
from neat.weights.levenberg_marquardt import LMParams
from neat.weights.sgd import SGDParams
from neat.weights.spsa import SPSAParams

MATRIX = np.diag([1.0, 4.0, 0.5])


def descend(method, steps):
    """On x'Ax/2."""
    for _ in range(steps):
        point = method.ask().astype(float)
        method.tell(np.einsum("pi,ij,pj->p", point, MATRIX, point) / 2, point @ MATRIX)
    return method.solution.astype(float)


def test_sgd_by_hand():
    method = SGD([1.0, 1.0, 1.0], SGDParams(learning_rate=0.1, momentum=0.9), maximize=False, dtype=np.float64)
    x = np.ones(3)
    v = np.zeros(3)
    for _ in range(5):
        v = 0.9 * v - 0.1 * MATRIX @ x
        x = x + v
    assert np.allclose(descend(method, 5), x)


def test_adam_by_hand():
    method = Adam([1.0, 1.0, 1.0], AdamParams(learning_rate=0.1), maximize=False, dtype=np.float64)
    x, m, v = np.ones(3), np.zeros(3), np.zeros(3)
    for t in range(1, 8):
        g = MATRIX @ x
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        x = x - 0.1 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    assert np.allclose(descend(method, 7), x)


def test_cool_momentum_cools():
    method = CoolMomentum(np.ones(3), CoolMomentumParams(steps=100, learning_rate=0.1), maximize=False)
    momenta = [method.momentum(t) for t in range(150)]
    assert momenta[0] == pytest.approx(0.99)
    assert momenta[50] == pytest.approx((1 - (0.01 / 1.99) ** 0.5) / (1 + (0.01 / 1.99) ** 0.5))
    assert momenta[100:] == [0] * 50
    assert np.all(np.diff(momenta) <= 0)
    assert np.abs(descend(method, 300)).max() < 1e-3


def test_gradients_must_be_finite_and_of_the_right_shape():
    method = SGD(np.ones(3))
    method.ask()
    with pytest.raises(ValueError, match=r"gradient\[1\] is not finite"):
        method.tell([0.0], [[0.0, np.nan, 0.0]])
    with pytest.raises(ValueError, match=r"must be \(1, 3\)"):
        method.tell([0.0], [[0.0, 1.0]])


# --- Levenberg-Marquardt


def rosenbrock(x):
    residuals = np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])
    return residuals, np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])


def test_levenberg_marquardt_solves_rosenbrock():
    method = LevenbergMarquardt([-1.2, 1.0], maximize=False, dtype=np.float64)
    accepted = []
    for _ in range(25):
        residuals, jacobian = rosenbrock(method.ask()[0])
        method.tell([residuals @ residuals / 2], residuals[None], jacobian[None])
        accepted.append(method.state.squares)
    assert np.allclose(method.solution, 1, atol=1e-8)
    assert np.all(np.diff(accepted) <= 0)


def test_levenberg_marquardt_first_step():
    start = np.array([0.5, -0.3])
    method = LevenbergMarquardt(start, LMParams(damping=0.1), dtype=np.float64)
    residuals, jacobian = rosenbrock(method.ask()[0])
    method.tell([0.0], residuals[None], jacobian[None])
    normal = jacobian.T @ jacobian
    step = np.linalg.solve(normal + 0.1 * np.diag(normal).max() * np.eye(2), -jacobian.T @ residuals)
    assert np.allclose(method.ask()[0], start + step)


def test_levenberg_marquardt_takes_bad_steps_back():
    method = LevenbergMarquardt([1.0], LMParams(damping=0.01), dtype=np.float64)
    method.ask()
    method.tell([0.0], [[1.0]], [[[1.0]]])
    method.ask()
    method.tell([np.nan], [[np.nan]], [[[1.0]]])  # once there is a point a trial may fail
    assert method.solution.tolist() == [1.0]
    assert method.state.damping == pytest.approx(0.02)
    with pytest.raises(ValueError, match="10,001 weights are too many"):
        LevenbergMarquardt(np.zeros(10_001))


# --- estimates


def quadratic(points):
    return -np.einsum("pi,ij,pj->p", points, MATRIX, points) / 2


def test_spsa_is_unbiased_on_a_quadratic():
    start = np.array([1.0, -0.5, 2.0])
    method = SPSA(start, SPSAParams(samples=20_000), dtype=np.float64)
    estimate = method.gradient(quadratic(method.ask()))
    assert np.allclose(estimate, -MATRIX @ start, atol=0.06)
    one = SPSA(start, dtype=np.float64)
    points = one.ask()
    assert np.allclose(np.abs(points - start), 0.01)
    assert np.allclose(points.mean(axis=0), start)


def test_spsa_steps_and_gains():
    method = SPSA(np.ones(3), SPSAParams(step=0.02), dtype=np.float64)
    assert method.difference == pytest.approx(0.01)
    method.tell(quadratic(method.ask()))
    assert np.abs(method.solution - 1).mean() == pytest.approx(0.02)
    assert method.difference == pytest.approx(0.01 / 2**0.101)
    before = method.solution
    points = method.ask()
    values = quadratic(points)
    values[1] = np.nan
    method.tell(values)  # half an estimate is none
    assert np.array_equal(method.solution, before)


@pytest.mark.parametrize(("central", "error"), [(False, 5e-3), (True, 1e-6)])
def test_finite_differences(central, error):
    start = np.array([1.0, -0.5, 2.0])
    method = FiniteDifferences(start, DifferencesParams(central=central, learning_rate=0.1), dtype=np.float64)
    points = method.ask()
    assert len(points) == (6 if central else 4)
    estimate = method.gradient(quadratic(points))
    assert np.allclose(estimate, -MATRIX @ start, atol=error)
    method.tell(quadratic(points))
    assert np.allclose(method.solution, start - 0.1 * np.sign(MATRIX @ start), atol=1e-6)


def test_finite_differences_that_fail():
    method = FiniteDifferences(np.ones(3), dtype=np.float64, bounds=(-1, 1))
    values = quadratic(method.ask())
    assert np.array_equal(method.gradient(values), np.zeros(3))  # a bound took the differences away
    method = FiniteDifferences(np.ones(3), dtype=np.float64)
    values = quadratic(method.ask())
    values[2] = np.nan
    method.tell(values)
    assert method.solution[1] == 1 and (method.solution[[0, 2]] < 1).all()
    values[0] = np.nan
    method.ask()
    with pytest.raises(ValueError, match="not finite at the current point"):
        method.tell(values)
