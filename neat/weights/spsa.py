"""Simultaneous perturbation stochastic approximation (Spall 1992; gains: Spall 1998, IEEE TAES 34(3))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.gradient import PointState
from neat.weights.method import Fitness, Method, MethodParams, Vector, parameter

__all__ = ["SPSA", "SPSAParams", "SPSAState"]


@dataclass(frozen=True)
class SPSAParams(MethodParams):
    """Parameters of `SPSA`."""

    step: float = parameter(0.01, "change of each weight in the first step, sets a", "Spall 1998, III.B", low=0)
    difference: float = parameter(0.01, "c, size of the first perturbation of each weight", "own", low=1e-12)
    stability: float = parameter(100.0, "A, about a tenth of the expected steps", "Spall 1998", low=0.0)
    alpha: float = parameter(0.602, "the gain falls as 1/(k + 1 + A)^α", "Spall 1998", low=0.0)
    gamma: float = parameter(0.101, "the perturbation falls as 1/(k + 1)^γ", "Spall 1998", low=0.0)
    samples: int = parameter(1, "perturbations whose estimates are averaged; two evaluations each", "Spall 1992", low=1)


@dataclass(kw_only=True, eq=False)
class SPSAState(PointState):
    """The point and the gain."""

    gain: float = 0.0  # a; 0 until the first estimate


class SPSA(Method[SPSAParams, SPSAState]):
    """x ← x + a_k·ĝ, ĝ = (f(x + c_kΔ) - f(x - c_kΔ)) / (2c_k)·Δ⁻¹, Δ = ±1 with equal probability.

    a_k = a/(k + 1 + A)^0.602 and c_k = c/(k + 1)^0.101. The gain a is set from the first estimate so that the first
    step changes each weight by ``step``: the objective's units don't matter. An estimate with a failed side is dropped.
    """

    params_type, state_type = SPSAParams, SPSAState

    def _first(self, start: Vector, seed: int) -> SPSAState:
        return SPSAState(seed=seed, best=start, point=start.copy())

    @property
    def population(self) -> int:
        return 2 * self.params.samples

    @property
    def solution(self) -> Vector:
        return self.state.point.astype(self.dtype)

    @property
    def difference(self) -> float:
        """c_k"""
        return float(self.params.difference / (self.generation + 1) ** self.params.gamma)

    def _signs(self, rows: NDArray[np.int64]) -> NDArray[np.floating]:
        coins = noise.uniforms(self.key, noise.NOISE, rows, self.size, self.state.point.dtype)
        return np.where(coins < 0.5, -1, 1).astype(coins.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        rows = np.arange(begin, end)
        side = np.where(rows % 2 == 0, self.difference, -self.difference).astype(self.state.point.dtype)
        return np.asarray(self.state.point + side[:, None] * self._signs(rows // 2))

    def gradient(self, fitness: Fitness) -> NDArray[np.floating]:
        """ĝ [D], the mean of the estimates, from fitness [2·samples] to be maximised, -inf where failed."""
        plus, minus = fitness[0::2], fitness[1::2]
        sound = np.isfinite(plus) & np.isfinite(minus)
        total = np.zeros_like(self.state.point)
        for i in np.flatnonzero(sound):
            slope = (plus[i] - minus[i]) / (2 * self.difference)
            total += total.dtype.type(slope) * self._signs(np.array([i]))[0]
        return total / max(int(sound.sum()), 1)

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, params = self.state, self.params
        gradient = self.gradient(fitness)
        size = float(np.abs(gradient).mean())
        if not state.gain and size > 0:
            state.gain = params.step * (state.generation + 1 + params.stability) ** params.alpha / size
        state.point += state.gain / (state.generation + 1 + params.stability) ** params.alpha * gradient
        if self.bounds is not None:
            state.point = self.bounds.clip(state.point)
