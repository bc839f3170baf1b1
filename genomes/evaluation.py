"""What a task says of a population."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Evaluation"]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The outcome of evaluating P genomes.

    A genome whose evaluation failed (an exception, a NaN or infinite fitness, a dead worker) is marked in ``failed``:
    it is worst, is counted, and is never selected. Its fitness is NaN.
    """

    fitness: NDArray[np.float64]  # [P] as the task states it; NaN where failed
    failed: NDArray[np.bool_]  # [P]
    steps: NDArray[np.int64]  # [P] environment steps, or rows, that the evaluation took
    extras: dict[str, NDArray[Any]] = field(default_factory=dict)  # asked for by an algorithm: behaviour, ... [P, ...]

    @classmethod
    def of(cls, fitness: NDArray[Any], steps: NDArray[Any] | int = 0) -> Evaluation:
        """An evaluation from raw fitness [P]: values that are not finite count as failures."""
        values = np.array(fitness, dtype=np.float64)
        if values.ndim != 1:
            raise ValueError(f"fitness must have shape [P], got {values.shape}")
        failed = ~np.isfinite(values)
        values[failed] = np.nan
        return cls(values, failed, np.broadcast_to(np.asarray(steps, np.int64), values.shape))

    def __len__(self) -> int:
        return len(self.fitness)
