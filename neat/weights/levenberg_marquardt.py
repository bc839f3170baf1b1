"""The Levenberg-Marquardt method for least squares (Levenberg 1944; Marquardt 1963), damped by Nielsen's rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights.gradient import PointState
from neat.weights.method import Fitness, Method, MethodParams, SearchError, Vector, parameter

__all__ = ["LMParams", "LMState", "LevenbergMarquardt"]


@dataclass(frozen=True)
class LMParams(MethodParams):
    """Parameters of `LevenbergMarquardt`."""

    damping: float = parameter(
        1e-3,
        "λ at the start, in units of the largest element of diag(JᵀJ)",
        "Madsen, Nielsen & Tingleff 2004",
        low=1e-12,
    )


@dataclass(kw_only=True, eq=False)
class LMState(PointState):
    """The accepted point with its normal equations, the trial, and the damping."""

    trial: Vector  # [D] the candidate
    squares: float = -1.0  # ½|r|² at the point; -1 before any
    normal: NDArray[np.float64]  # [D, D] JᵀJ at the point
    slope: NDArray[np.float64]  # [D] Jᵀr
    damping: float  # λ, absolute from the first point on
    growth: float = 2.0  # ν, of λ at the next failure
    predicted: float = 0.0  # fall of ½|r|² that the linear model promises at the trial


class LevenbergMarquardt(Method[LMParams, LMState]):
    """Solves (JᵀJ + λI)Δ = -Jᵀr; a step that does not lower ½|r|² is taken back.

    λ follows Nielsen (1999): after a success λ ← λ·max(1/3, 1 - (2ρ - 1)³) with ρ the actual over the predicted fall,
    ν ← 2; after a failure λ ← λν, ν ← 2ν.

    ``tell(fitness [1], residuals [1, R], jacobian [1, R, D])`` with J = ∂r/∂x. Fitness is only reported: the step is
    judged by the residuals themselves, so ``maximize`` does not matter to it. Memory is 8·D² bytes: up to about 5,000
    weights.
    """

    params_type, state_type = LMParams, LMState
    needs = "residuals"
    keeps_points = True

    def _first(self, start: Vector, seed: int) -> LMState:
        size = len(start)
        if size > 10_000:
            raise ValueError(f"LevenbergMarquardt solves D x D equations: {size:,} weights are too many (most: 10,000)")
        normal, slope = np.zeros((size, size)), np.zeros(size)
        return LMState(
            seed=seed, best=start, point=start.copy(), trial=start.copy(), normal=normal, slope=slope,
            damping=self.params.damping,
        )  # fmt: skip

    @property
    def population(self) -> int:
        return 1

    @property
    def solution(self) -> Vector:
        return self.state.point.astype(self.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        return self.state.trial[None].copy()

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state = self.state
        residuals, jacobian = evidence[0].reshape(-1), evidence[1].reshape(-1, self.size)
        if len(residuals) != len(jacobian):
            raise ValueError(f"jacobian has {len(jacobian)} rows for {len(residuals)} residuals")
        squares = float(residuals @ residuals) / 2
        sound = np.isfinite(squares) and np.isfinite(jacobian).all()
        if not sound and state.squares < 0:
            raise SearchError("residuals or jacobian at the start are not finite")
        if sound and state.squares < 0:
            self._accept(residuals, jacobian, squares)
            state.damping *= max(float(np.diagonal(state.normal).max()), 1e-300)
        elif sound and squares < state.squares:
            gain = (state.squares - squares) / max(state.predicted, 1e-300)
            self._accept(residuals, jacobian, squares)
            state.damping *= max(1 / 3, 1 - (2 * min(gain, 1.0) - 1) ** 3)
            state.growth = 2.0
        else:
            state.damping *= state.growth
            state.growth *= 2
        state.damping = min(max(state.damping, 1e-100), 1e100)
        state.trial = state.point + self._step()
        if self.bounds is not None:
            state.trial = self.bounds.clip(state.trial)

    def _accept(self, residuals: NDArray[np.float64], jacobian: NDArray[np.float64], squares: float) -> None:
        state = self.state
        state.point, state.squares = state.trial.copy(), squares
        state.normal, state.slope = jacobian.T @ jacobian, jacobian.T @ residuals

    def _step(self) -> NDArray[np.float64]:
        state = self.state
        damped = state.normal + state.damping * np.eye(self.size)
        try:
            step = np.linalg.solve(damped, -state.slope)
        except np.linalg.LinAlgError:
            step = np.linalg.lstsq(damped, -state.slope, rcond=None)[0]
        state.predicted = float(step @ (state.damping * step - state.slope)) / 2
        return np.asarray(step, np.float64)
