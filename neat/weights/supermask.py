"""Supermasks: random weights stay as they are, which links exist is evolved (Zhou et al. 2019; Altmann et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.genetic import tournament
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter
from neat.weights.ranking import best_first

__all__ = ["Supermask", "SupermaskParams", "SupermaskState"]

BLOCK = 1 << 20  # links bred at once


@dataclass(frozen=True)
class SupermaskParams(MethodParams):
    """Parameters of `Supermask`."""

    population: int = parameter(100, "masks of a generation", "Altmann et al. 2024", low=2)
    density: float = parameter(0.5, "share of the links in the first masks", "own", low=0.0, high=1.0)
    tournament: int = parameter(3, "the best of so many random masks becomes a parent", "own", low=1)
    elites: int = parameter(1, "best masks that are copied unchanged", "own", low=0)
    crossover: float = parameter(0.9, "probability that an offspring has two parents", "own", low=0.0, high=1.0)
    mutation: float = parameter(0.0, "probability of each link to flip; 0: 1/D", "Mühlenbein 1992", low=0.0, high=1.0)


@dataclass(kw_only=True, eq=False)
class SupermaskState(MethodState):
    """P masks over the same weights."""

    weights: Vector  # [D] never change
    masks: NDArray[np.bool_]  # [P, D]


class Supermask(Method[SupermaskParams, SupermaskState]):
    """A genetic algorithm on masks: tournaments, uniform crossover, flips. ``start`` is the random weights."""

    params_type, state_type = SupermaskParams, SupermaskState

    def _first(self, start: Vector, seed: int) -> SupermaskState:
        count = self.params.population
        masks = np.empty((count, len(start)), np.bool_)
        for i in range(count):
            masks[i] = noise.uniforms((seed, 0), noise.FIRST, [i], len(start))[0] < self.params.density
        return SupermaskState(seed=seed, best=start, weights=start.copy(), masks=masks)

    @property
    def population(self) -> int:
        return self.params.population

    @property
    def mask(self) -> NDArray[np.bool_]:
        """[D] Links of the best candidate so far; a weight of exactly 0 counts as none."""
        return np.asarray(self.state.best != 0)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        return np.where(self.state.masks[begin:end], self.state.weights, self.state.weights.dtype.type(0))

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, params = self.state, self.params
        elites = best_first(fitness)[: params.elites]
        first, second = (tournament(fitness, params.tournament, self.key, side) for side in (0, 1))
        alone = noise.uniforms(self.key, noise.CHANCES, np.arange(len(fitness)), 1)[:, 0] >= params.crossover
        second = np.where(alone, first, second)
        rate = params.mutation or 1 / self.size
        offspring = np.empty_like(state.masks)
        offspring[: len(elites)] = state.masks[elites]
        rows = max(1, BLOCK // self.size)
        for begin in range(len(elites), len(fitness), rows):
            part = np.arange(begin, min(begin + rows, len(fitness)))
            from_first = noise.uniforms(self.key, noise.OFFSPRING, 2 * part, self.size) < 0.5
            flipped = noise.uniforms(self.key, noise.OFFSPRING, 2 * part + 1, self.size) < rate
            offspring[part] = np.where(from_first, state.masks[first[part]], state.masks[second[part]]) ^ flipped
        state.masks = offspring
