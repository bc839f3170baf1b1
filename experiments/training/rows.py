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
        X, y, classes = _rows("data", data)
        if isinstance(validation, tuple | list):
            other, numbers, others = _rows("validation", validation)
            if (other.shape[1:], numbers.shape[1:], others > 0) != (X.shape[1:], y.shape[1:], classes > 0):
                raise BadInput("validation: X and y must be of the shapes and of the kind that those of the data are")
            return cls((X, y), (other, numbers), None, max(classes, others))
        if not isinstance(validation, int | float) or not 0 <= validation < 1:
            raise BadInput(f"validation = {validation!r}: must be a share below 1, or (X, y)")
        order = np.random.default_rng(seed).permutation(len(X))
        held = order[: min(round(validation * len(X)), len(X) - 1)]
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


def _rows(name: str, data: Any) -> tuple[Array, Array, int]:
    """X, y, and the number of classes, 0 where y are numbers."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise BadInput(f"{name} must be (X, y), got {type(data).__name__}")
    try:
        X, y = np.asarray(data[0], np.float32), np.asarray(data[1])
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name}: X and y must be arrays of numbers: {error}") from None
    if not X.ndim or not y.ndim or len(X) != len(y) or not len(X):
        raise BadInput(f"{name}: X has shape {list(X.shape)}, y {list(y.shape)}: must have as many rows, and some")
    if y.dtype.kind not in "iubf":
        raise BadInput(f"{name}: y must be numbers, of which whole ones [R] are classes: got {y.dtype}")
    for letter, values in (("X", X), ("y", y)):
        if not np.isfinite(values).all():
            raise BadInput(f"{name}: {letter} is not finite everywhere")
    return (X, *_targets(y))


def _targets(y: Array) -> tuple[Array, int]:
    if y.dtype.kind in "iub" and y.ndim == 1:
        if y.min() < 0:
            raise BadInput(f"y has the class {y.min()}: classes are 0, 1, 2, ...")
        return y.astype(np.int32), max(int(y.max()) + 1, 2)
    numbers = y.astype(np.float32)
    return numbers.reshape(len(y), -1), 0
