"""`train`: any method on a dense net or a torch module, with data."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from envs.own import require_no_import
from envs.task import Task, UnfitNetworks
from experiments.champion import better
from experiments.errors import BadInput
from experiments.interrupts import Interrupts
from experiments.training.data import DataProblem, Model, named, of_outputs
from experiments.training.graph import TaskProblem
from experiments.training.loop import Limits, Progress, optimise
from experiments.training.problem import least_squares_note, make_method
from experiments.training.rows import Parts
from genomes.dense import MLP, Dense
from genomes.functions import activation_code
from neat.weights.method import Method, SearchError

__all__ = ["Trained", "train"]

Array = NDArray[Any]
OnGeneration = Callable[[Progress, float], Any]
CHECK_EVERY = 10  # generations, of what the method would give on the validation rows


@dataclass(frozen=True, eq=False)
class Trained:
    """What `train` found."""

    model: Any  # the net, or the torch module with its weights changed
    weights: NDArray[np.float32]  # [D]
    score: float  # on the validation rows: accuracy of classes, mean squared error of numbers; or the task's check
    test: float  # the same on the test rows; NaN where there are none
    fitness: float  # of the last generation's best
    evaluations: int
    generations: int
    seconds: float
    stopped: str
    history: list[float]  # best fitness of each generation
    note: str = ""  # what else to know: which objective was followed, where it is not the one that was given

    def __repr__(self) -> str:
        note = f"; {self.note}" if self.note else ""
        return (
            f"Trained(score {self.score:.4g}, test {self.test:.4g}, {self.evaluations:,} evaluations, "
            f"{self.seconds:.1f} s, {len(self.weights):,} weights{note})"
        )


def train(
    model: Any,
    data: str | Task | tuple[ArrayLike, ArrayLike],
    method: str = "adam",
    *,
    objective: Any = "",
    evaluations: int = 0,
    minutes: float = 0.0,
    batch: int = 0,
    own_batches: bool = False,
    validation: float | tuple[ArrayLike, ArrayLike] = 0.2,
    start: ArrayLike | None = None,
    seed: int = 1,
    device: str = "auto",
    on_generation: OnGeneration | None = None,
    **settings: Any,
) -> Trained:
    """Train the weights of a network by any method.

    Parameters
    ----------
    model : `genomes.dense.MLP` or `Elman`; sizes of hidden layers, such as ``(64,)``; or a ``torch.nn.Module``, which
        gets the weights that were found (extra "torch").
    data : the name of a data set (its rows are split 60 : 20 : 20, its inputs scaled), or (X [R, ...], y): whole
        numbers [R] are classes. Or a task, or its name, for a dense net.
    method : a name in `neat.weights.registry.METHODS`; ``"elm"`` keeps all but the output layer, which it solves.
    objective : cross-entropy, accuracy, zero-one, mse or mae, or a function of (outputs [R, O], y) to be minimised.
        Methods that need outputs or residuals ("eki", "levenberg-marquardt", "elm") learn by least squares whatever it
        is, of classes 0 and 1 (or -1 and 1): the result's ``note`` says so.
    evaluations, minutes : limits; both 0: 10,000 evaluations. An evaluation is one candidate on one batch.
    batch, own_batches : see `DataProblem`.
    validation : share of the rows, or rows of their own: the best on them is kept, of what the method would give
        every tenth generation. 0: the train rows.
    start : [D] where to begin; None: a torch module's own weights, else normal ones of deviation 1/√inputs.
    seed : decides the result, together with the limits; of torch modules see `experiments.torch_adapter.TorchModel`.
    device : where dense nets that are given by their sizes compute; nets and modules know their own.
    on_generation : called after every generation with the progress and the score of the best so far; a true value
        ends it.
    settings : the method's parameters.

    Raises
    ------
    BadInput : a method that does not fit, a wrong setting, data that do not fit the model; nothing finite to go by.
        An exception of the objective, the module or the task is raised as it is.
    ImportError : a torch module without torch.

    Notes
    -----
    Ctrl-C ends the training and returns what was found until then; ``stopped`` is then "interrupted".
    """
    require_no_import("calls train()")
    limits = Limits.of(evaluations, minutes)
    _check(objective, batch, own_batches, seed)
    if (task := as_task(data)) is not None:
        if objective or batch or method == "elm":
            raise BadInput("objective, batch and method 'elm' go with rows of data, not with a task")
        return train_on_task(
            as_net(model, task.num_inputs, task.num_outputs, device),
            task,
            method,
            limits,
            start,
            seed,
            settings,
            on_generation,
        )
    rows = Parts.of(data, validation, seed)
    how = {"objective": objective, "batch": batch, "own_batches": own_batches}
    return train_on_rows(
        as_model(model, rows, device), rows, method, limits, start, seed, settings, on_generation, **how
    )


def train_on_rows(
    model: Model, parts: Parts, method: str, limits: Limits, start: ArrayLike | None, seed: int,
    settings: dict[str, Any], on_generation: OnGeneration | None = None, **how: Any,
) -> Trained:  # fmt: skip
    """As `train`, on rows of data; ``how`` are a `DataProblem`'s objective and batches."""
    begin = _start(model, start, seed)
    try:
        problem = DataProblem(model, begin, *parts.train, **how)
    except ValueError as error:
        raise BadInput(str(error)) from None
    judge = RowsJudge(model, parts)
    if method == "elm":
        progress, needs = _solve_readout(model, problem, judge, limits, settings), "outputs"
    else:
        chosen = make_method(method, problem, settings, seed)
        if problem.own_batches and chosen.needs == "outputs":
            raise BadInput(f"own_batches = True: method {method!r} compares outputs on the same rows")
        with Interrupts.active():  # a second Ctrl-C does not lose what was found until the first
            progress, needs = _search(problem, chosen, judge, limits, on_generation), chosen.needs
    getattr(model, "load", lambda weights: None)(judge.weights)
    note = least_squares_note(needs, problem.objective_name)
    return _trained(getattr(model, "module", model), judge.weights, judge.score, judge.test, progress, note)


def _search(
    problem: DataProblem, method: Method[Any, Any], judge: RowsJudge, limits: Limits, on_generation: OnGeneration | None
) -> Progress:
    """Train, and judge what the method would give, every tenth generation and at the end."""

    def watch(progress: Progress, leader: Array) -> bool:
        due = bool(progress.stopped) or progress.generations % CHECK_EVERY == 0
        if due:
            judge(method.solution)
        ended = on_generation is not None and bool(on_generation(progress, judge.score))
        if ended and not due:
            judge(method.solution)
        return ended

    judge(problem.start)
    progress = _optimised(problem, method, limits, watch)
    if progress.stopped == "interrupted":  # what generations since the last check have found
        judge(method.solution)
    return progress


def _optimised(problem: Any, method: Method[Any, Any], limits: Limits, watch: Callable[..., bool]) -> Progress:
    """`optimise`; an exception of the user's own code stays what it is."""
    try:
        progress = optimise(problem, method, limits, watch)
    except (SearchError, UnfitNetworks) as error:
        raise BadInput(str(error)) from None
    if progress.stopped == "watch":
        progress.stopped = "stopped by on_generation"
    return progress


def train_on_task(
    net: Dense, task: Task, method: str, limits: Limits, start: ArrayLike | None, seed: int, settings: dict[str, Any],
    on_generation: OnGeneration | None = None,
) -> Trained:  # fmt: skip
    """As `train`, on a task: the score is that of the task's check, and ends the training when it passes."""
    problem = TaskProblem(net, task, _start(net, start, seed))
    chosen = make_method(method, problem, settings, seed)
    maximize = task.maximize_score
    best: tuple[Array, float] = problem.start, math.nan

    def check(weights: Array, generation: int) -> None:
        nonlocal best
        score = task.check(net.networks(weights[None]), (seed, generation), best[1])
        if better(score, best[1], maximize):
            best = weights.copy(), score

    def watch(progress: Progress, leader: Array) -> bool:
        if task.episodes_change or progress.fitness[-1] == chosen.best_fitness:
            check(leader, progress.generations)
        if progress.stopped or progress.generations % CHECK_EVERY == 0:
            check(chosen.solution, progress.generations)
        solved = task.target is not None and not math.isnan(best[1]) and not better(task.target, best[1], maximize)
        progress.stopped = "solved" if solved else progress.stopped
        ended = on_generation is not None and bool(on_generation(progress, best[1]))
        return ended and not solved

    try:
        with Interrupts.active():
            progress = _optimised(problem, chosen, limits, watch)
            if progress.stopped == "interrupted":
                check(chosen.solution, progress.generations)
    finally:
        task.close()
    return _trained(net, *best, math.nan, progress)


def _trained(model: Any, weights: Array, score: float, test: float, progress: Progress, note: str = "") -> Trained:
    counts = (progress.best, progress.evaluations, progress.generations, progress.seconds, progress.stopped)
    return Trained(model, weights, score, test, *counts, progress.fitness, note)


def _check(objective: Any, batch: Any, own_batches: Any, seed: Any) -> None:
    if not (isinstance(objective, str) or callable(objective)):
        raise BadInput(f"objective = {objective!r}: must be a name or a function")
    for name, value in (("batch", batch), ("seed", seed)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise BadInput(f"{name} = {value!r}: must be a whole number, 0 or more")
    if not isinstance(own_batches, bool):
        raise BadInput(f"own_batches = {own_batches!r}: must be true or false")
    if own_batches and not batch:
        raise BadInput("own_batches = True: goes with a batch, the rows of each pair")


def _start(model: Any, start: ArrayLike | None, seed: int) -> NDArray[np.float32]:
    begin: NDArray[np.float32] = model.first(seed) if start is None else np.asarray(start, np.float32)
    if begin.shape != (model.size,):
        raise BadInput(f"start has shape {list(begin.shape)}, the model has {model.size} weights")
    return begin


def as_task(data: Any) -> Task | None:
    """The task that is meant; None where it is a data set or rows."""
    if isinstance(data, Task):
        return data
    if not isinstance(data, str):
        return None
    from experiments.tasks import DatasetSettings, settings_class

    try:
        kind = settings_class(data)
        return None if kind is DatasetSettings else kind(name=data).make("stop")
    except ValueError as error:
        raise BadInput(str(error)) from None


def sized(model: Any, inputs: int, outputs: int, device: str) -> Any:
    """A net where the sizes of its hidden layers are given; anything else as it is."""
    if not isinstance(model, Sequence) or isinstance(model, str):
        return model
    if not all(isinstance(size, int | np.integer) and size > 0 for size in model):
        raise BadInput(f"sizes of hidden layers must be whole numbers from 1 on, got {model!r}")
    return MLP((inputs, *model, outputs), device=device)


def as_net(model: Any, inputs: int, outputs: int, device: str) -> Dense:
    """A net of these inputs and outputs."""
    net = sized(model, inputs, outputs, device)
    if not isinstance(net, Dense):
        raise BadInput(f"a task trains an MLP, an Elman net or sizes of hidden layers, got {type(model).__name__}")
    if (net.sizes[0], net.sizes[-1]) != (inputs, outputs):
        raise BadInput(
            f"the task has {inputs} inputs and {outputs} outputs, the net {net.sizes[0]} and {net.sizes[-1]}"
        )
    return net


def as_model(model: Any, parts: Parts, device: str) -> Any:
    """What has weights and outputs, as many as the targets need."""
    X, y = parts.train
    adapted = sized(model, X.shape[-1], parts.classes or y.shape[1], device)
    if isinstance(adapted, Dense):
        if X.ndim != 2 + adapted.recurrent or X.shape[-1] != adapted.sizes[0]:
            row = f"{'T, ' if adapted.recurrent else ''}{adapted.sizes[0]}"
            raise BadInput(f"the net takes rows of shape [{row}], those of X have {list(X.shape[1:])}")
        width = adapted.sizes[-1]
    elif any(kind.__module__.startswith("torch.") for kind in type(model).__mro__):
        from experiments.torch_adapter import TorchModel

        adapted = TorchModel(model)
        width = adapted.fit_rows(X)
    else:
        raise BadInput(
            f"model must be an MLP, an Elman net, sizes of hidden layers or a torch module, got {type(model).__name__}"
        )
    fits = width >= parts.classes or (width, parts.classes) == (1, 2) if parts.classes else width == y.shape[1]
    if not fits:
        needed = f"{parts.classes} classes" if parts.classes else f"{y.shape[1]} numbers a row"
        raise BadInput(f"the model has {width} outputs, the targets are {needed}")
    return adapted


class RowsJudge:
    """Keeps the weights that are best on the validation rows."""

    def __init__(self, model: Model, parts: Parts) -> None:
        self.model, self.parts = model, parts
        self.measure = named("accuracy" if parts.classes else "mse", bool(parts.classes))
        self.weights = np.zeros(0, np.float32)
        self.score = math.nan

    def __call__(self, weights: Array) -> None:
        score = self._of(weights, self.parts.validation)
        if not len(self.weights) or better(score, self.score, self.measure.maximize):
            self.weights, self.score = np.array(weights, np.float32), score

    def _of(self, weights: Array, rows: tuple[Array, Array]) -> float:
        return float(of_outputs(self.measure, self.model.outputs(weights[None], rows[0]), rows[1])[0])

    @property
    def test(self) -> float:
        """On the test rows."""
        return math.nan if self.parts.test is None else self._of(self.weights, self.parts.test)


def _solve_readout(
    model: Any, problem: DataProblem, judge: RowsJudge, limits: Limits, settings: dict[str, Any]
) -> Progress:
    """An extreme learning machine of the model's own first layers: the output layer in closed form."""
    from envs.rows import Rows
    from experiments.training.graph import target_numbers
    from neat.params import ParameterError
    from neat.weights.elm import ELMParams, ridge

    if unknown := [name for name in settings if name != "ridge"]:
        raise BadInput(f"method 'elm' has no setting {unknown[0]!r} here: it has ridge")
    try:
        strength = ELMParams(ridge=settings.get("ridge", 1e-4)).ridge
    except ParameterError as error:
        raise BadInput(f"method 'elm': {error}") from None
    if not hasattr(model, "features") or (isinstance(model, Dense) and model.codes[-1] != activation_code("identity")):
        raise BadInput("method 'elm' needs an output layer that is linear and comes last")
    begin = limits.clock()
    outputs = model.outputs(problem.start[None], problem.X[:1]).shape[-1]
    numbers = target_numbers(Rows(np.zeros((len(problem.y), 1), np.float32), problem.y), outputs)
    hidden = model.features(problem.start, problem.X).astype(np.float64)
    hidden = np.concatenate([hidden, np.ones((len(hidden), 1))], axis=1)
    targets = 2 * numbers - 1 if problem.classes else numbers
    readout = ridge(hidden.T @ hidden, hidden.T @ targets, strength)
    judge(model.with_readout(problem.start, readout))
    return Progress(1, 1, limits.clock() - begin, "solved in closed form")
