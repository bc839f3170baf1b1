"""Ensemble Kalman inversion (Iglesias, Law & Stuart 2013; on networks: Kovachki & Stuart 2018, arXiv:1808.03620)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neat.weights.method import Fitness, Method, MethodParams, MethodState, Vector, parameter

__all__ = ["EnsembleKalman", "KalmanParams", "KalmanState", "kalman_weights"]


@dataclass(frozen=True)
class KalmanParams(MethodParams):
    """Parameters of `EnsembleKalman`."""

    ensemble: int = parameter(200, "J, candidates of a generation", "own; Yegenoglu et al. 2020: 5,000", low=2)
    spread: float = parameter(1.0, "deviation of the first ensemble around the start", "Yegenoglu et al.: 1", low=0.0)
    noise: float = parameter(0.01, "γ of Γ = γI, variance of the observations", "Yegenoglu et al.", low=1e-12)
    adaptive: bool = parameter(
        False, "the step is h = 1/(‖C_pp‖ + ε) instead of 1, for stiff problems", "Kovachki & Stuart, section 4.2"
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
    J or K equations, whichever is less. The ensemble moves within the span of the first one.
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
            raise ValueError("targets are not finite")
        sound = np.isfinite(fitness) & np.isfinite(outputs).all(axis=1)
        if sound.sum() < 2:
            raise ValueError(f"generation {self.generation}: outputs of fewer than two candidates are finite")
        good = state.members[sound]
        mixing = kalman_weights(outputs[sound], targets, self.params.noise, self.params.adaptive)
        mean = good.mean(axis=0)
        moved = np.repeat(mean[None], len(fitness), axis=0)
        moved[sound] = good + mixing.astype(good.dtype) @ (good - mean)
        if self.params.momentum:
            step = state.generation + 1
            rate = self.params.momentum * step / (step + 3)
            state.members = moved + rate * (moved - state.previous)
            state.previous = moved
        else:
            state.members = moved
        state.members = state.members.astype(good.dtype, copy=False)
        if self.bounds is not None:
            state.members = self.bounds.clip(state.members)


def kalman_weights(outputs: NDArray[np.float64], targets: NDArray[np.float64], noise: float, adaptive: bool) -> Fitness:
    """[J, J] such that the update of the ensemble is this times its deviations from the mean.

    With B = G - Ḡ [J, K] and A = U - Ū: C_up = AᵀB/J and C_pp = BᵀB/J, so C_up(C_pp + ΓI)⁻¹r = Aᵀ B(BᵀB + JγI)⁻¹r,
    and B(BᵀB + JγI)⁻¹ = (BBᵀ + JγI)⁻¹B.
    """
    members, values = outputs.shape
    deviation = outputs - outputs.mean(axis=0)
    if adaptive:  # C_up (h·C_pp + Γ)⁻¹ h
        size = np.linalg.norm(deviation @ deviation.T if members < values else deviation.T @ deviation) / members
        noise = noise * (size + 1e-8)
    ridge = members * noise
    misfit = (targets - outputs).T  # [K, J]
    if values <= members:
        solved = np.linalg.solve(deviation.T @ deviation + ridge * np.eye(values), misfit)
        return np.asarray((deviation @ solved).T, np.float64)
    solved = np.linalg.solve(deviation @ deviation.T + ridge * np.eye(members), deviation @ misfit)
    return np.asarray(solved.T, np.float64)
