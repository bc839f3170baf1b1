"""A native environment as a task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.native import NativeEnv
from envs.rollout import Episodes, rollout, starting_states
from envs.task import Key, Task
from genomes.evaluation import Evaluation
from genomes.networks import Networks

__all__ = ["NativeTask"]

# Purposes of random numbers
EPISODES, VALIDATION = 200, 201


@dataclass(eq=False)
class NativeTask(Task):
    """Fitness is the mean score over ``episodes`` episodes; all genomes of a generation face the same starts.

    The score of an episode is its return, unless the environment says otherwise (`NativeEnv.score`). Behaviours, where
    the environment has any, are in the extras of the evaluation: ``"behaviour"`` [P, K * B].

    Parameters
    ----------
    env : the environment.
    episodes : K, episodes of each genome in a generation.
    validation_episodes : fresh episodes of the check whether a champion solves the task: the mean of their returns, or
        what the environment's own ``check`` gives.
    """

    env: NativeEnv
    episodes: int = 5
    validation_episodes: int = 100

    def __post_init__(self) -> None:
        for name in ("episodes", "validation_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        self.num_inputs, self.num_outputs = self.env.num_inputs, self.env.num_outputs
        self.target = self.env.target
        self.episodes_change = self.env.check is None  # a check of its own: what it is trained on stays the same

    @property
    def behaves(self) -> bool:  # type: ignore[override]
        """Whether the environment says how an episode went."""
        return self.env.behaviour is not None

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean score of every network; a state or reward that is not finite fails its genome."""
        played = self._play(networks, key, EPISODES, self.episodes)
        evaluation = _evaluation(played.scores, played)
        if self.env.behaviour is not None:
            evaluation.extras["behaviour"] = played.behaviours.reshape(len(networks), -1)
        return evaluation

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean return over fresh episodes, other ones than `evaluate` gives for any key, or the environment's check."""
        if self.env.check is not None:
            return Evaluation.of(self.env.check(self.env, networks))
        played = self._play(networks, key, VALIDATION, self.validation_episodes)
        return _evaluation(played.returns, played)

    def memory(self, genomes: int) -> dict[str, float]:
        """A return, a number of steps and a start for each episode."""
        start = 4 * self.env.num_states
        return {"episodes": 8 * genomes + start, "validation_episodes": 8 + start}

    def _play(self, networks: Networks, key: Key, purpose: int, episodes: int) -> Episodes:
        return rollout(self.env, networks, starting_states(self.env, key, purpose, episodes))


def _evaluation(scores: NDArray[np.float32], played: Episodes) -> Evaluation:
    return Evaluation.of(scores.mean(axis=1, dtype=np.float64), played.steps.sum(axis=1, dtype=np.int64))
