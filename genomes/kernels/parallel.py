"""Spread a kernel over threads: kernels release the GIL, so a thread pool over chunks is all that it takes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import pairwise
from typing import Any

__all__ = ["get_threads", "parallel_for", "set_threads"]


def available_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_threads = available_cores()
_pool: ThreadPoolExecutor | None = None


def get_threads() -> int:
    """The number of threads that kernels use."""
    return _threads


def set_threads(threads: int) -> None:
    """Set the number of threads that kernels use (1 or more). Results never depend on it."""
    global _threads
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    _threads = threads
    _reset_pool()


def _reset_pool() -> None:
    global _pool
    if _pool is not None:
        _pool.shutdown(wait=False)
    _pool = None


def _forget_pool() -> None:
    """In a forked child the pool's threads do not exist."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)


def parallel_for(kernel: Callable[..., Any], count: int, *arguments: Any, grain: int = 1) -> None:
    """Call ``kernel(begin, end, *arguments)`` over chunks of ``range(count)``.

    What a kernel writes for item i must depend on i alone, never on the chunk: then threads cannot change a result.

    Parameters
    ----------
    count : number of items.
    grain : least number of items in a chunk that is worth a thread.
    """
    global _pool
    chunks = min(4 * _threads, count // max(grain, 1))
    if _threads == 1 or chunks < 2:
        if count:
            kernel(0, count, *arguments)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(_threads, thread_name_prefix="speciate")
    bounds = [count * i // chunks for i in range(chunks + 1)]
    pending = [_pool.submit(kernel, a, b, *arguments) for a, b in pairwise(bounds)]
    wait(pending)
    for future in pending:
        future.result()
