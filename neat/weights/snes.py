"""Separable natural evolution strategies (Schaul, Glasmachers & Schmidhuber 2011, GECCO)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.params import ParameterError
from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter
from neat.weights.ranking import best_first

__all__ = ["SNES", "SNESParams", "SNESState", "utilities"]


@dataclass(frozen=True)
class SNESParams(MethodParams):
    """Parameters of `SNES`."""

    population: int = parameter(0, "candidates of a generation; 0: 4 + 3 ln D", "Schaul et al., table 1", low=0)
    sigma: float = parameter(0.3, "standard deviation of every weight at first", "own", low=1e-12)
    mean_rate: float = parameter(1.0, "learning rate of the mean", "Schaul et al., table 1", low=0.0)
    sigma_rate: float = parameter(0.0, "of the deviations; 0: (3 + ln D) / (5 √D)", "Schaul et al., table 1", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.population == 1:
            raise ParameterError("population", 1, "must be at least 2, or 0 for 4 + 3 ln D")


@dataclass(kw_only=True, eq=False)
class SNESState(MethodState):
    """The search distribution N(mean, diag(sigma²))."""

    mean: Vector  # [D]
    sigma: Vector  # [D]


def utilities(count: int) -> Fitness:
    """u_k = max(0, ln(λ/2 + 1) - ln k) / Σ - 1/λ of rank k = 1..λ, the best first; they sum to 0."""
    raw = np.maximum(0.0, math.log(count / 2 + 1) - np.log(np.arange(1, count + 1)))
    return np.asarray(raw / raw.sum() - 1 / count, np.float64)


class SNES(Method[SNESParams, SNESState]):
    """Follows the natural gradient of the expected utility of N(μ, diag(σ²)).

    With s_k ~ N(0, I), z_k = μ + σ·s_k, sorted by fitness (algorithm 1): μ ← μ + η_μ·σ·Σ u_k s_k;
    σ ← σ·exp(η_σ/2·Σ u_k (s_k² - 1)).
    """

    params_type, state_type = SNESParams, SNESState

    def _first(self, start: Vector, seed: int) -> SNESState:
        return SNESState(seed=seed, best=start, mean=start.copy(), sigma=np.full_like(start, self.params.sigma))

    @property
    def population(self) -> int:
        return self.params.population or 4 + int(3 * math.log(self.size))

    @property
    def solution(self) -> Vector:
        return self.state.mean.astype(self.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        state = self.state
        dtype = np.float64 if state.mean.dtype == np.float64 else self.dtype
        return noise.perturbed(
            state.mean[None], 0, 1.0, np.arange(begin, end), self.key, scale=state.sigma, dtype=dtype
        )

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, params, size = self.state, self.params, self.size
        utility = utilities(len(fitness)).astype(state.mean.dtype)
        by_rank = best_first(fitness)
        first, second = noise.sum_noise(utility, by_rank, size, self.key, squares=True)
        rate = params.sigma_rate or (3 + math.log(size)) / (5 * math.sqrt(size))
        state.mean += params.mean_rate * state.sigma * first
        state.sigma *= np.exp(rate / 2 * second)  # the utilities sum to 0: so does their "- 1"
        if self.bounds is not None:
            state.mean = self.bounds.clip(state.mean)
