"""Adam (Kingma & Ba 2015, arXiv:1412.6980)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights.gradient import GradientMethod, PointState
from neat.weights.method import MethodParams, Vector, parameter

__all__ = ["Adam", "AdamParams", "AdamState", "Moments", "adam_step"]


@dataclass
class Moments:
    """Adam's running means, changed in place."""

    first: Vector  # [D] of gradients
    second: Vector  # [D] of their squares
    steps: int  # taken so far


def adam_step(
    moments: Moments, gradient: Vector, rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8
) -> Vector:
    """The step along ``gradient`` [D] (algorithm 1, with the bias corrections in the step size)."""
    t = moments.steps + 1
    moments.first += (1 - beta1) * (gradient - moments.first)
    moments.second += (1 - beta2) * (gradient * gradient - moments.second)
    scale = 1 / (1 - beta1**t)
    root = np.sqrt(moments.second / (1 - beta2**t))
    return np.asarray(rate * scale * moments.first / (root + epsilon), gradient.dtype)


@dataclass(frozen=True)
class AdamParams(MethodParams):
    """Parameters of `Adam`."""

    learning_rate: float = parameter(1e-3, "step", "Kingma & Ba", low=0.0)
    beta1: float = parameter(0.9, "decay of the first moment", "Kingma & Ba", low=0.0, high=1.0)
    beta2: float = parameter(0.999, "decay of the second moment", "Kingma & Ba", low=0.0, high=1.0)
    epsilon: float = parameter(1e-8, "added to the root of the second moment", "Kingma & Ba", low=0.0)


@dataclass(kw_only=True, eq=False)
class AdamState(PointState):
    """The point and the moments."""

    first: Vector  # [D]
    second: Vector  # [D]


class Adam(GradientMethod[AdamParams, AdamState]):
    """m ← β₁m + (1-β₁)g; v ← β₂v + (1-β₂)g²; x ← x - lr·m̂/(√v̂ + ε), with bias-corrected m̂ and v̂."""

    params_type, state_type = AdamParams, AdamState

    def _first(self, start: Vector, seed: int) -> AdamState:
        zeros = np.zeros_like(start)
        return AdamState(seed=seed, best=start, point=start.copy(), first=zeros, second=zeros.copy())

    def _descend(self, gradient: NDArray[np.floating]) -> Vector:
        state, params = self.state, self.params
        moments = Moments(state.first, state.second, state.generation)
        return -adam_step(moments, gradient, params.learning_rate, params.beta1, params.beta2, params.epsilon)
