"""Worker processes that call a user's fitness function, one network at a time.

A worker that dies is replaced. The genome that it was at is evaluated again; the second time it counts as failed.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from genomes.networks import Networks

__all__ = ["WorkerPool", "receive", "send"]

ATTEMPTS = 2
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


class WorkerPool:
    """``workers`` processes that know ``function``; they end with this process, or on `close`."""

    def __init__(self, function: Callable[[Any], Any], workers: int) -> None:
        import cloudpickle

        from genomes.functions.table import ACTIVATIONS, activation_function

        user_activations = [(name, activation_function(name)) for name, code in ACTIVATIONS.items() if code >= 128]
        self._function: bytes = cloudpickle.dumps((function, user_activations))
        self._workers: list[subprocess.Popen[bytes] | None] = [None] * workers

    def evaluate(
        self, networks: Sequence[Networks], stop: bool
    ) -> tuple[NDArray[np.float64], dict[int, str], list[int]]:
        """Fitness [P], NaN where failed; genome -> error; genomes whose worker died twice.

        Parameters
        ----------
        stop : begin no further genome after an exception; the error of the lowest index found is among those returned.
        """
        job = _Job(networks, stop)
        crew = [
            threading.Thread(target=self._serve, args=(k, job), daemon=True)
            for k in range(min(len(self._workers), len(networks)))
        ]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()
        if job.crash is not None:
            raise job.crash
        return job.fitness, job.errors, job.lost

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

    def _serve(self, k: int, job: _Job) -> None:
        """Give worker k one genome after the other."""
        try:
            while (p := job.take()) is not None:
                message = pickle.dumps(job.networks[p], pickle.HIGHEST_PROTOCOL)
                try:
                    answer = self._ask(k, message)
                except (EOFError, OSError):
                    self._discard(k)
                    job.died(p)
                else:
                    job.answered(p, answer)
        except BaseException as error:
            job.crash = error

    def _ask(self, k: int, message: bytes) -> dict[str, Any]:
        worker = self._workers[k]
        if worker is None:
            worker = self._workers[k] = _start()
            assert worker.stdin is not None
            send(worker.stdin, json.dumps(sys.path).encode())
            send(worker.stdin, self._function)
        assert worker.stdin is not None and worker.stdout is not None
        send(worker.stdin, message)
        answer: dict[str, Any] = json.loads(receive(worker.stdout))
        return answer

    def _discard(self, k: int) -> None:
        worker = self._workers[k]
        self._workers[k] = None
        if worker is not None:
            worker.kill()
            worker.wait()


class _Job:
    """The genomes of one evaluation: to do, in hand, done."""

    def __init__(self, networks: Sequence[Networks], stop: bool) -> None:
        self.networks, self.stop = networks, stop
        self.fitness = np.full(len(networks), np.nan)
        self.errors: dict[int, str] = {}
        self.crash: BaseException | None = None
        self.lost: list[int] = []
        self._todo = deque(range(len(networks)))
        self._deaths: dict[int, int] = {}
        self._halted = False
        self._lock = threading.Lock()

    def take(self) -> int | None:
        with self._lock:
            return self._todo.popleft() if self._todo and not self._halted and self.crash is None else None

    def died(self, p: int) -> None:
        with self._lock:
            self._deaths[p] = self._deaths.get(p, 0) + 1
            if self._deaths[p] < ATTEMPTS:
                self._todo.appendleft(p)
            else:
                self.lost.append(p)

    def answered(self, p: int, answer: dict[str, Any]) -> None:
        with self._lock:
            if "error" in answer:
                self.errors[p] = answer["error"]
                self._halted = self.stop
            else:
                self.fitness[p] = answer["fitness"]


def _start() -> subprocess.Popen[bytes]:
    home = str(Path(__file__).resolve().parent.parent)
    others = os.environ.get("PYTHONPATH")
    environment = os.environ | {"PYTHONPATH": home + (os.pathsep + others if others else "")}
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        environment.setdefault(f"{library}_NUM_THREADS", "1")
    command = [sys.executable, "-P", "-m", "envs.fitness_worker"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
