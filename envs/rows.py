"""Rows of data: inputs, targets and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows"]


@dataclass(frozen=True, eq=False)
class Rows:
    """R rows of data."""

    X: NDArray[np.float32]  # [R, I]
    y: NDArray[Any]  # float32 [R, O] numbers, or int32 [R] classes 0 .. C-1
    weight: NDArray[np.float32] | None = None  # [R] how much a row counts, 0 or more; None: all the same

    def __post_init__(self) -> None:
        X, y, w = self.X, self.y, self.weight
        if X.ndim != 2 or X.dtype != np.float32:
            raise ValueError(f"X must be float32 [R, I], got {X.dtype} {list(X.shape)}")
        if (y.ndim, y.dtype.name) not in ((2, "float32"), (1, "int32")):
            raise ValueError(f"y must be float32 [R, O] or int32 [R], got {y.dtype} {list(y.shape)}")
        if len(y) != len(X):
            raise ValueError(f"X has {len(X)} rows, y has {len(y)}")
        if w is not None and (w.shape != (len(X),) or w.dtype != np.float32):
            raise ValueError(f"weight must be float32 [{len(X)}], got {w.dtype} {list(w.shape)}")
        if w is not None and len(w) and not (np.isfinite(w).all() and w.min() >= 0 and w.max() > 0):
            raise ValueError("weights must be 0 or more, and not all 0")

    def __len__(self) -> int:
        return len(self.X)

    @property
    def classes(self) -> bool:
        """Whether the targets are classes."""
        return self.y.ndim == 1

    def select(self, rows: NDArray[Any]) -> Rows:
        """These rows, by index or as a mask."""
        return Rows(self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows])
