"""Data as a task: networks are judged by a loss or score on rows of inputs and targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.losses import Measure, find_measure
from envs.task import Key
from genomes.evaluation import Evaluation
from genomes.forward import forward
from genomes.networks import Networks

__all__ = ["Rows", "SupervisedTask", "measure"]

# Purposes of random numbers
BATCH = 210

_STORED = 1 << 24  # outputs [genomes, R, O] that are held at a time


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

    def __len__(self) -> int:
        return len(self.X)

    @property
    def classes(self) -> bool:
        """Whether the targets are classes."""
        return self.y.ndim == 1

    def select(self, rows: NDArray[Any]) -> Rows:
        """These rows, by index or as a mask."""
        return Rows(self.X[rows], self.y[rows], None if self.weight is None else self.weight[rows])


class SupervisedTask:
    """Judges networks by their loss or score on rows of data.

    Parameters
    ----------
    train, validation : rows that fitness, and the check of champions, are taken on.
    objective : what is optimised, by name or as a `Measure`.
    score : what `validate` gives; None: the objective.
    target : a score that counts as solved.
    num_classes : C; 0 where the targets are numbers.
    batch : rows that are drawn, with replacement, for each generation; 0: all of them.
    own_batches : each genome draws its own rows (Zhang, Clune & Stanley 2017, section 3).
    parsimony : how much worse a network's fitness is for each of its connections.

    Raises
    ------
    ValueError : the measures do not fit the targets, or a number is out of range.
    """

    def __init__(
        self,
        train: Rows,
        validation: Rows,
        objective: str | Measure = "mse",
        score: str | Measure | None = None,
        target: float | None = None,
        num_classes: int = 0,
        batch: int = 0,
        own_batches: bool = False,
        parsimony: float = 0.0,
    ) -> None:
        self.train, self.validation = train, validation
        self.objective = find_measure(objective)
        self.score = self.objective if score is None else find_measure(score)
        self.target, self.num_classes, self.parsimony = target, num_classes, parsimony
        self.batch, self.own_batches = (0, False) if batch >= len(train) else (batch, own_batches and batch > 0)
        self.num_inputs = train.X.shape[1]
        if bool(num_classes) != train.classes:
            raise ValueError(f"num_classes is {num_classes}, the targets are {_kind(train)}")
        if num_classes == 1 or num_classes < 0:
            raise ValueError(f"num_classes must be 0, or 2 or more, got {num_classes}")
        self.num_outputs = (1 if num_classes == 2 else num_classes) if num_classes else train.y.shape[1]
        for chosen in (self.objective, self.score):
            chosen.check(self.num_outputs, num_classes, self.num_outputs)
        if batch < 0 or parsimony < 0:
            raise ValueError(f"batch and parsimony must be at least 0, got {batch} and {parsimony}")

    @property
    def maximize(self) -> bool:
        """Whether higher fitness is better: of the objective."""
        return self.objective.maximize

    @property
    def maximize_score(self) -> bool:
        """Whether a higher score of `validate` is better."""
        return self.score.maximize

    @property
    def episodes_change(self) -> bool:
        """Whether each generation has rows of its own."""
        return self.batch > 0

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """The objective on the generation's rows, parsimony included."""
        values = measure(networks, self._rows(key, 0), self.objective, self.num_classes)
        if self.parsimony:
            edges = np.diff(networks.edge_start[networks.node_start])
            values = values + self.parsimony * edges * (-1 if self.maximize else 1)
        return Evaluation.of(values, self.batch or len(self.train))

    def validate(self, networks: Networks, key: Key) -> Evaluation:
        """The score on the validation rows."""
        return Evaluation.of(measure(networks, self.validation, self.score, self.num_classes), len(self.validation))

    def measure(self, networks: Networks, rows: Rows, name: str | Measure) -> NDArray[np.float64]:
        """Any loss or score [P] on any rows."""
        return measure(networks, rows, name, self.num_classes)

    def gradients(self, networks: Networks, key: Key, step: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
        """Gradient of the objective with respect to every weight and bias.

        Parameters
        ----------
        step : 0: on the rows of `evaluate`; others: on other rows, where batches are drawn.

        Returns
        -------
        float32 [E], float32 [N]
        """
        raise NotImplementedError

    def _rows(self, key: Key, step: int) -> Rows:
        if not self.batch:
            return self.train
        seed = [key[0] & 0xFFFFFFFF, key[0] >> 32, key[1], BATCH, step]
        return self.train.select(np.random.Generator(np.random.Philox(seed)).integers(len(self.train), size=self.batch))


def _kind(rows: Rows) -> str:
    return "classes" if rows.classes else "numbers"


def measure(networks: Networks, rows: Rows, name: str | Measure, num_classes: int = 0) -> NDArray[np.float64]:
    """A loss or score of every network on rows of data.

    Parameters
    ----------
    num_classes : C; 0 where the targets are numbers.

    Returns
    -------
    float64 [P]; not finite where a network's outputs were not.

    Raises
    ------
    ValueError : the measure does not fit the targets or the networks.
    """
    chosen = find_measure(name)
    chosen.check(networks.num_outputs, num_classes, 1 if rows.classes else rows.y.shape[1])
    weight = np.ones(len(rows), np.float32) if rows.weight is None else rows.weight
    values = np.empty(len(networks))
    function = chosen.function or _FUNCTIONS[chosen.name]
    outputs = forward(networks, rows.X)
    for p in range(len(networks)):
        if not np.isfinite(outputs[p]).all():
            values[p] = np.nan
        elif chosen.function is not None:
            values[p] = chosen.function(outputs[p], rows.y)
        else:
            values[p] = function(outputs[p].astype(np.float64), rows.y, weight.astype(np.float64))  # type: ignore[call-arg]
    return values


def _predicted(z: Any) -> Any:
    return (z[:, 0] > 0).astype(int) if z.shape[1] == 1 else z.argmax(axis=1)


def _two(z: Any) -> Any:
    return np.concatenate([np.zeros_like(z), z], axis=1) if z.shape[1] == 1 else z


def _cross_entropy(z: Any, y: Any, w: Any) -> Any:
    z = _two(z)
    top = z.max(axis=1)
    return (w * (np.log(np.exp(z - top[:, None]).sum(axis=1)) + top - z[range(len(y)), y])).sum() / w.sum()


def _hinge(z: Any, y: Any, w: Any) -> Any:
    if z.shape[1] == 1:
        return (w * np.maximum(0, 1 - (2 * y - 1) * z[:, 0])).sum() / w.sum()
    right = z[range(len(y)), y]
    others = z.copy()
    others[range(len(y)), y] = -np.inf
    return (w * np.maximum(0, 1 + others.max(axis=1) - right)).sum() / w.sum()


def _recalls(z: Any, y: Any, w: Any) -> Any:
    hit = w * (_predicted(z) == y)
    return np.mean([hit[y == c].sum() / w[y == c].sum() for c in range(max(2, z.shape[1])) if w[y == c].sum()])


def _f1(z: Any, y: Any, w: Any) -> Any:
    found = _predicted(z)
    classes = [1] if z.shape[1] <= 2 else range(z.shape[1])
    scores = []
    for c in classes:
        both, either = w[(found == c) & (y == c)].sum(), w[found == c].sum() + w[y == c].sum()
        scores.append(2 * both / either if either else 0.0)
    return np.mean(scores)


def _auc(z: Any, y: Any, w: Any) -> Any:
    if z.shape[1] <= 2:
        return _ranked(z[:, -1] - (z[:, 0] if z.shape[1] == 2 else 0), y == 1, w)
    e = np.exp(z - z.max(axis=1)[:, None])
    q = e / e.sum(axis=1)[:, None]
    return np.mean([_ranked(q[:, c], y == c, w) for c in range(z.shape[1])])


def _ranked(s: Any, positive: Any, w: Any) -> Any:
    _, group = np.unique(s, return_inverse=True)
    pos, neg = np.bincount(group, w * positive), np.bincount(group, w * ~positive)
    below = np.cumsum(neg) - neg
    return (pos * (below + 0.5 * neg)).sum() / (pos.sum() * neg.sum())


_FUNCTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "mse": lambda z, y, w: (w[:, None] * (z - y) ** 2).sum() / w.sum() / z.shape[1],
    "mae": lambda z, y, w: (w[:, None] * abs(z - y)).sum() / w.sum() / z.shape[1],
    "cross-entropy": _cross_entropy,
    "hinge": _hinge,
    "accuracy": lambda z, y, w: (w * (_predicted(z) == y)).sum() / w.sum(),
    "zero-one": lambda z, y, w: (w * (_predicted(z) != y)).sum() / w.sum(),
    "balanced-accuracy": _recalls,
    "f1": _f1,
    "auc": _auc,
}
