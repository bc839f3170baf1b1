"""The travelling salesman in the unit square."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.combinatorial.policy import TRAINING, VALIDATION, decode, instance_bytes, instance_generator
from envs.kernels.combinatorial import decode_tour
from envs.task import Key, Task
from genomes.evaluation import Evaluation
from genomes.networks import Networks

__all__ = ["TravellingSalesman", "exact_length", "nearest_neighbour", "tour_length"]

Places = NDArray[np.float32]  # [cities, 2]
OPTIMA = {20: 3.84, 50: 5.70, 100: 7.76}  # mean lengths of optimal tours (Kool et al. 2019, table 1)


@dataclass(eq=False)
class TravellingSalesman(Task):
    """Mean length of closed tours through random cities; shorter is better.

    The policy chooses the next city, the decoder inserts it where the tour grows least (see
    `envs.kernels.combinatorial.decode_tour`).
    """

    cities: int = 50
    instances: int = 20  # of a generation
    validation_instances: int = 500
    target: float | None = None  # mean length; None: 10 % above the mean optimum, where that is known

    num_inputs = 5
    num_outputs = 1
    follows_device = False
    maximize = False
    episodes_change = True

    def __post_init__(self) -> None:
        if self.cities < 3 or min(self.instances, self.validation_instances) < 1:
            raise ValueError(f"a problem needs 3 cities and 1 instance at least, got {self}")
        if self.target is None and self.cities in OPTIMA:
            self.target = 1.1 * OPTIMA[self.cities]

    def draw(self, key: Key, purpose: int, count: int) -> Places:
        """Random places [count, cities, 2]."""
        return instance_generator(key, purpose).random((count, self.cities, 2), np.float32)

    def solve(self, networks: Networks, places: Places) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Tours [P, K, cities] and their lengths [P, K] of every network on places [K, cities, 2]."""
        tours = np.empty((len(networks), *places.shape[:2]), np.int64)
        lengths = np.empty(tours.shape[:2], np.float32)
        decode(decode_tour, networks, self.num_inputs, len(places), places, tours, lengths)
        return tours, lengths

    def memory(self, genomes: int) -> dict[str, float]:
        """Instances and solutions."""
        return instance_bytes(self.cities, genomes, 8)

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean length over this generation's instances."""
        return self._mean_length(networks, self.draw(key, TRAINING, self.instances))

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """Mean length over other instances than `evaluate` gives for any key."""
        return self._mean_length(networks, self.draw(key, VALIDATION, self.validation_instances))

    def _mean_length(self, networks: Networks, places: Places) -> Evaluation:
        _, lengths = self.solve(networks, places)
        return Evaluation.of(lengths.mean(axis=1, dtype=np.float64), len(places) * self.cities)


def tour_length(places: Places, tour: NDArray[np.int64]) -> float:
    """Length of a closed tour."""
    ordered = places[tour].astype(np.float64)
    return float(np.linalg.norm(ordered - np.roll(ordered, -1, axis=0), axis=1).sum())


def nearest_neighbour(places: Places) -> NDArray[np.int64]:
    """The tour from city 0 that always goes to the nearest city left: about 25 % above the optimum."""
    left, tour = list(range(1, len(places))), [0]
    while left:
        distance = np.linalg.norm(places[left] - places[tour[-1]], axis=1)
        tour.append(left.pop(int(np.argmin(distance))))
    return np.array(tour)


def exact_length(places: Places) -> float:
    """Length of the best tour, by dynamic programming (Held & Karp 1962): up to about 13 cities."""
    count = len(places)
    distance = np.linalg.norm(places[:, None].astype(np.float64) - places[None], axis=2)
    best = np.full((1 << count, count), np.inf)  # [visited, last] from city 0
    best[1, 0] = 0.0
    for visited in range(1, 1 << count, 2):
        for last in range(count):
            if np.isfinite(best[visited, last]):
                for city in range(1, count):
                    if not visited >> city & 1:
                        wider = visited | 1 << city
                        best[wider, city] = min(best[wider, city], best[visited, last] + distance[last, city])
    return float((best[-1] + distance[:, 0])[1:].min())
