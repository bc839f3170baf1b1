"""A data set made ready for a run: split, scaled, weighted; and what its champion is worth on the test rows."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from envs.datasets import Dataset, DatasetError, load_dataset, read_dataset
from envs.losses import Measure, find_measure, user_score
from envs.splits import Split, learn_scaling, split_rows
from envs.supervised import Rows, SupervisedTask
from experiments.errors import BadInput
from genomes.functions import aggregation_code
from genomes.network import Network
from genomes.population import Genome
from genomes.scaling import Scaling

if TYPE_CHECKING:
    from experiments.tasks.dataset import DatasetSettings

__all__ = ["R2", "Data", "class_weights", "in_target_units", "r2"]


def r2(predictions: NDArray[Any], targets: NDArray[Any]) -> float:
    """Coefficient of determination, mean of the O targets: 1 is perfect, 0 no better than the mean."""
    error = ((targets - predictions).astype(np.float64) ** 2).sum(axis=0)
    spread = ((targets - targets.mean(axis=0, dtype=np.float64)) ** 2).sum(axis=0)
    return float(np.mean(1.0 - error / np.where(spread > 0, spread, 1.0)))


R2 = dataclasses.replace(user_score(r2, name="r2"), classes=False)


@dataclass(frozen=True, eq=False)
class Data:
    """A data set, its split, and the scalings that were learnt on its train rows."""

    settings: DatasetSettings
    dataset: Dataset
    split: Split
    inputs: Scaling | None
    targets: Scaling | None  # of numbers that are predicted

    @classmethod
    def of(cls, settings: DatasetSettings, folder: Path) -> Data:
        """Read and split as the settings say.

        Raises
        ------
        BadInput : there are no such data, or the settings do not fit them.
        """
        try:
            if settings.path:
                column: str | int = settings.column
                dataset = read_dataset(folder / settings.path, column, settings.kind)
            else:
                dataset = load_dataset(settings.name)
            split = split_rows(dataset, settings.validation, settings.test, settings.split_seed)
        except (DatasetError, ValueError) as error:
            raise BadInput(str(error)) from None
        if settings.fingerprint and settings.fingerprint != dataset.fingerprint:
            raise BadInput(
                f"{dataset.name}: has changed since the run began: put the old data back, or start a new run "
                f"(task.fingerprint = {settings.fingerprint!r}, this is {dataset.fingerprint!r})"
            )
        inputs = learn_scaling(dataset.X[split.train], settings.scaling)
        targets = None if dataset.classes else learn_scaling(dataset.y[split.train].astype(np.float32))
        return cls(settings, dataset, split, inputs, targets)

    def rows(self, part: NDArray[np.int64]) -> Rows:
        """Rows as networks see them: scaled inputs and targets, weighted classes."""
        X, y = self.dataset.X[part], self.dataset.y[part]
        weight = None
        if self.settings.class_weights:
            weight = class_weights(self.settings.class_weights, self.dataset, self.split.train)[y].astype(np.float32)
        return Rows(
            X if self.inputs is None else self.inputs(X), y if self.targets is None else self.targets(y), weight
        )

    def task(self) -> SupervisedTask:
        """The task; `BadInput` where a measure does not fit the targets."""
        settings, classes = self.settings, self.dataset.classes
        train = self.rows(self.split.train)
        validation = train if self.split.validation is self.split.train else self.rows(self.split.validation)
        try:
            task = SupervisedTask(
                train,
                validation,
                settings.measures.get("objective", find_measure("cross-entropy" if classes else "mse")),
                settings.measures.get("score", self.metric),
                settings.target,
                len(classes),
                settings.batch,
                settings.own_batches,
                settings.parsimony,
            )
        except ValueError as error:
            raise BadInput(f"{self.dataset.name}: {error}") from None
        if settings.gradient_steps and not task.objective.gradient:
            steps = f"task.gradient_steps = {settings.gradient_steps}"
            raise BadInput(f"{self.dataset.name}: {steps}: the objective {task.objective.name} has no gradient")
        if settings.gradient_steps and settings.method == "levenberg-marquardt" and task.objective.name != "mse":
            method = f'task.method = "{settings.method}"'
            raise BadInput(f"{self.dataset.name}: {method}: is for the objective mse, this is {task.objective.name}")
        return task

    @property
    def metric(self) -> Measure:
        """What champions are tested by."""
        return self.settings.measures.get("metric", find_measure("accuracy") if self.dataset.classes else R2)

    def deliver(self, champion: Genome) -> tuple[Genome, Scaling | None]:
        """The champion as users take it away: in units of the targets, with the scaling of its inputs."""
        return champion if self.targets is None else in_target_units(champion, self.targets), self.inputs

    def accept(self, delivered: Genome) -> Genome:
        """The inverse of `deliver`: in the units that the task's targets are scaled to."""
        if self.targets is None:
            return delivered
        inverse = Scaling(-self.targets.shift * self.targets.scale, np.float32(1.0) / self.targets.scale)
        return in_target_units(delivered, inverse)

    def final_test(self, network: Network) -> dict[str, Any]:
        """The score of a delivered champion on the test rows, in units of the targets."""
        from envs.supervised import measure

        tested = self.split.test
        X, y = self.dataset.X[tested], self.dataset.y[tested]
        rows = Rows(X if self.inputs is None else self.inputs(X), y)
        value = float(measure(network.networks, rows, self.metric, len(self.dataset.classes))[0])
        part = "train" if tested is self.split.train else "test"
        return {"metric": self.metric.name, "score": value, "rows": len(rows), "part": part}


def class_weights(text: str, dataset: Dataset, train: NDArray[np.int64]) -> NDArray[np.float64]:
    """The weight [C] of a row of each class: ``"balanced"``, or ``"CLASS=WEIGHT, ..."`` (others 1).

    Balanced: R / (C * rows of the class), as in scikit-learn.
    """
    names = dataset.classes
    if not names:
        raise BadInput(f'task.class_weights = "{text}": {dataset.name} predicts numbers')
    if text == "balanced":
        counts = np.bincount(dataset.y[train].astype(np.int64), minlength=len(names))
        return len(train) / (len(names) * np.maximum(counts, 1))
    weights = np.ones(len(names))
    for pair in text.split(","):
        name, _, value = (part.strip() for part in pair.rpartition("="))
        try:
            weights[names.index(name)] = number = float(value)
            wrong = not 0.0 <= number < np.inf
        except ValueError:
            wrong = True
        if wrong:
            known = ", ".join(names[:20])
            raise BadInput(f'task.class_weights = "{text}": must be "balanced", or CLASS=WEIGHT of classes {known}')
    return weights


def in_target_units(genome: Genome, targets: Scaling) -> Genome:
    """The genome whose outputs are those of this one before the targets were scaled.

    Its outputs have no activation and no node reads them, so weights and biases can take the scale: every aggregation
    grows in proportion to the weights, a product to one of them.
    """
    weight, bias = genome.weight.copy(), genome.bias.copy()
    for k in range(genome.num_outputs):
        node = genome.num_inputs + k
        spread = np.float32(1.0) / targets.scale[k]
        links = np.flatnonzero((genome.target == node) & genome.enabled)
        weight[links[:1] if genome.aggregation[node] == aggregation_code("product") else links] *= spread
        bias[node] = bias[node] * spread + targets.shift[k]
    return dataclasses.replace(genome, weight=weight, bias=bias)
