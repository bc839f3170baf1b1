"""The 0-1 knapsack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.combinatorial.policy import TRAINING, VALIDATION, decode, instance_bytes, instance_generator
from envs.kernels.combinatorial import decode_knapsack
from envs.task import Key, Task
from genomes.evaluation import Evaluation
from genomes.networks import Networks

__all__ = ["Knapsack", "Sacks", "optimum"]

LARGEST = 100  # worth and weight are whole numbers from 1 to this


@dataclass(frozen=True, eq=False)
class Sacks:
    """K instances of n items."""

    worth: NDArray[np.float32]  # [K, n]
    weight: NDArray[np.float32]  # [K, n] whole numbers
    capacity: NDArray[np.float32]  # [K]

    def __len__(self) -> int:
        return len(self.capacity)


@dataclass(eq=False)
class Knapsack(Task):
    """Share of the optimum that is packed, by dynamic programming, averaged over random instances; at most 1.

    Worth and weight are whole numbers from 1 to 100, independent (Pisinger 2005: uncorrelated); the capacity is half
    of all weights. Solved: 0.98.
    """

    items: int = 50
    instances: int = 20  # of a generation
    validation_instances: int = 200
    target: float | None = 0.98

    num_inputs = 5
    num_outputs = 1
    follows_device = False
    episodes_change = True

    def __post_init__(self) -> None:
        if min(self.items, self.instances, self.validation_instances) < 1:
            raise ValueError(f"a problem needs 1 item and 1 instance at least, got {self}")

    def draw(self, key: Key, purpose: int, count: int) -> Sacks:
        """Random instances."""
        numbers = instance_generator(key, purpose).integers(1, LARGEST + 1, (2, count, self.items))
        worth, weight = numbers.astype(np.float32)
        return Sacks(worth, weight, np.maximum(np.floor(weight.sum(axis=1) / 2), LARGEST).astype(np.float32))

    def solve(self, networks: Networks, sacks: Sacks) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Items taken [P, K, n] and their worth [P, K] of every network on every instance."""
        taken = np.empty((len(networks), *sacks.worth.shape), np.bool_)
        totals = np.empty(taken.shape[:2], np.float32)
        arrays = (sacks.worth, sacks.weight, sacks.capacity, taken, totals)
        decode(decode_knapsack, networks, self.num_inputs, len(sacks), *arrays)
        return taken, totals

    def memory(self, genomes: int) -> dict[str, float]:
        """Instances and solutions."""
        return instance_bytes(self.items, genomes, 1)

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean share of the optimum over this generation's instances."""
        return self._mean_share(networks, self.draw(key, TRAINING, self.instances))

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean share of the optimum over other instances than `evaluate` gives for any key."""
        return self._mean_share(networks, self.draw(key, VALIDATION, self.validation_instances))

    def _mean_share(self, networks: Networks, sacks: Sacks) -> Evaluation:
        _, totals = self.solve(networks, sacks)
        best = np.array(
            [optimum(*instance) for instance in zip(sacks.worth, sacks.weight, sacks.capacity, strict=True)]
        )
        return Evaluation.of((totals / best).mean(axis=1, dtype=np.float64), len(sacks) * self.items)


def optimum(worth: NDArray[np.float32], weight: NDArray[np.float32], capacity: float) -> float:
    """The greatest worth of items within the capacity, by dynamic programming over whole weights."""
    best = np.zeros(int(capacity) + 1)
    for value, size in zip(worth, weight.astype(int), strict=True):
        if size < len(best):
            best[size:] = np.maximum(best[size:], best[:-size] + value)
    return float(best[-1])
