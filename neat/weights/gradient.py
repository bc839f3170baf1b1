"""What the gradient references share: one candidate, and its gradient."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from neat.weights.method import Fitness, Method, MethodParams, MethodState, SearchError, Vector

__all__ = ["GradientMethod", "PointState"]


@dataclass(kw_only=True, eq=False)
class PointState(MethodState):
    """The current point."""

    point: Vector  # [D]


P = TypeVar("P", bound=MethodParams)
S = TypeVar("S", bound=PointState)


class GradientMethod(Method[P, S]):
    """Asks for one candidate, the current point; ``tell(fitness [1], gradient [1, D])`` moves it."""

    needs = "gradient"

    @property
    def population(self) -> int:
        return 1

    @property
    def solution(self) -> Vector:
        return self.state.point.astype(self.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        return self.state.point[None].copy()

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        (gradient,) = evidence
        if gradient.shape != (1, self.size):
            raise ValueError(f"gradient has shape {gradient.shape}, must be (1, {self.size})")
        if not np.isfinite(gradient).all():
            raise SearchError(f"generation {self.generation}: gradient[{_first_bad(gradient)}] is not finite")
        loss_gradient = (-gradient[0] if self.maximize else gradient[0]).astype(self.state.point.dtype)
        self.state.point = self.state.point + self._descend(loss_gradient)
        if self.bounds is not None:
            self.state.point = self.bounds.clip(self.state.point)

    @abc.abstractmethod
    def _descend(self, gradient: NDArray[np.floating]) -> Vector:
        """The step [D] that lowers the loss whose gradient [D] this is."""


def _first_bad(gradient: NDArray[np.float64]) -> int:
    return int(np.flatnonzero(~np.isfinite(gradient[0]))[0])
