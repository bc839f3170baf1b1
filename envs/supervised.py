"""Data as a task: networks are judged by a loss or score on rows of inputs and targets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.losses import Measure, find_measure
from envs.measuring import gradients, measure
from envs.rows import Rows
from envs.task import Key, Task
from genomes.evaluation import Evaluation
from genomes.kernels.parallel import parallel_for
from genomes.networks import Networks

__all__ = ["Rows", "SupervisedTask", "draw_batches", "gradients", "measure"]

# Purposes of random numbers
BATCH = 210


class SupervisedTask(Task):
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
        self.maximize, self.episodes_change = self.objective.maximize, self.batch > 0
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
    def maximize_score(self) -> bool:
        """Whether a higher score of `validate` is better."""
        return self.score.maximize

    def evaluate(self, networks: Networks, key: Key) -> Evaluation:
        """The objective on the generation's rows, parsimony included."""
        rows, index = self._rows(networks, key, 0)
        values = measure(networks, rows, self.objective, self.num_classes, index)
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

    def gradients(self, networks: Networks, key: Key, step: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Gradient of the objective, parsimony apart, with respect to every weight [E] and bias [N].

        Parameters
        ----------
        step : 0: on the rows of `evaluate`; where batches are drawn, other steps have other rows.

        Raises
        ------
        ValueError : see `envs.measuring.gradients`.
        """
        rows, index = self._rows(networks, key, step)
        return gradients(networks, rows, self.objective, self.num_classes, index)

    def rows(self, key: Key, step: int = 0) -> Rows:
        """The rows of `evaluate` for this key (see `gradients` for steps); with ``own_batches`` the first genome's."""
        if not self.batch:
            return self.train
        return self.train.select(draw_batches(len(self.train), self.batch, key, step)[0])

    def _rows(self, networks: Networks, key: Key, step: int) -> tuple[Rows, NDArray[np.int64] | None]:
        """The rows of a step, and which of them are each network's own where it has any."""
        if not self.batch:
            return self.train, None
        index = draw_batches(len(self.train), self.batch, key, step, len(networks) if self.own_batches else 1)
        return (self.train, index) if self.own_batches else (self.train.select(index[0]), None)


def draw_batches(rows: int, batch: int, key: Key, step: int = 0, count: int = 1) -> NDArray[np.int64]:
    """Row numbers int64 [count, batch], drawn with replacement: a function of the key and the step."""
    from envs.kernels.own_rows import draw_rows

    index = np.empty((count, batch), np.int64)
    numbers = (np.uint64(key[0]), np.uint32(key[1]), np.uint32(BATCH), np.int64(step))
    parallel_for(draw_rows, count, index, rows, *numbers, grain=max(100_000 // batch, 1))
    return index


def _kind(rows: Rows) -> str:
    return "classes" if rows.classes else "numbers"
