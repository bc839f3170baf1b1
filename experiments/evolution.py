"""Evolution from Python: the same objects as the command uses, in one call."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from envs.control.task import NativeTask
from envs.fitness import FitnessTask
from envs.gym.task import GymTask
from envs.native import NativeEnv
from envs.own import require_no_import
from envs.task import Task
from experiments.champion import Champion
from experiments.config import Config, RunSettings
from experiments.display import Display, make_display
from experiments.errors import BadInput, Failure
from experiments.record import RunFolder
from experiments.run import Row, Run
from experiments.session import Session, show_notes
from experiments.tasks import FunctionSettings, GymSettings, NamedTask, TaskSettings, settings_class
from experiments.training.within import WeightSettings
from genomes.backend import check_device
from genomes.evaluation import Evaluation
from genomes.kernels.parallel import available_cores, set_threads
from genomes.network import Network
from genomes.population import Genome, Population
from genomes.scaling import Scaling
from neat.params import PRESETS, NEATParams
from neat.report import GenerationReport

__all__ = ["OnGeneration", "Result", "evolve"]

OnGeneration = Callable[[Population, Evaluation, GenerationReport], Any]
Watch = Callable[[Row, Population, Evaluation, GenerationReport], Any]


@dataclass(frozen=True, eq=False)
class Result:
    """What a run has found."""

    champion: Genome | None  # None when every genome failed
    solved: bool
    generations: int
    evaluations: int
    best_fitness: float
    history: list[Row]  # a row a generation
    summary: dict[str, Any]  # as in summary.json
    params: NEATParams
    scaling: Scaling | None = None  # of the champion's inputs

    @property
    def stopped(self) -> str:
        """Why the run ended: ``"solved"``, a limit (``"generations"``, ...), ``"interrupted"``, ``"extinct"``, or
        ``"stopped by on_generation"``."""
        return str(self.summary["stopped"])

    @cached_property
    def network(self) -> Network:
        """The champion as a callable: ``network(x)`` gives its outputs."""
        if self.champion is None:
            raise ValueError("there is no champion: every genome failed")
        return Network(self.champion, scaling=self.scaling, **self.params.computing)

    def __repr__(self) -> str:
        verdict = ("solved" if self.solved else "not solved") + (", interrupted" * (self.stopped == "interrupted"))
        effort = f"{self.generations} generations, {self.evaluations:,} evaluations"
        return f"Result({verdict}, best fitness {self.best_fitness:g}, {effort}, champion {self.champion!r})"


def evolve(
    task: Task | TaskSettings | NativeEnv | str | Callable[..., Any],
    *,
    num_inputs: int | None = None,
    num_outputs: int | None = None,
    params: NEATParams | str | None = None,
    generations: int = 100,
    evaluations: int = 0,
    minutes: float = 0.0,
    seed: int = 1,
    target: float | None = None,
    maximize: bool = True,
    per: str = "network",
    on_generation: OnGeneration | None = None,
    on_error: str = "stop",
    stop_when_solved: bool = True,
    initial_genome: Genome | None = None,
    weights: WeightSettings | str | None = None,
    device: str = "auto",
    threads: int | None = None,
    workers: int | None = None,
    time_limit: float = 0.0,
    out: str | Path | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    **overrides: Any,
) -> Result:
    """Evolve networks for a task.

    Parameters
    ----------
    task : a fitness function, called with a network (or, with ``per="population"``, with all compiled networks, to
        return fitness [P]); or a Gymnasium environment: its id, or a function without arguments that makes one; or a
        `Task`, a `NativeEnv`, the name of a built-in task or data set, or its settings (`experiments.tasks`, for
        example ``DatasetSettings("iris", gradient_steps=5)``).
    num_inputs, num_outputs : of the networks; needed for a fitness function only.
    params : `NEATParams`, or a preset's name, by default ``"control"`` for a Gymnasium environment and ``"default"``
        for anything else; ``overrides`` replace single ones: ``population=300``.
    generations, evaluations, minutes : limits; 0 is none.
    seed : decides the result.
    target : fitness that counts as solved, for a fitness function or an environment; a task has its own.
    maximize, per : see `FitnessTask`; for a fitness function only.
    on_generation : called with population, evaluation and species after each generation; a true value ends the run.
    on_error : ``"stop"``, or ``"worst"``: an exception of the fitness function makes that genome worst, and is shown
        on standard error.
    initial_genome : the first generation is this genome and variations of it.
    weights : a method that tunes the best genomes every few generations: its name, or all settings.
    device : where networks compute on data and in native environments: ``"cpu"``, ``"cuda"``, or ``"auto"``: on a GPU
        where there is one and the work is large enough to gain. With ``"cuda"`` the genomes of a native environment
        evolve there, too (see `experiments.run.evolves_on`). Gymnasium's environments, combinatorial problems and
        fitness functions of single networks stay on the CPU.
    threads : default one a core.
    workers : processes that call a fitness function or step Gymnasium's environments; default one a core, 0: none.
        Neither ``threads`` nor ``workers`` changes a result.
    time_limit : seconds that a call of a fitness function, or an episode of a Gymnasium environment, may take in a
        worker process. A longer one counts as an exception (see ``on_error``). 0: no limit.
    out : a run folder, as the command writes it; ``overwrite`` replaces the run that it holds.
    quiet : show errors only.

    Raises
    ------
    FitnessError : the fitness function raised an exception; the message shows it whole.
    TypeError, ValueError : an argument is wrong.
    DeviceError : ``"cuda"`` without a usable GPU.
    KeyboardInterrupt : on Ctrl-C before there is a champion.

    Notes
    -----
    Ctrl-C ends the run and returns what was found until then; ``result.stopped`` is then ``"interrupted"``. A run
    folder can be resumed by the command where the task is built in, or a function that a module has by name; not where
    it is a lambda, an inner function or an object.
    """
    require_no_import("calls evolve()")
    limits = {"generations": generations, "evaluations": evaluations, "minutes": minutes, "threads": threads or 0}
    choices = {"stop_when_solved": stop_when_solved, "on_error": on_error, "device": device}
    settings = RunSettings(seed=seed, **choices, **limits)  # type: ignore[arg-type]
    check_device(device)
    made = _task(task, num_inputs, num_outputs, target, maximize, per, workers, on_error, time_limit)
    try:
        if params is None:
            params = "control" if isinstance(made, GymTask) else "default"
        about = _settings(task, made)
        neat = about.adapt(_params(params, overrides))
        preset = params if isinstance(params, str) else "default"
        tuning = WeightSettings(weights) if isinstance(weights, str) else weights
        config = Config(about, preset, neat, settings, Path.cwd(), weights=tuning)
        tuner = tuning.tuner(made, neat, device) if tuning is not None else None
        run = Run.new(neat, made, settings, initial_genome, about.learning(), tuner)
    except BaseException:
        made.close()
        raise
    display, history = make_display(quiet), list[Row]()

    def watch(row: Row, population: Population, evaluation: Evaluation, report: GenerationReport) -> Any:
        history.append(row)
        return on_generation(population.to("cpu"), evaluation, report) if on_generation is not None else None

    if out is not None:
        summary = _recorded(config, run, Path(out), overwrite, display, watch, initial_genome)
    else:
        set_threads(threads or available_cores())
        summary = _unrecorded(config, run, display, watch)
    if run.stopped == "interrupted" and run.champion is None:
        raise KeyboardInterrupt
    return _result(run, about, history, summary)


def _recorded(
    config: Config, run: Run, out: Path, overwrite: bool, display: Display, watch: Watch, initial: Genome | None
) -> dict[str, Any]:
    """Go, into a run folder; the summary."""
    try:
        folder = RunFolder.create(out, overwrite)
        try:
            return Session.begin(config, folder, display, run, watch, initial).go()
        except Failure as failure:
            raise failure.__cause__ or failure from None
        finally:
            folder.close()
    finally:
        run.task.close()


def _unrecorded(config: Config, run: Run, display: Display, watch: Watch) -> dict[str, Any]:
    """Go, in memory only; the summary."""

    def record(row: Row, *rest: Any) -> Any:
        display.failures(row, run.task.errors)
        display.generation(row, run)
        with run.interrupts.at_once():
            return watch(row, *rest)

    try:
        with run.interrupts:
            show_notes(display, config, run.task)
            display.begin(config, run, None)
            run.go(record)
            summary = run.summary()
            display.finish(summary, config, None)
        return summary
    finally:
        display.end()
        run.task.close()


def _result(run: Run, task: TaskSettings, history: list[Row], summary: dict[str, Any]) -> Result:
    champion: Champion | None = run.champion
    genome, scaling = task.deliver(champion.genome, champion.scaling) if champion else (None, None)
    counts = (run.generations, run.evaluations, run.best_fitness)
    return Result(genome, run.solved, *counts, history, summary, run.params, scaling)


def _params(params: NEATParams | str, overrides: dict[str, Any]) -> NEATParams:
    if isinstance(params, str):
        if params not in PRESETS:
            raise ValueError(f"params must be NEATParams or one of {', '.join(PRESETS)}, got {params!r}")
        params = PRESETS[params]
    names = [field.name for field in dataclasses.fields(NEATParams)]
    for key in overrides:
        if key not in names:
            near = difflib.get_close_matches(key, names, 1)
            raise TypeError(f"evolve() has no parameter {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return dataclasses.replace(params, **overrides)


def _task(
    task: Any,
    num_inputs: int | None,
    num_outputs: int | None,
    target: float | None,
    maximize: bool,
    per: str,
    workers: int | None,
    on_error: str,
    time_limit: float,
) -> Task:
    played: dict[str, Any] = {"target": target, "workers": workers, "on_error": on_error, "time_limit": time_limit}
    if isinstance(task, str) and settings_class(task) is GymSettings:
        return GymTask(task, **played)
    if time_limit and isinstance(task, str | TaskSettings | NativeEnv | Task):
        raise TypeError("time_limit goes with a fitness function or a Gymnasium environment")
    if isinstance(task, str | TaskSettings):
        try:
            task = (settings_class(task)(name=task) if isinstance(task, str) else task).make(on_error)
        except BadInput as error:
            raise ValueError(str(error)) from None
        if target is not None and isinstance(task, NativeTask):
            task = dataclasses.replace(task, env=dataclasses.replace(task.env, target=target))
        return task  # type: ignore[no-any-return]
    if isinstance(task, NativeEnv):
        return NativeTask(task if target is None else dataclasses.replace(task, target=target))
    if isinstance(task, Task):
        return task
    if num_inputs is None and num_outputs is None and _takes_nothing(task):
        return GymTask(task, **played)
    if num_inputs is None or num_outputs is None:
        raise TypeError("a fitness function needs num_inputs and num_outputs")
    return FitnessTask(task, num_inputs, num_outputs, per=per, maximize=maximize, **played)


def _takes_nothing(function: Callable[..., Any]) -> bool:
    """Whether it can be called without arguments: it makes environments, and is no fitness function."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def _settings(task: Any, made: Task) -> TaskSettings:
    if isinstance(task, str):
        return settings_class(task)(name=task)
    if isinstance(task, TaskSettings):
        return task
    if not isinstance(made, FitnessTask):
        return NamedTask(getattr(task, "id", type(task).__name__))
    module = sys.modules.get(getattr(task, "__module__", ""))
    file = Path(getattr(module, "__file__", None) or "script.py")
    target = made.target if made.target is None or math.isfinite(made.target) else None
    name = f"{file.stem}:{getattr(task, '__qualname__', type(task).__name__)}"
    settings = FunctionSettings(name, made.num_inputs, made.num_outputs, made.per, made.maximize, target)
    return dataclasses.replace(settings, folder=str(file.resolve().parent), time_limit=made.time_limit)
