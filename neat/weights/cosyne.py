"""CoSyNE: cooperative synapse neuroevolution (Gomez, Schmidhuber & Miikkulainen 2008, JMLR 9, 937-965)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter
from neat.weights.ranking import best_first

__all__ = ["CoSyNE", "CoSyNEParams", "CoSyNEState"]

BLOCK = 1 << 20  # weights permuted at once


@dataclass(frozen=True)
class CoSyNEParams(MethodParams):
    """Parameters of `CoSyNE`."""

    population: int = parameter(40, "members of each weight's subpopulation", "own", low=4)
    parents: float = parameter(0.25, "best share that reproduces", "Gomez et al., section 3", low=0.0, high=1.0)
    offspring: float = parameter(0.25, "worst share that their offspring replace", "own", low=0.0, high=1.0)
    mutation: float = parameter(0.3, "probability of each weight of an offspring to mutate", "own", low=0.0, high=1.0)
    scale: float = parameter(0.3, "α, scale of the Cauchy noise of a mutation", "Gomez et al.", low=0.0)
    permute_all: bool = parameter(
        True, "all weights change partners; otherwise those of fit members less often", "Gomez et al., section 3"
    )
    spread: float = parameter(1.0, "deviation of the first weights where bounds are not finite", "own", low=0.0)


@dataclass(kw_only=True, eq=False)
class CoSyNEState(MethodState):
    """D subpopulations of P weights each; row j of all is a network."""

    members: NDArray[np.floating]  # [P, D]


class CoSyNE(Method[CoSyNEParams, CoSyNEState]):
    """Every weight has a subpopulation of its own; networks are rows, and between generations columns are permuted.

    After evaluation the best rows recombine (one-point crossover) and mutate (Cauchy noise); the offspring replace the
    worst rows. Then weights marked for it change rows within their column: all of them, or weight i of member j with
    probability 1 - ((f_j - f_min) / (f_max - f_min))^(1/D) (algorithm 1). Offspring of this generation always do.
    """

    params_type, state_type = CoSyNEParams, CoSyNEState

    def _first(self, start: Vector, seed: int) -> CoSyNEState:
        members = self.scatter(start, self.params.population, self.params.spread, seed)
        return CoSyNEState(seed=seed, best=start, members=members)

    @property
    def population(self) -> int:
        return self.params.population

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        return self.state.members[begin:end].copy()

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, count = self.state, len(fitness)
        order = best_first(fitness)
        members, fitness = state.members[order], fitness[order]
        born = max(1, round(self.params.offspring * count))
        members[count - born :] = self._offspring(members, born)
        chance = self._permutation_chances(fitness, born)
        columns = max(1, BLOCK // count)
        for begin in range(0, self.size, columns):
            part = np.arange(begin, min(begin + columns, self.size))
            members[:, part] = self._permuted(members[:, part], part, chance)
        state.members = members

    def _offspring(self, ranked: NDArray[np.floating], count: int) -> NDArray[np.floating]:
        params, rows = self.params, np.arange(count)
        elite = max(2, round(params.parents * len(ranked)))
        draws = noise.uniforms(self.key, noise.PARENTS, rows, 3, np.float64)
        first, second = ((draws[:, k] * elite).astype(np.int64) for k in (0, 1))
        cut = (draws[:, 2] * (self.size + 1)).astype(np.int64)
        children = np.where(np.arange(self.size) < cut[:, None], ranked[first], ranked[second])
        hit = noise.uniforms(self.key, noise.CHANCES, rows, self.size) < params.mutation
        angle = noise.uniforms(self.key, noise.OFFSPRING, rows, self.size, np.float64) - 0.5
        step = params.scale * np.tan(np.pi * np.clip(angle, -0.499999, 0.499999))
        children = np.where(hit, children + step, children)
        return children if self.bounds is None else self.bounds.clip(children)

    def _permutation_chances(self, ranked: Fitness, born: int) -> NDArray[np.float64]:
        """[P] of each row, the best first."""
        if self.params.permute_all:
            return np.ones(len(ranked))
        finite = ranked[np.isfinite(ranked)]
        width = finite[0] - finite[-1]
        share = np.where(np.isfinite(ranked), ranked - finite[-1], 0.0) / width if width > 0 else np.ones(len(ranked))
        chance = 1 - share ** (1 / self.size)
        chance[len(ranked) - born :] = 1.0
        return chance

    def _permuted(
        self, members: NDArray[np.floating], columns: NDArray[np.int64], chance: NDArray[np.float64]
    ) -> NDArray[np.floating]:
        """Columns [P, n] with their marked entries in random order."""
        count = len(members)
        marks = noise.uniforms(self.key, noise.SUBSETS, 2 * columns, count).T
        marked = marks < chance[:, None]
        order = noise.uniforms(self.key, noise.SUBSETS, 2 * columns + 1, count).T
        # Marked entries first, unmarked ones after them as they stand: sorted by row, and sorted at random
        places = np.argsort(np.where(marked, np.arange(count)[:, None], count), axis=0, kind="stable")
        values = np.argsort(np.where(marked, order, 2.0), axis=0, kind="stable")
        result = np.empty_like(members)
        np.put_along_axis(result, places, np.take_along_axis(members, values, axis=0), axis=0)
        return result
