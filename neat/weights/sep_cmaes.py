"""Separable CMA-ES (Ros & Hansen 2008, PPSN X; constants of Hansen 2016, arXiv:1604.00772)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.params import ParameterError
from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter
from neat.weights.ranking import best_first

__all__ = ["Constants", "SepCMAES", "SepCMAESParams", "SepCMAESState"]


@dataclass(frozen=True)
class SepCMAESParams(MethodParams):
    """Parameters of `SepCMAES`."""

    population: int = parameter(0, "candidates of a generation; 0: 4 + 3 ln D", "Hansen 2016, equation 48", low=0)
    sigma: float = parameter(0.3, "step size at first", "Hansen 2016: 0.3 of the range", low=1e-12)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.population == 1:
            raise ParameterError("population", 1, "must be at least 2, or 0 for 4 + 3 ln D")


@dataclass(kw_only=True, eq=False)
class SepCMAESState(MethodState):
    """The search distribution N(mean, sigma²·diag(variance)), and the evolution paths."""

    mean: Vector  # [D]
    sigma: float
    variance: Vector  # [D] diagonal of C
    path: Vector  # [D] p_c
    sigma_path: Vector  # [D] p_σ


@dataclass(frozen=True, eq=False)
class Constants:
    """Weights and learning rates for D dimensions and λ candidates; c₁ and c_μ times (D + 2)/3 (Ros & Hansen)."""

    weights: Fitness  # [μ] the best first, sum 1
    mu_eff: float
    c_sigma: float
    d_sigma: float
    c_c: float
    c_1: float
    c_mu: float
    chi: float  # expected length of N(0, I)

    @classmethod
    def of(cls, n: int, population: int) -> Constants:
        raw = math.log((population + 1) / 2) - np.log(np.arange(1, population // 2 + 1))
        weights = raw / raw.sum()
        mu_eff = float(1 / (weights**2).sum())
        c_sigma = (mu_eff + 2) / (n + mu_eff + 5)
        c_1 = 2 / ((n + 1.3) ** 2 + mu_eff) * (n + 2) / 3
        c_mu = 2 * (mu_eff - 2 + 1 / mu_eff) / ((n + 2) ** 2 + mu_eff) * (n + 2) / 3
        return cls(
            weights=weights,
            mu_eff=mu_eff,
            c_sigma=c_sigma,
            d_sigma=1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma,
            c_c=(4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n),
            c_1=min(c_1, 0.5),
            c_mu=min(c_mu, 1 - min(c_1, 0.5)),
            chi=math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n**2)),
        )


class SepCMAES(Method[SepCMAESParams, SepCMAESState]):
    """CMA-ES with a diagonal covariance matrix: time and memory linear in D.

    Sampling, recombination, step-size control and the two covariance updates are equations 38 to 47 of Hansen 2016
    with C = diag(variance) and positive weights only.
    """

    params_type, state_type = SepCMAESParams, SepCMAESState

    def _first(self, start: Vector, seed: int) -> SepCMAESState:
        zeros = np.zeros_like(start)
        return SepCMAESState(
            seed=seed, best=start, mean=start.copy(), sigma=self.params.sigma, variance=np.ones_like(start),
            path=zeros, sigma_path=zeros.copy(),
        )  # fmt: skip

    @property
    def population(self) -> int:
        return self.params.population or 4 + int(3 * math.log(self.size))

    @property
    def solution(self) -> Vector:
        return self.state.mean.astype(self.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        state, rows = self.state, np.arange(begin, end)
        scale = np.sqrt(state.variance)
        dtype = np.float64 if state.mean.dtype == np.float64 else self.dtype
        return noise.perturbed(state.mean[None], 0, state.sigma, rows, self.key, scale=scale, dtype=dtype)

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, n = self.state, self.size
        c = Constants.of(n, len(fitness))
        selected = best_first(fitness)[: len(c.weights)]
        weights = c.weights.astype(state.mean.dtype)
        step, squares = noise.sum_noise(weights, selected, n, self.key, squares=True)  # Σ w·z, Σ w·z²
        deviation = np.sqrt(state.variance)
        state.mean += state.sigma * deviation * step
        state.sigma_path *= 1 - c.c_sigma
        state.sigma_path += math.sqrt(c.c_sigma * (2 - c.c_sigma) * c.mu_eff) * step  # C^(-1/2)·y = z
        length = float(np.linalg.norm(state.sigma_path))
        unbiased = length / math.sqrt(1 - (1 - c.c_sigma) ** (2 * (state.generation + 1)))
        stalled = unbiased >= (1.4 + 2 / (n + 1)) * c.chi  # h_σ = 0
        state.path *= 1 - c.c_c
        if not stalled:
            state.path += math.sqrt(c.c_c * (2 - c.c_c) * c.mu_eff) * deviation * step
        lost = c.c_1 * c.c_c * (2 - c.c_c) if stalled else 0.0
        state.variance *= 1 - c.c_1 - c.c_mu + lost + c.c_mu * squares
        state.variance += c.c_1 * state.path**2
        state.sigma *= min(math.exp(c.c_sigma / c.d_sigma * (length / c.chi - 1)), math.e)
        if self.bounds is not None:
            state.mean = self.bounds.clip(state.mean)
