"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights.gradient import GradientMethod, PointState
from neat.weights.method import MethodParams, Vector, parameter

__all__ = ["SGD", "SGDParams", "SGDState"]


@dataclass(frozen=True)
class SGDParams(MethodParams):
    """Parameters of `SGD`."""

    learning_rate: float = parameter(0.01, "step", "own", low=0.0)
    momentum: float = parameter(0.0, "share of the last step that is kept", "Polyak 1964", low=0.0, high=1.0)
    weight_decay: float = parameter(0.0, "l2 coefficient, added to the gradient", "own", low=0.0)


@dataclass(kw_only=True, eq=False)
class SGDState(PointState):
    """The point and its velocity."""

    velocity: Vector  # [D]


class SGD(GradientMethod[SGDParams, SGDState]):
    """v ← μv - lr·(g + decay·x); x ← x + v (Polyak 1964, heavy ball)."""

    params_type, state_type = SGDParams, SGDState

    def _first(self, start: Vector, seed: int) -> SGDState:
        return SGDState(seed=seed, best=start, point=start.copy(), velocity=np.zeros_like(start))

    def _descend(self, gradient: NDArray[np.floating]) -> Vector:
        state, params = self.state, self.params
        decayed = gradient + params.weight_decay * state.point
        state.velocity = params.momentum * state.velocity - params.learning_rate * decayed
        return state.velocity
