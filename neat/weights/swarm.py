"""Particle swarm optimisation (Kennedy & Eberhart 1995; inertia: Shi & Eberhart 1998)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter

__all__ = ["ParticleSwarm", "SwarmParams", "SwarmState"]

BLOCK = 1 << 20  # weights moved at once


@dataclass(frozen=True)
class SwarmParams(MethodParams):
    """Parameters of `ParticleSwarm`."""

    particles: int = parameter(40, "candidates of a generation", "Standard PSO 2007: 20 to 50", low=2)
    inertia: float = parameter(0.729, "w, share of the velocity that is kept", "Clerc & Kennedy 2002", low=0.0)
    own: float = parameter(1.494, "c₁, pull of a particle's own best point", "Clerc & Kennedy 2002", low=0.0)
    social: float = parameter(1.494, "c₂, pull of the neighbourhood's best point", "Clerc & Kennedy 2002", low=0.0)
    neighbourhood: str = parameter(
        "global",
        "global: all; ring: a particle and one on either side, slower and harder to trap",
        "Kennedy & Mendes 2002",
        choices=("global", "ring"),
    )
    spread: float = parameter(1.0, "deviation of the first points where bounds are not finite", "own", low=0.0)


@dataclass(kw_only=True, eq=False)
class SwarmState(MethodState):
    """P particles."""

    position: NDArray[np.floating]  # [P, D]
    velocity: NDArray[np.floating]  # [P, D]
    record: NDArray[np.floating]  # [P, D] best point of each particle
    record_fitness: Fitness  # [P] -inf before any


class ParticleSwarm(Method[SwarmParams, SwarmState]):
    """v ← wv + c₁r₁(p - x) + c₂r₂(g - x); x ← x + v, with r₁, r₂ uniform in [0, 1) for each weight.

    A particle that hits a bound stops there in that dimension. Velocities begin at 0.
    """

    params_type, state_type = SwarmParams, SwarmState
    keeps_points = True

    def _first(self, start: Vector, seed: int) -> SwarmState:
        points = self.scatter(start, self.params.particles, self.params.spread, seed)
        return SwarmState(
            seed=seed, best=start, position=points, velocity=np.zeros_like(points), record=points.copy(),
            record_fitness=np.full(len(points), -np.inf),
        )  # fmt: skip

    @property
    def population(self) -> int:
        return self.params.particles

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        return self.state.position[begin:end].copy()

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state = self.state
        better = fitness > state.record_fitness
        state.record[better], state.record_fitness[better] = state.position[better], fitness[better]
        leaders = self.leaders()
        rows = max(1, BLOCK // self.size)
        for begin in range(0, self.population, rows):
            self._move(np.arange(begin, min(begin + rows, self.population)), leaders)

    def leaders(self) -> NDArray[np.int64]:
        """[P] The particle with the best record in each one's neighbourhood."""
        record, count = self.state.record_fitness, self.population
        if self.params.neighbourhood == "global":
            return np.full(count, np.argmax(record))
        around = (np.arange(count)[:, None] + np.array([-1, 0, 1])) % count
        return np.asarray(around[np.arange(count), np.argmax(record[around], axis=1)])

    def _move(self, rows: NDArray[np.int64], leaders: NDArray[np.int64]) -> None:
        state, params, dtype = self.state, self.params, self.state.position.dtype
        here = state.position[rows]
        pull = noise.uniforms(self.key, noise.CHANCES, 2 * rows, self.size, dtype)
        velocity = params.inertia * state.velocity[rows] + params.own * pull * (state.record[rows] - here)
        pull = noise.uniforms(self.key, noise.CHANCES, 2 * rows + 1, self.size, dtype)
        velocity += params.social * pull * (state.record[leaders[rows]] - here)
        there = here + velocity
        if self.bounds is not None:
            inside = self.bounds.clip(there)
            velocity[inside != there] = 0.0
            there = inside
        state.position[rows], state.velocity[rows] = there, velocity
