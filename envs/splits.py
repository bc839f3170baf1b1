"""Data in train, validation and test, and the scaling that is learnt on train."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.datasets import Dataset
from genomes.scaling import Scaling

__all__ = ["SCALINGS", "Split", "learn_scaling", "split_rows"]

SCALINGS = ("standard", "common", "range", "none")


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of the three parts, each ascending. Without rows of its own, a part is all of ``train``."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split_rows(
    dataset: Dataset, validation: float = 0.2, test: float = 0.2, seed: int = 1, fixed_test: bool = True
) -> Split:
    """Split at random, classes in proportion: in each part every class has its share of rows, to within one.

    Parameters
    ----------
    validation, test : shares of all rows, below 1 together; a part of share 0 is all of ``train``.
    seed : decides the split.
    fixed_test : where the data set has a test split by convention, that one is taken.

    Raises
    ------
    ValueError : the shares are out of range, or leave no row to train on.
    """
    if not (0.0 <= validation < 1.0 and 0.0 <= test < 1.0 and validation + test < 1.0):
        raise ValueError(f"shares of validation and test must be from 0 to below 1 together, got {validation}, {test}")
    held = dataset.fixed_test if fixed_test else 0
    rest = np.arange(len(dataset) - held)
    if held:
        tested, validation = np.arange(len(rest), len(dataset)), validation / (1.0 - test)
    else:
        tested, rest = _take(rest, dataset, test, seed, 0)
    validated, train = _take(rest, dataset, validation / (1.0 - (0.0 if held else test)), seed, 1)
    if len(train) == 0:
        raise ValueError(f"{dataset.name}: {len(dataset)} rows leave none to train on")
    return Split(train, *(part if len(part) else train for part in (validated, tested)))


def _take(
    rows: NDArray[np.int64], dataset: Dataset, share: float, seed: int, part: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """So large a share of the rows, and the others: every n-th of the rows sorted by class, at random within one."""
    order = np.random.Generator(np.random.Philox(key=[seed, part])).permutation(len(rows))
    if dataset.classes:
        order = order[np.argsort(dataset.y[rows[order]], kind="stable")]
    count = round(share * len(rows))
    position = np.arange(len(rows), dtype=np.int64)
    chosen = (position + 1) * count // max(len(rows), 1) > position * count // max(len(rows), 1)
    if dataset.classes:  # of each class some row is left to learn from
        _, first = np.unique(dataset.y[rows[order]], return_index=True)
        whole = np.logical_and.reduceat(chosen, first)
        chosen[first[whole]] = False
    return np.sort(rows[order[chosen]]), np.sort(rows[order[~chosen]])


def learn_scaling(
    X: NDArray[np.float32], kind: str = "standard", weight: NDArray[np.floating] | None = None
) -> Scaling | None:
    """A scaling for inputs like these rows [R, I].

    Parameters
    ----------
    kind : ``"standard"``: mean 0 and standard deviation 1, column by column; ``"common"``: the same, one for all
        columns (pixels); ``"range"``: to -1 .. 1, column by column; ``"none"``. A constant column becomes 0.
    weight : [R] above 0, how much each row counts in a mean; None: all the same.
    """
    if kind not in SCALINGS:
        raise ValueError(f"scaling must be one of {', '.join(SCALINGS)}, got {kind!r}")
    if kind == "none":
        return None
    values = X.astype(np.float64)
    if kind == "range":
        low, high = values.min(axis=0), values.max(axis=0)
        shift, spread = (low + high) / 2, (high - low) / 2
    else:
        axis = None if kind == "common" else 0
        share = None if weight is None else np.broadcast_to(weight[:, None], values.shape)
        shift = np.broadcast_to(np.average(values, axis, share), X.shape[1])
        spread = np.broadcast_to(np.sqrt(np.average((values - shift) ** 2, axis, share)), X.shape[1])
    least = 1e-6 * np.maximum(np.abs(shift), math.sqrt(np.finfo(np.float32).tiny))  # rounding of a constant
    scale = np.where(spread > least, 1.0 / np.maximum(spread, least), 1.0)
    return Scaling(shift.astype(np.float32), scale.astype(np.float32))
