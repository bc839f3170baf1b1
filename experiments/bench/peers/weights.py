"""Independent libraries that the methods of neat.weights are held against; each is imported when there is one.

A peer is a function (objective, start [D], budget, seed) -> best value of the objective within the budget, with the
settings that `OURS` gives our method of the same name.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neat.weights.registry import method_class, method_params

__all__ = ["FUNCTIONS", "OURS", "PEERS", "Peer", "ours"]

Objective = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # [n, D] -> [n]
SIGMA = 0.5

OURS: dict[str, dict[str, Any]] = {
    "cma-es": {"sigma": SIGMA},
    "sep-cma-es": {"sigma": SIGMA},
    "snes": {"sigma": SIGMA},
    "openai-es": {"population": 20, "sigma": 0.1, "learning_rate": 0.05, "weight_decay": 0.0},
    "pso": {"particles": 40},
    "ga": {"population": 100, "sigma": 0.1},
    "spsa": {"step": 0.02, "difference": 0.01, "stability": 25.0},
    "annealing": {"chains": 1, "step": SIGMA, "steps": 5000},
}


def sphere(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((x**2).sum(axis=1))


def rosenbrock(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((100 * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(axis=1))


def rastrigin(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((x**2 - 10 * np.cos(2 * np.pi * x) + 10).sum(axis=1))


def ellipsoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((10 ** (6 * np.arange(x.shape[1]) / (x.shape[1] - 1)) * x**2).sum(axis=1))


FUNCTIONS: dict[str, Objective] = {
    "sphere": sphere,
    "rosenbrock": rosenbrock,
    "rastrigin": rastrigin,
    "ellipsoid": ellipsoid,
}


class Counted:
    """An objective that remembers its best value and stops its user when the budget is spent."""

    def __init__(self, function: Objective, budget: int) -> None:
        self.function, self.left, self.best = function, budget, np.inf

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        points = np.asarray(points, np.float64)
        if self.left <= 0:
            raise StopIteration
        values = self.function(points[: self.left])
        self.best = min(self.best, float(values.min()))
        self.left -= len(points)
        return np.concatenate([values, np.full(len(points) - len(values), np.inf)])

    def one(self, point: Any) -> float:
        return float(self(np.asarray(point, np.float64)[None])[0])


def ours(name: str, function: Objective, start: NDArray[np.float64], budget: int, seed: int) -> float:
    """Best value that our method finds within the budget."""
    counted, kind = Counted(function, budget), method_class(name)
    method = kind(start, method_params(kind, OURS[name]), seed=seed, maximize=False, dtype=np.float64)
    while counted.left > 0:
        method.tell(counted(method.ask()))
    return counted.best


@dataclass(frozen=True)
class Peer:
    """A library's form of one of our methods."""

    name: str  # of our method
    library: str  # the module to import
    run: Callable[[Counted, NDArray[np.float64], int, int], None]  # until StopIteration
    same: bool = True  # the same algorithm: results must be equal within the spread of the seeds

    def best(self, function: Objective, start: NDArray[np.float64], budget: int, seed: int) -> float:
        """Best value that the library finds within the budget."""
        counted = Counted(function, budget)
        with contextlib.suppress(StopIteration), _global_seeds(seed):
            self.run(counted, start.copy(), budget, seed)
        return counted.best


@contextlib.contextmanager
def _global_seeds(seed: int) -> Iterator[None]:
    """Peers that draw from global generators: seeded, their output silenced."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    logging.disable(logging.CRITICAL)
    with open(os.devnull, "w") as silence, contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        yield
    logging.disable(logging.NOTSET)


def _pycma(diagonal: bool) -> Callable[[Counted, NDArray[np.float64], int, int], None]:
    def run(counted: Counted, start: NDArray[np.float64], budget: int, seed: int) -> None:
        import cma

        options = {"seed": seed + 1, "verbose": -9, "CMA_diagonal": diagonal}
        optimiser = cma.CMAEvolutionStrategy(start, SIGMA, options)
        while True:
            points = optimiser.ask()
            optimiser.tell(points, counted(np.array(points)).tolist())

    return run


def _cmaes(counted: Counted, start: NDArray[np.float64], budget: int, seed: int) -> None:
    from cmaes import CMA

    optimiser = CMA(mean=start, sigma=SIGMA, seed=seed)
    while True:
        points = [optimiser.ask() for _ in range(optimiser.population_size)]
        optimiser.tell(list(zip(points, counted(np.array(points)), strict=True)))


def _pints(counted: Counted, start: NDArray[np.float64], budget: int, seed: int) -> None:
    from pints import SNES

    optimiser = SNES(start, np.full(len(start), SIGMA))
    while True:
        optimiser.tell(counted(optimiser.ask()))


def _ribs(counted: Counted, start: NDArray[np.float64], budget: int, seed: int) -> None:
    from ribs.emitters.opt import OpenAIEvolutionStrategy

    s = OURS["openai-es"]
    optimiser = OpenAIEvolutionStrategy(
        sigma0=s["sigma"], solution_dim=len(start), batch_size=s["population"], seed=seed, lr=s["learning_rate"]
    )
    optimiser.reset(start)
    while True:
        values = counted(optimiser.ask())
        optimiser.tell(np.argsort(values, kind="stable"), -values[:, None], s["population"] // 2)


def _pyswarms(counted: Counted, start: NDArray[np.float64], budget: int, seed: int) -> None:
    from pyswarms.single import GlobalBestPSO

    count = OURS["pso"]["particles"]
    points = start + np.random.default_rng(seed).standard_normal((count, len(start)))
    points[0] = start
    optimiser = GlobalBestPSO(count, len(start), {"c1": 1.494, "c2": 1.494, "w": 0.729}, init_pos=points)
    optimiser.optimize(counted, iters=budget // count, verbose=False)


def _deap(counted: Counted, start: NDArray[np.float64], budget: int, seed: int) -> None:
    """Tournaments of 3, BLX-0.5, Gaussian mutation of 1/D of the genes, one elite: DEAP's operators."""
    from deap import base, tools

    class Fitness(base.Fitness):  # type: ignore[misc]
        weights = (-1.0,)

    class Member(list[float]):
        def __init__(self, genes: Any) -> None:
            super().__init__(genes)
            self.fitness = Fitness()

    count, size = OURS["ga"]["population"], len(start)
    members = [Member(start + np.random.default_rng((seed, i)).standard_normal(size) * (i > 0)) for i in range(count)]
    while True:
        for member, value in zip(members, counted(np.array(members)), strict=True):
            member.fitness.values = (float(value),)
        offspring = [Member(tools.selBest(members, 1)[0])]
        while len(offspring) < count:
            first, second = (Member(member) for member in tools.selTournament(members, 2, 3))
            if random.random() < 0.9:
                tools.cxBlend(first, second, 0.5)
            tools.mutGaussian(first, 0.0, OURS["ga"]["sigma"], 1 / size)
            offspring.append(first)
        members = offspring


def _noisyopt(counted: Counted, start: NDArray[np.float64], budget: int, seed: int) -> None:
    """The gain a from the first estimate, as ours has it; noisyopt's A is a hundredth of the steps."""
    from noisyopt import minimizeSPSA

    s, steps = OURS["spsa"], budget // 2
    assert s["stability"] == steps / 100
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], len(start))
    sides = counted.function(start + s["difference"] * np.stack([signs, -signs]))
    slope = abs(sides[0] - sides[1]) / (2 * s["difference"])
    gain = s["step"] * (1 + s["stability"]) ** 0.602 / slope
    minimizeSPSA(counted.one, start, niter=steps, paired=False, a=gain, c=s["difference"])


def _scipy(counted: Counted, start: NDArray[np.float64], budget: int, seed: int) -> None:
    from scipy.optimize import dual_annealing

    bounds = [(-5.0, 5.0)] * len(start)
    while True:
        dual_annealing(counted.one, bounds, no_local_search=True, seed=seed, x0=start, maxiter=budget)


PEERS = (
    Peer("cma-es", "cma", _pycma(False)),
    Peer("cma-es", "cmaes", _cmaes),
    Peer("sep-cma-es", "cma", _pycma(True)),
    Peer("snes", "pints", _pints),
    Peer("openai-es", "ribs", _ribs),
    Peer("pso", "pyswarms", _pyswarms),
    Peer("ga", "deap", _deap),
    Peer("spsa", "noisyopt", _noisyopt),
    Peer("annealing", "scipy", _scipy, same=False),
)
