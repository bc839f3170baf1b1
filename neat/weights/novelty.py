"""Novelty search by evolution strategies: NS-ES and NSR-ES (Conti et al. 2018, NeurIPS, arXiv:1712.06560)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.adam import Moments, adam_step
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter
from neat.weights.openai_es import rank_gradient
from neat.weights.ranking import centred_ranks

__all__ = ["NSES", "NSRES", "NoveltyParams", "NoveltyState", "novelty"]


@dataclass(frozen=True)
class NoveltyParams(MethodParams):
    """Parameters of `NSES` and `NSRES`."""

    population: int = parameter(256, "perturbations of a generation, in mirrored pairs: even", "own", low=2)
    agents: int = parameter(3, "M, means of the meta-population", "Conti et al., section 3.1", low=1)
    spread: float = parameter(0.0, "deviation of the agents around the start", "own: by sigma when 0", low=0.0)
    sigma: float = parameter(0.02, "standard deviation of the noise", "Conti et al., supplement", low=1e-12)
    learning_rate: float = parameter(0.01, "step of Adam", "Conti et al., supplement", low=0.0)
    weight_decay: float = parameter(0.005, "l2 coefficient", "Conti et al., supplement", low=0.0)
    neighbours: int = parameter(10, "k, nearest in the archive that novelty is measured to", "Conti et al.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.population % 2:
            raise ValueError(f"population = {self.population}: must be even, candidates come in mirrored pairs")


@dataclass(kw_only=True, eq=False)
class NoveltyState(MethodState):
    """M agents and the archive of A behaviours."""

    mean: NDArray[np.floating]  # [M, D]
    first: NDArray[np.floating]  # [M, D] Adam's moments
    second: NDArray[np.floating]  # [M, D]
    steps: NDArray[np.int64]  # [M] taken by each
    last: NDArray[np.int64]  # [M] each one's latest entry in the archive; -1 before any
    archive: NDArray[np.float64]  # [A, B]
    agent: int = 0  # whose turn it is


def novelty(behaviour: NDArray[np.float64], archive: NDArray[np.float64], neighbours: int) -> Fitness:
    """[n] Mean distance of behaviours [n, B] to their nearest in the archive [A, B]; 0 where that is empty."""
    if not len(archive):
        return np.zeros(len(behaviour))
    nearest = min(neighbours, len(archive))
    result = np.empty(len(behaviour))
    for i, own in enumerate(behaviour):
        distance = np.sqrt(((archive - own) ** 2).sum(axis=1))
        result[i] = np.partition(distance, nearest - 1)[:nearest].mean()
    return result


class NSES(Method[NoveltyParams, NoveltyState]):
    """Follows the gradient of novelty, one agent of the meta-population a generation.

    ``tell(fitness [P], behaviour [P, B])``. Candidate 0 is the agent itself: its behaviour enters the archive, which
    thus holds every mean that there was; the others are its mirrored perturbations. The next agent is drawn with
    probability proportional to novelty (equation 1); each has its first turn before any has a second.
    """

    params_type, state_type = NoveltyParams, NoveltyState
    needs = "behaviour"

    def _first(self, start: Vector, seed: int) -> NoveltyState:
        means = self.scatter_agents(start, seed)
        zeros = np.zeros_like(means)
        return NoveltyState(
            seed=seed, best=start, mean=means, first=zeros, second=zeros.copy(),
            steps=np.zeros(len(means), np.int64), last=np.full(len(means), -1), archive=np.zeros((0, 0)),
        )  # fmt: skip

    def scatter_agents(self, start: Vector, seed: int) -> NDArray[np.floating]:
        """First agents [M, D]: the start, and others around it."""
        spread, rows = self.params.spread or self.params.sigma, np.arange(self.params.agents)
        means = noise.perturbed(start[None], 0, np.where(rows > 0, spread, 0), rows, (seed, 0), purpose=noise.FIRST)
        return means if self.bounds is None else self.bounds.clip(means)

    @property
    def population(self) -> int:
        return 1 + self.params.population

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        rows = np.arange(begin, end)
        factor = np.where(rows == 0, 0.0, np.where(rows % 2 == 1, self.params.sigma, -self.params.sigma))
        dtype: Any = np.float64 if self.state.mean.dtype == np.float64 else self.dtype
        pair = np.maximum(rows - 1, 0) // 2
        return noise.perturbed(self.state.mean, self.state.agent, factor, pair, self.key, dtype=dtype)

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, params = self.state, self.params
        behaviour = evidence[0].reshape(len(fitness), -1)
        failed = ~np.isfinite(fitness) | ~np.isfinite(behaviour).all(axis=1)
        if not failed[0]:
            self._remember(behaviour[0])
        measured = np.full(len(fitness), -np.inf)
        measured[~failed] = novelty(behaviour[~failed], state.archive, params.neighbours)
        weight = self._weights(fitness[1:], measured[1:])
        mean = state.mean[state.agent]
        gradient = rank_gradient(weight, params.sigma, mean, self.key) - params.weight_decay * mean
        moments = Moments(state.first[state.agent], state.second[state.agent], int(state.steps[state.agent]))
        mean += adam_step(moments, gradient, params.learning_rate)
        if self.bounds is not None:
            state.mean[state.agent] = self.bounds.clip(mean)
        state.steps[state.agent] += 1
        state.agent = self._next_agent()

    def _weights(self, fitness: Fitness, measured: Fitness) -> Fitness:
        """Of each perturbation in the gradient: NS-ES takes novelty alone."""
        return centred_ranks(measured)

    def _remember(self, behaviour: NDArray[np.float64]) -> None:
        state = self.state
        if len(state.archive) and state.archive.shape[1] != len(behaviour):
            raise ValueError(f"behaviour has {len(behaviour)} numbers, earlier ones had {state.archive.shape[1]}")
        archive = state.archive if len(state.archive) else np.zeros((0, len(behaviour)))
        state.last[state.agent] = len(archive)
        state.archive = np.concatenate([archive, behaviour[None]])

    def _next_agent(self) -> int:
        state = self.state
        fresh = np.flatnonzero(state.steps == 0)
        if len(fresh):
            return int(fresh[0])
        chance = np.ones(len(state.last))
        known = state.last >= 0
        if known.all():
            measured = novelty(state.archive[state.last], state.archive, self.params.neighbours)
            chance = measured if measured.sum() > 0 else chance
        draw = float(noise.uniforms(self.key, noise.CHANCES, [0], 1, np.float64)[0, 0])
        return min(int(np.searchsorted(np.cumsum(chance) / chance.sum(), draw, side="right")), len(chance) - 1)


class NSRES(NSES):
    """NSR-ES: as `NSES`, by the mean of the centred ranks of novelty and of fitness (equation 4)."""

    def _weights(self, fitness: Fitness, measured: Fitness) -> Fitness:
        return (centred_ranks(measured) + centred_ranks(fitness)) / 2
