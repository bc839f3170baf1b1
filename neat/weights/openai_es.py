"""OpenAI's evolution strategy (Salimans et al. 2017, arXiv:1703.03864)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.adam import Moments, adam_step
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter
from neat.weights.ranking import centred_ranks

__all__ = ["ESParams", "OpenAIES", "OpenAIESState"]


@dataclass(frozen=True)
class ESParams(MethodParams):
    """Parameters of `OpenAIES`."""

    population: int = parameter(256, "candidates of a generation, in mirrored pairs: even", "own", low=2)
    sigma: float = parameter(0.02, "standard deviation of the noise", "Salimans et al.: Humanoid", low=1e-12)
    learning_rate: float = parameter(0.01, "step of Adam", "Salimans et al.: Humanoid", low=0.0)
    weight_decay: float = parameter(0.005, "l2 coefficient, added to the gradient", "Salimans et al.: Humanoid", low=0)
    beta1: float = parameter(0.9, "decay of Adam's first moment", "Salimans et al.", low=0.0, high=1.0)
    beta2: float = parameter(0.999, "decay of Adam's second moment", "Salimans et al.", low=0.0, high=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.population % 2:
            raise ValueError(f"population = {self.population}: must be even, candidates come in mirrored pairs")


@dataclass(kw_only=True, eq=False)
class OpenAIESState(MethodState):
    """The mean and Adam's moments."""

    mean: Vector  # [D]
    first: Vector  # [D] Adam's mean of gradients
    second: Vector  # [D] and of their squares


class OpenAIES(Method[ESParams, OpenAIESState]):
    """Ascends the gradient of the expected fitness of a Gaussian around the mean, estimated from ranks.

    Candidates 2i and 2i + 1 are θ ± σ·ε_i (mirrored, section 2). The estimate g = Σ rank·ε / (nσ) takes centred ranks
    in -0.5 .. 0.5 (section 2.1); Adam steps along g - decay·θ. The noise is drawn again in ``tell``, never stored.
    """

    params_type, state_type = ESParams, OpenAIESState

    def _first(self, start: Vector, seed: int) -> OpenAIESState:
        zeros = np.zeros_like(start)
        return OpenAIESState(seed=seed, best=start, mean=start.copy(), first=zeros, second=zeros.copy())

    @property
    def population(self) -> int:
        return self.params.population

    @property
    def solution(self) -> Vector:
        return self.state.mean.astype(self.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        rows = np.arange(begin, end)
        factor = np.where(rows % 2 == 0, self.params.sigma, -self.params.sigma)
        dtype = np.float64 if self.state.mean.dtype == np.float64 else self.dtype
        return noise.perturbed(self.state.mean[None], 0, factor, rows // 2, self.key, dtype=dtype)

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, params = self.state, self.params
        gradient = rank_gradient(centred_ranks(fitness), params.sigma, state.mean, self.key)
        gradient -= params.weight_decay * state.mean
        moments = Moments(state.first, state.second, state.generation)
        state.mean += adam_step(moments, gradient, params.learning_rate, params.beta1, params.beta2)
        if self.bounds is not None:
            state.mean = self.bounds.clip(state.mean)

    def subsets(self, begin: int, end: int, rows: int, size: int) -> NDArray[np.int64]:
        """Data rows [end - begin, size] on which to judge candidates begin..end-1 (Zhang, Clune & Stanley 2017).

        Each mirrored pair has random rows of its own, drawn with replacement, new ones in every generation.
        """
        if not 0 <= begin < end <= self.population:
            raise ValueError(f"subsets({begin}, {end}): must be a range within 0 .. {self.population}")
        pairs = np.arange(begin // 2, (end + 1) // 2)
        drawn = noise.uniforms(self.key, noise.SUBSETS, pairs, size, np.float64)
        chosen = np.minimum((drawn * rows).astype(np.int64), rows - 1)
        return chosen[np.arange(begin, end) // 2 - begin // 2]


def rank_gradient(weight: Fitness, sigma: float, like: Vector, key: tuple[int, int]) -> Vector:
    """Σ weight_i·ε_i / (nσ) [D] of n mirrored candidates, in the type of ``like``."""
    pairs = (weight[0::2] - weight[1::2]) / (len(weight) * sigma)
    total, _ = noise.sum_noise(pairs.astype(like.dtype), np.arange(len(pairs)), len(like), key)
    return total
