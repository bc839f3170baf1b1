"""Ctrl-C: where nothing would be lost it interrupts at once, elsewhere at the end of a generation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, ClassVar

__all__ = ["Interrupts"]


class Interrupts:
    """Ctrl-C while a run goes on.

    Where nothing would be lost (a generation is being evaluated, code of the user's is called) the first Ctrl-C
    interrupts at once; anywhere else it is noted in ``requested`` only, and the run ends after its generation: one
    that was half bred could not be resumed. Further ones change nothing: what was found is still written. Blocks may
    be nested. Only the main thread can listen.
    """

    _listening: ClassVar[Interrupts | None] = None

    def __init__(self) -> None:
        self.requested = False
        self._at_once = False
        self._before: Any = None
        self._depth = 0

    @classmethod
    def active(cls) -> Interrupts:
        """The one that listens already in this thread (to a run that calls for another, say), else a new one."""
        return (cls._listening if _in_main_thread() else None) or cls()

    def __enter__(self) -> Interrupts:
        self._depth += 1
        if self._depth == 1 and _in_main_thread():
            Interrupts._listening = self
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0 and self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before, Interrupts._listening = None, None

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A block that the first Ctrl-C may interrupt anywhere."""
        before, self._at_once = self._at_once, True
        try:
            if self.requested:
                raise KeyboardInterrupt
            yield
        finally:
            self._at_once = before and not self.requested

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self.requested = True
        if self._at_once:
            self._at_once = False  # a second one must not break in while the first is dealt with
            raise KeyboardInterrupt


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
