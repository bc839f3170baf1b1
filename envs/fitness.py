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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.mark import Doing, Mark, said
from envs.task import Key, Task
from envs.workers import WorkerError, WorkerPool, unsendable
from genomes.evaluation import Evaluation
from genomes.kernels.parallel import available_cores
from genomes.network import Network
from genomes.networks import Networks

__all__ = ["FitnessError", "FitnessTask", "check_time_limit", "too_late"]


class FitnessError(RuntimeError):
    """A user's function raised an exception, returned no fitness, took too long, or cannot go to worker processes; the
    message holds the whole traceback of an exception."""


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
    time_limit : seconds that one call may take in a worker process, which is ended then; 0: there is no limit. A call
        that takes longer counts as an exception.
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
        time_limit: float = 0.0,
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
        self.time_limit = check_time_limit(time_limit, 0 if per == "population" else self.workers)
        self.errors: list[str] = []  # one text for each genome that failed in the last evaluation
        self._pool: WorkerPool | None = None
        self._jobs: _Jobs | None = None  # of the evaluation under way
        self._mark = Mark()  # what this process is at
        self._checking = False

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """Fitness of every network.

        Raises
        ------
        FitnessError : the function raised an exception or took too long, and ``on_error`` is ``"stop"``.
        WorkerError : a worker process cannot be started.
        """
        self.errors = []
        return Evaluation.of(self._judge(networks))

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """The same as `evaluate`, as the function is all that is known of the task; ``errors`` stay those of the last
        evaluation."""
        errors, self._checking = self.errors, True
        try:
            return self.evaluate(networks, key)
        finally:
            self.errors, self._checking = errors, False

    def activity(self) -> str:
        """How many genomes are judged, and which one has run for longest."""
        jobs, pool, at = self._jobs, self._pool, self._mark.read()
        if jobs is None:
            return ""
        here = [Doing(at[0], *at)] if at is not None else []
        doing = pool.doing() if pool is not None else here
        text = said(jobs.done, len(jobs.networks), "genomes judged", doing, lambda one: f"genome {one.job}")
        return f"checking the best: {text}" if self._checking else text

    def close(self) -> None:
        """End the worker processes."""
        if self._pool is not None:
            self._pool.close()
        self._pool = None

    def _judge(self, networks: Networks) -> NDArray[np.float64]:
        if self.per == "population":
            return self._whole(networks)
        self._jobs = jobs = _Jobs(networks, stop=self.on_error == "stop")
        try:
            return self._in_workers(jobs) if self.workers else self._here(jobs)
        finally:
            self._jobs = None

    def _whole(self, networks: Networks) -> NDArray[np.float64]:
        try:
            fitness = np.asarray(self.function(networks), np.float64)
            if fitness.shape != (len(networks),):
                raise ValueError(f"the function must return fitness [{len(networks)}], got shape {fitness.shape}")
        except (Exception, SystemExit):
            self._fail(traceback.format_exc())
            return np.full(len(networks), np.nan)
        return fitness

    def _here(self, jobs: _Jobs) -> NDArray[np.float64]:
        judge = _Judge(self.function, False)
        while (taken := jobs.take()) is not None:
            try:
                jobs.answered(taken[0], {"value": judge(taken[1], self._mark, taken[0])})
            except (Exception, SystemExit):
                jobs.answered(taken[0], {"error": traceback.format_exc()})
        self._report(jobs)
        return jobs.fitness

    def _in_workers(self, jobs: _Jobs) -> NDArray[np.float64]:
        if self._pool is None:
            try:
                self._pool = WorkerPool(_Judge(self.function, self.time_limit > 0), self.workers, self.time_limit)
            except WorkerError:
                raise
            except Exception as error:
                raise FitnessError(f"the fitness function {unsendable(self.function, error)}") from None
        self._pool.run(jobs, len(jobs.networks))
        self._report(jobs)
        if len(jobs.lost) == len(jobs.networks):
            raise FitnessError("every worker process died at its first genomes: the fitness function ends its process")
        return jobs.fitness

    def _report(self, jobs: _Jobs) -> None:
        for p in sorted(jobs.too_late):
            error = too_late(f"genome {p}: a call of the fitness function", self.time_limit)
            if self.on_error == "stop":
                raise FitnessError(error)
            self.errors.append(error)
            self.timed_out += 1
        for p in sorted(jobs.errors):
            self._fail(jobs.errors[p])
        self.errors += [f"genome {p}: its worker process died twice" for p in sorted(jobs.lost)]
        explained = jobs.too_late | jobs.errors.keys() | jobs.lost
        odd = np.flatnonzero(~np.isfinite(jobs.fitness)).tolist()
        self.errors += [f"genome {p}: its fitness is {jobs.fitness[p]}" for p in odd if p not in explained]

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
        self.lost: set[int] = set()
        self.too_late: set[int] = set()
        self.done = 0
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
                self.lost.add(job)
                self.done += 1

    def late(self, job: int, item: int) -> None:
        with self._lock:
            self.too_late.add(job)
            self.done += 1
            self._halted = self.stop

    def answered(self, job: int, answer: dict[str, Any]) -> None:
        with self._lock:
            self.done += 1
            if "error" in answer:
                self.errors[job] = answer["error"]
                self._halted = self.stop
            else:
                self.fitness[job] = answer["value"]


class _Judge:
    """Calls the function with single compiled networks; what workers do.

    Parameters
    ----------
    prepare : compile what a network needs before the first call, whose time is the function's own then.
    """

    def __init__(self, function: Callable[[Any], Any], prepare: bool) -> None:
        self.function, self.prepare = function, prepare
        self._prepared: Any = None

    def __call__(self, networks: Networks, mark: Mark, item: int = 0) -> float:
        """The function's verdict."""
        network = Network.of(networks)
        if self.prepare and self._prepared is not network._driver:
            network(np.zeros(network.num_inputs))
            network(np.zeros((1, network.num_inputs)))
            network.reset()
            self._prepared = network._driver
        mark.begin(item)
        try:
            value = self.function(network)
        finally:
            mark.end()
        number = np.asarray(value)
        if number.size != 1 or number.dtype.kind not in "biuf":
            raise TypeError(f"a fitness function must return a number, it returned {value!r}")
        return float(number.item())


def check_time_limit(seconds: float, workers: int) -> float:
    """A time limit that can be kept with so many worker processes; `ValueError` where it cannot."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float | np.number) or not 0 <= seconds < math.inf:
        raise ValueError(f"time_limit must be a number of seconds, 0 for none, got {seconds!r}")
    if seconds and not workers:
        raise ValueError(
            f"time_limit = {seconds:g} needs worker processes, which can be ended: there are none with workers=0 or "
            f'per="population"'
        )
    return float(seconds)


def too_late(what: str, time_limit: float) -> str:
    """What is said of that which took too long."""
    return f"{what} took longer than task.time_limit = {time_limit:g} s"
