"""A fitness function of the user's own as a task.

Per network, it is called with one network at a time, in worker processes that are started from a module of ours and
never forked: lambdas, notebooks and scripts without a ``__main__`` guard work. Per population, it is called once a
generation, in this process, with all compiled networks.
"""

from __future__ import annotations

import math
import threading
import traceback
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.task import Key, Task
from envs.workers import WorkerPool
from genomes.evaluation import Evaluation
from genomes.kernels.parallel import available_cores
from genomes.network import Network
from genomes.networks import Networks

__all__ = ["FitnessError", "FitnessTask"]


class FitnessError(RuntimeError):
    """A user's function raised an exception, or returned no fitness; the message holds its whole traceback."""


class FitnessTask(Task):
    """Judges networks by a function.

    Parameters
    ----------
    function : called with a `genomes.network.Network`, returns its fitness, a number; with ``per="population"``
        called with the `Networks` of all P genomes, returns fitness [P] (see `genomes.forward.forward`).
        The result must depend on the network alone.
    num_inputs, num_outputs : of the networks.
    per : ``"network"`` or ``"population"``.
    maximize : whether higher fitness is better.
    target : fitness that counts as solved; None: there is none.
    workers : processes; 0: call the function in this process; None: one a core. Never changes a result.
    on_error : ``"stop"``: an exception raises `FitnessError`; ``"worst"``: it fails that genome, and is kept in
        ``errors``.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        num_inputs: int,
        num_outputs: int,
        *,
        per: str = "network",
        maximize: bool = True,
        target: float | None = None,
        workers: int | None = None,
        on_error: str = "stop",
    ) -> None:
        if not callable(function):
            raise TypeError(f"a fitness function must be callable, got {function!r}")
        for name, value, choices in (
            ("per", per, ("network", "population")),
            ("on_error", on_error, ("stop", "worst")),
        ):
            if value not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
        counts = (("num_inputs", num_inputs, 1), ("num_outputs", num_outputs, 1), ("workers", workers, 0))
        for name, count, low in counts:
            if count is not None and (not isinstance(count, int) or count < low):
                raise ValueError(f"{name} must be a whole number, at least {low}, got {count!r}")
        if target is not None and not (isinstance(target, int | float) and math.isfinite(target)):
            raise ValueError(f"target must be a finite number, got {target!r}")
        self.function, self.num_inputs, self.num_outputs = function, num_inputs, num_outputs
        self.per, self.maximize, self.target, self.on_error = per, maximize, target, on_error
        self.follows_device = per == "population"  # and it is up to the function
        self.workers = available_cores() if workers is None else workers
        self.errors: list[str] = []  # one text for each genome that failed in the last evaluation
        self._pool: WorkerPool | None = None

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Fitness of every network.

        Raises
        ------
        FitnessError : the function raised an exception, and ``on_error`` is ``"stop"``.
        """
        self.errors = []
        return Evaluation.of(self._judge(networks))

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """The same as `evaluate`, as the function is all that is known of the task; ``errors`` stay those of the last
        evaluation."""
        errors = self.errors
        try:
            return self.evaluate(networks, key)
        finally:
            self.errors = errors

    def close(self) -> None:
        """End the worker processes."""
        if self._pool is not None:
            self._pool.close()
        self._pool = None

    def _judge(self, networks: Networks) -> NDArray[np.float64]:
        if self.per == "population":
            return self._whole(networks)
        return self._in_workers(networks) if self.workers else self._here(networks)

    def _whole(self, networks: Networks) -> NDArray[np.float64]:
        try:
            fitness = np.asarray(self.function(networks), np.float64)
            if fitness.shape != (len(networks),):
                raise ValueError(f"the function must return fitness [{len(networks)}], got shape {fitness.shape}")
        except (Exception, SystemExit):
            self._fail(traceback.format_exc())
            return np.full(len(networks), np.nan)
        return fitness

    def _here(self, networks: Networks) -> NDArray[np.float64]:
        fitness = np.full(len(networks), np.nan)
        for p in range(len(networks)):
            try:
                fitness[p] = fitness_of(self.function, networks.part(p, p + 1))
            except (Exception, SystemExit):
                self._fail(traceback.format_exc())
        return fitness

    def _in_workers(self, networks: Networks) -> NDArray[np.float64]:
        if self._pool is None:
            self._pool = WorkerPool(partial(fitness_of, self.function), self.workers)
        jobs = _Jobs(networks, stop=self.on_error == "stop")
        self._pool.run(jobs, len(networks))
        for p in sorted(jobs.errors):
            self._fail(jobs.errors[p])
        if len(jobs.lost) == len(networks):
            raise FitnessError("every worker process died: the fitness function ends its process, or none can start")
        self.errors += [f"genome {p}: its worker process died twice" for p in sorted(jobs.lost)]
        return jobs.fitness

    def _fail(self, error: str) -> None:
        if self.on_error == "stop":
            raise FitnessError(f"the fitness function failed:\n{error.rstrip()}")
        self.errors.append(error)


class _Jobs:
    """The genomes of one evaluation. One whose worker dies is evaluated again; the second time it counts as lost."""

    ATTEMPTS = 2

    def __init__(self, networks: Networks, stop: bool) -> None:
        self.networks, self.stop = networks, stop  # stop: begin no further genome after an exception
        self.fitness = np.full(len(networks), np.nan)
        self.errors: dict[int, str] = {}
        self.lost: list[int] = []
        self._todo = deque(range(len(networks)))
        self._deaths: dict[int, int] = {}
        self._halted = False
        self._lock = threading.Lock()

    def take(self) -> tuple[int, Networks] | None:
        with self._lock:
            p = self._todo.popleft() if self._todo and not self._halted else None
        return None if p is None else (p, self.networks.part(p, p + 1))

    def died(self, job: int) -> None:
        with self._lock:
            self._deaths[job] = self._deaths.get(job, 0) + 1
            if self._deaths[job] < self.ATTEMPTS:
                self._todo.appendleft(job)
            else:
                self.lost.append(job)

    def answered(self, job: int, answer: dict[str, Any]) -> None:
        with self._lock:
            if "error" in answer:
                self.errors[job] = answer["error"]
                self._halted = self.stop
            else:
                self.fitness[job] = answer["value"]


def fitness_of(function: Callable[[Any], Any], networks: Networks) -> float:
    """The function's verdict on a single compiled network."""
    value = function(Network.of(networks))
    number = np.asarray(value)
    if number.size != 1 or number.dtype.kind not in "biuf":
        raise TypeError(f"a fitness function must return a number, it returned {value!r}")
    return float(number.item())
