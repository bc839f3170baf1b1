"""What an algorithm is judged on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.evaluation import Evaluation
from genomes.networks import Networks
from genomes.scaling import Scaling
from genomes.stored import Stored

__all__ = ["Key", "Task", "UnfitNetworks", "stored_timed_out"]

Key = tuple[int, int]  # (seed, generation): decides every random choice of an evaluation


class UnfitNetworks(ValueError):
    """A task was given networks that it cannot judge: recurrent ones, or of other inputs or outputs."""


class Task:
    """Judges whole populations; a task of your own derives from it, and must have `evaluate` and the two numbers.

    `evaluate`, `reconsider`, `validate` and `check` are pure functions of the networks, the key, and what `absorb` was
    given.
    """

    num_inputs: int  # that the task feeds a network
    num_outputs: int  # that it reads
    maximize: bool = True  # whether higher fitness is better
    target: float | None = None  # a score of `validate` that counts as solved; None: there is none
    episodes_change: bool = False  # whether a genome's fitness differs between generations (episodes, mini-batches)
    recheck: int = 0  # so many of a generation's best are judged again by `reconsider`
    behaves: bool = False  # whether evaluations have extras["behaviour"] [P, B]
    follows_device: bool = True  # whether networks compute where they say; else on the CPU
    errors: Sequence[str] = ()  # why genomes failed in the last evaluation, a text for each
    timed_out: int = 0  # genomes that a time limit has failed so far: then the run cannot be repeated exactly

    @property
    def maximize_score(self) -> bool:
        """Whether a higher score of `validate` is better."""
        return self.maximize

    @property
    def scaling(self) -> Scaling | None:
        """How inputs are scaled now; travels with the champion."""
        return None

    def fix_scaling(self, scaling: Scaling | None) -> None:
        """Scale inputs so from now on, whatever is observed: as the champion's are, whose weights are tuned."""

    @property
    def notes(self) -> Sequence[str]:
        """What a run should say of the task, a line each."""
        return ()

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Fitness of every network, in the task's own sense (see ``maximize``)."""
        raise NotImplementedError

    def reconsider(self, networks: Networks, key: Key) -> Evaluation:
        """A second opinion on a generation's best, which decides among them."""
        raise NotImplementedError

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """The check that decides whether a champion solves the task: fresh episodes or the validation split."""
        return self.evaluate(networks, key)

    def check(self, networks: Networks, key: Key, held: float = math.nan) -> float:
        """The score of one network, by `validate`. Where that is costly, a part of it is enough for one that reaches
        there neither the target nor what the champion so far has (``held``; NaN: there is none). Every champion has
        been through the whole check."""
        return float(self.validate(networks, key).fitness[0])

    def memory(self, genomes: int) -> dict[str, float]:
        """Bytes, at least, that a judgement of so many genomes takes for each unit of an attribute, by its name."""
        return {}

    def activity(self) -> str:
        """What an evaluation that is under way is at, for whoever waits, in a line; it is asked from another thread.
        Empty: nothing is known."""
        return ""

    def absorb(self, evaluation: Evaluation) -> None:
        """Take a generation's evaluation into account in the following ones."""

    def state_dict(self) -> dict[str, NDArray[Any]]:
        """What a checkpoint must keep of `absorb`."""
        return {"timed_out": np.array(self.timed_out)} if self.timed_out else {}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go on from a `state_dict`. It may come from anywhere: what is not right is a ValueError of one line."""
        given = Stored(state, {}, "task.")
        timed_out = stored_timed_out(given)
        given.end()
        self.timed_out = timed_out

    def close(self) -> None:
        """Give back what the task holds: worker processes."""


def stored_timed_out(given: Stored) -> int:
    """How many genomes a time limit had failed, by what a checkpoint holds of a task."""
    return int(given.between("timed_out", np.int64, 1, 2**62).item()) if "timed_out" in given else 0
