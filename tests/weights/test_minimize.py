"""minimize(): any vector objective, mixed genes, constraints, bad input."""

import numpy as np
import pytest

from neat.params import ParameterError
from neat.weights import minimize
from tests.weights.cases import CASES

OPTIMUM = np.array([3.0, -70.0, 0.2])
BOUNDS = np.array([[0.0, 10.0], [-100.0, 100.0], [0.0, 1.0]])
WIDTH = BOUNDS[:, 1] - BOUNDS[:, 0]


def bowl(x):
    return float((((x - OPTIMUM) / WIDTH) ** 2).sum())


EXTRAS = {
    "gradient": {"gradient": lambda x: 2 * (x - OPTIMUM) / WIDTH**2},
    "residuals": {"residuals": lambda x: ((x - OPTIMUM) / WIDTH, np.diag(1 / WIDTH))},
    "outputs": {"outputs": lambda x: (x - OPTIMUM) / WIDTH, "targets": np.zeros(3)},
    "behaviour": {"behaviour": lambda x: x},
}
TUNED = {
    "openai-es": {"population": 20, "sigma": 0.05, "learning_rate": 0.02, "weight_decay": 0.0},
    "deep-ga": {"population": 50, "parents": 5, "sigma": 0.05},
    "sgd": {"learning_rate": 0.2},
    "adam": {"learning_rate": 0.01},
    "cool-momentum": {"steps": 500},
}


@pytest.mark.parametrize("name", [c.name for c in CASES if c.name not in ("supermask", "ns-es", "nsr-es")])
def test_every_method_on_unequal_ranges(name):
    needs = next(case.kind.needs for case in CASES if case.name == name)
    result = minimize(
        bowl, bounds=BOUNDS, method=name, evaluations=4000, **EXTRAS.get(needs, {}), **TUNED.get(name, {})
    )
    assert result.value < 1e-3
    assert result.value == bowl(result.x)
    assert result.feasible and result.reason == "evaluations"
    assert 4000 <= result.evaluations < 4000 + 200
    assert len(result.history) == result.generations and np.all(np.diff(result.history) <= 0)


def test_novelty_methods_explore():
    result = minimize(bowl, bounds=BOUNDS, method="nsr-es", evaluations=2000, population=20, **EXTRAS["behaviour"])
    assert result.value < bowl(BOUNDS.mean(axis=1))


def test_target_maximise_and_vectorised():
    calls = []

    def peak(points):
        calls.append(len(points))
        return 5 - (points**2).sum(axis=1)

    result = minimize(peak, np.full(4, 2.0), maximize=True, vectorized=True, target=4.999, evaluations=10**6)
    assert result.reason == "target" and result.value >= 4.999
    assert sum(calls) == result.evaluations < 3000
    again = minimize(lambda x: 5 - (x**2).sum(), np.full(4, 2.0), maximize=True, target=4.999, evaluations=10**6)
    assert np.array_equal(again.x, result.x)


def test_constraints_by_penalty():
    """min x + y on the unit disc's outside within [0, 2]²: at (1, 0) or (0, 1)."""
    result = minimize(
        lambda x: x[0] + x[1],
        bounds=np.array([[0.0, 2.0], [0.0, 2.0]]),
        constraints=[lambda x: 1 - x @ x],
        evaluations=3000,
    )
    assert result.feasible and result.x @ result.x >= 1
    assert result.value == pytest.approx(1, abs=1e-3)
    impossible = minimize(lambda x: x[0], np.zeros(2), constraints=[lambda x: 1 + x @ x], evaluations=500, target=-9e9)
    assert not impossible.feasible and impossible.x @ impossible.x < 1e-3


def test_failed_points_are_avoided():
    def holes(x):
        return np.nan if x[0] < 0 else float(x @ x)

    result = minimize(holes, np.ones(3), evaluations=2000)
    assert result.x[0] >= 0 and result.value < 1e-3


def table(rows=1000, seed=5):
    """Three numeric columns, one of four levels, and zeros that are rarest where a > 0.6, b < 0.3 in levels 1 and 3."""
    rng = np.random.default_rng(seed)
    numbers, level = rng.random((rows, 3)), rng.integers(0, 4, rows)
    rare = (numbers[:, 0] > 0.6) & (numbers[:, 1] < 0.3) & np.isin(level, (1, 3))
    zero = rng.random(rows) < np.where(rare, 0.05, 0.7)
    return numbers, level, zero


def test_choose_thresholds_and_level_sets():
    """The rows with a > x[0], b < x[1] and a level that is in the set should have as few zeros as can be, but there
    must be 30 of them. No gradient exists; two genes are real, four are binary."""
    numbers, level, zero = table()

    def chosen(x):
        return (numbers[:, 0] > x[0]) & (numbers[:, 1] < x[1]) & (x[2:] > 0)[level]

    def share_of_zeros(x):
        rows = chosen(x)
        return zero[rows].mean() if rows.any() else np.nan

    result = minimize(
        share_of_zeros,
        bounds=(0, 1),
        binary=[False, False, True, True, True, True],
        constraints=[lambda x: (30 - chosen(x).sum()) / 30],
        method="ga",
        evaluations=6000,
    )
    assert result.feasible and chosen(result.x).sum() >= 30
    assert np.isin(result.x[2:], (0, 1)).all()
    planted = np.array([0.6, 0.3, 0, 1, 0, 1])
    assert result.value <= share_of_zeros(planted) < 0.1  # of all rows: 0.67
    cma = minimize(share_of_zeros, bounds=(0, 1), binary=[False, False, True, True, True, True], evaluations=3000)
    assert np.isin(cma.x[2:], (0, 1)).all()


def test_start_at_a_middle_that_is_outside_of_one_bound_only():
    half_open = np.array([[0.0, np.inf], [-np.inf, 5.0]])
    result = minimize(lambda x: x[0] + (x[1] - 9) ** 2, [1.0, 1.0], bounds=half_open, evaluations=3000)
    assert np.allclose(result.x, [0, 5], atol=1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "number of dimensions is unknown"),
        ({"bounds": (0, 1)}, "number of dimensions is unknown"),
        ({"bounds": [(0, 1), (3, 3)]}, r"bounds\[1\] = \(3, 3\): the lower one must be below"),
        ({"bounds": [(0, 1), (0, np.inf)]}, r"bounds\[1\] is not finite: give start"),
        ({"start": [1.0, 2.0], "bounds": [(0, 1)]}, r"must be a pair \(low, high\) or \[2, 2\]"),
        ({"start": [0.0], "method": "levenberg-marquardt"}, "needs residuals, jacobian, not the objective alone"),
        ({"start": [0.0], "method": "adam"}, "needs gradient.*pass gradient=, or use one of annealing"),
        ({"start": [0.0], "method": "eki", "outputs": lambda x: x}, "needs targets"),
        ({"start": [0.0], "method": "elm"}, "closed form"),
        ({"start": [0.0], "method": "magic"}, "there is no method 'magic'"),
        ({"start": [3.0, 20.0], "bounds": (-10, 10)}, r"start\[1\] = 20 is outside of its bounds \(-10, 10\)"),
        ({"start": [[0.0], [0.0]]}, r"start must be a vector \[D\], got shape \(2, 1\)"),
        ({"start": [0.0], "evaluations": 0}, "evaluations must be at least 1"),
        ({"start": [0.0], "evaluations": np.nan}, "evaluations must be at least 1"),
        ({"start": [0.0], "penalty": -1.0}, "penalty must be at least 0"),
        ({"start": [0.0], "seed": 1.5}, "seed must be a whole number"),
        ({"start": [0.0, 0.0], "binary": [True]}, "binary has shape"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        minimize(lambda x: 0.0, **arguments)


def test_bad_functions_and_settings():
    with pytest.raises(ValueError, match=r"weights have grown beyond 1e\+32; give bounds"):
        minimize(lambda x: x.sum(), [0.0, 0.0])
    with pytest.raises(ValueError, match="none of the .* objective values is finite"):
        minimize(lambda x: np.nan, [0.0, 0.0])
    with pytest.raises(ValueError, match=r"values of shape \(\d+, 2\) for \d+ points: one number each"):
        minimize(lambda x: x, [0.0, 0.0])
    with pytest.raises(ParameterError, match="sgima"):
        minimize(lambda x: 0.0, [0.0, 0.0], sgima=0.1)
