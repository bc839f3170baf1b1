"""What every benchmark shares: timing, the machine, the table and the JSON."""

from __future__ import annotations

import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context, parent_process
from typing import Any

from genomes.kernels.parallel import get_threads

__all__ = ["Benchmark", "Figure", "machine", "processes", "rate", "seconds"]


@dataclass(frozen=True)
class Figure:
    """One measured number: median, minimum and maximum of its repetitions. Figures over seeds also carry the mean,
    its 95 % interval and the number of runs."""

    median: float
    min: float
    max: float
    unit: str
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    runs: int | None = None

    @classmethod
    def of(cls, samples: Sequence[float], unit: str) -> Figure:
        """The figure of repeated measurements."""
        return cls(statistics.median(samples), min(samples), max(samples), unit)

    def as_dict(self) -> dict[str, Any]:
        """The fields that are set."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass
class Benchmark:
    """The outcome of a benchmark: the work's sizes, the figures by name, and lines to print below the table."""

    name: str
    work: dict[str, Any]
    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: bench, work, machine, figures."""
        figures = {name: figure.as_dict() for name, figure in self.figures.items()}
        return {"bench": self.name, "work": self.work, "machine": machine(), "figures": figures}


def processes(count: int) -> ProcessPoolExecutor:
    """Worker processes that end with this one, also when it is killed."""
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_end_with_parent)


def _end_with_parent() -> None:
    def wait() -> None:
        if (parent := parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def seconds(work: Callable[[], Any], repeats: int = 7, warm_up: int = 1) -> list[float]:
    """Wall seconds of each repetition of ``work``, after ``warm_up`` calls that are not counted."""
    for _ in range(warm_up):
        work()
    samples = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        samples.append(time.perf_counter() - begin)
    return samples


def rate(amount: float, samples: Sequence[float], unit: str) -> Figure:
    """``amount`` of work per second, from the wall seconds of its repetitions."""
    return Figure.of([amount / sample for sample in samples], unit)


def machine() -> dict[str, Any]:
    """The processor, the thread count, and the versions that matter."""
    packages = ("speciate", "numpy", "numba", "gymnasium", "numba-cuda", "cupy-cuda13x")
    return {
        "cpu": _processor(),
        "threads": get_threads(),
        "versions": {"python": platform.python_version()} | _versions(packages),
    }


def _versions(packages: Sequence[str]) -> dict[str, str]:
    """Of those that are installed."""
    found = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
