"""Worker processes that all do one kind of work, one request at a time.

They are started from a module of ours and never forked: lambdas, notebooks and scripts without a ``__main__`` guard
work. A worker that dies is replaced; what becomes of its request is decided by the jobs.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Protocol

__all__ = ["Jobs", "WorkerPool", "alone", "receive", "send"]

FRAME = struct.Struct("<Q")


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


class WorkerPool:
    """``workers`` processes that call ``work`` with requests; they end with this process, or on `close`.

    Parameters
    ----------
    work : called with a request, returns the answer; sent to the workers by cloudpickle. Requests and answers are
        sent by pickle.
    """

    def __init__(self, work: Callable[[Any], Any], workers: int) -> None:
        import cloudpickle

        from envs.own import Carrying
        from genomes.functions.table import ACTIVATIONS, activation_function

        user_activations = [(name, activation_function(name)) for name, code in ACTIVATIONS.items() if code >= 128]
        self._work: bytes = cloudpickle.dumps((Carrying(work), user_activations))
        self._workers: list[subprocess.Popen[bytes] | None] = [None] * workers

    def run(self, jobs: Jobs, crew: int) -> None:
        """Let ``crew`` workers, or all that there are, take jobs until there are no more."""
        stop, crashes = threading.Event(), list[BaseException]()
        threads = [
            threading.Thread(target=self._serve, args=(k, jobs, stop, crashes), daemon=True)
            for k in range(min(len(self._workers), crew))
        ]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        finally:
            stop.set()  # Ctrl-C: the threads take nothing more
        if crashes:
            raise crashes[0]

    def close(self) -> None:
        """End all workers."""
        for k, worker in enumerate(self._workers):
            if worker is not None:
                worker.kill()
                worker.wait()
                for stream in (worker.stdin, worker.stdout):
                    if stream is not None:
                        stream.close()
            self._workers[k] = None

    @property
    def processes(self) -> list[int]:
        """Process ids of the workers that are running."""
        return [worker.pid for worker in self._workers if worker is not None]

    def _serve(self, k: int, jobs: Jobs, stop: threading.Event, crashes: list[BaseException]) -> None:
        """Give worker k one job after the other."""
        try:
            while not stop.is_set() and not crashes and (taken := jobs.take()) is not None:
                job, request = taken
                message = pickle.dumps(request, pickle.HIGHEST_PROTOCOL)
                try:
                    answer = self._ask(k, message)
                except (EOFError, OSError):
                    self._discard(k)
                    jobs.died(job)
                else:
                    jobs.answered(job, answer)
        except BaseException as error:
            crashes.append(error)

    def _ask(self, k: int, message: bytes) -> dict[str, Any]:
        worker = self._workers[k]
        if worker is None:
            worker = self._workers[k] = _start()
            assert worker.stdin is not None
            send(worker.stdin, json.dumps(sys.path).encode())
            send(worker.stdin, self._work)
        assert worker.stdin is not None and worker.stdout is not None
        send(worker.stdin, message)
        answer: dict[str, Any] = pickle.loads(receive(worker.stdout))
        return answer

    def _discard(self, k: int) -> None:
        worker = self._workers[k]
        self._workers[k] = None
        if worker is not None:
            worker.kill()
            worker.wait()


def alone(work: Callable[[], Any]) -> dict[str, Any]:
    """What a worker answers that is asked for ``work()`` once, and has nothing else to do.

    Raises
    ------
    ChildProcessError : its process ended before that.
    """
    pool = WorkerPool(lambda request: work(), 1)
    try:
        return pool._ask(0, pickle.dumps(None))
    except (EOFError, OSError):
        raise ChildProcessError from None
    finally:
        pool.close()


def _start() -> subprocess.Popen[bytes]:
    home = str(Path(__file__).resolve().parent.parent)
    others = os.environ.get("PYTHONPATH")
    environment = os.environ | {"PYTHONPATH": home + (os.pathsep + others if others else "")}
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        environment.setdefault(f"{library}_NUM_THREADS", "1")
    command = [sys.executable, "-P", "-m", "envs.worker"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
