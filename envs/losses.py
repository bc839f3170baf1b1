"""What supervised networks are judged by: losses, which have a gradient, and scores.

Each is usable to optimise and to report. Networks give numbers as they are; for classes an output is a *logit*: one
for two classes (above 0: class 1), else one a class (the largest wins, of equals the first).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOSSES", "SCORES", "Measure", "area_under_curve", "find_measure", "from_bins", "user_score"]

Function = Callable[[NDArray[np.float32], NDArray[Any]], float]


@dataclass(frozen=True)
class Measure:
    """A loss or score of a network on R rows, each with a weight; rows of weight 0 do not count."""

    name: str
    maximize: bool  # whether higher is better
    classes: bool | None  # for classes (True), numbers (False) or either
    gradient: bool = False
    kind: str = "sum"  # taken from: a sum over rows, class by class "bins", or a network's "outputs" on all rows
    function: Function | None = None  # a user's: of predictions float32 [R, O] and targets

    def width(self, outputs: int) -> int:
        """K, the number of sums that it is taken from."""
        return 2 * max(outputs, 2) + 1 if self.kind == "bins" else 1

    def check(self, outputs: int, num_classes: int, targets: int = 1) -> None:
        """Whether it is for networks of so many outputs on these targets.

        Parameters
        ----------
        num_classes : 0 where the targets are numbers.
        targets : O of numbers [R, O].

        Raises
        ------
        ValueError : it is not.
        """
        kind = "classes" if num_classes else "numbers"
        if self.classes is not None and self.classes != bool(num_classes):
            raise ValueError(f"{self.name} is for {'classes' if self.classes else 'numbers'}, the targets are {kind}")
        right = {0: (targets,), 2: (1, 2)}.get(num_classes, (num_classes,))
        if outputs not in right:
            amount = f"{num_classes} classes" if num_classes else f"{targets} target columns"
            raise ValueError(f"{amount} need {' or '.join(map(str, right))} outputs, the networks have {outputs}")


_LOSSES = (
    Measure("mse", False, classes=False, gradient=True),
    Measure("mae", False, classes=False, gradient=True),
    Measure("cross-entropy", False, classes=True, gradient=True),
    Measure("hinge", False, classes=True, gradient=True),
)
_SCORES = (
    Measure("accuracy", True, classes=True),
    Measure("balanced-accuracy", True, classes=True, kind="bins"),
    Measure("f1", True, classes=True, kind="bins"),
    Measure("auc", True, classes=True, kind="outputs"),
    Measure("zero-one", False, classes=True),
)
LOSSES: dict[str, Measure] = {measure.name: measure for measure in _LOSSES}
SCORES: dict[str, Measure] = {measure.name: measure for measure in _SCORES}


def find_measure(measure: str | Measure) -> Measure:
    """The loss or score of this name; `ValueError` names the nearest ones if there is none."""
    if isinstance(measure, Measure):
        return measure
    table = LOSSES | SCORES
    if measure not in table:
        near = difflib.get_close_matches(str(measure), table, n=3, cutoff=0.4) or sorted(table)
        raise ValueError(f"unknown loss or score {measure!r}; did you mean {' or '.join(near)}?")
    return table[measure]


def user_score(function: Function, maximize: bool = True, name: str | None = None) -> Measure:
    """A score of the user's own.

    Parameters
    ----------
    function : called with the predictions float32 [R, O] of one network and the targets (float32 [R, O], or int32 [R]
        classes); returns a number. Called once a network: it is as fast as it is.
    """
    if not callable(function):
        raise TypeError(f"a score must be callable, got {function!r}")
    return Measure(
        name or str(getattr(function, "__name__", "user score")), maximize, None, kind="outputs", function=function
    )


def from_bins(name: str, totals: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Balanced accuracy (the mean of the classes' recalls) or F1 (of class 1 of two, else the mean over classes; 0 for
    a class that is neither there nor said to be).

    Parameters
    ----------
    totals : [P, 2 C + 1] as `envs.kernels.losses.bins_taker` counts them.
    weight : [C] or [P, C] total weight of the rows of each class.

    Returns
    -------
    float64 [P]; NaN where the outputs were not finite.
    """
    classes = weight.shape[-1]
    right, said, residue = totals[:, :classes], totals[:, classes : 2 * classes], totals[:, -1]
    if name == "f1":
        sizes = said + weight
        each = np.divide(2 * right, sizes, out=np.zeros_like(right), where=sizes > 0)
        return (each[:, 1] if classes == 2 else each.mean(axis=1)) + residue
    there = np.broadcast_to(weight > 0, right.shape)
    recall = np.divide(right, weight, out=np.zeros_like(right), where=there)
    balanced: NDArray[np.float64] = recall.sum(axis=1) / there.sum(axis=1) + residue
    return balanced


def area_under_curve(outputs: NDArray[np.float32], y: NDArray[np.int32], weight: NDArray[np.float32]) -> float:
    """Area under the ROC curve: how likely a row of class 1 gets a higher output than one of class 0, ties counting
    one half; for more classes the mean over classes of each against the others, by softmax. NaN if a class is
    missing."""
    z = outputs.astype(np.float64)
    if z.shape[1] <= 2:
        return _area(z[:, -1] - (z[:, 0] if z.shape[1] == 2 else 0.0), y == 1, weight)
    chance = np.exp(z - z.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    return float(np.mean([_area(chance[:, c], y == c, weight) for c in range(z.shape[1])]))


def _area(score: NDArray[np.float64], positive: NDArray[np.bool_], weight: NDArray[np.float32]) -> float:
    order = np.argsort(score)
    starts = np.flatnonzero(np.diff(score[order], prepend=-np.inf))  # of each run of equal scores
    share = weight[order].astype(np.float64)
    above = np.add.reduceat(np.where(positive[order], share, 0.0), starts)
    below = np.add.reduceat(np.where(positive[order], 0.0, share), starts)
    pairs = above.sum() * below.sum()
    return float((above * (np.cumsum(below) - 0.5 * below)).sum() / pairs) if pairs else float("nan")
