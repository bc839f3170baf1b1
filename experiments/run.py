"""The circle: ask, compile, learn, evaluate, tell, record.

The champion. Of each generation the best genome (of equals the first) is a candidate. Where a genome's fitness is the
same in every generation, a candidate is checked when its fitness beats that of all candidates before it. Where
episodes change, fitness is partly luck, and a lucky genome must not stand in the way of better ones: every candidate is
checked, each time on fresh episodes. A candidate becomes the champion when (score of the check, fitness) exceeds the
champion's. The run is solved when a champion's score reaches the task's target.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from envs.control.task import NativeTask
from experiments.champion import Champion, better
from experiments.config import RunSettings
from experiments.interrupts import Interrupts
from experiments.memory import require_room
from genomes.evaluation import Evaluation
from genomes.networks import compile_population, write_back
from genomes.population import Genome, Population
from neat.algorithm import NEAT
from neat.params import NEATParams
from neat.report import GenerationReport

if TYPE_CHECKING:
    from envs.task import Task
    from experiments.learning import Learning
    from experiments.training.within import Tuner
    from genomes.networks import Networks

__all__ = ["Phases", "Row", "Run"]


@dataclass
class Phases:
    """Seconds of a generation's phases."""

    compile: float = 0.0
    learn: float = 0.0
    evaluate: float = 0.0
    check: float = 0.0
    evolve: float = 0.0

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        """Add the time of a block."""
        begin = time.perf_counter()
        yield
        setattr(self, phase, getattr(self, phase) + time.perf_counter() - begin)


@dataclass(frozen=True, eq=False)
class Row:
    """One generation, as metrics.csv has it. Fitness is NaN when all genomes failed."""

    generation: int
    evaluations: int  # so far
    best: float
    mean: float
    species: int
    nodes: float  # mean of the genomes, inputs included
    connections: float  # mean of the genomes, enabled ones
    failed: int
    score: float  # of the check of this generation's best; NaN where there was none
    simplifying: int  # 1 where the next generation is bred to be simpler (see `neat.complexity`)
    phases: Phases
    seconds: float  # of the run so far

    COLUMNS = (
        "generation", "evaluations", "best", "mean", "species", "nodes", "connections", "failed", "score",
        "simplifying", "seconds_compile", "seconds_learn", "seconds_evaluate", "seconds_check", "seconds_evolve",
        "seconds",
    )  # fmt: skip

    def cells(self) -> list[Any]:
        """Values of the columns."""
        phases = (getattr(self.phases, name) for name in ("compile", "learn", "evaluate", "check", "evolve"))
        values = [getattr(self, name) for name in self.COLUMNS[:10]]
        values[8] = "" if math.isnan(self.score) else self.score
        return [*values, *(f"{s:.6f}" for s in (*phases, self.seconds))]


@dataclass
class Run:
    """A run in memory: the algorithm, the task, and what was found so far."""

    params: NEATParams
    task: Task
    settings: RunSettings
    algorithm: NEAT
    learning: Learning | None = None
    tuner: Tuner | None = None
    generations: int = 0
    evaluations: int = 0
    seconds: float = 0.0
    best_fitness: float = math.nan  # of all candidates, as the task states it
    champion: Champion | None = None
    solved: bool = False
    stopped: str = ""  # why the run ended
    interrupts: Interrupts = field(default_factory=Interrupts.active)
    half_bred: bool = False  # an exception has come between two generations: this state cannot go on

    @classmethod
    def new(
        cls,
        params: NEATParams,
        task: Task,
        settings: RunSettings,
        initial: Genome | None = None,
        learning: Learning | None = None,
        tuner: Tuner | None = None,
    ) -> Run:
        """A run before its first generation.

        Parameters
        ----------
        learning : what networks learn before they are judged.
        tuner : what tunes the best of some generations after that.
        """
        require_room(params, task, initial)
        algorithm = NEAT(
            params,
            task.num_inputs,
            task.num_outputs,
            settings.seed,
            maximize=task.maximize,
            episodes_change=task.episodes_change,
            initial=initial,
            device=evolves_on(task, settings, learning is None and tuner is None),
        )
        return cls(params, task, settings, algorithm, learning, tuner)

    def go(self, record: Callable[[Row, Population, Evaluation, GenerationReport], Any]) -> None:
        """Evolve until a limit is met, the task is solved, ``record`` returns a true value, or Ctrl-C; see
        ``stopped``."""
        before, begin = self.seconds, time.perf_counter()

        def clock() -> float:
            return before + time.perf_counter() - begin

        with self.interrupts:
            while not self._over():
                try:
                    outcome = self._generation(clock)
                    if record(*outcome):
                        self.stopped = "stopped by on_generation"
                        break
                except KeyboardInterrupt:
                    self.stopped = "interrupted"
                    break
        self.seconds = clock()

    def _generation(self, clock: Callable[[], float]) -> tuple[Row, Population, Evaluation, GenerationReport]:
        phases, key = Phases(), (self.settings.seed, self.algorithm.generation)
        with self.interrupts.at_once():  # nothing changes before tell(): what stops here can be resumed
            population = self.algorithm.ask()
            with phases.timed("compile"):
                networks = self._compile(population)
            with phases.timed("learn"):
                networks, population, inherited = self._learn(networks, population, key)
            with phases.timed("evaluate"):
                evaluation = self.task.evaluate(networks, key)
            with phases.timed("learn"):
                population, evaluation, inherited, tuning = self._tune(population, evaluation, inherited, key)
            with phases.timed("check"):
                candidate = self._check(population, evaluation, key)
            self.algorithm.check(evaluation)
        self.half_bred = True
        with phases.timed("evolve"):
            self.algorithm.tell(evaluation, inherited)
            self.task.absorb(evaluation)
        self._note(candidate, len(evaluation) + tuning)
        self.half_bred = False
        self.seconds = clock()
        report = self.algorithm.report
        assert report is not None
        return self._row(population, evaluation, report, candidate, phases), population, evaluation, report

    def _compile(self, population: Population) -> Networks:
        learns = self.learning is not None
        return compile_population(population, device=self.settings.device, genes=learns, **self.params.computing)

    def _learn(
        self, networks: Networks, population: Population, key: tuple[int, int]
    ) -> tuple[Networks, Population, Population | None]:
        """The networks and genomes that are judged, and the genomes to breed from where these are others than asked."""
        if self.learning is None:
            return networks, population, None
        networks = self.learning(networks, self.task, key)
        learnt = write_back(population, networks)
        return networks, learnt, learnt if self.learning.lamarckian else None

    def _tune(
        self, population: Population, evaluation: Evaluation, inherited: Population | None, key: tuple[int, int]
    ) -> tuple[Population, Evaluation, Population | None, int]:
        """What was judged and is inherited, where it is time to tune; and the evaluations that this took."""
        if self.tuner is None or not self.tuner.due(key[1]):
            return population, evaluation, inherited, 0
        tuned = self.tuner(population, evaluation, key)
        inherited = tuned.population if self.tuner.lamarckian else inherited
        return tuned.population, tuned.evaluation, inherited, tuned.evaluations

    def _check(self, population: Population, evaluation: Evaluation, key: tuple[int, int]) -> Champion | None:
        """The generation's best, checked; None when it needs no check."""
        if evaluation.failed.all():
            return None
        p = self._candidate(population, evaluation, key)
        fitness = float(evaluation.fitness[p])
        if not self.task.episodes_change and not self._better(fitness, self.best_fitness):
            return None
        genome = population.select([p]).to("cpu")
        score = self.task.check(self._compile(genome), key, self.champion.score if self.champion else math.nan)
        return Champion(genome.genome(0), key[1], fitness, score, self.task.scaling)

    def _candidate(self, population: Population, evaluation: Evaluation, key: tuple[int, int]) -> int:
        """The generation's best: by fitness, or where the task reconsiders the best few, by what it says of them."""
        if self.task.recheck < 2:
            return self._best(evaluation)
        sign = -1.0 if self.task.maximize else 1.0
        order = np.argsort(np.where(evaluation.failed, np.inf, sign * evaluation.fitness), kind="stable")
        best = order[: min(self.task.recheck, int((~evaluation.failed).sum()))]
        again = self.task.reconsider(self._compile(population.select(best).to("cpu")), key)
        return int(best[0] if again.failed.all() else best[self._best(again)])

    def _best(self, evaluation: Evaluation) -> int:
        return int(np.nanargmax(evaluation.fitness) if self.task.maximize else np.nanargmin(evaluation.fitness))

    def _better(self, fitness: float, than: float) -> bool:
        return better(fitness, than, self.task.maximize)

    def _note(self, candidate: Champion | None, evaluations: int) -> None:
        self.generations += 1
        self.evaluations += evaluations
        if candidate is None:
            return
        if self._better(candidate.fitness, self.best_fitness):
            self.best_fitness = candidate.fitness
        held = self.champion
        if math.isnan(candidate.score):
            return
        maximize = self.task.maximize_score
        if held is None or better(candidate.score, held.score, maximize) or (
            candidate.score == held.score and self._better(candidate.fitness, held.fitness)
        ):  # fmt: skip
            self.champion = candidate
        target = self.task.target
        if target is not None and self.champion is not None and not better(target, self.champion.score, maximize):
            self.solved = True

    def _row(
        self,
        population: Population,
        evaluation: Evaluation,
        report: GenerationReport,
        candidate: Champion | None,
        phases: Phases,
    ) -> Row:
        sound = evaluation.fitness[~evaluation.failed]
        return Row(
            generation=report.generation,
            evaluations=self.evaluations,
            best=float(evaluation.fitness[self._best(evaluation)]) if len(sound) else math.nan,
            mean=_mean(sound) if len(sound) else math.nan,
            species=len(report.id),
            nodes=len(population.node_id) / len(population),
            connections=int(population.enabled.sum()) / len(population),
            failed=int(evaluation.failed.sum()),
            score=candidate.score if candidate else math.nan,
            simplifying=int(report.simplifying),
            phases=phases,
            seconds=self.seconds,
        )

    def _over(self) -> bool:
        settings = self.settings
        reasons = {
            "solved": self.solved and settings.stop_when_solved,
            "extinct": self.algorithm.done,
            "generations": 0 < settings.generations <= self.generations,
            "evaluations": 0 < settings.evaluations < self.evaluations + self._next_evaluations(),
            "minutes": 0 < settings.minutes * 60 <= self.seconds,
            "interrupted": self.interrupts.requested,
        }
        self.stopped = next((reason for reason, holds in reasons.items() if holds), "")
        return self.stopped != ""

    def _next_evaluations(self) -> int:
        """Of the next generation, about: a method's last generation may be more than its budget."""
        due = self.tuner is not None and self.tuner.due(self.algorithm.generation)
        return self.params.population + (self.tuner.budget if self.tuner is not None and due else 0)

    def summary(self) -> dict[str, Any]:
        """How the run stands, for summary.json. Where a time limit has failed genomes, their number is in it: such a
        run cannot be repeated exactly."""
        timed_out = {"timed_out": self.task.timed_out} if self.task.timed_out else {}
        return timed_out | {
            "solved": self.solved,
            "stopped": self.stopped,
            "generations": self.generations,
            "evaluations": self.evaluations,
            "best_fitness": None if math.isnan(self.best_fitness) else self.best_fitness,
            "target": self.task.target,
            "seed": self.settings.seed,
            "seconds": round(self.seconds, 3),
            "champion": self.champion.as_dict() if self.champion else None,
        }


def _mean(values: NDArray[np.float64]) -> float:
    """The mean, also where the sum is beyond what a float can hold."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(values.mean())
    return mean if math.isfinite(mean) else float((values / len(values)).sum())


def evolves_on(task: Task, settings: RunSettings, only_evolves: bool) -> str:
    """Where genomes are and are bred: on the GPU where it is asked for, and plays the episodes, too.

    ``"auto"`` leaves them on the CPU. What it decides anew for every call, by the work, would here be decided once,
    before it is known what genomes grow to; and a generation on the GPU has some 5 ms of launches and waits (reckoned)
    beside the 25 ms that 10,000 genomes of 100 connections take two cores, so that it pays from some ten thousand
    genomes on, and only where all episodes are better off there, too: something to be asked for.
    """
    return "cuda" if settings.device == "cuda" and isinstance(task, NativeTask) and only_evolves else "cpu"
