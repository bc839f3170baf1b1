"""scikit-learn estimators: ``NEATClassifier().fit(X, y).predict(X)``.

They evolve networks as the command does, follow scikit-learn's conventions (``check_estimator``), and work in pipelines
and searches. The champion is the attribute ``network_``, a callable on rows in the units of the data.
"""

from __future__ import annotations

import dataclasses
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from envs.datasets import Dataset
from envs.losses import find_measure
from envs.splits import SCALINGS, learn_scaling, split_rows
from envs.supervised import Rows, SupervisedTask
from experiments.config import RunSettings
from experiments.data import in_target_units
from experiments.learning import Descent
from experiments.run import Row, Run
from experiments.tasks.dataset import GENTLE, adapt_to_data
from genomes.network import Network
from genomes.population import Genome
from genomes.scaling import Scaling
from neat.params import NEATParams, ParameterError

__all__ = ["NEATClassifier", "NEATRegressor"]

_CLASSES = ("cross-entropy", "hinge", "accuracy", "balanced-accuracy", "f1", "auc", "zero-one")
_NUMBERS = ("mse", "mae")
_LEAST_ROWS = 20  # fewer are not split: all choose the champion


class _NEATEstimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share."""

    # Set by fit
    champion_: Genome  # as scikit-learn's users take it away; its inputs are scaled by scaling_
    scaling_: Scaling | None
    history_: list[Row]  # a row a generation
    n_iter_: int  # generations

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "population": [Interval(Integral, 2, None, closed="left")],
        "generations": [Interval(Integral, 1, None, closed="left")],
        "gradient_steps": [Interval(Integral, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "parsimony": [Interval(Real, 0, None, closed="left")],
        "scaling": [StrOptions(set(SCALINGS))],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), None],
        "neat": [dict, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        population: int = 20,
        generations: int = 100,
        *,
        objective: str,
        gradient_steps: int = 10,
        learning_rate: float = 0.03,
        batch_size: int | None = None,
        parsimony: float = 1e-4,
        scaling: str = "standard",
        validation_fraction: float = 0.15,
        n_iter_no_change: int | None = 10,
        neat: dict[str, Any] | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.population = population
        self.generations = generations
        self.objective = objective
        self.gradient_steps = gradient_steps
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.parsimony = parsimony
        self.scaling = scaling
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.neat = neat
        self.random_state = random_state
        self.verbose = verbose

    @property
    def network_(self) -> Network:
        """The champion as a callable on rows as they were given to `fit`; `NotFittedError` before that."""
        check_is_fitted(self, "champion_")
        return self._network

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = super().__getstate__()
        return {key: value for key, value in state.items() if key != "_network"}  # compiled code is made again

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "champion_" in state:
            self._network = Network(self.champion_, scaling=self.scaling_)

    def _outputs(self, X: ArrayLike) -> NDArray[np.float32]:
        check_is_fitted(self, "champion_")
        return self._network(validate_data(self, X, reset=False, dtype=np.float32))

    def _evolve(self, X: NDArray[np.float32], y: NDArray[Any], classes: int, weight: NDArray[Any]) -> None:
        """Evolve on rows [R, I], targets as `Rows` has them and weights [R], and keep the champion."""
        X, y, weight = _merged(X, y, weight)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        held_out = self.validation_fraction if len(X) >= _LEAST_ROWS else 0.0
        names = tuple(str(c) for c in range(classes))
        split = split_rows(Dataset("the data", X, y, names), held_out, 0.0, seed)
        train = split.train
        scaling = learn_scaling(X[train], self.scaling, weight[train])
        targets = None if classes else learn_scaling(y[train], weight=weight[train])
        rows = Rows(X if scaling is None else scaling(X), y if targets is None else targets(y), weight)
        task = SupervisedTask(
            rows.select(train),
            rows.select(split.validation),
            self.objective,
            num_classes=classes,
            batch=self.batch_size or 0,
            parsimony=self.parsimony,
        )
        descends = self.gradient_steps > 0 and find_measure(self.objective).gradient
        learning = Descent(self.gradient_steps, self.learning_rate) if descends else None
        settings = RunSettings(seed=seed, generations=self.generations)
        run = Run.new(self._params(), task, settings, learning=learning)
        self.history_ = history = list[Row]()

        def record(row: Row, *_: Any) -> bool:
            history.append(row)
            if self.verbose:
                print(self._line(row, run))
            patience = self.n_iter_no_change
            best = run.champion.generation if run.champion else 0
            return patience is not None and row.generation - best >= patience

        run.go(record)
        if run.champion is None and run.stopped == "interrupted":
            raise KeyboardInterrupt
        if run.champion is None:
            raise ValueError("no network gave finite outputs on these data")
        genome = run.champion.genome
        self.champion_ = genome if targets is None else in_target_units(genome, targets)
        self.scaling_ = scaling
        self.n_iter_ = run.generations
        self._network = Network(self.champion_, scaling=scaling)
        if run.stopped == "interrupted":  # the model is fitted; whoever called fit ends
            raise KeyboardInterrupt

    def _params(self) -> NEATParams:
        given = {"population": self.population, **(self.neat or {})}
        try:
            return adapt_to_data(dataclasses.replace(_BASE, **given))
        except (ParameterError, TypeError) as error:
            raise InvalidParameterError(f"neat of {type(self).__name__}: {error}") from None

    def _line(self, row: Row, run: Run) -> str:
        score = run.champion.score if run.champion else float("nan")
        size = f"{row.nodes:.1f} nodes, {row.connections:.1f} connections"
        return f"generation {row.generation}: {self.objective} {row.best:.5g}, on validation {score:.5g}, {size}"


class NEATClassifier(ClassifierMixin, _NEATEstimator):  # type: ignore[misc]
    """A classifier: a network that evolution has grown, its weights by gradient descent within each generation.

    Parameters
    ----------
    population, generations : genomes in a generation, and at most so many generations.
    objective : loss (``"cross-entropy"``, ``"hinge"``), or a score without a gradient, which evolution alone optimises
        (``"accuracy"``, ``"balanced-accuracy"``, ``"f1"``, ``"auc"``, ``"zero-one"``).
    gradient_steps, learning_rate : steps of Adam for each genome in each generation, which it passes on; 0: none.
    batch_size : rows drawn anew for each step; None: all.
    class_weight : dict class -> weight, ``"balanced"``, or None.
    parsimony : a network is that much worse for each connection: of networks that do equally well, the smaller wins.
    scaling : of the inputs: ``"standard"``, ``"common"``, ``"range"`` or ``"none"``; see `envs.splits.learn_scaling`.
    validation_fraction : of the rows; they choose the champion. 0, or fewer than 20 rows: all rows do.
    n_iter_no_change : generations without a better champion until evolution stops; None: it never does.
    neat : values for other parameters of NEAT; see `neat.params.NEATParams`.
    random_state : decides the result.
    verbose : whether each generation prints a line.

    Attributes
    ----------
    network_ : the champion as a callable: rows [R, I] to logits [R, O].
    champion_, scaling_ : its genome, and how its inputs are scaled.
    history_ : a row a generation; `experiments.run.Row`.
    classes_, n_features_in_, feature_names_in_, n_iter_ : as scikit-learn has them.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = _NEATEstimator._parameter_constraints | {
        "objective": [StrOptions(set(_CLASSES))],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        population: int = 20,
        generations: int = 100,
        *,
        objective: str = "cross-entropy",
        gradient_steps: int = 10,
        learning_rate: float = 0.03,
        batch_size: int | None = None,
        class_weight: dict[Any, float] | str | None = None,
        parsimony: float = 1e-4,
        scaling: str = "standard",
        validation_fraction: float = 0.15,
        n_iter_no_change: int | None = 10,
        neat: dict[str, Any] | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            population,
            generations,
            objective=objective,
            gradient_steps=gradient_steps,
            learning_rate=learning_rate,
            batch_size=batch_size,
            parsimony=parsimony,
            scaling=scaling,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            neat=neat,
            random_state=random_state,
            verbose=verbose,
        )
        self.class_weight = class_weight

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Evolve a network for rows X [R, I] of classes y [R], each of a weight [R] of 0 or more."""
        self._validate_params()
        rows: NDArray[np.float32]
        rows, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        if self.class_weight == "balanced":
            sizes = np.bincount(codes, weight)
            weight = weight / np.where(sizes > 0, sizes, 1.0)[codes]
        elif self.class_weight is not None:
            weight = weight * compute_class_weight(self.class_weight, classes=self.classes_, y=y)[codes]
        there = self.classes_[np.unique(codes[weight > 0])]
        if len(there) == 1:
            raise ValueError(f"y has one class only, {there[0]}, in rows of weight above 0: needs two or more")
        self._evolve(rows, codes.astype(np.int32), len(self.classes_), weight)
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """Logits: [R] for two classes (above 0: the second), [R, C] for more."""
        outputs = self._outputs(X)
        return outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The class of each row."""
        outputs = self.decision_function(X)
        codes = (outputs > 0).astype(np.int64) if outputs.ndim == 1 else outputs.argmax(axis=1)
        found: NDArray[Any] = self.classes_[codes]
        return found

    @available_if(lambda self: self.objective == "cross-entropy")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each class [R, C]; with ``objective="cross-entropy"`` only, which makes them such."""
        logits = self.decision_function(X).astype(np.float64)
        if logits.ndim == 1:
            logits = np.stack((np.zeros_like(logits), logits), axis=1)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
        return shares


class NEATRegressor(MultiOutputMixin, RegressorMixin, _NEATEstimator):  # type: ignore[misc]
    """A regressor: a network that evolution has grown, its weights by gradient descent within each generation.

    Parameters
    ----------
    objective : ``"mse"`` or ``"mae"``, of targets scaled to mean 0 and standard deviation 1.
    others : as of `NEATClassifier`.

    Attributes
    ----------
    network_ : the champion as a callable: rows [R, I] to predictions [R, O].
    others : as of `NEATClassifier`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = _NEATEstimator._parameter_constraints | {
        "objective": [StrOptions(set(_NUMBERS))],
    }

    def __init__(
        self,
        population: int = 20,
        generations: int = 100,
        *,
        objective: str = "mse",
        gradient_steps: int = 10,
        learning_rate: float = 0.03,
        batch_size: int | None = None,
        parsimony: float = 1e-4,
        scaling: str = "standard",
        validation_fraction: float = 0.15,
        n_iter_no_change: int | None = 10,
        neat: dict[str, Any] | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            population,
            generations,
            objective=objective,
            gradient_steps=gradient_steps,
            learning_rate=learning_rate,
            batch_size=batch_size,
            parsimony=parsimony,
            scaling=scaling,
            validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change,
            neat=neat,
            random_state=random_state,
            verbose=verbose,
        )

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Evolve a network for rows X [R, I] of numbers y [R] or [R, O], each of a weight [R] of 0 or more."""
        self._validate_params()
        rows: NDArray[np.float32]
        rows, y = validate_data(self, X, y, dtype=np.float32, multi_output=True, y_numeric=True)
        targets = np.asarray(y, np.float32)
        self._single = targets.ndim == 1
        weight = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
        self._evolve(rows, targets.reshape(len(targets), -1), 0, weight)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """The numbers of each row: [R], or [R, O] where `fit` was given such."""
        outputs = self._outputs(X).astype(np.float64)
        return outputs[:, 0] if self._single else outputs


_BASE = NEATParams(**GENTLE)


def _merged(
    X: NDArray[np.float32], y: NDArray[Any], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[np.float32]]:
    """Rows that are equal as one row of all their weight, in an order of their own; weights have mean 1.

    So a weight of 2 is a row that is there twice, as scikit-learn wants it, and no row is both learnt from and checked.
    """
    there = weight > 0
    if not there.any():
        raise ValueError("sample weights are all 0, once multiplied by class weights: one must be above 0")
    X, y, weight = X[there], y[there], weight[there]
    table = np.concatenate((X, y.reshape(len(y), -1).astype(np.float32)), axis=1) + np.float32(0.0)  # no -0.0
    whole = table.view(np.dtype((np.void, table.itemsize * table.shape[1]))).ravel()
    _, first, which = np.unique(whole, return_index=True, return_inverse=True)
    total = np.bincount(which.ravel(), weight)
    return X[first], y[first], (total / total.mean()).astype(np.float32)
