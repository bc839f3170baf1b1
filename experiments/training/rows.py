"""The rows of `train`: those to train on, to validate and to test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.datasets import DatasetError, load_dataset
from envs.splits import learn_scaling, split_rows
from experiments.errors import BadInput

__all__ = ["Parts"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows to train, validate and test."""

    train: tuple[Array, Array]
    validation: tuple[Array, Array]
    test: tuple[Array, Array] | None
    classes: int  # 0 where numbers are predicted

    @classmethod
    def of(cls, data: Any, validation: Any, seed: int) -> Parts:
        if isinstance(data, str):
            return cls._named(data)
        X, y = np.asarray(data[0], np.float32), np.asarray(data[1])
        if len(X) != len(y) or not len(X):
            raise BadInput(f"X has {len(X)} rows, y has {len(y)}: must be as many, and some")
        if y.dtype.kind not in "iubf":
            raise BadInput(f"y must be numbers, of which whole ones [R] are classes: got {y.dtype}")
        if not np.isfinite(X).all() or not np.isfinite(y).all():
            raise BadInput(f"{'y' if np.isfinite(X).all() else 'X'} is not finite everywhere")
        y, classes = _targets(y)
        if isinstance(validation, tuple):
            other = np.asarray(validation[0], np.float32), _targets(np.asarray(validation[1]))[0]
            return cls((X, y), other, None, classes)
        if not 0 <= validation < 1:
            raise BadInput(f"validation must be a share below 1, got {validation}")
        order = np.random.default_rng(seed).permutation(len(X))
        held = order[: round(validation * len(X))]
        kept = order[len(held) :]
        return cls((X[kept], y[kept]), (X[held], y[held]) if len(held) else (X, y), None, classes)

    @classmethod
    def _named(cls, name: str) -> Parts:
        try:
            dataset = load_dataset(name)
            split = split_rows(dataset, 0.2, 0.2, 1)
        except (DatasetError, ValueError) as error:
            raise BadInput(str(error)) from None
        scaling = learn_scaling(dataset.X[split.train], "common")
        X = dataset.X if scaling is None else scaling(dataset.X)
        y, classes = _targets(dataset.y)
        train, validation, test = ((X[rows], y[rows]) for rows in (split.train, split.validation, split.test))
        return cls(train, validation, test, classes)


def _targets(y: Array) -> tuple[Array, int]:
    if y.dtype.kind in "iub" and y.ndim == 1:
        if y.min() < 0:
            raise BadInput(f"y has the class {y.min()}: classes are 0, 1, 2, ...")
        return y.astype(np.int32), max(int(y.max()) + 1, 2)
    numbers = y.astype(np.float32)
    return numbers.reshape(len(y), -1), 0
