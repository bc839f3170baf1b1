"""Dense nets and torch modules on rows of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.losses import Measure, find_measure
from envs.rows import Rows
from envs.supervised import draw_batches
from envs.task import Key
from experiments.training.graph import PROBES, squashed, target_numbers
from experiments.training.problem import Evidence

__all__ = ["MEASURES", "DataProblem", "Model", "of_outputs"]

Array = NDArray[Any]
MEASURES = ("cross-entropy", "accuracy", "zero-one", "mse", "mae")


class Model(Protocol):
    """Something with weights [D] that computes outputs: `genomes.dense.MLP`, `Elman`, a torch module."""

    size: int  # D

    def outputs(self, weights: Array, X: Array) -> NDArray[np.float32]:
        """[P, R, O] of weights [P, D] on rows [R, ...], or of each on its own [P, R, ...]."""
        ...


class DataProblem:
    """Rows of data for a model.

    Parameters
    ----------
    model : where it has ``pull_back`` it supplies the gradient, where it has ``jacobian`` the residuals.
    start : [D].
    X : float32 [R, ...]; y : int [R] classes, or float [R, O] numbers.
    objective : what is optimised, one of `MEASURES`, or a function of outputs [R, O] and y to be minimised.
    batch : rows drawn anew for each generation; 0: all.
    own_batches : each pair of candidates, 2i and 2i + 1, draws its own (Zhang, Clune & Stanley 2017).
    """

    def __init__(
        self,
        model: Model,
        start: Array,
        X: Array,
        y: Array,
        objective: str | Callable[[Array, Array], float] = "",
        batch: int = 0,
        own_batches: bool = False,
        name: str = "the model with this objective",
    ) -> None:
        self.model, self.X, self.y, self.name = model, X, y, name
        self._start = np.asarray(start, np.float32)
        self.classes = y.ndim == 1
        self.objective = objective or ("cross-entropy" if self.classes else "mse")
        self.measure = named(self.objective, self.classes) if isinstance(self.objective, str) else None
        self.objective_name = self.measure.name if self.measure else getattr(objective, "__name__", "the objective")
        self.maximize = self.measure is not None and self.measure.maximize
        self.batch = 0 if batch >= len(X) else batch
        self.own_batches = own_batches and self.batch > 0
        self.supplies: tuple[str, ...] = ("fitness", "outputs")
        if self.measure is not None and self.measure.gradient and hasattr(model, "pull_back"):
            self.supplies += ("gradient",)
        if hasattr(model, "jacobian"):
            self.supplies += ("residuals",)
        self.sensitivity = self._sensitivity if hasattr(model, "pull_back") else None

    @property
    def start(self) -> NDArray[np.float32]:
        return self._start

    def judge(self, candidates: Array, key: Key, needs: str) -> Evidence:
        """Fitness on the rows of this key, and what ``needs`` asks for."""
        if self.own_batches and needs == "fitness":
            index = draw_batches(len(self.X), self.batch, key, 0, -(-len(candidates) // 2))
            index = np.repeat(index, 2, axis=0)[: len(candidates)]
            outputs = self.model.outputs(candidates, self.X[index])
            return self._values(outputs, self.y[index]), []
        X, y = self.X, self.y
        if self.batch:
            (chosen,) = draw_batches(len(X), self.batch, key)
            X, y = X[chosen], y[chosen]
        outputs = self.model.outputs(candidates, X)
        return self._values(outputs, y), self._evidence(candidates, outputs, X, y, needs)

    def outputs(self, weights: Array) -> NDArray[np.float32]:
        """[R', O] Outputs on the first rows."""
        outputs: NDArray[np.float32] = self.model.outputs(weights[None], self.X[:PROBES])[0]
        return outputs

    def _sensitivity(self, weights: Array) -> NDArray[np.float64]:
        """[D] How far each weight moves the outputs on the first rows: √Σ_o (mean over rows of ∂output_o/∂weight)²
        (Lehman et al. 2018, SM-G-SUM, the sum over rows being a mean)."""
        model: Any = self.model
        rows = self.X[:PROBES]
        outputs = self.outputs(weights).shape[-1]
        slopes = np.eye(outputs, dtype=np.float32) / len(rows)
        moved = [model.pull_back(weights, rows, np.broadcast_to(slope, (len(rows), outputs))) for slope in slopes]
        return np.asarray(np.sqrt(np.square(moved).sum(axis=0)))

    def _values(self, outputs: Array, y: Array) -> NDArray[np.float64]:
        if self.measure is None:
            rows = y if y.ndim > 1 + (not self.classes) else np.broadcast_to(y, (len(outputs), *y.shape))
            return np.array([_number(self.objective, *own) for own in zip(outputs, rows, strict=True)])
        return of_outputs(self.measure, outputs, y)

    def _evidence(self, candidates: Array, outputs: Array, X: Array, y: Array, needs: str) -> list[ArrayLike]:
        if needs == "fitness":
            return []
        model: Any = self.model
        numbers = target_numbers(Rows(np.zeros((len(y), 1), np.float32), y), outputs.shape[-1])
        if needs == "outputs":
            values = squashed(outputs.astype(np.float64)) if self.classes else outputs
            return [values.reshape(len(candidates), -1), numbers.reshape(-1)]
        if needs == "gradient":
            return [model.pull_back(candidates[0], X, self._slopes(outputs[0].astype(np.float64), numbers))[None]]
        residuals = outputs[0] - (2 * numbers - 1 if self.classes else numbers)
        return [residuals.reshape(1, -1), model.jacobian(candidates[0], X).reshape(1, -1, self.model.size)]

    def _slopes(self, outputs: NDArray[np.float64], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """[R, O] Of the objective by the outputs."""
        if self.classes:
            return (squashed(outputs) - numbers) / len(numbers)
        error = outputs - numbers
        return (np.sign(error) if self.objective == "mae" else 2 * error) / error.size


def _number(function: Any, outputs: Array, y: Array) -> float:
    """A user's verdict on outputs [R, O]."""
    value = np.asarray(function(outputs, y))
    if value.size != 1 or value.dtype.kind not in "biuf":
        raise TypeError(f"the objective must return a number, it returned {value!r}")
    return float(value.item())


def named(name: str, classes: bool) -> Measure:
    """The measure; ValueError where it is none of `MEASURES`, or does not fit the targets."""
    fitting = [measure for measure in MEASURES if find_measure(measure).classes is classes]
    if name not in fitting:
        raise ValueError(f"objective must be one of {', '.join(fitting)} for these targets, got {name!r}")
    return find_measure(name)


def of_outputs(measure: Measure, outputs: Array, y: Array) -> NDArray[np.float64]:
    """A measure [P] of outputs [P, R, O] on targets [R] or [R, O], or each candidate's own [P, R(, O)]."""
    if measure.name in ("mse", "mae"):
        error = outputs.astype(np.float64) - y
        return np.asarray((error**2 if measure.name == "mse" else np.abs(error)).mean(axis=(1, 2)))
    if outputs.shape[2] == 1:
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=2)
    labels = np.broadcast_to(y, outputs.shape[:2])
    own = np.take_along_axis(outputs, labels[..., None].astype(np.int64), axis=2)[..., 0].astype(np.float64)
    highest = outputs.max(axis=2)
    if measure.name == "cross-entropy":
        with np.errstate(invalid="ignore", over="ignore"):
            rest = np.exp((outputs - highest[..., None]).astype(np.float64)).sum(axis=2)
            return np.asarray((np.log(rest) + highest - own).mean(axis=1))
    right = (outputs.argmax(axis=2) == labels).mean(axis=1)
    right = np.where(np.isfinite(outputs).all(axis=(1, 2)), right, np.nan)
    return np.asarray(right if measure.name == "accuracy" else 1 - right)
