"""A run's champion, its weights tuned at fixed topology on the run's task, and judged as a run judges."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from envs.supervised import SupervisedTask
from experiments.champion import Champion, better
from experiments.config import Config
from experiments.errors import BadInput
from experiments.interrupts import Interrupts
from experiments.training.graph import GraphProblem, topology_of
from experiments.training.loop import Limits, Progress, optimise
from experiments.training.problem import least_squares_note, make_method
from genomes.population import Genome
from genomes.scaling import Scaling
from neat.weights.method import Method

if TYPE_CHECKING:
    from envs.task import Task

__all__ = ["Refinement"]

SOLUTION_EVERY = 10  # generations; methods that move a mean are judged by it, too


@dataclass(frozen=True, eq=False)
class Point:
    """What is known of some generation, for a table."""

    generation: int
    evaluations: int
    best: float  # fitness of the generation's best
    score: float  # of the champion
    seconds: float


class Refinement:
    """Tunes the weights of a champion; afterwards ``champion`` is the best that was found, or the one given.

    Candidates compete on the task's fitness. The generation's best is checked as in a run (see `experiments.run`), and
    so is the method's own solution, every tenth generation and at the end. It becomes the champion when its check is
    better than the one of the champion given, taken anew.

    Raises
    ------
    BadInput : the champion does not fit the task or has no weights; the method does not fit the task.
    """

    def __init__(
        self, config: Config, delivered: Genome, scaling: Scaling | None, name: str, settings: dict[str, Any], seed: int
    ) -> None:
        self.config, self.name, self.settings, self.seed = config, name, settings, seed
        self.task: Task = config.task.make(config.run.on_error)
        self.task.fix_scaling(scaling)
        genome = config.task.accept(delivered)
        shape = genome.num_inputs - (genome.bias_input is not None), genome.num_outputs
        wanted = self.task.num_inputs, self.task.num_outputs
        if shape != wanted:
            raise BadInput(f"the champion has {shape[0]} inputs and {shape[1]} outputs, {config.task.name} needs "
                           f"{wanted[0]} and {wanted[1]}")  # fmt: skip
        try:
            self.topology = topology_of(genome, config.neat, config.run.device)
        except ValueError as error:
            raise BadInput(f"champion.json: {error}") from None
        self.problem = GraphProblem(self.topology, self.task, config.task.name)
        self.method: Method[Any, Any] | None = None
        if name == "elm":
            self._require_readout()
        else:
            self.method = make_method(name, self.problem, settings, seed)
        self.progress = Progress()
        self.scaling, self.maximize = scaling, self.task.maximize
        self.maximize_score = self.task.maximize_score
        self.solved = False

    def go(self, limits: Limits, record: Callable[[Point], Any] | None = None) -> None:
        """Tune until a limit is met, the task is solved, or Ctrl-C; see ``progress``."""
        try:
            start = self.problem.start
            with Interrupts.active() as interrupts, interrupts.at_once():
                self.before = self.champion = self._judged(start, 0, self._fitness(start, 0))
            self.best_fitness = self.before.fitness
            if self._passes(self.before.score):
                self.solved = True
            if self.method is None:
                self._solve_readout()
            else:
                self._search(self.method, limits, record)
            self.progress.evaluations += 1  # of the champion given
        finally:
            self.task.close()

    @property
    def improved(self) -> bool:
        """Whether the champion is another one."""
        return self.champion is not self.before

    @property
    def note(self) -> str:
        """What to know of the method on this task; mostly nothing."""
        if not isinstance(self.task, SupervisedTask):
            return ""
        needs = "outputs" if self.method is None else self.method.needs
        return least_squares_note(needs, self.task.objective.name)

    def _search(self, method: Method[Any, Any], limits: Limits, record: Callable[[Point], Any] | None) -> None:
        target_was_met = self.solved

        def watch(progress: Progress, leader: NDArray[Any]) -> bool:
            self._consider(leader, progress.best, progress.generations - 1)
            if progress.stopped or (progress.generations % SOLUTION_EVERY == 0 and method.population > 1):
                progress.evaluations += self._consider_solution(method, progress.generations - 1)
            if record is not None:
                done = (progress.evaluations, progress.best, self.champion.score, progress.seconds)
                record(Point(progress.generations - 1, *done))
            return self.solved and not target_was_met and self.config.run.stop_when_solved

        self.progress = optimise(self.problem, method, limits, watch)
        if self.progress.stopped == "watch":
            self.progress.stopped = "solved"

    def _consider_solution(self, method: Method[Any, Any], generation: int) -> int:
        """Judge the weights that the method would give now; how many evaluations that took."""
        if type(method).solution is Method.solution:  # a candidate, judged already
            return 0
        fitness = self._fitness(method.solution, generation)
        self._consider(method.solution, fitness, generation)
        return 1

    def _fitness(self, weights: NDArray[Any], generation: int) -> float:
        networks = self.topology.networks(weights[None])
        return float(self.task.evaluate(networks, (self.seed, generation)).fitness[0])

    def _consider(self, weights: NDArray[Any], fitness: float, generation: int) -> None:
        """Check it, where a run would."""
        if math.isnan(fitness) or not (
            self.task.episodes_change or better(fitness, self.best_fitness, self.maximize)
        ):  # fmt: skip
            return
        if better(fitness, self.best_fitness, self.maximize):
            self.best_fitness = fitness
        held = self.champion
        candidate = self._judged(weights, generation, fitness, held.score)
        if better(candidate.score, held.score, self.maximize_score) or (
            candidate.score == held.score and better(candidate.fitness, held.fitness, self.maximize)
        ):
            self.champion = candidate
            self.solved = self.solved or self._passes(candidate.score)

    def _judged(self, weights: NDArray[Any], generation: int, fitness: float, held: float = math.nan) -> Champion:
        networks = self.topology.networks(weights[None])
        score = self.task.check(networks, (self.seed, generation), held)
        return Champion(self.topology.genome(weights), generation, fitness, score, self.scaling)

    def _passes(self, score: float) -> bool:
        target = self.task.target
        return target is not None and not math.isnan(score) and not better(target, score, self.maximize_score)

    def _require_readout(self) -> None:
        if not isinstance(self.task, SupervisedTask):
            raise BadInput(
                f"method 'elm' solves output weights from rows of data, which {self.config.task.name} has not"
            )
        if self.topology.base.recurrent:
            raise BadInput("method 'elm' is for feed-forward networks")
        if unknown := [name for name in self.settings if name != "penalty"]:
            raise BadInput(f"method 'elm' has no setting {unknown[0]!r} here: it has penalty")

    def _solve_readout(self) -> None:
        """The extreme learning machine of a given hidden layer: output weights in closed form."""
        from envs.readout import ridge_readout

        assert isinstance(self.task, SupervisedTask)
        networks = self.topology.networks(self.problem.start[None])
        try:
            solved = ridge_readout(networks, self.task.train, self.task.num_classes, **self.settings)
        except (ValueError, TypeError) as error:
            raise BadInput(f"method 'elm': {error}") from None
        weights = np.concatenate([solved.weight, solved.bias])[: self.topology.size]
        fitness = self._fitness(weights, 0)
        self.progress = Progress(1, 1, 0.0, "solved in closed form", [fitness])
        self._consider(weights, fitness, 0)
