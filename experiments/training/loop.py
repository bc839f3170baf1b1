"""The loop of all methods: ask, judge, tell."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.errors import BadInput
from experiments.interrupts import Interrupts
from experiments.training.problem import Evidence, Problem
from neat.weights.method import Method

__all__ = ["Limits", "Progress", "generation", "optimise"]

BLOCK = 1 << 24  # weights of candidates that are in memory at once: 64 MB


@dataclass(frozen=True)
class Limits:
    """When training ends; 0 is no limit, but one of the two must be given."""

    evaluations: int = 0  # the last generation may exceed it
    minutes: float = 0.0
    clock: Callable[[], float] = time.perf_counter  # s; a study that shares its machine counts time.process_time

    def __post_init__(self) -> None:
        if self.evaluations < 0 or not 0 <= self.minutes < math.inf or not (self.evaluations or self.minutes):
            given = f"{self.evaluations} and {self.minutes:g}"
            raise ValueError(f"evaluations and minutes must be 0 or more, and not both 0: got {given}")

    @classmethod
    def of(cls, evaluations: int, minutes: float) -> Limits:
        """As a user gives them: both 0 means 10,000 evaluations; BadInput where one is wrong."""
        try:
            return cls(evaluations if evaluations or minutes else 10_000, minutes)
        except (TypeError, ValueError):
            raise BadInput(
                f"evaluations = {evaluations!r}, minutes = {minutes!r}: must be numbers of 0 or more"
            ) from None


@dataclass
class Progress:
    """How far training is."""

    evaluations: int = 0
    generations: int = 0
    seconds: float = 0.0
    stopped: str = ""  # why it ended
    fitness: list[float] = field(default_factory=list)  # [generations] the best of each

    @property
    def best(self) -> float:
        """Fitness of the last generation's best."""
        return self.fitness[-1] if self.fitness else math.nan


def optimise(
    problem: Problem,
    method: Method[Any, Any],
    limits: Limits,
    watch: Callable[[Progress, NDArray[Any]], Any] | None = None,
) -> Progress:
    """Train until a limit is met, ``watch`` returns a true value, or Ctrl-C; the weights are ``method.solution``.

    Parameters
    ----------
    watch : called after every generation with the progress and the generation's best candidate [D].
    """
    progress, begin = Progress(), limits.clock()
    with Interrupts.active() as interrupts:
        try:
            with interrupts.at_once():
                while not progress.stopped:
                    leader, fitness, count = generation(problem, method, (method.state.seed, method.generation))
                    progress.evaluations += count
                    progress.generations += 1
                    progress.seconds = limits.clock() - begin
                    progress.fitness.append(fitness)
                    if 0 < limits.evaluations <= progress.evaluations:
                        progress.stopped = "evaluations"
                    elif 0 < limits.minutes * 60 <= progress.seconds:
                        progress.stopped = "minutes"
                    if watch is not None and watch(progress, leader):
                        progress.stopped = "watch"
        except KeyboardInterrupt:
            progress.stopped = "interrupted"
    return progress


def generation(problem: Problem, method: Method[Any, Any], key: tuple[int, int]) -> tuple[NDArray[Any], float, int]:
    """One generation: its best candidate [D], that one's fitness, and how many were evaluated."""
    count = method.population
    rows = max(1, BLOCK // method.size)
    if rows >= count or method.needs not in ("fitness", "behaviour"):
        candidates = method.ask()
        fitness, evidence = problem.judge(candidates, key, method.needs)
        leader = _leader(fitness, problem.maximize)
        best = candidates[leader].copy()
    else:
        fitness, evidence = _in_blocks(problem, method, key, rows)
        leader = _leader(fitness, problem.maximize)
        best = method.block(leader, leader + 1)[0]
    method.tell(fitness, *evidence)
    return best, float(fitness[leader]), count


def _in_blocks(problem: Problem, method: Method[Any, Any], key: tuple[int, int], rows: int) -> Evidence:
    """As much memory as some candidates need, not all."""
    count = method.population
    parts = [
        problem.judge(method.block(first, min(first + rows, count)), key, method.needs)
        for first in range(0, count, rows)
    ]
    evidence: list[list[ArrayLike]] = [list(own) for own in zip(*(part[1] for part in parts), strict=True)]
    return np.concatenate([part[0] for part in parts]), [np.concatenate(own) for own in evidence]


def _leader(fitness: NDArray[np.float64], maximize: bool) -> int:
    worst = -np.inf if maximize else np.inf
    known = np.where(np.isfinite(fitness), fitness, worst)
    return int(np.argmax(known) if maximize else np.argmin(known))
