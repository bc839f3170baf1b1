"""How a task's inputs are scaled before a network sees them; it travels with the champion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Scaling"]


@dataclass(frozen=True, eq=False)
class Scaling:
    """x -> (x - shift) * scale, input by input; ``limit`` clips the result to ±limit where it is given."""

    shift: NDArray[np.float32]  # [I]
    scale: NDArray[np.float32]  # [I]
    limit: float | None = None

    def __call__(self, inputs: ArrayLike) -> NDArray[np.float32]:
        """Scaled inputs, float32 of the shape [..., I] that was given."""
        scaled = (np.asarray(inputs, np.float32) - self.shift) * self.scale
        return scaled if self.limit is None else np.clip(scaled, -self.limit, self.limit)
