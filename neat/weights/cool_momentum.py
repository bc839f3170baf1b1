"""CoolMomentum (Borysenko & Byshkin 2021, Scientific Reports 11, 10705)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights.gradient import GradientMethod
from neat.weights.method import MethodParams, Vector, parameter
from neat.weights.sgd import SGDState

__all__ = ["CoolMomentum", "CoolMomentumParams"]


@dataclass(frozen=True)
class CoolMomentumParams(MethodParams):
    """Parameters of `CoolMomentum`."""

    learning_rate: float = parameter(0.01, "step", "Borysenko & Byshkin", low=0.0)
    momentum: float = parameter(0.99, "ρ₀, the first momentum", "Borysenko & Byshkin", low=0.0, high=0.999999)
    steps: int = parameter(10_000, "S, after which the momentum is 0", "own", low=1)


class CoolMomentum(GradientMethod[CoolMomentumParams, SGDState]):
    """Langevin dynamics with an annealed temperature: momentum falls from ρ₀ to 0 over S steps.

    c = (1-ρ₀)/(1+ρ₀); β = c^(1/S); ρ = max(0, (1 - c/βᵗ)/(1 + c/βᵗ)); Δx ← ρΔx - lr·(1+ρ)/2·g.
    """

    params_type, state_type = CoolMomentumParams, SGDState

    def _first(self, start: Vector, seed: int) -> SGDState:
        return SGDState(seed=seed, best=start, point=start.copy(), velocity=np.zeros_like(start))

    def momentum(self, step: int) -> float:
        """ρ of a step, counted from 0."""
        c = (1 - self.params.momentum) / (1 + self.params.momentum)
        cooled = c ** (1 - min(step, self.params.steps) / self.params.steps)
        return float(max(0.0, (1 - cooled) / (1 + cooled)))

    def _descend(self, gradient: NDArray[np.floating]) -> Vector:
        rho = self.momentum(self.generation)
        self.state.velocity = rho * self.state.velocity - self.params.learning_rate * (1 + rho) / 2 * gradient
        return self.state.velocity
