"""What a task says of a population."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genomes.backend import arrays_of

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
        """An evaluation from raw fitness [P]: values that are not finite count as failures. Fitness in the memory of a
        GPU stays there."""
        xp = arrays_of("cuda" if hasattr(fitness, "__cuda_array_interface__") else "cpu")
        values = xp.array(fitness, dtype=np.float64)
        if values.ndim != 1:
            raise ValueError(f"fitness must have shape [P], got {values.shape}")
        failed = ~xp.isfinite(values)
        values = xp.where(failed, np.nan, values)
        return cls(values, failed, xp.broadcast_to(xp.asarray(steps, np.int64), values.shape))

    def __len__(self) -> int:
        return len(self.fitness)
