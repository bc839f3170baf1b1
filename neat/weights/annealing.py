"""Simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983; on networks: Rere, Fanany & Arymurthy 2015)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter

__all__ = ["AnnealingParams", "AnnealingState", "SimulatedAnnealing"]


@dataclass(frozen=True)
class AnnealingParams(MethodParams):
    """Parameters of `SimulatedAnnealing`."""

    chains: int = parameter(8, "independent chains, one candidate each", "own", low=1)
    step: float = parameter(0.1, "standard deviation of a step at the first temperature", "own", low=1e-12)
    schedule: str = parameter(
        "exponential",
        "temperature after k steps: T₀·r^(k/steps); linear: to r·T₀; boltzmann: T₀/ln(e + k); cauchy: T₀/(1 + k)",
        "Kirkpatrick et al.; boltzmann: Geman & Geman 1984; cauchy: Szu & Hartley 1987",
        choices=("exponential", "linear", "boltzmann", "cauchy"),
    )
    temperature: float = parameter(
        0.0, "T₀ in units of the objective; 0: the mean size of its first changes", "own: independent of units", low=0.0
    )
    final_ratio: float = parameter(
        1e-6, "exponential and linear: r, last temperature in units of the first", "own", low=1e-300, high=1.0
    )
    steps: int = parameter(1000, "exponential, linear: steps to the last temperature, which then stays", "own", low=1)
    restart_after: int = parameter(
        0, "steps without a record after which a chain goes back to its best point, hot again; 0: never", "own", low=0
    )


@dataclass(kw_only=True, eq=False)
class AnnealingState(MethodState):
    """C chains."""

    point: NDArray[np.floating]  # [C, D]
    fitness: Fitness  # [C] -inf before any
    record: NDArray[np.floating]  # [C, D] best point of each chain
    record_fitness: Fitness  # [C]
    clock: NDArray[np.int64]  # [C] steps on the schedule
    idle: NDArray[np.int64]  # [C] steps without a record
    temperature: float  # T₀; 0 while unknown


class SimulatedAnnealing(Method[AnnealingParams, AnnealingState]):
    """Many Metropolis chains at once; a change Δ of the fitness is accepted with probability min(1, exp(Δ/T)).

    Steps are Gaussian with deviation step·√(T/T₀), so that a cold chain looks close by. With the Cauchy schedule they
    are Cauchy-distributed with scale step·T/T₀ (Szu & Hartley's fast annealing). The first generation is the starting
    points: ``start``, and others around it or between finite bounds.
    """

    params_type, state_type = AnnealingParams, AnnealingState
    keeps_points = True

    def _first(self, start: Vector, seed: int) -> AnnealingState:
        chains = self.params.chains
        points = self.scatter(start, chains, self.params.step, seed)
        worst, zeros = np.full(chains, -np.inf), np.zeros(chains, np.int64)
        return AnnealingState(
            seed=seed, best=start, point=points, fitness=worst, record=points.copy(), record_fitness=worst.copy(),
            clock=zeros, idle=zeros.copy(), temperature=self.params.temperature,
        )  # fmt: skip

    @property
    def population(self) -> int:
        return self.params.chains

    def cooling(self, clock: NDArray[np.int64]) -> NDArray[np.float64]:
        """T/T₀ after that many steps."""
        progress = np.minimum(clock / self.params.steps, 1.0)
        ratio = self.params.final_ratio
        match self.params.schedule:
            case "exponential":
                return np.asarray(ratio**progress)
            case "linear":
                return 1 + (ratio - 1) * progress
            case "boltzmann":
                return np.asarray(1 / np.log(np.e + clock))
            case _:
                return 1 / (1.0 + clock)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        state, rows = self.state, np.arange(begin, end)
        if state.generation == 0:
            return state.point[begin:end].copy()
        cold = self.cooling(state.clock[begin:end])
        if self.params.schedule == "cauchy":
            divisor = np.abs(noise.normals(self.key, noise.OFFSPRING, rows, 1, np.float64)[:, 0])
            factor = self.params.step * cold / np.maximum(divisor, 1e-6)
        else:
            factor = self.params.step * np.sqrt(cold)
        return noise.perturbed(state.point, rows, factor, rows, self.key)

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state = self.state
        if state.generation == 0:
            state.fitness, state.record_fitness = fitness.copy(), fitness.copy()
            return
        accepted = self._accepted(fitness)
        candidates = self._block(0, self.population)
        if self.bounds is not None:
            candidates = self.bounds.clip(candidates)
        state.point[accepted], state.fitness[accepted] = candidates[accepted], fitness[accepted]
        record = state.fitness > state.record_fitness
        state.record[record], state.record_fitness[record] = state.point[record], state.fitness[record]
        state.clock += 1
        state.idle = np.where(record, 0, state.idle + 1)
        if self.params.restart_after:
            tired = state.idle >= self.params.restart_after
            state.point[tired], state.fitness[tired] = state.record[tired], state.record_fitness[tired]
            state.clock[tired] = state.idle[tired] = 0

    def _accepted(self, fitness: Fitness) -> NDArray[np.bool_]:
        """Metropolis' choice [C]; it sets the first temperature where that is still unknown."""
        state = self.state
        failed, homeless = fitness == -np.inf, state.fitness == -np.inf
        change = np.where(failed | homeless, 0.0, np.where(failed, 0.0, fitness) - np.where(homeless, 0, state.fitness))
        if state.temperature == 0 and (change != 0).any():
            state.temperature = float(np.abs(change[change != 0]).mean())
        temperature = np.maximum(state.temperature * self.cooling(state.clock), np.finfo(float).tiny)
        chance = noise.uniforms(self.key, noise.CHANCES, np.arange(len(fitness)), 1)[:, 0]
        with np.errstate(under="ignore", over="ignore"):
            kept = chance < np.exp(np.minimum(change / temperature, 0.0))
        return np.asarray(~failed & (homeless | kept))
