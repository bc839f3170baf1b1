"""Worker processes that all do one kind of work, one request at a time.

They are started from a module of ours and never forked: lambdas, notebooks and scripts without a ``__main__`` guard
work. A worker that dies at its work is replaced; what becomes of its request is decided by the jobs. One that cannot
begin to work is an error of the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

from envs.mark import Board, Doing, Mark

__all__ = ["Jobs", "WorkerError", "WorkerPool", "alone", "receive", "send", "unsendable"]

FRAME = struct.Struct("<Q")
PERIOD = 0.05  # s between two looks at the time limit
PATIENCE = 5.0  # s for a thread to see that its worker is gone: what that has started may still hold its pipes


class WorkerError(RuntimeError):
    """Worker processes cannot be started: the machine fails, and no genome."""


def send(stream: IO[bytes], data: bytes) -> None:
    """Write one message."""
    stream.write(FRAME.pack(len(data)) + data)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes:
    """Read one message; `EOFError` when the other side is gone."""
    header = stream.read(FRAME.size)
    if len(header) < FRAME.size:
        raise EOFError
    size = FRAME.unpack(header)[0]
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


class Jobs(Protocol):
    """What there is to do, and what has become of it. Called from several threads."""

    def take(self) -> tuple[Any, Any] | None:
        """The next (job, its request); None: there is no more."""
        ...

    def answered(self, job: Any, answer: dict[str, Any]) -> None:
        """A worker has answered ``{"value": what the work returned}``, or ``{"error": its traceback}``."""
        ...

    def died(self, job: Any) -> None:
        """The worker died at it; what is to be done again, `take` gives out again."""
        ...

    def late(self, job: Any, item: int) -> None:
        """The worker was ended: an item of the job took longer than the time limit."""
        ...


class WorkerPool:
    """``workers`` processes that call ``work`` with requests; they end with this process, or on `close`.

    Parameters
    ----------
    work : called with a request and the `Mark` of its process, on which it notes what it is at; returns the answer. It
        is sent to the workers by cloudpickle, and with it the user's activation functions by name; requests and answers
        are sent by pickle.
    time_limit : seconds that an item may take, by the worker's mark; the worker is ended then. 0: there is none.

    Raises
    ------
    WorkerError : the machine has no room for them.
    """

    def __init__(self, work: Callable[[Any, Mark], Any], workers: int, time_limit: float = 0.0) -> None:
        import cloudpickle

        from envs.own import Carrying

        self.time_limit = time_limit
        self._work: bytes = cloudpickle.dumps(Carrying(work))
        self._workers: list[_Worker | None] = [None] * workers
        self._lock = threading.Lock()  # of starting and ending workers
        self._stop = threading.Event()  # of the run under way
        self._own: list[Any] = []
        self._table = b""
        try:
            self._board = Board(workers)
        except OSError as error:
            raise _not_started(error) from error

    def run(self, jobs: Jobs, crew: int) -> None:
        """Let ``crew`` workers, or all that there are, take jobs until there are no more.

        Raises
        ------
        WorkerError : a worker cannot be started.
        """
        self._know_activations()
        self._stop = stop = threading.Event()
        crashes = list[BaseException]()
        threads = [
            threading.Thread(target=self._serve, args=(k, jobs, stop, crashes), daemon=True)
            for k in range(min(len(self._workers), crew))
        ]
        try:
            self._attend(threads)
        except BaseException:  # Ctrl-C: a worker that is at something would be at it still when the next request comes
            self._end(stop)
            for thread in threads:
                if thread.ident is not None:
                    thread.join(PATIENCE)
            raise
        if crashes:
            raise crashes[0]

    def close(self) -> None:
        """End all workers, for good."""
        self._end(self._stop)
        self._board.close()

    @property
    def processes(self) -> list[int]:
        """Process ids of the workers that are running."""
        return [worker.process.pid for worker in list(self._workers) if worker is not None]

    def doing(self) -> list[Doing]:
        """What the workers are at that have a request."""
        working = (worker for worker in list(self._workers) if worker is not None)
        return [doing for worker in working if (doing := worker.doing()) is not None]

    def _attend(self, threads: list[threading.Thread]) -> None:
        for thread in threads:
            try:
                thread.start()
            except RuntimeError as error:
                raise _not_started(error) from error
        for thread in threads:
            while thread.is_alive():
                thread.join(PERIOD if self.time_limit else None)
                self._end_the_late()

    def _end_the_late(self) -> None:
        for worker in list(self._workers) if self.time_limit else ():
            if worker is not None:
                worker.end_if_late(self.time_limit)

    def _end(self, stop: threading.Event) -> None:
        """End all workers, and start none any more for the run that ``stop`` belongs to."""
        stop.set()
        with self._lock:
            for k in range(len(self._workers)):
                self._discard(k)  # one that has a request is read from by the thread that waits for its answer

    def _know_activations(self) -> None:
        """Those that are registered now: a worker learns of new ones before its next request."""
        import cloudpickle

        from envs.own import Carrying
        from genomes.functions import own_activations

        own = own_activations()
        if own != self._own:
            self._own, self._table = own, cloudpickle.dumps(Carrying(own))

    def _serve(self, k: int, jobs: Jobs, stop: threading.Event, crashes: list[BaseException]) -> None:
        """Give worker k one job after the other."""
        try:
            while not stop.is_set() and (taken := jobs.take()) is not None:
                job, request = taken
                message = pickle.dumps(request, pickle.HIGHEST_PROTOCOL)
                try:
                    answer = self._ask(k, job, message, stop)
                except (EOFError, OSError):
                    with self._lock:
                        late = self._discard(k)
                    if stop.is_set():
                        return
                    if late is None:
                        jobs.died(job)
                    else:
                        jobs.late(job, late)
                else:
                    jobs.answered(job, answer)
        except BaseException as error:
            crashes.append(error)
            self._end(stop)

    def _ask(self, k: int, job: Any, message: bytes, stop: threading.Event) -> dict[str, Any]:
        with self._lock:
            if stop.is_set():
                raise EOFError
            worker = self._workers[k]
            if worker is None:
                worker = self._workers[k] = _Worker(self._board, k)
        worker.take(job)
        if not worker.greeted:
            try:
                worker.greet(self._work)
            except (EOFError, OSError):
                if stop.is_set():
                    raise
                raise WorkerError(f"a worker process ended before it could work: {worker.ending()}") from None
        answer = worker.ask(self._table, message)
        worker.take(None)
        if worker.late is not None:  # it was ended all the same
            with self._lock:
                self._discard(k)
        return answer

    def _discard(self, k: int) -> int | None:
        """End worker k; the item that it was ended for, if it was."""
        worker = self._workers[k]
        self._workers[k] = None
        if worker is None:
            return None
        worker.end()
        return worker.late


class _Worker:
    """One process, from its start to its end."""

    def __init__(self, board: Board, k: int) -> None:
        self.mark = board.mark(k)
        self.greeted = False
        self.late: int | None = None  # the item that it is ended for
        self._known = b""  # the activations that were sent
        self._job: tuple[Any, float] | None = None  # and since when
        self._lock = threading.Lock()  # of the job, and of ending it
        try:
            self.process = _start(board, k)
        except (OSError, ValueError) as error:
            raise _not_started(error) from error

    def take(self, job: Any | None) -> None:
        """It is given a job, or has done it."""
        with self._lock:
            self.mark.clear()
            self._job = None if job is None else (job, time.monotonic())

    def end_if_late(self, time_limit: float) -> None:
        """End it where an item of its job takes longer than that."""
        with self._lock:
            at = self.mark.read() if self._job is not None else None
            if at is not None and at[1] > time_limit:
                self.late = at[0]
                self.process.kill()

    def greet(self, work: bytes) -> None:
        """Wait until it is ready; then what happens to it is its work's affair."""
        assert self.process.stdin is not None and self.process.stdout is not None
        send(self.process.stdin, json.dumps(sys.path).encode())
        receive(self.process.stdout)
        self.greeted = True
        send(self.process.stdin, work)

    def ask(self, table: bytes, message: bytes) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        send(self.process.stdin, b"" if table is self._known else table)
        self._known = table
        send(self.process.stdin, message)
        answer: dict[str, Any] = pickle.loads(receive(self.process.stdout))
        return answer

    def doing(self) -> Doing | None:
        """What it is at; None: it has no job."""
        item: int | None
        with self._lock:
            if self._job is None:
                return None
            (job, since), at, begun = self._job, self.mark.read(), self.mark.begun
        if at is not None:
            item, seconds = at
        else:  # between two items, or before the first
            item, seconds = (0, 0.0) if begun else (None, time.monotonic() - since)
        return Doing(job, item, seconds, self.mark.done, self.process.pid)

    def ending(self) -> str:
        """How it ended."""
        code = self.process.wait()
        return f"exit code {code}" if code >= 0 else f"signal {-code} ({signal.strsignal(-code)})"

    def end(self) -> None:
        """End it; the thread that waits for its answer, if there is one, gets `EOFError`."""
        self.process.kill()
        self.process.wait()
        if self._job is None:
            for stream in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(OSError):  # what it has not read
                    stream.close()  # type: ignore[union-attr]


def alone(work: Callable[[Mark], Any], time_limit: float = 0.0) -> dict[str, Any]:
    """What a worker answers that is asked for ``work(mark)`` once, and has nothing else to do.

    Raises
    ------
    ChildProcessError : its process ended before that.
    TimeoutError : it took longer than the time limit.
    WorkerError : it could not be started.
    """
    job = _One()
    pool = WorkerPool(lambda request, mark: work(mark), 1, time_limit)
    try:
        pool.run(job, 1)
    finally:
        pool.close()
    if job.problem is not None:
        raise job.problem
    return job.answer


class _One:
    """A single job."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = {}
        self.problem: Exception | None = None
        self._todo = [None]

    def take(self) -> tuple[None, None] | None:
        return (self._todo.pop(), None) if self._todo else None

    def answered(self, job: None, answer: dict[str, Any]) -> None:
        self.answer = answer

    def died(self, job: None) -> None:
        self.problem = ChildProcessError()

    def late(self, job: None, item: int) -> None:
        self.problem = TimeoutError()


def unsendable(function: Any, error: Exception) -> str:
    """Why a function of the user's cannot go to worker processes, in a line."""
    import inspect

    import cloudpickle

    what = ""
    if inspect.isfunction(function):
        used = inspect.getclosurevars(function)
        for name, value in {**used.nonlocals, **used.globals}.items():
            try:
                cloudpickle.dumps(value)
            except Exception:
                what = f", for the sake of its variable {name!r}"
                break
    called = getattr(function, "__qualname__", type(function).__name__)
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{called} cannot be sent to worker processes{what} ({reason}); workers=0 calls it in this process"


def _start(board: Board, k: int) -> subprocess.Popen[bytes]:
    home = str(Path(__file__).resolve().parent.parent)
    others = os.environ.get("PYTHONPATH")
    environment = os.environ | {"PYTHONPATH": home + (os.pathsep + others if others else "")}
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        environment.setdefault(f"{library}_NUM_THREADS", "1")
    place, inherited = board.inheritance
    command = [sys.executable, "-P", "-m", "envs.worker", place, str(k)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, **inherited)


def _not_started(error: Exception) -> WorkerError:
    reason = getattr(error, "strerror", None) or error
    missing = f"{error.filename}: " if isinstance(error, FileNotFoundError) and error.filename else ""
    return WorkerError(
        f"a worker process cannot be started: {missing}{reason}; fewer workers (workers=, task.workers) need less"
    )
