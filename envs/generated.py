"""Data sets that are computed: parity, spirals, circles, moons, and the classics of symbolic regression."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GENERATED", "Formula", "generate"]

# X [R, I] float32; y [R] int32 classes or [R, 1] float32; names of classes; how many last rows are the test split
Generated = tuple[NDArray[np.float32], NDArray[Any], tuple[str, ...], int]

TWO = ("0", "1")
_SEED = 20  # of all points drawn at random: the data are the same for every run
_NOISE_ROWS = 400  # of circles and moons
_FRESH = 1000  # test points of a formula whose source names none


@dataclass(frozen=True)
class Formula:
    """A target of symbolic regression, and where it is sampled."""

    function: Callable[..., Any]  # of the columns of X
    inputs: int
    low: float
    high: float
    points: int = 0  # drawn at random, uniformly; 0: a grid
    step: float = 0.0  # of the grid
    test_low: float | None = None  # the test: a grid of this range and step; None: fresh points as for training
    test_high: float | None = None


# Points as in tables 1 and 2 of McDermott et al., Genetic Programming Needs Better Benchmarks, GECCO 2012.
# Koza: Genetic Programming, 1992 and 1994. Nguyen: Uy et al., Genetic Programming and Evolvable Machines 12, 2011.
# Keijzer: EuroGP 2003. Vladislavleva et al., IEEE TEC 13(2), 2009.
# Pagie & Hogeweg, Evolutionary Computation 5(4), 1997.
FORMULAS = {
    "koza-1": Formula(lambda x: x**4 + x**3 + x**2 + x, 1, -1, 1, 20),
    "koza-2": Formula(lambda x: x**5 - 2 * x**3 + x, 1, -1, 1, 20),
    "koza-3": Formula(lambda x: x**6 - 2 * x**4 + x**2, 1, -1, 1, 20),
    "nguyen-1": Formula(lambda x: x**3 + x**2 + x, 1, -1, 1, 20),
    "nguyen-3": Formula(lambda x: x**5 + x**4 + x**3 + x**2 + x, 1, -1, 1, 20),
    "nguyen-4": Formula(lambda x: x**6 + x**5 + x**4 + x**3 + x**2 + x, 1, -1, 1, 20),
    "nguyen-5": Formula(lambda x: np.sin(x**2) * np.cos(x) - 1, 1, -1, 1, 20),
    "nguyen-6": Formula(lambda x: np.sin(x) + np.sin(x + x**2), 1, -1, 1, 20),
    "nguyen-7": Formula(lambda x: np.log(x + 1) + np.log(x**2 + 1), 1, 0, 2, 20),
    "nguyen-8": Formula(np.sqrt, 1, 0, 4, 20),
    "keijzer-4": Formula(
        lambda x: x**3 * np.exp(-x) * np.cos(x) * np.sin(x) * (np.sin(x) ** 2 * np.cos(x) - 1),
        1,
        0,
        10,
        step=0.05,
        test_low=0.05,
        test_high=10.05,
    ),
    "keijzer-6": Formula(
        lambda x: np.cumsum(1 / np.arange(1, 121))[np.round(x).astype(int) - 1],
        1,
        1,
        50,
        step=1,
        test_low=1,
        test_high=120,
    ),
    "keijzer-11": Formula(lambda x, y: x * y + np.sin((x - 1) * (y - 1)), 2, -3, 3, 20),
    "keijzer-12": Formula(lambda x, y: x**4 - x**3 + y**2 / 2 - y, 2, -3, 3, 20),
    "keijzer-13": Formula(lambda x, y: 6 * np.sin(x) * np.cos(y), 2, -3, 3, 20),
    "keijzer-14": Formula(lambda x, y: 8 / (2 + x**2 + y**2), 2, -3, 3, 20),
    "keijzer-15": Formula(lambda x, y: x**3 / 5 + y**3 / 2 - y - x, 2, -3, 3, 20),
    "vladislavleva-1": Formula(lambda x, y: np.exp(-((x - 1) ** 2)) / (1.2 + (y - 2.5) ** 2), 2, 0.3, 4, 100),
    # x**4 / (x**4 + 1) is 1 / (1 + x**-4), at 0 as well
    "pagie": Formula(lambda x, y: x**4 / (x**4 + 1) + y**4 / (y**4 + 1), 2, -5, 5, step=0.4),
}
GENERATED = ("spirals", "circles", "moons", *FORMULAS)


def generate(name: str) -> Generated:
    """The data set of this name, the same on every call; ValueError when ``parity-N`` has a wrong N."""
    if name.startswith("parity-"):
        return _parity(name)
    if name in FORMULAS:
        return _sample(FORMULAS[name])
    return {"spirals": _spirals, "circles": _circles, "moons": _moons}[name]()


def _parity(name: str) -> Generated:
    """All 2**N rows of bits; class 1 where an odd number of them is set."""
    digits = name.removeprefix("parity-")
    if not digits.isdecimal() or not 2 <= int(digits[:9]) <= 16:
        raise ValueError(f"{name}: the number of bits must be between 2 and 16")
    bits = (np.arange(2 ** int(digits))[:, None] >> np.arange(int(digits))) & 1
    return bits.astype(np.float32), (bits.sum(axis=1) % 2).astype(np.int32), ("even", "odd"), 0


def _spirals() -> Generated:
    """Two spirals of 97 points each (Lang & Witbrock, Proc. Connectionist Models Summer School, 1988)."""
    k = np.arange(97)
    angle, radius = k * math.pi / 16, 6.5 * (104 - k) / 104
    spiral = np.stack((radius * np.sin(angle), radius * np.cos(angle)), axis=1)
    return np.concatenate((spiral, -spiral)).astype(np.float32), np.repeat(np.array([1, 0], np.int32), 97), TWO, 0


def _circles() -> Generated:
    """A circle of radius 0.5 in one of radius 1, noise of standard deviation 0.1."""
    labels = np.arange(_NOISE_ROWS, dtype=np.int32) % 2
    angle = np.arange(_NOISE_ROWS) // 2 * (4 * math.pi / _NOISE_ROWS)
    radius = np.where(labels == 1, 0.5, 1.0)
    return _noisy(np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1), 0.1), labels, TWO, 0


def _moons() -> Generated:
    """Two interleaved half circles of radius 1, noise of standard deviation 0.2."""
    labels = np.arange(_NOISE_ROWS, dtype=np.int32) % 2
    angle = np.arange(_NOISE_ROWS) // 2 * (2 * math.pi / (_NOISE_ROWS - 2))
    x = np.where(labels == 1, 1 - np.cos(angle), np.cos(angle))
    y = np.where(labels == 1, 0.5 - np.sin(angle), np.sin(angle))
    return _noisy(np.stack((x, y), axis=1), 0.2), labels, TWO, 0


def _noisy(points: NDArray[Any], deviation: float) -> NDArray[np.float32]:
    noise = np.random.default_rng(_SEED).normal(0.0, deviation, points.shape)
    return (points + noise).astype(np.float32)


def _sample(formula: Formula) -> Generated:
    train, test = _points(formula, formula.low, formula.high, formula.points, 0), np.empty((0, formula.inputs))
    if formula.test_low is not None and formula.test_high is not None:
        test = _points(formula, formula.test_low, formula.test_high, 0, 0)
    elif formula.points:
        test = _points(formula, formula.low, formula.high, _FRESH, 1)
    X = np.concatenate((train, test))
    y = np.asarray(formula.function(*X.T), np.float32)[:, None]
    return X.astype(np.float32), y, (), len(test)


def _points(formula: Formula, low: float, high: float, points: int, stream: int) -> NDArray[np.float64]:
    if points:
        return np.random.default_rng([_SEED, stream]).uniform(low, high, (points, formula.inputs))
    axis = low + formula.step * np.arange(round((high - low) / formula.step) + 1)
    return np.stack(np.meshgrid(*[axis] * formula.inputs, indexing="ij"), axis=-1).reshape(-1, formula.inputs)
