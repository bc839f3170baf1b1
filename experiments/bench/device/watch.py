"""Time on the GPU, kernel by kernel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.bench.harness import Benchmark, Figure, seconds
from genomes.backend import arrays, simulated, synchronize
from genomes.kernels.binding_cuda import CudaKernel

__all__ = ["Launch", "timed", "watched"]


@dataclass
class Launch:
    """One launch of a kernel."""

    kernel: CudaKernel
    blocks: int
    threads: int
    shared: int  # bytes a block
    events: tuple[Any, Any]

    @property
    def milliseconds(self) -> float:
        """From its begin to its end, on the GPU."""
        begin, end = self.events
        return float(1e3 * (end - begin) if simulated() else arrays().cuda.get_elapsed_time(begin, end))

    @property
    def shape(self) -> str:
        """How it was launched, and what the compiler gave a thread."""
        text = f"{self.blocks} blocks x {self.threads} threads, {self.shared:,} B shared"
        if simulated():
            return text
        registers = max(self.kernel.compiled.get_regs_per_thread().values())
        local = max(self.kernel.compiled.get_local_mem_per_thread().values())
        return f"{text}, {registers} registers, {local} B local"


@contextmanager
def watched() -> Iterator[list[Launch]]:
    """All launches of a block; their times are known after `synchronize`."""
    found: list[Launch] = []
    plain = CudaKernel.launch

    def launch(self: CudaKernel, blocks: int, threads: int, shared: int, *arguments: Any) -> None:
        begin = _mark()
        plain(self, blocks, threads, shared, *arguments)
        found.append(Launch(self, blocks, threads, shared, (begin, _mark())))

    CudaKernel.launch = launch  # type: ignore[method-assign]
    try:
        yield found
    finally:
        CudaKernel.launch = plain  # type: ignore[method-assign]


def _mark() -> Any:
    """The moment at which the GPU has done all that it was given until now."""
    if simulated():
        return time.perf_counter()
    event = arrays().cuda.Event()
    event.record()
    return event


def timed(result: Benchmark, name: str, work: Callable[[], Any], repeats: int) -> list[float]:
    """Seconds of each repetition; the first call, which compiles, apart. A note says where the time went."""

    def whole() -> None:
        work()
        synchronize()

    result.figures[f"{name}_first_s"] = Figure.of(seconds(whole, repeats=1, warm_up=0), "s, compilation included")
    samples = seconds(whole, repeats=repeats)
    result.figures[f"{name}_s"] = Figure.of(samples, "s")
    with watched() as launches:
        whole()
    kernels: dict[str, list[Launch]] = {}
    for launch in launches:
        kernels.setdefault(launch.kernel.__name__, []).append(launch)
    for kernel, own in kernels.items():
        total, times = sum(launch.milliseconds for launch in own), f"{len(own)} x " if len(own) > 1 else ""
        result.notes.append(
            f"{name}: of {1e3 * np.median(samples):.3f} ms {times}{kernel} {total:.3f} ms, {own[0].shape}"
        )
    return samples
