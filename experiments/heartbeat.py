"""A sign of life while a generation takes long: what the run waits for, and in a hang for whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.run import Run

__all__ = ["PREPARING", "Heartbeat", "duration", "waits_for"]

PREPARING = "preparing the kernels, which the first time takes half a minute ..."
FIRST = 3.0  # s without a word before the first generation


class Heartbeat:
    """Tells what a run is at, from a thread of its own, when nothing else was told for some time.

    Parameters
    ----------
    tell : called with a line.
    pace : seconds without a word.
    """

    def __init__(self, run: Run, tell: Callable[[str], None], pace: float) -> None:
        self.run, self.tell, self.pace = run, tell, pace
        self._word = threading.Event()  # something was told, or all is over
        self._over = False
        self._since = time.monotonic()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._thread.start()

    def generation(self) -> None:
        """A generation is done."""
        self._since = time.monotonic()
        self._word.set()

    def end(self) -> None:
        """Tell nothing more."""
        self._over = True
        self._word.set()
        self._thread.join()

    def _beat(self) -> None:
        wait = min(FIRST, self.pace)
        while not self._over:
            told = self._word.wait(wait)
            self._word.clear()
            if not self._over and not told:
                self.tell(waits_for(self.run, time.monotonic() - self._since))
            wait = self.pace


def waits_for(run: Run, seconds: float) -> str:
    """What a run is at, ``seconds`` after its last generation."""
    from genomes.kernels.binding import compiling

    if run.stopped:
        return f"the run is over: its champion is tested and the files are written ({duration(seconds)})"
    if compiling():
        return PREPARING
    return f"generation {run.generations}: {run.task.activity() or f'{duration(seconds)} so far'}"


def duration(seconds: float) -> str:
    """In words."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"
