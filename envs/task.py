"""What an algorithm is judged on."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from genomes.evaluation import Evaluation
from genomes.networks import Networks

__all__ = ["Key", "Task"]

Key = tuple[int, int]  # (seed, generation): decides every random choice of an evaluation


@runtime_checkable
class Task(Protocol):
    """Judges whole populations.

    ``evaluate`` and ``validate`` are pure functions of the networks and the key.
    """

    @property
    def num_inputs(self) -> int:
        """What the task feeds a network."""
        ...

    @property
    def num_outputs(self) -> int:
        """What it reads."""
        ...

    @property
    def maximize(self) -> bool:
        """Whether higher fitness is better."""
        ...

    @property
    def target(self) -> float | None:
        """A score of the check that counts as solved; None: no target."""
        ...

    @property
    def episodes_change(self) -> bool:
        """Whether the fitness of one genome differs between generations (other episodes, other mini-batch)."""
        ...

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Fitness of every network, in the task's own sense (see ``maximize``)."""
        ...

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """The check that decides whether a champion solves the task: fresh episodes or the validation split."""
        ...
