"""The episodes of one evaluation, dealt out to workers in portions that shrink towards the end.

When a worker dies, each genome whose episodes it had is played again, alone; a genome whose worker dies at it a second
time is lost.
"""

from __future__ import annotations

import dataclasses
import threading
from collections import Counter, deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.gym.make import TRIAL
from envs.gym.play import Batch, Played

__all__ = ["EpisodeJobs"]

PORTIONS = 3  # a worker takes this part of its share of what is left
MOST_IN_A_ROW = 50  # then something is wrong with the machine, or with the environment


class EpisodeJobs:
    """Portions of a batch, whose episodes are in the order of their networks.

    Attributes
    ----------
    returns, steps, moments, errors, reasons : of the whole batch, as in `Played`.
    lost : genomes whose worker died twice; their returns are NaN.
    too_late : genomes of which an episode took longer than the time limit; the return of that episode is NaN.
    broken : why the workers cannot work at all, else empty.
    stuck : whether an episode that only tries the environment took longer than the time limit.
    done : episodes that were played, those of portions under way left out.
    """

    def __init__(self, batch: Batch, workers: int) -> None:
        self.batch, self.workers = batch, workers
        size = len(batch.seed)
        self.returns, self.steps = np.full(size, np.nan), np.zeros(size, np.int64)
        self.moments = np.zeros((size, 1 + 2 * batch.networks.task_inputs)) if batch.moments else None
        self.errors: dict[int, str] = {}
        self.reasons: dict[int, str] = {}
        self.lost: set[int] = set()
        self.too_late: set[int] = set()
        self.broken, self.stuck = "", False
        self.done = 0
        self._next = 0  # episodes before it have been dealt out
        self._again: deque[NDArray[np.int64]] = deque()
        self._deaths: Counter[int] = Counter()
        self._in_a_row = 0  # deaths without an answer between them
        self._lock = threading.Lock()

    def take(self) -> tuple[NDArray[np.int64], Batch] | None:
        """The next portion: numbers of its episodes, and the batch to play."""
        with self._lock:
            if self.broken or self.stuck or (self.batch.stop and (self.errors or self.too_late)):
                return None
            left = len(self.returns) - self._next
            if self._again:
                job = self._again.popleft()
            elif left:
                job = self._next + np.arange(-(-left // (PORTIONS * self.workers)))
                self._next += len(job)
            else:
                return None
        first = int(self.batch.network[job[0]])
        part = dataclasses.replace(
            self.batch,
            networks=self.batch.networks.part(first, int(self.batch.network[job[-1]]) + 1),
            network=self.batch.network[job] - first,
            seed=self.batch.seed[job],
        )
        return job, part

    def answered(self, job: NDArray[np.int64], answer: dict[str, Any]) -> None:
        """Note what a portion gave."""
        with self._lock:
            self._in_a_row = 0
            if "error" in answer:
                self.broken = f"a worker process failed:\n{answer['error'].rstrip()}"
            else:
                self.add(job, answer["value"])

    def add(self, job: NDArray[np.int64], played: Played) -> None:
        """Note the episodes ``job``."""
        self.returns[job], self.steps[job] = played.returns, played.steps
        if self.moments is not None and played.moments is not None:
            self.moments[job] = played.moments
        self.errors |= {int(job[k]): error for k, error in played.errors.items()}
        self.reasons |= {int(job[k]): reason for k, reason in played.reasons.items()}
        self.too_late |= {int(self.batch.network[job[k]]) for k in played.late}
        self.done += len(job)

    def late(self, job: NDArray[np.int64], item: int) -> None:
        """Note that the worker was ended for an episode of a portion; the others, but for those of the same genome, are
        played again."""
        with self._lock:
            self._in_a_row = 0
            if item == TRIAL:
                self.stuck = True
                return
            p = self.batch.network[job[item]]
            self.too_late.add(int(p))
            rest = job[self.batch.network[job] != p]
            self.done += len(job) - len(rest)
            if len(rest):
                self._again.append(rest)

    def died(self, job: NDArray[np.int64]) -> None:
        """Put the genomes of a portion up for another try, each alone."""
        with self._lock:
            self._in_a_row += 1
            if self._in_a_row >= MOST_IN_A_ROW:
                self.broken = f"{MOST_IN_A_ROW} worker processes died one after the other"
            genomes = np.unique(self.batch.network[job]).tolist()
            self._deaths.update(genomes)
            for p in genomes:
                if len(genomes) == 1 and self._deaths[p] > 1:
                    self.lost.add(p)
                else:
                    self._again.append(job[self.batch.network[job] == p])
