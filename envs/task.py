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

    ``evaluate`` is a pure function of the networks and the key. ``test`` judges a single network on what training
    never saw: fresh episodes, or held-out data.
    """

    num_inputs: int  # what the task feeds a network
    num_outputs: int
    maximize: bool
    target: float | None  # a score of the check that counts as solved; None: no target
    episodes_change: bool  # fitness of one genome differs between generations (other episodes, other mini-batch)

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Fitness of every network, in the task's own sense (see ``maximize``)."""
        ...

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """The check that decides whether a champion solves the task: fresh episodes or the validation split."""
        ...
