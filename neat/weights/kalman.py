"""Ensemble Kalman inversion (Iglesias, Law & Stuart 2013; on networks: Kovachki & Stuart 2018, arXiv:1808.03620)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights import noise
from neat.weights.method import Fitness, Method, MethodParams, MethodState, SearchError, Vector, parameter

__all__ = ["EnsembleKalman", "KalmanParams", "KalmanState", "kalman_factors"]


@dataclass(frozen=True)
class KalmanParams(MethodParams):
    """Parameters of `EnsembleKalman`."""

    ensemble: int = parameter(200, "J, candidates of a generation", "own; Yegenoglu et al. 2020: 5,000", low=2)
    spread: float = parameter(1.0, "deviation of the first ensemble around the start", "Yegenoglu et al.: 1", low=0.0)
    noise: float = parameter(0.01, "γ of Γ = γI, variance of the observations", "Yegenoglu et al.", low=1e-12)
    adaptive: bool = parameter(
        False, "the step is h = 1/(‖C_pp‖ + ε) instead of 1, for stiff problems", "Kovachki & Stuart, section 4.2"
    )
    jitter: float = parameter(
        0.0, "deviation of the noise that every member gets after each step; 0: none", "Kovachki & Stuart", low=0.0
    )
    momentum: float = parameter(0.0, "Nesterov's, between ensembles; 0: none", "Kovachki & Stuart: 0.9", low=0, high=1)


@dataclass(kw_only=True, eq=False)
class KalmanState(MethodState):
    """J members, and where they would be without momentum."""

    members: NDArray[np.floating]  # [J, D]
    previous: NDArray[np.floating]  # [J, D] the last ensemble before momentum; [0, D] without


class EnsembleKalman(Method[KalmanParams, KalmanState]):
    """u_j ← u_j + C_up (C_pp + Γ/h)⁻¹ (y - G(u_j)), covariances over the ensemble: the EnKF of the literature.

    ``tell(fitness [J], outputs [J, K], targets [K])``: outputs G(u_j) on this generation's mini-batch, flattened, and
    what they should be. A failed member counts in no covariance and is replaced by the mean. The system solved is of
    J or K equations, whichever is less. The ensemble moves within the span of the first one and shrinks at every step:
    ``jitter`` (Kovachki & Stuart's randomisation) is against both.
    """

    params_type, state_type = KalmanParams, KalmanState
    needs = "outputs"

    def _first(self, start: Vector, seed: int) -> KalmanState:
        members = self.scatter(start, self.params.ensemble, self.params.spread, seed)
        return KalmanState(seed=seed, best=start, members=members, previous=members[: 0 if not self.params.momentum
                           else len(members)].copy())  # fmt: skip

    @property
    def population(self) -> int:
        return self.params.ensemble

    @property
    def solution(self) -> Vector:
        return np.asarray(self.state.members.mean(axis=0), self.dtype)

    def _block(self, begin: int, end: int) -> NDArray[np.floating]:
        return self.state.members[begin:end].copy()

    def _tell(self, fitness: Fitness, *evidence: NDArray[np.float64]) -> None:
        state, (outputs, targets) = self.state, evidence
        outputs, targets = outputs.reshape(len(fitness), -1), targets.reshape(-1)
        if outputs.shape[1] != len(targets):
            raise ValueError(f"outputs have {outputs.shape[1]} values a candidate, targets {len(targets)}")
        if not np.isfinite(targets).all():
            raise SearchError("targets are not finite")
        sound = np.isfinite(fitness) & np.isfinite(outputs).all(axis=1)
        if sound.sum() < 2:
            raise SearchError(f"generation {self.generation}: outputs of fewer than two candidates are finite")
        good = state.members[sound]
        left, right = kalman_factors(outputs[sound], targets, self.params.noise, self.params.adaptive)
        mean = good.mean(axis=0)
        moved = np.repeat(mean[None], len(fitness), axis=0)
        moved[sound] = good + left.astype(good.dtype) @ (right.astype(good.dtype) @ (good - mean))
        if self.params.momentum:
            step = state.generation + 1
            rate = self.params.momentum * step / (step + 3)
            state.members = moved + rate * (moved - state.previous)
            state.previous = moved
        else:
            state.members = moved
        state.members = state.members.astype(good.dtype, copy=False)
        if self.params.jitter:
            rows = np.arange(len(fitness))
            state.members = noise.perturbed(state.members, rows, self.params.jitter, rows, self.key)
        if self.bounds is not None:
            state.members = self.bounds.clip(state.members)


def kalman_factors(
    outputs: NDArray[np.float64], targets: NDArray[np.float64], variance: float, adaptive: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Matrices L [J, m] and R [m, J] such that L·R·(U - Ū) is the update of the ensemble U [J, D]; m = min(J, K).

    With B = G - Ḡ [J, K]: C_up = (U - Ū)ᵀB/J and C_pp = BᵀB/J, so C_up(C_pp + γI)⁻¹r = (U - Ū)ᵀB(BᵀB + JγI)⁻¹r, and
    B(BᵀB + JγI)⁻¹ = (BBᵀ + JγI)⁻¹B.
    """
    members, values = outputs.shape
    deviation = outputs - outputs.mean(axis=0)
    few_values = values <= members
    square = deviation.T @ deviation if few_values else deviation @ deviation.T
    if adaptive:
        variance *= float(np.linalg.norm(square)) / members + 1e-8
    damped = square + members * variance * np.eye(len(square))
    misfit = (targets - outputs).T  # [K, J]
    solved = np.linalg.solve(damped, misfit if few_values else deviation @ misfit).T
    return np.asarray(solved), np.asarray(deviation.T if few_values else np.eye(members))
