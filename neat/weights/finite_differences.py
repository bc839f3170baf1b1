"""Gradient descent on finite differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights.adam import AdamState, Moments, adam_step
from neat.weights.method import Fitness, Method, MethodParams, SearchError, Vector, parameter

__all__ = ["DifferencesParams", "FiniteDifferences"]


@dataclass(frozen=True)
class DifferencesParams(MethodParams):
    """Parameters of `FiniteDifferences`."""

    learning_rate: float = parameter(0.01, "step of Adam", "own", low=0.0)
    difference: float = parameter(1e-3, "h, change of one weight", "own: about ∛ε of float32 candidates", low=1e-12)
    central: bool = parameter(False, "both sides of the point: 2D evaluations, error h² instead of h", "own")
    beta1: float = parameter(0.9, "decay of Adam's first moment", "Kingma & Ba 2015", low=0.0, high=1.0)
    beta2: float = parameter(0.999, "decay of Adam's second moment", "Kingma & Ba 2015", low=0.0, high=1.0)


class FiniteDifferences(Method[DifferencesParams, AdamState]):
    """g_i = (f(x + h·e_i) - f(x)) / h from D + 1 evaluations, or (f(x + h·e_i) - f(x - h·e_i)) / 2h from 2D; Adam.

    A difference that failed or that a bound took away counts as 0. h is measured after rounding to the candidates'
    type.
    """

    params_type, state_type = DifferencesParams, AdamState

    def _first(self, start: Vector, seed: int) -> AdamState:
        zeros = np.zeros_like(start)
        return AdamState(seed=seed, best=start, point=start.copy(), first=zeros, second=zeros.copy())

    @property
    def population(self) -> int:
        return 2 * self.size if self.params.central else self.size + 1

    @property
    def solution(self) -> Vector:
        return self.state.point.astype(self.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        point, h = self.state.point, self.params.difference
        block = np.repeat(point[None], end - begin, axis=0)
        row = np.arange(begin, end)
        if self.params.central:
            block[row - begin, row // 2] += np.where(row % 2 == 0, h, -h)
        else:
            moved = row > 0  # row 0 is the point itself
            block[(row - begin)[moved], row[moved] - 1] += h
        return block

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, params = self.state, self.params
        gradient = self.gradient(fitness).astype(state.point.dtype)
        moments = Moments(state.first, state.second, state.generation)
        state.point += adam_step(moments, gradient, params.learning_rate, params.beta1, params.beta2)
        if self.bounds is not None:
            state.point = self.bounds.clip(state.point)

    def gradient(self, fitness: Fitness) -> NDArray[np.float64]:
        """[D] from fitness [P] to be maximised, -inf where failed; SearchError where the point itself failed."""
        high = self._rounded(self.state.point + self.params.difference)
        if self.params.central:
            low, above, below = self._rounded(self.state.point - self.params.difference), fitness[0::2], fitness[1::2]
        else:
            low, above, below = self._rounded(self.state.point), fitness[1:], np.full(self.size, fitness[0])
            if not np.isfinite(fitness[0]):
                raise SearchError(f"generation {self.generation}: the objective is not finite at the current point")
        sound = np.isfinite(above) & np.isfinite(below) & (high > low)
        gradient = np.zeros(self.size)
        gradient[sound] = (above - below)[sound] / (high - low)[sound]
        return gradient

    def _rounded(self, point: Vector) -> NDArray[np.float64]:
        """As the candidates have it: clipped and in their type."""
        point = point if self.bounds is None else self.bounds.clip(point)
        return point.astype(self.dtype).astype(np.float64)
