"""What a process is at, left in memory that another process reads: one that hangs cannot be asked."""

from __future__ import annotations

import contextlib
import mmap
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Board", "Doing", "Mark", "said"]

CELLS = 3  # numbers of a mark: item, since when (0: at none), items done
CELL = 8  # bytes
NONE_YET = -2.0  # an item
LEAST = 1.0  # s: who has been at something for less is not named


class Mark:
    """The item of its work that a process is at.

    Parameters
    ----------
    cells : memory of three float64; None: memory of this process. Where a method a step would cost too much, the item,
        the first of them, is written directly.
    """

    def __init__(self, cells: memoryview[float] | None = None) -> None:
        self.cells = floats(bytearray(CELLS * CELL)) if cells is None else cells

    def begin(self, item: int, before: float = 0.0) -> float:
        """The process is at an item now, which has taken so many seconds before; the time."""
        now, cells = time.monotonic(), self.cells
        cells[1] = 0.0
        cells[0] = item
        cells[1] = now - before
        return now

    def end(self) -> None:
        """The process is at no item."""
        self.cells[1] = 0.0

    def count(self, done: int) -> None:
        """So many items are done."""
        self.cells[2] = done

    def clear(self) -> None:
        """A new piece of work: nothing of it is begun."""
        self.cells[1] = self.cells[2] = 0.0
        self.cells[0] = NONE_YET

    @property
    def begun(self) -> bool:
        """Whether the process has been at an item."""
        return self.cells[0] != NONE_YET

    @property
    def done(self) -> int:
        """Items that are done."""
        return int(self.cells[2])

    def read(self) -> tuple[int, float] | None:
        """The item that the process is at, and its seconds so far; None: it is at none, or just changing."""
        since, item = self.cells[1], self.cells[0]
        if since == 0.0 or (self.cells[1], self.cells[0]) != (since, item):
            return None
        return int(item), time.monotonic() - since


class Board:
    """Marks of several processes in memory that they share: a file, which another process opens by its descriptor or,
    on Windows, by its path."""

    def __init__(self, marks: int) -> None:
        size = marks * CELLS * CELL
        self.path = ""
        if hasattr(os, "memfd_create"):
            self.descriptor = os.memfd_create("speciate")
        else:
            self.descriptor, self.path = tempfile.mkstemp(prefix="speciate-")
            if os.name == "posix":
                os.unlink(self.path)
                self.path = ""
        try:
            os.write(self.descriptor, bytes(size))
            self._memory = mmap.mmap(self.descriptor, size)
        except BaseException:
            self.close()
            raise

    @property
    def inheritance(self) -> tuple[str, dict[str, Any]]:
        """What a process is told of the board, and what `subprocess.Popen` must be given for it."""
        return (self.path, {}) if self.path else (str(self.descriptor), {"pass_fds": [self.descriptor]})

    def mark(self, k: int) -> Mark:
        """The mark of process k."""
        return board_mark(self._memory, k)

    def close(self) -> None:
        """Let go of the descriptor; the memory goes with the last of its marks."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1
        if self.path:
            with contextlib.suppress(OSError):  # a process has it open still
                os.unlink(self.path)

    @staticmethod
    def inherited(board: str, k: int) -> Mark:
        """The mark of this process, on the board that its parent has made and told of."""
        descriptor = int(board) if board.isdigit() else os.open(board, os.O_RDWR)
        return board_mark(mmap.mmap(descriptor, os.fstat(descriptor).st_size), k)


def board_mark(memory: mmap.mmap, k: int) -> Mark:
    """The k-th mark in a piece of memory."""
    return Mark(floats(memory)[k * CELLS : (k + 1) * CELLS])


def floats(memory: bytearray | mmap.mmap) -> memoryview[float]:
    """Memory as float64."""
    view: memoryview[float] = memoryview(memory).cast("d")
    return view


@dataclass(frozen=True)
class Doing:
    """What a process is at."""

    job: object
    item: int | None  # of the job; None: it has not begun, and gets ready
    seconds: float  # at the item, or getting ready
    done: int = 0  # items of the job
    process: int | None = None  # None: this one


def said(done: int, count: int, things: str, doing: Sequence[Doing], name: Callable[[Doing], str]) -> str:
    """How far an evaluation is, and who has been at an item for longest: what a hang leaves on the screen.

    Parameters
    ----------
    name : what an item is called.
    """
    text = f"{done:,} of {count:,} {things}"
    slowest = max(doing, key=lambda one: (one.item is not None, one.seconds), default=None)
    if slowest is None or slowest.seconds < LEAST:
        return text
    process = f" (process {slowest.process})" if slowest.process is not None else ""
    if slowest.item is None:
        return f"{text}; a worker process has been getting ready for {slowest.seconds:.0f} s{process}"
    return f"{text}; {name(slowest)} has run for {slowest.seconds:.0f} s{process}"
