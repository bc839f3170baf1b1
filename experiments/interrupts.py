"""Ctrl-C: where nothing would be lost it interrupts at once, elsewhere at the end of a generation."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["Interrupts"]


class Interrupts:
    """Ctrl-C while a run goes on.

    Where nothing would be lost (a generation is being evaluated, code of the user's is called) it interrupts at once;
    else the generation ends first: one that was half bred could not be resumed. Only the main thread can listen.
    """

    def __init__(self) -> None:
        self.requested = False
        self._at_once = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """A block that may be interrupted anywhere."""
        self._at_once = True
        try:
            if self.requested:
                raise KeyboardInterrupt
            yield
        finally:
            self._at_once = False

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        self.requested = True
        if self._at_once:
            raise KeyboardInterrupt
