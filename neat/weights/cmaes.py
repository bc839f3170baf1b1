"""CMA-ES (Hansen & Ostermeier 2001; Hansen 2016, arXiv:1604.00772), by the library cmaes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, SearchError, Vector, parameter

if TYPE_CHECKING:
    from cmaes import CMA

__all__ = ["CMAES", "CMAESParams", "CMAESState"]

MOST = 1000  # dimensions: the matrix costs D² memory for each candidate, its eigenvectors D³ time
LIMIT = 1e32  # of a weight, which the library refuses to pass
TRIES = 20  # draws of a candidate until one is within bounds


@dataclass(frozen=True)
class CMAESParams(MethodParams):
    """Parameters of `CMAES`."""

    population: int = parameter(0, "candidates of a generation; 0: 4 + 3 ln D", "Hansen 2016, equation 48", low=0)
    sigma: float = parameter(0.3, "step size at first", "Hansen 2016: 0.3 of the range", low=1e-12)

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.population < 4:
            raise ValueError(f"population = {self.population}: must be at least 4, or 0 for 4 + 3 ln D")


@dataclass(kw_only=True, eq=False)
class CMAESState(MethodState):
    """The search distribution N(mean, sigma²·covariance), and the evolution paths."""

    mean: NDArray[np.float64]  # [D]
    sigma: float
    covariance: NDArray[np.float64]  # [D, D]
    path: NDArray[np.float64]  # [D] p_c
    sigma_path: NDArray[np.float64]  # [D] p_σ


class CMAES(Method[CMAESParams, CMAESState]):
    """Adapts mean, step size and full covariance matrix; up to 1,000 dimensions, `SepCMAES` beyond.

    Candidates are drawn here, from counter-based numbers, and again where one is out of bounds (at most 20 times, then
    clipped); the update is the library's.
    """

    params_type, state_type = CMAESParams, CMAESState

    def _first(self, start: Vector, seed: int) -> CMAESState:
        if len(start) > MOST:
            raise ValueError(
                f"CMAES keeps a matrix of D x D: {len(start):,} dimensions are more than {MOST:,}; use SepCMAES, "
                "method 'sep-cma-es'"
            )
        zeros = np.zeros(len(start))
        return CMAESState(
            seed=seed, best=start, mean=start.copy(), sigma=self.params.sigma, covariance=np.eye(len(start)),
            path=zeros, sigma_path=zeros.copy(),
        )  # fmt: skip

    @property
    def population(self) -> int:
        return self.params.population or 4 + int(3 * np.log(self.size))

    @property
    def solution(self) -> Vector:
        return self.state.mean.astype(self.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        deviation, vectors = self._axes()
        rows = np.arange(begin, end)
        block = np.empty((len(rows), self.size))
        waiting = np.ones(len(rows), np.bool_)
        for attempt in range(TRIES if self.bounds is not None else 1):
            # One product for all rows: those that are fine are drawn again, so that no block changes a bit
            z = noise.normals(self.key, noise.NOISE, rows + attempt * self.population, self.size, np.float64)
            drawn = self.state.mean + self.state.sigma * np.stack([vectors @ (deviation * row) for row in z])
            block[waiting] = drawn[waiting]
            if self.bounds is not None:
                waiting &= (self.bounds.clip(block) != block).any(axis=1)
            if not waiting.any():
                break
        return block

    def _axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Square roots of the eigenvalues [D], and eigenvectors [D, D], found once a generation."""
        cached: tuple[int, Any] | None = getattr(self, "_decomposed", None)
        if cached is None or cached[0] != self.generation:
            values, vectors = np.linalg.eigh(self.state.covariance)
            cached = self.generation, (np.sqrt(np.where(values < 0, 1e-8, values)), vectors)
            self._decomposed = cached
        return cached[1]

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state = self.state
        candidates = self._block(0, self.population)
        if self.bounds is not None:
            candidates = self.bounds.clip(candidates)
        if np.abs(candidates).max() >= LIMIT:
            raise SearchError(f"generation {self.generation}: the weights have grown beyond {LIMIT:g}; give bounds")
        core = self._core()
        core.tell(list(zip(candidates, -fitness, strict=True)))
        state.mean, state.sigma, state.covariance = core._mean, float(core._sigma), (core._C + core._C.T) / 2
        state.path, state.sigma_path = core._pc, core._p_sigma

    def _core(self) -> CMA:
        """The library's optimiser in this state. It has no public way in and out, hence its version in pyproject."""
        from cmaes import CMA

        state = self.state
        deviation, vectors = self._axes()
        core = CMA(mean=state.mean, sigma=state.sigma, population_size=self.population, cov=state.covariance.copy())
        core._pc, core._p_sigma, core._g = state.path, state.sigma_path, state.generation
        core._D, core._B = deviation, vectors
        return core
