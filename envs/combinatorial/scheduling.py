"""One machine, jobs with weights and due dates: least total weighted tardiness."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.combinatorial.policy import TRAINING, VALIDATION, decode, instance_bytes, instance_generator
from envs.kernels.combinatorial import decode_jobs
from envs.task import Key, Task
from genomes.evaluation import Evaluation
from genomes.networks import Networks

__all__ = ["RULES", "Jobs", "Scheduling", "dispatch", "exact_tardiness", "tardiness"]

LOOK_AHEAD = 2.0  # k of ATC


@dataclass(frozen=True, eq=False)
class Jobs:
    """K instances of n jobs."""

    duration: NDArray[np.float32]  # [K, n]
    weight: NDArray[np.float32]  # [K, n]
    due: NDArray[np.float32]  # [K, n]

    def __len__(self) -> int:
        return len(self.duration)


@dataclass(eq=False)
class Scheduling(Task):
    """Total weighted tardiness, by that of the best dispatching rule on the same instances; below 1 beats them all.

    Durations are 1 to 100, weights 1 to 10, due dates uniform within (1 - T ± R/2) times the sum of all durations, with
    tardiness factor T and range R of 0.2 to 1 by chance (OR-library's instances: Potts & Van Wassenhove 1985).
    """

    jobs: int = 30
    instances: int = 30  # of a generation
    validation_instances: int = 500
    target: float | None = 1.0

    num_inputs = 8
    num_outputs = 1
    follows_device = False
    maximize = False
    episodes_change = True

    def __post_init__(self) -> None:
        if min(self.jobs, self.instances, self.validation_instances) < 1:
            raise ValueError(f"a problem needs 1 job and 1 instance at least, got {self}")

    def draw(self, key: Key, purpose: int, count: int) -> Jobs:
        """Random instances."""
        generator = instance_generator(key, purpose)
        shape = count, self.jobs
        duration, weight = generator.integers(1, 101, shape), generator.integers(1, 11, shape)
        late, spread = (generator.choice([0.2, 0.4, 0.6, 0.8, 1.0], (count, 1)) for _ in range(2))
        position = 1 - late + (generator.random(shape) - 0.5) * spread
        due = np.maximum(np.round(position * duration.sum(axis=1, keepdims=True)), 0.0)
        return Jobs(*(values.astype(np.float32) for values in (duration, weight, due)))

    def solve(self, networks: Networks, jobs: Jobs) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Orders [P, K, n] and total weighted tardiness [P, K] of every network on every instance."""
        order = np.empty((len(networks), *jobs.duration.shape), np.int64)
        totals = np.empty(order.shape[:2], np.float32)
        arrays = (jobs.duration, jobs.weight, jobs.due, order, totals)
        decode(decode_jobs, networks, self.num_inputs, len(jobs), *arrays)
        return order, totals

    def memory(self, genomes: int) -> dict[str, float]:
        """Instances and solutions."""
        return instance_bytes(self.jobs, genomes, 8)

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Tardiness over this generation's instances, by the best rule's."""
        return self._by_best_rule(networks, self.draw(key, TRAINING, self.instances))

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """The same over other instances than `evaluate` gives for any key."""
        return self._by_best_rule(networks, self.draw(key, VALIDATION, self.validation_instances))

    def _by_best_rule(self, networks: Networks, jobs: Jobs) -> Evaluation:
        _, totals = self.solve(networks, jobs)
        best = min(float(tardiness(jobs, dispatch(rule, jobs)).sum()) for rule in RULES)
        share = totals.sum(axis=1, dtype=np.float64) / max(best, 1e-9)
        return Evaluation.of(share, len(jobs) * self.jobs)


Values = NDArray[np.float64]  # [K, n]; the mean duration of waiting jobs [K, 1]
Rule = Callable[[Values, Values, Values, Values], Values]  # duration, weight, slack, mean -> priority


def _edd(duration: Values, weight: Values, slack: Values, mean: Values) -> Values:
    """Earliest due date (Jackson 1955)."""
    return -(slack + duration)


def _wspt(duration: Values, weight: Values, slack: Values, mean: Values) -> Values:
    """Weighted shortest processing time (Smith 1956)."""
    return weight / duration


def _wmdd(duration: Values, weight: Values, slack: Values, mean: Values) -> Values:
    """Weighted modified due date (Kanet & Li 2004)."""
    return -np.maximum(duration, slack + duration) / weight


def _atc(duration: Values, weight: Values, slack: Values, mean: Values) -> Values:
    """Apparent tardiness cost (Vepsalainen & Morton 1987)."""
    return weight / duration * np.exp(-np.maximum(slack, 0) / (LOOK_AHEAD * mean))


RULES: dict[str, Rule] = {"EDD": _edd, "WSPT": _wspt, "WMDD": _wmdd, "ATC": _atc}


def dispatch(rule: str, jobs: Jobs) -> NDArray[np.int64]:
    """Orders [K, n] by a dispatching rule: whenever the machine is free, the job of the highest priority begins."""
    count, n = jobs.duration.shape
    duration, weight, due = (values.astype(np.float64) for values in (jobs.duration, jobs.weight, jobs.due))
    waiting, now, rows = np.ones((count, n), np.bool_), np.zeros((count, 1)), np.arange(count)
    order = np.empty((count, n), np.int64)
    for k in range(n):
        mean = (duration * waiting).sum(axis=1, keepdims=True) / (n - k)
        priority = np.where(waiting, RULES[rule](duration, weight, due - duration - now, mean), -np.inf)
        order[:, k] = np.argmax(priority, axis=1)
        waiting[rows, order[:, k]] = False
        now += duration[rows, order[:, k]][:, None]
    return order


def tardiness(jobs: Jobs, order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Total weighted tardiness [K] of orders [K, n]."""
    duration, weight, due = (
        np.take_along_axis(values.astype(np.float64), order, axis=1)
        for values in (jobs.duration, jobs.weight, jobs.due)
    )
    return np.asarray((weight * np.maximum(duration.cumsum(axis=1) - due, 0)).sum(axis=1))


def exact_tardiness(jobs: Jobs) -> NDArray[np.float64]:
    """The least total weighted tardiness [K], by trying all orders: up to about 8 jobs."""
    count, n = jobs.duration.shape
    best = np.full(count, np.inf)
    for order in itertools.permutations(range(n)):
        best = np.minimum(best, tardiness(jobs, np.tile(order, (count, 1))))
    return best
