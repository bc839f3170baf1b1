"""A genetic algorithm on real and binary genes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter
from neat.weights.ranking import best_first

__all__ = ["GeneticAlgorithm", "GeneticParams", "GeneticState", "tournament"]

BLOCK = 1 << 20  # genes bred at once


@dataclass(frozen=True)
class GeneticParams(MethodParams):
    """Parameters of `GeneticAlgorithm`."""

    population: int = parameter(100, "candidates of a generation", "own", low=2)
    tournament: int = parameter(3, "the best of so many random members becomes a parent", "own", low=1)
    elites: int = parameter(1, "best members that are copied unchanged", "De Jong 1975", low=0)
    crossover: float = parameter(
        0.9, "probability that an offspring has two parents", "Eshelman & Schaffer 1993: 0.6 to 1", low=0.0, high=1.0
    )
    blend: float = parameter(
        0.5, "α: a real gene lies between its parents' or beyond by α times their distance", "Eshelman & Schaffer: 0.5",
        low=0.0,
    )  # fmt: skip
    mutation: float = parameter(0.0, "probability of each gene to mutate; 0: 1/D", "Mühlenbein 1992", low=0.0, high=1)
    sigma: float = parameter(0.1, "deviation of a real gene's mutation", "own", low=0.0)
    spread: float = parameter(1.0, "deviation of the first points where bounds are not finite", "own", low=0.0)


@dataclass(kw_only=True, eq=False)
class GeneticState(MethodState):
    """P members."""

    members: NDArray[np.floating]  # [P, D]; binary genes are 0 or 1
    binary: NDArray[np.bool_]  # [D] which genes are


class GeneticAlgorithm(Method[GeneticParams, GeneticState]):
    """Tournament selection, blend crossover BLX-α of real genes (Eshelman & Schaffer 1993), uniform crossover of
    binary ones (Syswerda 1989), Gaussian mutation and bit flips.

    Parameters
    ----------
    binary : [D] bool, genes that are 0 or 1; None: none. Others as for `Method`.
    """

    params_type, state_type = GeneticParams, GeneticState

    def __init__(
        self, start: ArrayLike, params: GeneticParams | None = None, *, binary: ArrayLike | None = None, **common: Any
    ) -> None:
        size = np.size(start)
        self._binary = np.zeros(size, np.bool_) if binary is None else np.array(binary, np.bool_)
        if self._binary.shape != (size,):
            raise ValueError(f"binary has shape {self._binary.shape}, must be ({size},)")
        super().__init__(start, params, **common)

    def _first(self, start: Vector, seed: int) -> GeneticState:
        members = self.scatter(start, self.params.population, self.params.spread, seed)
        if self._binary.any():
            count = int(self._binary.sum())
            coins = noise.uniforms((seed, 0), noise.PARENTS, np.arange(len(members)), count)
            members[:, self._binary] = coins < 0.5
            members[0, self._binary] = start[self._binary] >= 0.5
        return GeneticState(seed=seed, best=start, members=members, binary=self._binary)

    @property
    def population(self) -> int:
        return self.params.population

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        return self.state.members[begin:end].copy()

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, params = self.state, self.params
        elites = best_first(fitness)[: params.elites]
        first, second = (tournament(fitness, params.tournament, self.key, side) for side in (0, 1))
        alone = noise.uniforms(self.key, noise.CHANCES, np.arange(len(fitness)), 1)[:, 0] >= params.crossover
        second = np.where(alone, first, second)
        offspring = np.empty_like(state.members)
        offspring[: len(elites)] = state.members[elites]
        rows = max(1, BLOCK // self.size)
        for begin in range(len(elites), len(fitness), rows):
            part = np.arange(begin, min(begin + rows, len(fitness)))
            offspring[part] = self._mutated(part, self._crossed(part, first[part], second[part]))
        state.members = offspring if self.bounds is None else self.bounds.clip(offspring)

    def _crossed(
        self, rows: NDArray[np.int64], first: NDArray[np.int64], second: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        a, b = self.state.members[first], self.state.members[second]
        pick = noise.uniforms(self.key, noise.OFFSPRING, 4 * rows, self.size, a.dtype)
        blended = a + ((1 + 2 * self.params.blend) * pick - self.params.blend) * (b - a)
        return np.where(self.state.binary, np.where(pick < 0.5, a, b), blended)

    def _mutated(self, rows: NDArray[np.int64], genes: NDArray[np.floating]) -> NDArray[np.floating]:
        chance = noise.uniforms(self.key, noise.OFFSPRING, 4 * rows + 1, self.size)
        hit = chance < (self.params.mutation or 1 / self.size)
        step = noise.normals(self.key, noise.NOISE, rows, self.size, genes.dtype)
        changed = np.where(self.state.binary, 1 - genes, genes + self.params.sigma * step)
        return np.where(hit, changed, genes)


def tournament(fitness: Fitness, size: int, key: tuple[int, int], side: int) -> NDArray[np.int64]:
    """[P] Winners of P tournaments among ``size`` random members each; a failed member wins only against its like."""
    count = len(fitness)
    drawn = noise.uniforms(key, noise.PARENTS, 2 * np.arange(count) + side, size, np.float64)
    entrants = np.minimum((drawn * count).astype(np.int64), count - 1)
    winner = entrants[np.arange(count), np.argmax(fitness[entrants], axis=1)]
    return np.where(fitness[winner] == -np.inf, np.argmax(fitness), winner)
