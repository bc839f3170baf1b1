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

__all__ = ["LOSSES", "SCORES", "Measure", "find_measure", "user_score"]

Function = Callable[[NDArray[np.float32], NDArray[Any]], float]


@dataclass(frozen=True)
class Measure:
    """A loss or score of a network on R rows, each with a weight; rows of weight 0 do not count."""

    name: str
    maximize: bool  # whether higher is better
    classes: bool | None  # for classes (True), numbers (False) or either
    gradient: bool = False
    function: Function | None = None  # a user's: of predictions float32 [R, O] and targets

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
    Measure("balanced-accuracy", True, classes=True),
    Measure("f1", True, classes=True),
    Measure("auc", True, classes=True),
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
    return Measure(name or str(getattr(function, "__name__", "user score")), maximize, None, function=function)
