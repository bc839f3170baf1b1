"""The Levenberg-Marquardt method for least squares (Levenberg 1944; Marquardt 1963)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights.gradient import PointState
from neat.weights.method import Fitness, Method, MethodParams, Vector, parameter

__all__ = ["LMParams", "LMState", "LevenbergMarquardt"]


@dataclass(frozen=True)
class LMParams(MethodParams):
    """Parameters of `LevenbergMarquardt`."""

    damping: float = parameter(1e-2, "λ at the start", "Marquardt 1963", low=1e-12)
    factor: float = parameter(10.0, "divides λ after a success, multiplies it after a failure", "Marquardt", low=1)


@dataclass(kw_only=True, eq=False)
class LMState(PointState):
    """The accepted point with its normal equations, the trial, and the damping."""

    trial: Vector  # [D] the candidate
    squares: float = -1.0  # ½|r|² at the point; -1 before any
    normal: NDArray[np.float64]  # [D, D] JᵀJ at the point
    slope: NDArray[np.float64]  # [D] Jᵀr
    damping: float


class LevenbergMarquardt(Method[LMParams, LMState]):
    """Solves (JᵀJ + λ·diag(JᵀJ))Δ = -Jᵀr; a step that raises ½|r|² is taken back, and λ raised.

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
            raise ValueError(f"LevenbergMarquardt solves a system of D x D: {size} weights are too many (most: 10,000)")
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
        state, factor = self.state, self.params.factor
        residuals, jacobian = evidence[0].reshape(-1), evidence[1].reshape(-1, self.size)
        if len(residuals) != len(jacobian):
            raise ValueError(f"jacobian has {len(jacobian)} rows for {len(residuals)} residuals")
        squares = float(residuals @ residuals) / 2
        sound = np.isfinite(squares) and np.isfinite(jacobian).all()
        if not sound and state.squares < 0:
            raise ValueError("residuals or jacobian at the start are not finite")
        if sound and (state.squares < 0 or squares < state.squares):
            better = state.squares >= 0
            state.point, state.squares = state.trial.copy(), squares
            state.normal, state.slope = jacobian.T @ jacobian, jacobian.T @ residuals
            state.damping = max(state.damping / factor, 1e-12) if better else state.damping
        else:
            state.damping = min(state.damping * factor, 1e12)
        state.trial = state.point + self._step()
        if self.bounds is not None:
            state.trial = self.bounds.clip(state.trial)

    def _step(self) -> NDArray[np.float64]:
        """Marquardt's scaling; the floor keeps weights that no residual depends on where they are."""
        state = self.state
        diagonal = np.diagonal(state.normal)
        floor = 1e-12 * max(float(diagonal.max()), 1e-300)
        damped = state.normal + np.diag(state.damping * np.maximum(diagonal, floor))
        try:
            return np.asarray(np.linalg.solve(damped, -state.slope), np.float64)
        except np.linalg.LinAlgError:
            return np.asarray(np.linalg.lstsq(damped, -state.slope, rcond=None)[0], np.float64)
