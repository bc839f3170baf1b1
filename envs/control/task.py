"""A native environment as a task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from envs.native import NativeEnv
from envs.rollout import rollout, starting_states
from envs.task import Key
from genomes.evaluation import Evaluation
from genomes.networks import Networks

__all__ = ["NativeTask"]

# Purposes of random numbers
EPISODES, VALIDATION = 200, 201


@dataclass(frozen=True, eq=False)
class NativeTask:
    """Fitness is the mean return over ``episodes`` episodes; all genomes of a generation face the same starts.

    Parameters
    ----------
    env : the environment.
    episodes : K, episodes of each genome in a generation.
    validation_episodes : fresh episodes of the check whether a champion solves the task.
    """

    env: NativeEnv
    episodes: int = 5
    validation_episodes: int = 100

    maximize = True
    episodes_change = True

    def __post_init__(self) -> None:
        for name in ("episodes", "validation_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def num_inputs(self) -> int:
        """Length of an observation."""
        return self.env.num_inputs

    @property
    def num_outputs(self) -> int:
        """Outputs that the environment reads."""
        return self.env.num_outputs

    @property
    def target(self) -> float | None:
        """Mean return of the check that counts as solved."""
        return self.env.target

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean return of every network; a state or reward that is not finite fails its genome."""
        return self._play(networks, key, EPISODES, self.episodes)

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean return over fresh episodes, other ones than `evaluate` gives for any key."""
        return self._play(networks, key, VALIDATION, self.validation_episodes)

    def _play(self, networks: Networks, key: Key, purpose: int, episodes: int) -> Evaluation:
        played = rollout(self.env, networks, starting_states(self.env, key, purpose, episodes))
        return Evaluation.of(played.returns.mean(axis=1, dtype=np.float64), played.steps.sum(axis=1, dtype=np.int64))
