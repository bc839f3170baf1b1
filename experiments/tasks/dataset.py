"""Settings of a data set: which rows, what is optimised, and how weights learn within a generation."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from experiments.errors import BadInput
from experiments.tasks.base import TaskSettings
from experiments.tasks.function import import_function
from neat.params import NEATParams, ParameterError, parameter

if TYPE_CHECKING:
    from envs.losses import Measure
    from envs.supervised import SupervisedTask
    from experiments.data import Data
    from experiments.learning import Learning
    from genomes.network import Network
    from genomes.population import Genome
    from genomes.scaling import Scaling

__all__ = ["GENTLE", "OWN_DATA", "DatasetSettings", "adapt_to_data"]

OWN_DATA = "data"
GENTLE: dict[str, Any] = {  # parameters of NEAT where weights learn by gradients
    "weight_scale": 0.1,  # gradients go on from small weights
    "weight_power": 0.1,  # and mutation does not undo what they have found
    "weight_replace": 0.02,
    "bias_scale": 0.1,
    "bias_power": 0.1,
    "bias_replace": 0.02,
    "add_node": 0.3,
    "add_connection": 0.5,
}
LEAST_SQUARES = "levenberg-marquardt"
_OUTPUT = "identity"  # outputs are numbers or logits


@dataclass(frozen=True)
class DatasetSettings(TaskSettings):
    """Classification or regression on a table of data."""

    path: str = parameter("", 'with name = "data": a CSV or npz file, from this file\'s folder', "own")
    column: str = parameter("-1", "of a CSV file: the column to predict, by name or index", "own")
    kind: str = parameter(
        "auto", "what is predicted; auto: classes where it is text, or whole numbers with at most 20 values", "own",
        choices=("auto", "classes", "numbers"),
    )  # fmt: skip
    objective: str = parameter(
        "", "loss or score that is optimised, or module:NAME; empty: cross-entropy for classes, mse for numbers", "own"
    )
    score: str = parameter("", "what the champion is chosen by, on validation; empty: as metric", "own")
    metric: str = parameter(
        "", "what the champion is tested by, when the run has ended; empty: accuracy for classes, r2 for numbers", "own"
    )
    target: float | None = parameter(None, "score on validation that counts as solved", "own")
    validation: float = parameter(0.2, "share of rows that choose the champion; 0: it is the train rows", "own", low=0)
    test: float = parameter(0.2, "share of rows that test it when the run has ended; 0: the train rows", "own", low=0)
    split_seed: int = parameter(1, "decides which rows these are", "own", low=0, high=2**32 - 1)
    scaling: str = parameter(
        "standard", "of the inputs, learnt on train: each column, all columns alike, to -1 .. 1, none", "own",
        choices=("standard", "common", "range", "none"),
    )  # fmt: skip
    class_weights: str = parameter(
        "", "balanced: every class counts the same; or CLASS=WEIGHT, CLASS=WEIGHT, ...", "own"
    )
    batch: int = parameter(0, "rows drawn anew for each generation; 0: all", "own", low=0)
    own_batches: bool = parameter(False, "each genome draws its own rows", "Zhang, Clune & Stanley 2017: ES on MNIST")
    parsimony: float = parameter(0.0, "a network is that much worse for each connection", "own", low=0.0)
    gradient_steps: int = parameter(0, "steps of gradient descent for each genome and generation", "own", low=0)
    learning_rate: float = parameter(0.01, "of gradient descent", "own", low=0.0)
    weight_decay: float = parameter(
        0.0,
        "share of itself, times learning_rate, that a weight loses in each step",
        "Loshchilov & Hutter 2019",
        low=0.0,
    )
    method: str = parameter(
        "adam", "of these steps; levenberg-marquardt: for numbers, mse and small networks, on all train rows",
        "Kingma & Ba 2015; Marquardt 1963", choices=("adam", "sgd", LEAST_SQUARES),
    )  # fmt: skip
    write_back: str = parameter(
        "lamarckian", "whether the genome keeps what its network has learnt, or only the fitness shows it", "own",
        choices=("lamarckian", "baldwinian"),
    )  # fmt: skip
    readout: str = parameter(
        "none", "ridge: each genome's output weights are solved for, evolution finds the rest", "Huang et al. 2006",
        choices=("none", "ridge"),
    )  # fmt: skip
    penalty: float = parameter(1.0, "of readout = ridge, in rows", "Hoerl & Kennard 1970", low=0.0)
    folder: str = parameter(".", "where path and module:NAME are, from this file's folder", "own")
    fingerprint: str | None = parameter(None, "of the data, noted when a run begins: others are refused", "own")
    measures: dict[str, Measure] = field(default_factory=dict, init=False, repr=False, compare=False)
    loaded: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    test_unsolved: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if (self.name == OWN_DATA) != bool(self.path):
            requirement = 'goes with name = "data"' if self.path else 'name = "data" needs it: a CSV or npz file'
            raise ParameterError("path", self.path, requirement)
        if self.validation + self.test >= 1.0:
            raise ParameterError("validation", self.validation, f"with test = {self.test} must leave rows to train on")
        if self.gradient_steps and self.readout != "none":
            raise ParameterError("readout", self.readout, "goes with gradient_steps = 0")

    def load(self, folder: Path, trust: bool | None) -> None:
        self.loaded[:] = [folder]
        from envs.losses import find_measure, user_score
        from experiments.data import R2

        for key in ("objective", "score", "metric"):
            name = getattr(self, key)
            if ":" in name:
                if trust is not None:
                    self.measures[key] = user_score(import_function(name, folder, f"task.{key}", trust=trust))
            elif name == R2.name:
                self.measures[key] = R2
            elif name:
                try:
                    self.measures[key] = find_measure(name)
                except ValueError as error:
                    raise BadInput(f'task.{key} = "{name}": {error}') from None

    def adapt(self, neat: NEATParams) -> NEATParams:
        return adapt_to_data(super().adapt(neat))

    def suggest(self) -> dict[str, dict[str, Any]]:
        task = self.data.task()
        if not task.objective.gradient or self.readout != "none":
            return {}
        learning = {"score": task.objective.name, "gradient_steps": 10, "learning_rate": 0.03}
        return {"task": learning, "neat": {"population": 20} | GENTLE}

    @property
    def data(self) -> Data:
        """The rows, read at first use; `BadInput` when that fails."""
        from experiments.data import Data

        if not self.loaded:
            self.load(Path(), trust=True)  # settings given from Python
        if isinstance(self.loaded[-1], Path):
            self.loaded.append(Data.of(self, self.loaded[0]))
        made: Data = self.loaded[-1]
        return made

    def prepare(self) -> None:
        self.data.task()

    def pinned(self) -> Self:
        pinned = dataclasses.replace(self, fingerprint=self.data.dataset.fingerprint)
        pinned.measures.update(self.measures)
        pinned.loaded[:] = self.loaded
        return pinned

    def make(self, on_error: str) -> SupervisedTask:
        return self.data.task()

    def learning(self) -> Learning | None:
        from experiments.learning import Descent, LeastSquares, Readout

        lamarckian = self.write_back == "lamarckian"
        if self.gradient_steps and self.method == LEAST_SQUARES:
            return LeastSquares(self.gradient_steps, lamarckian)
        if self.gradient_steps:
            return Descent(self.gradient_steps, self.learning_rate, self.method, lamarckian, self.weight_decay)
        return Readout(self.penalty, lamarckian) if self.readout == "ridge" else None

    def deliver(self, champion: Genome, scaling: Scaling | None) -> tuple[Genome, Scaling | None]:
        return self.data.deliver(champion)

    def accept(self, delivered: Genome) -> Genome:
        return self.data.accept(delivered)

    def meaning(self) -> tuple[str, ...]:
        features, classes = self.data.dataset.features, self.data.dataset.classes
        inputs = "inputs: the columns of a row, unscaled" + (f": {_numbered(features)}" if features else "")
        if not classes:
            return inputs, "outputs: predictions, in units of the targets"
        if len(classes) == 2:
            return inputs, f"output: {classes[1]} where it is positive, else {classes[0]}"
        return inputs, f"outputs: the largest is of the predicted class: {_numbered(classes)}"

    def final_test(self, network: Network, episodes: int, seed: int) -> dict[str, Any]:
        return self.data.final_test(network)


def _numbered(names: tuple[str, ...]) -> str:
    return ", ".join(f"{k} {name}" for k, name in enumerate(names))


def adapt_to_data(neat: NEATParams) -> NEATParams:
    """The parameters with outputs as they are; `ParameterError` where they do not suit rows of data."""
    if neat.output_activation not in ("", _OUTPUT):
        requirement = f'must be "{_OUTPUT}" for data: losses and scores take outputs as they are'
        raise ParameterError("output_activation", neat.output_activation, requirement)
    if neat.mode != "feedforward":
        raise ParameterError("mode", neat.mode, 'must be "feedforward" for data: rows have no order')
    return dataclasses.replace(neat, output_activation=_OUTPUT)
